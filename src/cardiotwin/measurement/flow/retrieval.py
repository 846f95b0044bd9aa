"""Velocity in a lumen from complex phase-contrast images, without unwrapping.

The posterior's maximum by Gauss-Newton: misfit of the complex signal (`images`) plus the penalty
of `prior`, whose three reaches `strength` chooses without the truth. Standard errors come from
draws of the posterior's Gaussian approximation (Papandreou & Yuille 2010, NIPS 23:1858-1866).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import ConvergenceError, Flag
from cardiotwin.imaging.phase_contrast import FlowSeries
from cardiotwin.measurement.flow.doubts import doubts, number_of, underrated
from cardiotwin.measurement.flow.ensemble import Foreseen
from cardiotwin.measurement.flow.images import FrameView, Images, view
from cardiotwin.measurement.flow.lumen import Lumen
from cardiotwin.measurement.flow.middles import at_middles, over_windows
from cardiotwin.measurement.flow.prior import FlowPrior, Strength, flow_prior
from cardiotwin.measurement.flow.start import first_velocities
from cardiotwin.measurement.flow.strength import LeastError
from cardiotwin.measurement.flow.system import System
from cardiotwin.operators import LinearOperator

Field = Float[np.ndarray, "frames nodes 3"]
ROUGH = 1e-2  # of the linear solver: the steps themselves go on until they are small
OUTER = 25
SMALL = 0.1  # standard errors of a step that is not worth another
LEAST = 2.0**-8  # share of a step that is tried
NEAR = 0.25  # of a step's length, by which a parabola's least may differ from it


@dataclass(frozen=True, kw_only=True, eq=False)
class FlowRetrieval:
    """The velocity at a lumen's nodes.

    Parameters
    ----------
    velocity
        At the frames' middles, m/s.
    draws
        Deviations from it, drawn from the posterior and widened by `doubts.underrated`, m/s.
    strength
        The reaches of the regularity.
    freedom
        Degrees of freedom that the images determined.
    misfit
        Sum of squared residuals over the noise's variance.
    number
        Of the values that the images measure, without their voxels' amplitudes.
    flags
        What the reader must know.
    """

    velocity: Field
    draws: Float[np.ndarray, "draws frames nodes 3"]
    strength: Strength
    freedom: float
    misfit: float
    number: int
    flags: tuple[Flag, ...]

    @property
    def standard_error(self) -> Field:
        """Return the standard error of each component, m/s."""
        return np.asarray(np.sqrt(np.mean(self.draws**2, axis=0)))

    def uncertain(self, number: Callable[[Field], float]) -> tuple[float, float]:
        """Return a number of the field and its standard error."""
        value = number(self.velocity)
        apart = [number(self.velocity + each) - value for each in self.draws]
        return value, float(np.sqrt(np.mean(np.square(apart)))) if apart else np.nan


def retrieve_flow(
    series: FlowSeries,
    lumen: Lumen,
    average: LinearOperator,
    *,
    per_edge: int,
    tissue: float,
    rng: np.random.Generator,
    strength: Strength | None = None,
    n_draws: int = 0,
    views: tuple[FrameView, ...] | None = None,
    foreseen: Foreseen | None = None,
) -> FlowRetrieval:
    """Return the velocity in a lumen.

    Parameters
    ----------
    series
        Without background phase.
    lumen
        With one position per frame, or one for all.
    average
        From samples to voxels.
    per_edge
        Samples along a voxel's edge.
    tissue
        Brightness beside the lumen over the blood's.
    rng
        Of the probe and the draws.
    strength
        The reaches; None: chosen by the images.
    n_draws
        From the posterior.
    views
        How the voxels see the nodes, where the lumen's cells do not tell it (`images.view`).
    foreseen
        What models foresee (`ensemble`): the difference is regular, as far as its samples are.

    Raises
    ------
    ConvergenceError
        If the Gauss-Newton iteration does not settle.
    """
    n_frames = len(series.times)
    views = views or tuple(
        view(points, lumen, series.grid, per_edge) for points in lumen.positions
    )
    images = Images(series=series, average=average, views=views, tissue=tissue)
    prior = flow_prior(lumen, series.period / n_frames, float(series.grid.spacing.mean()))
    field = np.zeros((n_frames, len(lumen.wall), 3))
    given = np.broadcast_to(lumen.wall_velocity, field.shape)[:, lumen.wall]
    field[:, lumen.wall] = over_windows(given, series.window)
    edge = float(series.grid.spacing.mean())
    used = strength or Strength(
        smooth=0.6 * edge, solenoidal=4 * edge, steady=series.period / n_frames
    )
    expected, turned = None, 0.0
    if foreseen is None:
        told, turned = first_velocities(images, n_frames)
        system = _system(images, prior, lumen, field)
        field = field + _step(system, field, _told_pull(images, system, told, field), used, ROUGH)
    else:
        field = expected = foreseen.means
        prior = prior.suited(foreseen.samples)
    system = _system(images, prior, lumen, field, expected=expected)
    told = [images.decoded(t, nodal) for t, nodal in enumerate(field)]
    field = field + _step(system, field, _told_pull(images, system, told, None), used, ROUGH)
    system = _system(images, prior, lumen, field, density=system.density, expected=expected)
    misfit, pull = _pull(images, field)
    least = LeastError(system=system, field=field, misfit=misfit, pull=pull, rng=rng)
    if strength is None:
        used = least.choose(used)
    freedom = least.freedom(used)
    field, system = _settled(images, system, field, used, enough=SMALL**2 * freedom)
    draws = np.zeros((n_draws, *field.shape))
    sharp = partial(at_middles, window=series.window)
    for k in range(n_draws):
        before = foreseen.samples[k % len(foreseen.samples)] if foreseen else None
        push = system.push(rng, used, field) if before is None else system.bent(before, used)
        drawn = system.solve((system.probe(rng) + push)[None], used, tolerance=ROUGH)[0]
        draws[k] = foreseen.error_at_middles(k, drawn, sharp) if foreseen else sharp(drawn)
    left, number = 2 * _pull(images, field)[0], number_of(images, n_frames)
    draws *= underrated(left, number, freedom)
    return FlowRetrieval(
        velocity=foreseen.at_middles(field, sharp) if foreseen else sharp(field),
        draws=draws,
        strength=used,
        freedom=freedom,
        misfit=left,
        number=number,
        flags=doubts(images, field, turned, left / number),
    )


def _system(
    images: Images,
    prior: FlowPrior,
    lumen: Lumen,
    field: Field,
    *,
    density: float | None = None,
    expected: Field | None = None,
) -> System:
    information = tuple(images.curvature(t, field[t]) for t in range(len(field)))
    if density is None:
        traces = np.concatenate([np.trace(c, axis1=1, axis2=2) for c in information])
        density = float(np.median(traces)) / 3 / images.series.grid.voxel_volume
    return System(
        images=images,
        information=information,
        prior=prior,
        density=density,
        free=~lumen.wall,
        expected=expected,
    )


def _settled(
    images: Images, system: System, field: Field, strength: Strength, *, enough: float
) -> tuple[Field, System]:
    """Return the posterior's maximum and its system.

    Steps are Gauss-Newton's, made conjugate to each other (Polak & Ribiere) since the system only
    comes near to the curvature, with a parabola's least along each, and always go down. One whose
    size, in the posterior's own measure, is below `enough` is the last.
    """
    misfit, pull = _pull(images, field)
    height = misfit + system.penalised(field, strength)
    sizes: list[float] = []
    last, direction = np.zeros_like(field), np.zeros_like(field)
    while not sizes or sizes[-1] > enough:
        step = _step(system, field, pull, strength, ROUGH)
        pulled = pull + system.penalty(field, strength)
        size = -float(np.vdot(pulled, step))
        share = (size + float(np.vdot(pulled, last))) / sizes[-1] if sizes else 0.0
        direction = step + max(share, 0.0) * direction
        if not np.vdot(pulled, direction) < 0:
            direction = step  # conjugate to nothing
        sizes.append(size)
        slope = float(np.vdot(pulled, direction))
        length, misfit, pull = _least(
            system, field, direction, strength, height=height, slope=slope
        )
        if size > enough and (len(sizes) > OUTER or length == 0):
            msg = (
                f"The velocity did not settle in {len(sizes)} steps: the last one was "
                f"{(size / enough) ** 0.5:.2g} times as large as allowed. The venc may be "
                "far below the velocities."
            )
            raise ConvergenceError(msg, sizes, field)
        field, last = field + length * direction, step
        height = misfit + system.penalised(field, strength)
        information = tuple(images.curvature(t, field[t]) for t in range(len(field)))
        system = replace(system, information=information)
    return field, system


def _least(
    system: System,
    field: Field,
    direction: Field,
    strength: Strength,
    *,
    height: float,
    slope: float,
) -> tuple[float, float, Field]:
    """Return how far to go in a direction (0 if it leads nowhere), and the misfit there."""
    images = system.images
    misfit, pull = 0.0, np.zeros_like(field)
    best, lowest, lengths = (0.0, misfit, pull), height, [1.0]
    while lengths:
        length = lengths.pop()
        tried = field + length * direction
        misfit, pull = _pull(images, tried)
        found = misfit + system.penalised(tried, strength)
        if found < lowest:
            best, lowest = (length, misfit, pull), found
        if length == 1.0:
            bent = found - height - slope
            bottom = min(max(-slope / (2 * bent), 0.25), 2.0) if bent > 0 else 2.0
            if abs(bottom - 1) > NEAR:
                lengths.append(bottom)
        if not lengths and best[0] == 0 and length > LEAST:
            lengths.append(min(length, 0.5) / 2)
    return best


def _told_pull(
    images: Images, system: System, told: list[np.ndarray], field: Field | None
) -> Field:
    """Return the gradient towards velocities told voxel by voxel, or towards changes of them."""
    pulls = []
    for t, each in enumerate(told):
        means = images.view(t).means
        apart = each * np.asarray(means.sum(axis=1))
        if field is not None:
            apart = apart - means @ field[t]
        pulls.append(-(means.T @ np.einsum("vij,vj->vi", system.information[t], apart)))
    return np.stack(pulls)


def _pull(images: Images, field: Field) -> tuple[float, Field]:
    found = [images.gradient(t, nodal) for t, nodal in enumerate(field)]
    return sum(misfit for misfit, _ in found), np.stack([pull for _, pull in found])


def _step(
    system: System, field: Field, pull: Field, strength: Strength, tolerance: float
) -> Field:
    side = -(pull + system.penalty(field, strength))
    return np.asarray(system.solve(side[None], strength, tolerance=tolerance)[0])


__all__ = ["FlowRetrieval", "retrieve_flow"]
