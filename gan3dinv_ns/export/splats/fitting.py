"""Gaussians are fitted to views, by gradients through the rasteriser (Kerbl et al. 2023, section 5).

In each step one view is compared, in random order, by

    0.8 |C - picture| + 0.2 (1 - SSIM(C, picture)) + 0.1 |alpha - opacity|,

means over the pixels, times their number. The last term keeps the head solid and what is around it empty, so
that it can stand before any background. Nothing is split or cloned: the gaussians cover the surface from the start.
"""

from __future__ import annotations

import torch
from pytorch_msssim import ssim
from torch import Tensor

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.export.density import Progress
from gan3dinv_ns.export.splats.gaussians import Gaussians
from gan3dinv_ns.export.splats.rasteriser import LEAST_ALPHA, rasterise
from gan3dinv_ns.export.splats.targets import Views

_STEP_SIZES = {"means": 1e-3, "log_scales": 0.02, "quaternions": 0.02, "opacity_logits": 0.05, "colours": 0.01}
"""Of Adam, at the beginning; the means' is in box units."""
_LAST_STEP = 0.1
"""Step sizes fall to this part, exponentially."""
_EPSILON = 0.02
"""Of Adam: gradients below this, as those of gaussians of which hardly a part of a pixel is seen, move little."""
_SIMILARITY, _SOLIDITY = 0.2, 0.1


def fit_gaussians(
    start: Gaussians, views: Views, background: Tensor, steps: int, progress: Progress | None = None, seed: int = 0
) -> Gaussians:
    """Optimises all that gaussians have.

    Those that face away from every camera, as their third axes tell, stay as they are.

    Args:
        start: where they begin, with their third axes outward; they are not changed.
        views: on the same device.
        background: [3] in [0, 1], behind the gaussians.
        steps: how many; each looks at one view.
        progress: told after each step.
        seed: of the order of the views.

    Returns:
        the fitted ones, without those that have become invisible; colours lie in [0, 1].
    """
    gaussians = Gaussians(**{name: value.detach().clone() for name, value in start.tensors().items()})
    groups = [
        {"params": [value.requires_grad_()], "lr": _STEP_SIZES[name]} for name, value in gaussians.tensors().items()
    ]
    optimiser = torch.optim.Adam(groups, eps=_EPSILON)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimiser, _LAST_STEP ** (1 / max(1, steps)))
    random = torch.Generator().manual_seed(seed)
    hidden = _faces_no_camera(start, views.labels)
    order: list[int] = []
    for step in range(steps):
        order = order or torch.randperm(len(views.labels), generator=random).tolist()
        loss = _difference(gaussians, views, order.pop(), background)
        optimiser.zero_grad()
        loss.backward()
        for value in gaussians.tensors().values():
            assert value.grad is not None
            value.grad[hidden] = 0
        optimiser.step()
        schedule.step()
        with torch.no_grad():
            gaussians.colours.clamp_(0, 1)
        if progress is not None:
            progress((step + 1) / steps)
    found = gaussians.detached()
    return found.taken(found.opacity_logits.sigmoid() >= LEAST_ALPHA)


def _difference(gaussians: Gaussians, views: Views, index: int, background: Tensor) -> Tensor:
    """The loss in one view."""
    picture, opacity = rasterise(gaussians, views.labels[index : index + 1], views.resolution, background)
    wanted = views.pictures[index : index + 1]
    unlike = (1 - _SIMILARITY) * (picture - wanted).abs().mean() + _SIMILARITY * (1 - ssim(picture, wanted, 1.0))
    wrong_opacity = (opacity - views.opacities[index : index + 1]).abs().mean()
    return (unlike + _SOLIDITY * wrong_opacity) * views.resolution**2


def _faces_no_camera(gaussians: Gaussians, labels: Tensor) -> Tensor:
    """Flags [N] of gaussians whose third axis has every camera [V, 25] behind it."""
    cameras = split_label(labels)[0][:, :3, 3]
    outward = gaussians.axes()[:, :, 2]
    height = outward @ cameras.T - (outward * gaussians.means).sum(dim=1, keepdim=True)
    return (height <= 0).all(dim=1)
