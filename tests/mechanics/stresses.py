"""Stresses of a law in numpy, by complex steps of its energy: no formula, no UFL."""

import numpy as np

from cardiotwin.mechanics.activation import Activation
from cardiotwin.mechanics.material import Stretches

STEP = 1e-30
ACTIVATION = Activation()


def stretches(C):
    return Stretches(
        ff=C[0, 0],
        ss=C[1, 1],
        nn=C[2, 2],
        fs=(C[0, 1] + C[1, 0]) / 2,
        fn=(C[0, 2] + C[2, 0]) / 2,
        sn=(C[1, 2] + C[2, 1]) / 2,
        J=np.sqrt(np.linalg.det(C)),
    )


def energy(material, C, **factors):
    return material.energy(stretches(C), np, **factors)


def pk2(material, C, active_tension=0.0, **factors):
    """Return S = 2 dW/dC and the active stress in the axes of C, Pa."""
    S = np.empty((3, 3))
    for i in range(3):
        for j in range(3):
            step = np.zeros((3, 3), complex)
            step[i, j] += 0.5j * STEP
            step[j, i] += 0.5j * STEP
            S[i, j] = 2 * energy(material, C + step, **factors).imag / STEP
    return S + np.diag(ACTIVATION.stress(active_tension))


def pk1(material, A, B, axes, **factors):
    """Return P (without its volumetric part), F and G for placements m + A m and m + B m."""
    G = np.eye(3) + B
    F = (np.eye(3) + A) @ np.linalg.inv(G)
    f0 = G @ axes[0]
    f0 /= np.linalg.norm(f0)
    s0 = G @ axes[1]
    s0 -= (s0 @ f0) * f0
    s0 /= np.linalg.norm(s0)
    Q = np.column_stack([f0, s0, np.cross(f0, s0)])
    S = pk2(material, Q.T @ F.T @ F @ Q, **factors)
    return F @ Q @ S @ Q.T, F, G
