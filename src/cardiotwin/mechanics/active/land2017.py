"""The human cross-bridge model of Land et al. (2017), stepped implicitly at many points at once.

Land, Park-Holohan, Smith, dos Remedios, Kentish & Niederer (2017), J Mol Cell Cardiol 106:68-83,
appendix A.
"""

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Float

from cardiotwin.errors import InputError

Points = Float[np.ndarray, "*points"]

MAY_VANISH = ("beta0", "gamma_s", "gamma_w")
CLOSED = 100.0
"""Largest value of troponin^(-n_tm / 2), which keeps the blocking rate finite (eq. 48)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossBridges:
    """The state at points of the wall.

    Parameters
    ----------
    troponin
        Share of troponin C that holds calcium.
    blocked, weak, strong
        Shares of binding sites: blocked by tropomyosin, before and after the power stroke.
    weak_distortion, strong_distortion
        Mean distortion of the bound bridges.
    """

    troponin: Points
    blocked: Points
    weak: Points
    strong: Points
    weak_distortion: Points
    strong_distortion: Points


@dataclass(frozen=True, kw_only=True, eq=False)
class Contraction:
    """What one implicit step gives.

    Parameters
    ----------
    state
        At the end of the step.
    tension
        Force per unloaded area, Pa.
    stiffness
        d(tension)/d(stretch at the step's end) with all that the step makes depend on it, Pa.
    """

    state: CrossBridges
    tension: Points
    stiffness: Points


@dataclass(frozen=True, kw_only=True)
class Land2017:
    """Constants of intact human muscle at body temperature, for the whole organ.

    Parameters
    ----------
    k_trpn, n_trpn
        Unbinding rate of calcium from troponin, 1/s, and cooperativity.
    ca50
        Calcium at half binding at stretch 1, mol/m^3.
    ku, n_tm, trpn50
        Unblocking rate of tropomyosin, 1/s, cooperativity, troponin bound at half activation.
    kuw, kws
        Rates of weak binding and of the power stroke, 1/s.
    rw, rs
        Weakly bound share of the bridges not strongly bound, and strongly bound share of all.
    gamma_s, gamma_w
        Unbinding per distortion, 1/s.
    phi, a_eff
        Decay and size of distortion.
    beta0, beta1
        Dependence on length of the tension, and of ca50, mol/m^3.
    reference_tension
        Largest isometric tension at stretch 1, Pa.

    Notes
    -----
    Table of appendix B, column of the whole organ. The skinned cells of the same table have
    ca50 = 2.5e-3 mol/m^3, n_tm = 2.2, kuw = 26/s, kws = 4/s, reference_tension = 40.5 kPa.
    """

    k_trpn: float = 100.0
    n_trpn: float = 2.0
    ca50: float = 0.805e-3
    ku: float = 1000.0
    n_tm: float = 5.0
    trpn50: float = 0.35
    kuw: float = 182.0
    kws: float = 12.0
    rw: float = 0.5
    rs: float = 0.25
    gamma_s: float = 8.5
    gamma_w: float = 615.0
    phi: float = 2.23
    a_eff: float = 25.0
    beta0: float = 2.3
    beta1: float = -2.4e-3
    reference_tension: float = 120e3

    def __post_init__(self) -> None:
        """Refuse what is no rate and no share."""
        for field in fields(self):
            value = getattr(self, field.name)
            lowest = -np.inf if field.name == "beta1" else 0.0
            if not (value > lowest or (field.name in MAY_VANISH and value == 0)):
                msg = (
                    f"Land2017.{field.name} must be positive, found {value:g}. "
                    "Give it in SI units (1 micromolar is 1e-3 mol/m^3)."
                )
                raise InputError(msg)
        for name in ("rw", "rs", "trpn50"):
            if not getattr(self, name) < 1:
                msg = f"Land2017.{name} must be below 1, found {getattr(self, name):g}: a share."
                raise InputError(msg)
        if self.kwu < 0:
            msg = (
                f"Land2017.kws must be at most kuw (1 / rw - 1) = {self.kwu + self.kws:g} /s, "
                f"found {self.kws:g}. The rate back from the weak state was negative (eq. 59)."
            )
            raise InputError(msg)

    # ---- derived rates, 1/s (eqs 58-63) --------------------------------------------------

    @property
    def kwu(self) -> float:
        """Return the rate from weak to unbound."""
        return self.kuw * (1 / self.rw - 1) - self.kws

    @property
    def ksu(self) -> float:
        """Return the rate from strong to unbound."""
        return self.kws * self.rw * (1 / self.rs - 1)

    @property
    def kb(self) -> float:
        """Return the rate of blocking."""
        return float(self.ku * self.trpn50**self.n_tm / ((1 - self.rs) * (1 - self.rw)))

    @property
    def cw(self) -> float:
        """Return the decay of the weak bridges' distortion."""
        return self.phi * self.kuw * (1 - self.rw) / self.rw

    @property
    def cs(self) -> float:
        """Return the decay of the strong bridges' distortion."""
        return self.phi * self.kws * (1 - self.rs) * self.rw / self.rs

    @property
    def distortion(self) -> float:
        """Return the distortion per stretch, of both states."""
        return self.a_eff * self.rs / ((1 - self.rs) * self.rw + self.rs)

    # ---- the model -----------------------------------------------------------------------

    def steady(self, calcium: Points | float, stretch: Points) -> CrossBridges:
        """Return the state in which constant calcium, mol/m^3, and stretch end."""
        bound = (calcium / self._ca50(stretch)[0]) ** self.n_trpn
        troponin = bound / (1 + bound)
        closing, opening = self._tropomyosin(troponin)[:2]
        weak = self.rw / (1 - self.rw)
        strong = weak * self.kws / self.ksu
        free = 1 / (1 + closing / opening + weak + strong)
        still = np.zeros_like(free)
        return CrossBridges(
            troponin=troponin,
            blocked=closing / opening * free,
            weak=weak * free,
            strong=strong * free,
            weak_distortion=still,
            strong_distortion=still,
        )

    def tension(self, state: CrossBridges, stretch: Points) -> Points:
        """Return the force per unloaded area, Pa (eq. 53)."""
        pull = (state.strong_distortion + 1) * state.strong + state.weak_distortion * state.weak
        return np.asarray(self._overlap(stretch)[0] * self.reference_tension / self.rs * pull)

    def advance(
        self,
        state: CrossBridges,
        stretch_before: Points,
        stretch_after: Points,
        dt: float,
        calcium: Points | float,
    ) -> Contraction:
        """Return the state after dt, s, its tension and its stiffness.

        Troponin and distortion are integrated exactly for constant calcium (mol/m^3, at the
        step's end) and steady stretching; the sites by backward Euler, whose matrix is an
        M-matrix: no share leaves [0, 1], however long the step.
        """
        troponin, d_troponin = self._troponin(state.troponin, stretch_after, dt, calcium)
        stretching = stretch_after - stretch_before
        w, d_w = self._distort(state.weak_distortion, stretching, self.cw * dt)
        s, d_s = self._distort(state.strong_distortion, stretching, self.cs * dt)
        sites, d_sites = self._bind(state, (troponin, d_troponin), (w, d_w), (s, d_s), dt)
        after = CrossBridges(
            troponin=troponin,
            blocked=sites[0],
            weak=sites[1],
            strong=sites[2],
            weak_distortion=w,
            strong_distortion=s,
        )
        overlap, d_overlap = self._overlap(stretch_after)
        pull = (s + 1) * sites[2] + w * sites[1]
        d_pull = d_s * sites[2] + (s + 1) * d_sites[2] + d_w * sites[1] + w * d_sites[1]
        scale = self.reference_tension / self.rs
        return Contraction(
            state=after,
            tension=scale * overlap * pull,
            stiffness=scale * (d_overlap * pull + overlap * d_pull),
        )

    # ---- its parts, each with its derivative by the stretch at the step's end -------------

    def _overlap(self, stretch: Points) -> tuple[Points, Points]:
        """Return h (eqs 29-31)."""
        length = np.minimum(stretch, 1.2)
        h = 1 + self.beta0 * (length + np.minimum(length, 0.87) - 1.87)
        slope = self.beta0 * ((stretch < 1.2) * 1.0 + (stretch < 0.87))
        return np.maximum(h, 0.0), np.where(h > 0, slope, 0.0)

    def _ca50(self, stretch: Points) -> tuple[Points, Points]:
        value = self.ca50 + self.beta1 * (np.minimum(stretch, 1.2) - 1)
        return value, self.beta1 * (stretch < 1.2)

    def _troponin(
        self, before: Points, stretch: Points, dt: float, calcium: Points | float
    ) -> tuple[Points, Points]:
        """Return the troponin bound (eq. 47)."""
        ca50, d_ca50 = self._ca50(stretch)
        bound = (calcium / ca50) ** self.n_trpn
        d_bound = -self.n_trpn * bound / ca50 * d_ca50
        left = np.exp(-self.k_trpn * dt * (1 + bound))
        d_left = -self.k_trpn * dt * d_bound * left
        goal, d_goal = bound / (1 + bound), d_bound / (1 + bound) ** 2
        return goal + (before - goal) * left, d_goal * (1 - left) + (before - goal) * d_left

    def _distort(self, before: Points, stretching: Points, decay: float) -> tuple[Points, Points]:
        """Return a distortion (eqs 51-52)."""
        gain = self.distortion * -np.expm1(-decay) / decay
        return before * np.exp(-decay) + gain * stretching, np.full_like(before, gain)

    def _tropomyosin(self, troponin: Points) -> tuple[Points, Points, Points, Points]:
        """Return the rates of blocking and unblocking and their derivatives by troponin."""
        power = self.n_tm / 2
        inverse = troponin**-power
        opening = self.ku * troponin**power
        d_inverse = np.where(inverse < CLOSED, -power * inverse / troponin, 0.0)
        closing = self.kb * np.minimum(inverse, CLOSED)
        return closing, opening, self.kb * d_inverse, power * opening / troponin

    def _bind(
        self,
        state: CrossBridges,
        troponin: tuple[Points, Points],
        weak: tuple[Points, Points],
        strong: tuple[Points, Points],
        dt: float,
    ) -> tuple[tuple[Points, Points, Points], tuple[Points, Points, Points]]:
        """Return blocked, weak and strong sites after dt (eqs 48-50, 54-57)."""
        closing, opening, d_closing, d_opening = self._tropomyosin(troponin[0])
        d_closing, d_opening = d_closing * troponin[1], d_opening * troponin[1]
        z, d_z = strong
        tearing = self.gamma_s * np.maximum(np.maximum(z, -z - 1), 0.0)
        d_tearing = self.gamma_s * ((z > 0) * 1.0 - (z < -1)) * d_z
        out_w = self.kwu + self.kws + self.gamma_w * np.abs(weak[0])
        d_out_w = self.gamma_w * np.sign(weak[0]) * weak[1]
        out_s = self.ksu + tearing
        # Each share is linear in the free sites U, and all four add to one.
        rest_b, rest_w, rest_s = 1 + dt * opening, 1 + dt * out_w, 1 + dt * out_s

        def solve(
            b: Points, w: Points, s: Points, total: Points | float
        ) -> tuple[Points, Points, Points, Points]:
            part_b, part_w = b / rest_b, w / rest_w
            part_s = (s + dt * self.kws * part_w) / rest_s
            by_b, by_w = dt * closing / rest_b, dt * self.kuw / rest_w
            by_s = dt * self.kws * by_w / rest_s
            free = (total - part_b - part_w - part_s) / (1 + by_b + by_w + by_s)
            return part_b + by_b * free, part_w + by_w * free, part_s + by_s * free, free

        B, W, S, U = solve(state.blocked, state.weak, state.strong, 1.0)
        change = solve(
            dt * (d_closing * U - d_opening * B), -dt * d_out_w * W, -dt * d_tearing * S, 0
        )
        return (B, W, S), change[:3]
