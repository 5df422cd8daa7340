"""The reconstruction loss L(x, G(w, pose)) of an inversion: pixels, raw pixels and perception.

    L = l_pixels |image - x|^2 + l_raw |image_raw - x_r|^2 + l_perceptual d(G, x)

with x the photo, x_r the photo at the resolution of the volume rendering, |.|^2 the mean square over pixels.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from gan3dinv_ns.losses.perceptual import PerceptualDistance, Pictures
from gan3dinv_ns.ops.rows import select_rows

RECONSTRUCTION = ("pixels", "raw", "perceptual")
"""Names of the parts of the loss."""


@dataclass(frozen=True)
class ReconstructionWeights:
    """Weights of the parts of the reconstruction loss."""

    pixels: float = 1.0
    """Mean square difference of the final image, in [-1, 1]^2 units."""
    raw: float = 1.0
    """Mean square difference of the volume rendering."""
    perceptual: float = 2.0
    """Perceptual distance."""


def shrink(image: Tensor, side: int) -> Tensor:
    """A picture ``[N, C, R, R]`` at ``side`` x ``side`` pixels, low-passed; as it is where the sizes
    agree.
    """
    if image.shape[-2:] == (side, side):
        return image
    return functional.interpolate(image, size=(side, side), mode="bilinear", align_corners=False, antialias=True)


class PhotoTarget:
    """One photo, or several of one head, with what is computed from them once.

    Args:
        photo: ``[K, 3, R, R]`` in [-1, 1], R the resolution of the generator's image.
        perceptual: frozen distance.
        raw_resolution: side of the volume rendering that the perceptual distance sees beside the image.
    """

    def __init__(self, photo: Tensor, perceptual: PerceptualDistance, raw_resolution: int) -> None:
        self.photo = photo
        self.perceptual = perceptual
        self._shrunk: dict[int, Tensor] = {}
        with torch.no_grad():
            self._features = perceptual.features({"image": photo, "image_raw": self.at(raw_resolution)})

    def at(self, side: int) -> Tensor:
        """The photos at another resolution, ``[K, 3, side, side]``."""
        if side not in self._shrunk:
            self._shrunk[side] = shrink(self.photo, side).contiguous()
        return self._shrunk[side]

    def only(self, chosen: Sequence[int]) -> PhotoTarget:
        """Some of the photos, with what is known of them; nothing is copied where all are chosen in their order."""
        if list(chosen) == list(range(len(self.photo))):
            return self
        some = copy.copy(self)
        some.photo = select_rows(self.photo, chosen)
        some._shrunk = {side: select_rows(one, chosen) for side, one in self._shrunk.items()}
        some._features = [select_rows(one, chosen) for one in self._features]
        return some

    def distance(self, rendered: Pictures) -> Tensor:
        """Perceptual distance of renderings from the photos, one for each; their mean."""
        return self.perceptual.compare(self.perceptual.features(rendered), self._features)

    def losses(self, rendered: Pictures, weights: ReconstructionWeights) -> dict[str, Tensor]:
        """The weighted parts of L, by name, differentiable in the rendering.

        Parts of weight zero are left out.
        """
        raw = rendered["image_raw"]
        losses: dict[str, Tensor] = {}
        if weights.pixels:
            losses["pixels"] = weights.pixels * functional.mse_loss(rendered["image"], self.photo)
        if weights.raw:
            losses["raw"] = weights.raw * functional.mse_loss(raw, self.at(raw.shape[-1]))
        if weights.perceptual:
            losses["perceptual"] = weights.perceptual * self.distance(rendered)
        return losses
