"""`.ply` files of gaussians in the layout of Kerbl et al.'s code, which splat viewers read.

Binary, little endian, float32, one row for each gaussian: x y z, nx ny nz (zeros), f_dc_0..2 (spherical harmonics of
degree 0: c = 1/2 + f_dc / (2 sqrt(pi))), opacity (logit), scale_0..2 (logarithms), rot_0..3 (unit quaternion w x y z).

Such files have y down, as their makers' photogrammetry does, and viewers turn them by half a turn about z. Ours are
written so: y down, the face still looks along +z.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import normalize

from gan3dinv_ns.export.splats.gaussians import Gaussians
from gan3dinv_ns.ops.atomic_files import atomic_path

UP_AXIS, FACE_AXIS = "-y", "+z"
PROPERTIES = (
    *("x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"),
    *("scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"),
)
_CONSTANT_HARMONIC = 1 / (2 * math.sqrt(math.pi))


def write_ply(path: str | Path, gaussians: Gaussians) -> None:
    """Writes gaussians, whole or not at all.

    Args:
        path: the file.
        gaussians: with y up, as everywhere here; in the unit that the file shall have.

    Raises:
        FileWriteError: the disk is full or the place is not writable.
    """
    lines = ["ply", "format binary_little_endian 1.0", f"element vertex {len(gaussians)}"]
    lines += [f"property float {name}" for name in PROPERTIES] + ["end_header", ""]
    with atomic_path(path) as temporary:
        temporary.write_bytes("\n".join(lines).encode("ascii") + _rows(gaussians).tobytes())


@torch.no_grad()
def _rows(gaussians: Gaussians) -> np.ndarray:
    """[N, 17] little-endian float32, after half a turn about z: q' = (0, 0, 0, 1) q."""
    x, y, z = gaussians.means.unbind(1)
    means = torch.stack([-x, -y, z], dim=1)
    w, i, j, k = normalize(gaussians.quaternions, dim=1).unbind(1)
    quaternions = torch.stack([-k, -j, i, w], dim=1)
    harmonics = (gaussians.colours - 0.5) / _CONSTANT_HARMONIC
    columns = [means, torch.zeros_like(means), harmonics, gaussians.opacity_logits[:, None]]
    rows = torch.cat([*columns, gaussians.log_scales, quaternions], dim=1)
    return rows.cpu().numpy().astype("<f4")
