"""The gaussians themselves."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace

import torch
from torch import Tensor

from gan3dinv_ns.cameras.rotations import matrix_from_quaternion


@dataclass(frozen=True)
class Gaussians:
    """N gaussians, held as they are optimised and written: all numbers may have any value.

    Attributes:
        means: [N, 3] in box units.
        log_scales: [N, 3], logarithms of the standard deviations along the gaussian's own axes.
        quaternions: [N, 4] (w, x, y, z) of any length but zero: from the gaussian's own axes to the world's.
        opacity_logits: [N].
        colours: [N, 3], in [0, 1] where they can be shown.
    """

    means: Tensor
    log_scales: Tensor
    quaternions: Tensor
    opacity_logits: Tensor
    colours: Tensor

    def __len__(self) -> int:
        return len(self.means)

    def axes(self) -> Tensor:
        """R S [N, 3, 3]: the gaussian's axes as columns, as long as its standard deviations."""
        rotation = matrix_from_quaternion(torch.nn.functional.normalize(self.quaternions, dim=1))
        return rotation * self.log_scales.exp()[:, None, :]

    def tensors(self) -> dict[str, Tensor]:
        """The attributes by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def taken(self, which: Tensor) -> Gaussians:
        """Those that a mask [N] or indices choose."""
        return Gaussians(**{name: value[which] for name, value in self.tensors().items()})

    def joined(self, others: Gaussians) -> Gaussians:
        """These, then others."""
        return Gaussians(**{name: torch.cat([value, others.tensors()[name]]) for name, value in self.tensors().items()})

    def scaled(self, factor: float) -> Gaussians:
        """All lengths times a factor."""
        return replace(self, means=self.means * factor, log_scales=self.log_scales + math.log(factor))

    def to(self, device: torch.device) -> Gaussians:
        """The same on a device."""
        return Gaussians(**{name: value.to(device) for name, value in self.tensors().items()})

    def detached(self) -> Gaussians:
        """The same without their history of gradients."""
        return Gaussians(**{name: value.detach() for name, value in self.tensors().items()})
