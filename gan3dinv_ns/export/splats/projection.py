"""Gaussians as a camera sees them: elliptical weighted averaging.

Source: Zwicker et al., "EWA volume splatting" (2001); Kerbl et al. 2023, equation 5: with the world-to-camera rotation
W and the Jacobian J of the projection at the mean,

    Sigma' = J W Sigma W^T J^T + d I.

The low-pass filter d (`LOW_PASS`, square pixels) keeps a gaussian from falling between pixels. So that it grows no
heavier by that, its opacity is multiplied by sqrt(det(Sigma' - d I) / det Sigma') (Yu et al., "Mip-Splatting", 2024,
equation 11; gsplat's mode "antialiased"): what is fitted at one resolution then holds at others.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.export.splats.gaussians import Gaussians

LOW_PASS = 0.3
"""d, as in the renderers of Kerbl et al. and gsplat."""
NEAR = 0.2
"""Gaussians that are nearer to the camera, box units, are not seen."""
_FLATTEST = 1e-12


@dataclass(frozen=True)
class Projected:
    """N gaussians on a picture.

    Attributes:
        means: [N, 2] m in pixels, x to the right and y down; the upper left pixel's centre is (0.5, 0.5).
        covariances: [N, 3] the entries xx, xy, yy of Sigma', square pixels.
        log_opacities: [N] ln o.
        depths: [N] along the viewing axis, box units.
    """

    means: Tensor
    covariances: Tensor
    log_opacities: Tensor
    depths: Tensor

    def conics(self) -> Tensor:
        """The entries xx, xy, yy [N, 3] of Sigma'^-1."""
        xx, xy, yy = self.covariances.unbind(1)
        return torch.stack([yy, -xy, xx], dim=1) / (xx * yy - xy * xy)[:, None]


def project_gaussians(gaussians: Gaussians, label: Tensor, resolution: int, antialiased: bool = True) -> Projected:
    """Projects gaussians; differentiable in them.

    Args:
        gaussians: N of them.
        label: camera [1, 25].
        resolution: side of the picture in pixels.
        antialiased: lower the opacities for the low-pass filter, see above; False is how most viewers render.
    """
    camera_to_world, intrinsics = split_label(label.to(gaussians.means))
    to_camera = camera_to_world[0, :3, :3].T
    x, y, depth = ((gaussians.means - camera_to_world[0, :3, 3]) @ to_camera.T).unbind(1)
    safe = depth.clamp_min(NEAR)
    focal = intrinsics[0, :2] * resolution
    means = torch.stack([x / safe, y / safe, torch.ones_like(x)], dim=1) @ focal.T
    zero = torch.zeros_like(safe)
    rows = [1 / safe, zero, -x / safe**2, zero, 1 / safe, -y / safe**2]
    jacobian = focal[:, :2] @ torch.stack(rows, dim=1).reshape(-1, 2, 3)
    axes = jacobian @ (to_camera @ gaussians.axes())
    xx, xy, yy = ((axes[:, i] * axes[:, j]).sum(1) for i, j in ((0, 0), (0, 1), (1, 1)))
    log_opacities = logsigmoid(gaussians.opacity_logits)
    filtered = torch.stack([xx + LOW_PASS, xy, yy + LOW_PASS], dim=1)
    if antialiased:
        before = (xx * yy - xy * xy).clamp_min(_FLATTEST)
        after = filtered[:, 0] * filtered[:, 2] - xy * xy
        log_opacities = log_opacities + 0.5 * (before.log() - after.log())
    return Projected(means, filtered, log_opacities, depth)
