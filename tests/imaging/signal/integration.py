"""The Bloch equations integrated by scipy, with pulses of a finite field: no formula is shared."""

import numpy as np
from scipy.integrate import solve_ivp


def integrate(magnetisation, events, *, t1, t2, off_resonance=0.0):
    """Return the magnetisation after events.

    An event is ("pulse", angle, phase), ("wait", duration) or ("spoil",). A pulse lasts 1e-9 s
    about the axis at the phase from x; fields turn the magnetisation right-handedly.
    """
    now = np.asarray(magnetisation, float)
    for kind, *of in events:
        if kind == "spoil":
            now = now * [0, 0, 1]
            continue
        duration = of[0] if kind == "wait" else 1e-9
        angle, phase = (0.0, 0.0) if kind == "wait" else of
        field = angle / duration
        turn = [field * np.cos(phase), field * np.sin(phase), 2 * np.pi * off_resonance]

        def slope(_, m, turn=turn):
            return np.cross(turn, m) - [m[0] / t2, m[1] / t2, (m[2] - 1) / t1]

        now = solve_ivp(slope, (0, duration), now, method="DOP853", rtol=1e-11, atol=1e-13).y[
            :, -1
        ]
    return now


def repeat(magnetisation, events, count, **tissue):
    """Return the magnetisation after a sequence that is played some times."""
    for _ in range(count):
        magnetisation = integrate(magnetisation, events, **tissue)
    return magnetisation


def fixed_point(events, **tissue):
    """Return the magnetisation that a sequence leaves as it is, from four integrations."""
    start = integrate(np.zeros(3), events, **tissue)
    turn = np.stack([integrate(axis, events, **tissue) - start for axis in np.eye(3)], 1)
    return np.linalg.solve(np.eye(3) - turn, start)
