"""How likely a latent is: its distance from the mean latent in standard deviations of W.

A photo does not tell the depths of a face, and a latent far from all heads can explain it with a shape that falls
apart from the side. Source: Zhu et al., "Improved StyleGAN Embedding: Where are the Good Latents?" (2020), section 3:
in the principal components of W, scaled to unit variance, latents are about normal, so the squared length is a
regulariser.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_FLOOR = 0.01


@dataclass(frozen=True)
class LatentPrior:
    """The distribution of w as a normal one.

    Attributes:
        mean: [C] the mean latent.
        whitening: [C, C] the principal components as columns, each divided by its standard deviation.
        dimensions: number of components with a variance worth mentioning.
        deviation: standard deviation of w, root mean square over its coordinates.
    """

    mean: Tensor
    whitening: Tensor
    dimensions: int
    deviation: float

    @classmethod
    def fit(cls, samples: Tensor, mean: Tensor) -> LatentPrior:
        """From samples [N, C] of w and their mean [C].

        Components of less than a hundredth of the mean variance count as having just that, so that they hold w in
        its place without an endless pull.
        """
        centred = (samples - mean).double()
        variances, components = torch.linalg.eigh(centred.T @ centred / len(centred))
        floor = _FLOOR * variances.mean()
        whitening = components / variances.clamp_min(floor).sqrt()
        return cls(mean, whitening.to(samples), int((variances > floor).sum()), float(variances.mean().sqrt()))

    def loss(self, w: Tensor) -> Tensor:
        """Mean over w [N, 1, C] and the components of the squared deviation; about 1 for a drawn latent."""
        deviations = (w.flatten(0, 1) - self.mean) @ self.whitening
        return deviations.square().sum(dim=1).mean() / self.dimensions
