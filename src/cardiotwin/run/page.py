"""The page of `cardiotwin JOB --help`: options as YAML, each with what the model says of it."""

import json
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

from cardiotwin.run.schema import described

_WIDTH = 99
_COLUMN = 44


def page(job: str, config: Any, configs: Path) -> str:
    """Return the page: how to call the job, its groups of configs, its options."""
    groups = {path.name: path for path in sorted(configs.iterdir()) if path.is_dir()}
    choices = [
        f"  {name}={'|'.join(sorted(choice.stem for choice in path.glob('*.yaml')))}"
        for name, path in groups.items()
        if name in config
    ]
    parts = [f"usage: cardiotwin {job} [key=value ...] [-m] [-v]"]
    if choices:
        parts.append("whole groups of options:\n" + "\n".join(choices))
    parts.append(
        "options with their values, as they would run:\n" + "\n".join(_lines(config, "  "))
    )
    parts.append(
        "hydra.* keys and flags (--cfg, --info, hydra/launcher=joblib|submitit_slurm ...): "
        f"cardiotwin {job} --hydra-help"
    )
    return "\n\n".join(parts)


def _lines(config: Any, indent: str) -> list[str]:
    """Return `key: value  # what it is` for every option, long comments on lines of their own."""
    kind = OmegaConf.get_type(config)
    comments = _comments(kind) if isinstance(kind, type) else {}
    lines: list[str] = []
    before = ""
    for key in map(str, config):
        if key == "_target_":
            continue
        comment = comments.get(key, "")
        said, before = comment == before, comment  # "a, b" in a docstring are described once
        comment = "" if said else comment
        nested = None if OmegaConf.is_missing(config, key) else config[key]
        if isinstance(nested, DictConfig):
            lines.append(_commented(f"{indent}{key}:", comment))
            lines += _lines(nested, f"{indent}  ")
        else:
            value = "???" if OmegaConf.is_missing(config, key) else _text(nested)
            lines.append(_commented(f"{indent}{key}: {value}", comment))
    return lines


def _comments(kind: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for parent in reversed(kind.__mro__):
        found |= described(parent) if parent is not object else {}
    return found


def _commented(line: str, comment: str) -> str:
    if not comment:
        return line
    start = f"{'' if len(line) > _COLUMN else line:<{_COLUMN}}  # "
    words, lines = comment.split(), [line, start] if len(line) > _COLUMN else [start]
    for word in words:
        if len(lines[-1]) + len(word) >= _WIDTH:
            lines[-1] = lines[-1].rstrip()
            lines.append(f"{'':<{_COLUMN}}  # ")
        lines[-1] += f"{word} "
    return "\n".join(lines).rstrip()


def _text(value: Any) -> str:
    if isinstance(value, ListConfig):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False) if not isinstance(value, str) else value
