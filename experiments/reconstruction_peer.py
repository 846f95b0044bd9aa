"""The same reconstructions by the package `sigpy`, in a process of its own environment."""

import json
import os
import subprocess
from pathlib import Path

PEER = "sigpy==0.1.27"
PROGRAM = """
import json, sys, time
import numpy as np, sigpy as sp, sigpy.mri as mr
data = np.load("task.npz")
kspace, mask, maps, middle = (data[k] for k in ("kspace", "mask", "maps", "middle"))
out, seconds = {}, {}
def clock(name, work):
    best = np.inf
    for _ in range(int(data["repeats"])):
        begin = time.process_time()
        out[name] = work()
        best = min(best, time.process_time() - begin)
    seconds[name] = best
padded = sp.resize(middle, maps.shape)
asked = {"thresh": float(data["threshold"]), "crop": float(data["crop"]), "kernel_width": 6}
clock("maps", lambda: mr.app.EspiritCalib(
    padded, calib_width=middle.shape[1], show_pbar=False, **asked).run())
weights = np.broadcast_to(mask[:, None].astype(np.float32), (len(mask), *maps.shape[1:]))
def one(frame):
    tol = 1e-3 * float(data["start"][frame])
    return mr.app.SenseRecon(kspace[:, frame], maps, lamda=float(data["damping"]), tol=tol,
        weights=weights[frame], max_iter=200, show_pbar=False).run()
clock("sense", lambda: np.stack([one(frame) for frame in range(len(mask))]))
shape = (len(mask), *maps.shape[1:])
hybrid = data["hybrid"]
S = sp.linop.Multiply(shape, maps[:, None])
F = sp.linop.FFT(S.oshape, axes=(-1,))
P = sp.linop.Multiply(F.oshape, weights)
A = P * F * S
T = sp.linop.FFT(shape, axes=(0,), center=False)
low, sparse, goal = (float(data[k]) for k in ("low", "sparse", "goal"))
def svt(limit, x):
    u, s, v = np.linalg.svd(x.reshape(len(x), -1), full_matrices=False)
    return ((u * np.maximum(s - limit, 0).astype(s.dtype)) @ v).reshape(x.shape)
l1 = sp.prox.UnitaryTransform(sp.prox.L1Reg(shape, sparse), T)
def series():
    x = np.zeros((2, *shape), np.complex64); x[0] = A.H * hybrid
    def gradient(x):
        g = A.H * (A * x.sum(0) - hybrid)
        return np.stack([g, g])
    def proximal(step, x):
        return np.stack([svt(step * low, x[0]), l1(step, x[1])])
    def objective(x):
        r = A * x.sum(0) - hybrid
        s = np.linalg.svd(x[0].reshape(len(mask), -1), compute_uv=False)
        penalty = low * float(s.sum()) + sparse * float(np.abs(T * x[1]).sum())
        return 0.5 * float(np.vdot(r, r).real) + penalty
    method = sp.alg.GradientMethod(
        gradient, x, 0.5, proxg=proximal, accelerate=True, max_iter=1000)
    watching = 0.0
    while not method.done():
        method.update()
        if method.iter % 5 == 0:
            begin = time.process_time()
            reached = objective(method.x)
            watching += time.process_time() - begin
            if reached <= goal: break
    seconds["watching"] = watching
    return method.x.sum(0)
clock("series", series)
seconds["series"] -= seconds.pop("watching")
np.savez("peer.npz", **out)
print(json.dumps(seconds))
"""


def peer_run(python: Path, folder: Path) -> dict[str, float]:
    """Return the peer's CPU seconds; its results lie in peer.npz."""
    done = subprocess.run(  # noqa: S603
        [str(python), "-c", PROGRAM],
        check=True,
        capture_output=True,
        cwd=folder,
        env=dict(os.environ, OMP_NUM_THREADS="1", NUMBA_NUM_THREADS="1"),
    )
    return dict(json.loads(done.stdout.decode().splitlines()[-1]))
