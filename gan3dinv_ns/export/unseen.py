"""Colours for the parts of a head that no camera of the training saw: the back, and the cut below the neck.

A generator's colours there are accidental (often those of the background). They are replaced by the smoothest ones that
continue what was seen: the minimum over the colours c of

    sum_edges |c_i - c_j|^2 + sum_i k_i |c_i - f_i|^2

with f_i the colour found at vertex i, and k_i large where it was seen, zero where it was not.
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, diags
from scipy.sparse.linalg import splu

YAW_LIMIT_RAD = 0.6
PITCH_LIMIT_RAD = 0.3
"""Cameras of the training (heads and FFHQ) look from about this far aside."""

_HIDDEN, _SEEN = 0.3, 0.55
_STIFFNESS = 100.0


def seen_part(normals: np.ndarray) -> np.ndarray:
    """How well surface points are seen by the training's cameras, judged by their normals.

    Args:
        normals: [V, 3] outward unit normals.

    Returns:
        [V] float64 in [0, 1]: 0 for what faces away from every camera, 1 for what faces at least one of them.
    """
    yaws, pitches = np.meshgrid(
        np.linspace(-YAW_LIMIT_RAD, YAW_LIMIT_RAD, 5), np.linspace(-PITCH_LIMIT_RAD, PITCH_LIMIT_RAD, 3)
    )
    towards = np.stack([np.sin(yaws) * np.cos(pitches), np.sin(pitches), np.cos(yaws) * np.cos(pitches)], axis=-1)
    facing = (normals.astype(np.float64) @ towards.reshape(-1, 3).T).max(axis=1)
    part = np.clip((facing - _HIDDEN) / (_SEEN - _HIDDEN), 0, 1)
    return part * part * (3 - 2 * part)


def continue_colours(colours: np.ndarray, faces: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Replaces the colours of what was not seen.

    Args:
        colours: [V, 3] uint8.
        faces: [F, 3].
        seen: [V] in [0, 1], as from `seen_part`; kept as they are where it is 1.

    Returns:
        [V, 3] uint8. Where nothing was well seen, the colours as they were.
    """
    free = seen < 1
    if free.all() or not free.any():
        return colours
    found = colours.astype(np.float64)
    laplacian = _laplacian(faces, len(colours)).tocsr()[free]
    stiffness = _STIFFNESS * seen[free]
    system = laplacian[:, free] + diags(stiffness)
    wanted = stiffness[:, None] * found[free] - laplacian[:, ~free] @ found[~free]
    smooth = splu(system.tocsc(), permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True}).solve(wanted)
    share = seen[free, None]
    result = colours.copy()
    result[free] = np.clip(np.round(share * found[free] + (1 - share) * smooth), 0, 255).astype(np.uint8)
    return result


def _laplacian(faces: np.ndarray, count: int) -> coo_matrix:
    """The graph Laplacian [V, V] of the mesh: positive semidefinite, every edge counts once."""
    start = faces.ravel()
    end = np.roll(faces, -1, axis=1).ravel()
    # In a closed mesh each edge occurs once in either direction.
    neighbours = coo_matrix((np.ones(len(start)), (start, end)), shape=(count, count)).tocsr()
    return diags(np.asarray(neighbours.sum(axis=1)).ravel()) - neighbours
