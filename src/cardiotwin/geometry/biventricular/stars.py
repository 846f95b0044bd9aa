"""Which elements of a mesh hold a node, and small questions to many elements at once."""

import numpy as np
from jaxtyping import Bool, Integer
from scipy.sparse import coo_matrix


class Incidence:
    """Which elements hold a node."""

    def __init__(self, elements: Integer[np.ndarray, "n k"], n_nodes: int) -> None:
        which = np.repeat(np.arange(len(elements), dtype=np.int32), elements.shape[1])
        ones = np.ones(len(which), dtype=np.int8)
        by_node = coo_matrix(
            (ones, (elements.ravel(), which)), shape=(n_nodes, len(elements))
        ).tocsr()
        self.order = by_node.indices.astype(np.int64)
        self.start = by_node.indptr.astype(np.int64)

    def of(
        self, nodes: Integer[np.ndarray, " n"]
    ) -> tuple[Integer[np.ndarray, " m"], Integer[np.ndarray, " m"]]:
        """Return (which of the nodes, element) for all elements that hold them."""
        counts = self.start[nodes + 1] - self.start[nodes]
        which = np.repeat(np.arange(len(nodes)), counts)
        step = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
        return which, self.order[self.start[nodes][which] + step]


def neighbours(
    elements: Integer[np.ndarray, "n k"],
    star: Incidence,
    nodes: Integer[np.ndarray, " m"],
    n: int,
) -> Integer[np.ndarray, " codes"]:
    """Return the nodes of the elements round each node, as (which of the nodes) n + node."""
    which, element = star.of(nodes)
    return once(which[:, None] * n + elements[element])


def once(codes: Integer[np.ndarray, "..."]) -> Integer[np.ndarray, " different"]:
    """Return numbers in order, each once (np.unique hashes, which is slower here)."""
    ordered = np.sort(codes, axis=None)
    return np.asarray(ordered[np.diff(ordered, prepend=-1) > 0])


def distinct(elements: Integer[np.ndarray, "n k"]) -> Bool[np.ndarray, " n"]:
    """Return which elements have no node twice."""
    k = elements.shape[1]
    same = [elements[:, i] == elements[:, j] for i in range(k) for j in range(i)]
    return np.asarray(~np.logical_or.reduce(same))


def any_of(found: Bool[np.ndarray, "n k"]) -> Bool[np.ndarray, " n"]:
    """Return where any of a few columns is true (numpy's own is slow along short axes)."""
    return np.asarray(np.logical_or.reduce([found[:, k] for k in range(found.shape[1])]))


def holds(
    elements: Integer[np.ndarray, "n k"], node: Integer[np.ndarray, " n"]
) -> Bool[np.ndarray, " n"]:
    """Return whether each element holds the node beside it."""
    return any_of(elements == node[:, None])


__all__ = ["Incidence", "any_of", "distinct", "holds", "neighbours", "once"]
