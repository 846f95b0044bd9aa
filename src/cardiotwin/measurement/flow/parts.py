"""Where the blood of a measured beat comes from and goes to: four parts, with standard errors."""

import numpy as np
from jaxtyping import Float

from cardiotwin.geometry.cavity import MovingCavity
from cardiotwin.haemodynamics.heart import VALVES, Valves
from cardiotwin.haemodynamics.particles import Tracer, components, seeds
from cardiotwin.measurement.flow.retrieval import FlowRetrieval

STEPS = 96  # of a beat: particles need finer ones than the images' frames
PARTICLES = 12_000  # at most
PARTS = ("direct", "retained", "delayed", "residual")

Field = Float[np.ndarray, "frames nodes 3"]


def blood_parts(
    cavity: MovingCavity, found: FlowRetrieval, valves: Valves, *, first: float
) -> dict[str, tuple[float, float]]:
    """Return direct flow, retained inflow, delayed ejection and residual volume, of the whole.

    Particles at end-diastole are followed through systole, and back through diastole, in the
    retrieved flow and in each of its draws; between frames the velocity is its Fourier series.
    Each part comes with its standard error: the draws' and that of the number of particles.

    Parameters
    ----------
    cavity
        Whose cells carry the flow.
    found
        Velocities by frame, evenly over the cavity's beat.
    valves
        When the volume is largest and smallest.
    first
        Time of the first frame, s.

    Source: Bolger et al. (2007), JCMR 9:741-747.
    """
    motion, period = cavity.motion, valves.period
    times = valves.end_diastole + period * np.arange(STEPS + 1) / STEPS
    places = [motion.positions(float(t)) for t in times]
    systole = round(((valves.end_systole - valves.end_diastole) % period) / period * STEPS)
    tracer = Tracer(cavity.region.cells, {name: cavity.region.facets[name] for name in VALVES})
    cell, shares, volume = seeds(places[0], cavity.region.cells)
    some = slice(None, None, max(len(cell) // PARTICLES, 1))
    cell, shares, volume = cell[some], shares[some], volume[some]
    told = []
    for apart in (np.zeros_like(found.velocity), *found.draws):
        velocity = _between(found.velocity + apart, (times - first) / period)
        shots = list(zip(places, velocity, strict=True))
        step = period / STEPS
        forwards = tracer.trace(shots[: systole + 1], step, cell=cell, shares=shares)
        backwards = tracer.trace(shots[systole:][::-1], -step, cell=cell, shares=shares)
        parts = components(
            forwards,
            backwards,
            volume,
            aortic=VALVES.index("aortic"),
            mitral=VALVES.index("mitral"),
        )
        told.append([getattr(parts, name) for name in PARTS])
    value = np.array(told[0])
    apart = np.array(told[1:]) - value
    spread = np.mean(apart**2, axis=0) if len(apart) else np.full(len(PARTS), np.nan)
    effective = volume.sum() ** 2 / (volume**2).sum()
    error = np.sqrt(spread + value * (1 - value) / effective)
    return {name: (float(v), float(e)) for name, v, e in zip(PARTS, value, error, strict=True)}


def _between(field: Field, shares: Float[np.ndarray, " moments"]) -> list[np.ndarray]:
    """Return a periodic field at shares of the beat after its first frame."""
    n = len(field)
    waves = np.fft.rfft(field, axis=0)
    number = np.arange(len(waves))
    weight = np.where((number == 0) | (2 * number == n), 1.0, 2.0) / n
    return [
        np.einsum("w,wni->ni", weight * np.exp(2j * np.pi * number * share), waves).real
        for share in shares
    ]


__all__ = ["blood_parts"]
