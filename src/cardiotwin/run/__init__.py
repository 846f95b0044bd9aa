"""The command line: jobs, their options, run folders and sweeps; the only home of Hydra."""

__all__: list[str] = []
