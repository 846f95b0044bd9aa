"""From a walk of the full model to its reduced heart: the offline stage.

The model is asked for its arrays alone.
"""

import torch

from cardiotwin.mechanics.parameter_range import ParameterRange
from cardiotwin.mechanics.parametric import ParametricWall
from cardiotwin.mechanics.walks import Walk, snapshots_of
from cardiotwin.mechanics.wall_integrals import SpringForces, wall_integrals
from cardiotwin.surrogates.heart import ReducedHeart
from cardiotwin.surrogates.training import (
    Reduction,
    coefficients,
    exact_wall,
    make_basis,
    with_few_points,
)


def train(
    model: ParametricWall, span: ParameterRange, walked: Walk, options: Reduction | None = None
) -> ReducedHeart:
    """Return the reduced heart of a walk with its changes."""
    options = options or Reduction()
    wall = wall_integrals(model)
    snapshots = snapshots_of(model, walked.placed, walked.changes)
    basis = make_basis(wall, snapshots, span.span(), options)
    exact = exact_wall(
        wall,
        snapshots,
        basis,
        spring_forces=SpringForces(model).of,
        regions=model.regions,
        options=options,
    )
    states, values = coefficients(wall, basis, snapshots), torch.as_tensor(snapshots.values)
    return ReducedHeart(
        wall=with_few_points(exact, states, values, options),
        basis=basis,
        span=span,
        values=values,
        states=states,
        n_quadrature=wall.weights.size,
    )
