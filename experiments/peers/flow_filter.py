"""slicerheart_4dflow in its own environment: its wavelet filter on the velocities of a file.

`python flow_filter.py work.npz result.npz`; the work holds velocity (frames k j i 3, mm/s), mask
(frames k j i) and voxel_mm; nothing here imports cardiotwin.
"""

import sys
import time

import numpy as np
import slicerheart_4dflow as peer


def main(work: str, result: str) -> None:
    given = np.load(work)
    placed = np.eye(4)
    placed[:3, :3] *= given["voxel_mm"]
    found = {}
    for method in ("dfw", "fdm"):
        start = time.process_time()
        found[method], _ = peer.divergence_free_sequence(
            given["velocity"], given["mask"], placed, method=method, workers=1
        )
        found[f"{method}_cpu_s"] = np.array(time.process_time() - start)
    np.savez(result, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
