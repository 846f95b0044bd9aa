"""The residual's derivatives by the loads in which it is linear."""

from collections.abc import Mapping, Sequence
from typing import Any

from mpi4py import MPI  # noqa: F401  # loads the library that dolfinx links to

import dolfinx
import numpy as np
import ufl

from cardiotwin.fem.compilation import compile_form
from cardiotwin.fem.layout import Layout
from cardiotwin.mechanics.lid import Lid
from cardiotwin.mechanics.solved import Dofs


class UnitLoads:
    """What a unit of each load adds to the residual.

    Parameters
    ----------
    forms
        The weak form's parts, by the load's name.
    lids
        The valves' parts, by the pressure's name.
    conditions
        Dirichlet conditions of the residual.
    layout
        Of the residual's dofs.
    """

    def __init__(
        self,
        forms: Mapping[str, ufl.Form],
        lids: Mapping[str, Lid],
        conditions: Sequence[dolfinx.fem.DirichletBC[Any]],
        layout: Layout,
    ) -> None:
        self._forms = {name: compile_form(form) for name, form in forms.items()}
        self._lids = lids
        self._conditions = conditions
        self._layout = layout

    def force(self, name: str) -> Dofs:
        """Return the part at the current iterate."""
        form = self._forms[name]
        if name in self._lids:
            self._lids[name].prepare()
        force = np.zeros(self._layout.n_local)
        dolfinx.fem.assemble_vector(force, form)
        force = self._layout.assembled(force)
        if name in self._lids:
            force += self._lids[name].per_pressure()
        for condition in self._conditions:
            condition.set(force, None, 0.0)
        return force
