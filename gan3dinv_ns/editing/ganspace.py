"""Directions without labels: the principal components of mapped samples.

With samples w_i of mean m, the components v_k are the eigenvectors of their covariance and sigma_k^2 its eigenvalues,
largest first; an edit of strength s in a range of layers is w + s sigma_k v_k. Source: Härkönen et al., "GANSpace:
Discovering Interpretable GAN Controls" (2020), section 3.1 and equation 4.

An eigenvector has no sign of its own: here its entry of largest magnitude is positive. Strengths found with components
of another computation may have to be negated.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from gan3dinv_ns.editing.directions import Direction

SAMPLES = 10_000
"""Usual number of mapped samples."""


@dataclass(frozen=True)
class Preset:
    """A named edit: a component, the layers it is applied to (inclusive), and its strength in standard deviations."""

    component: int
    first: int
    last: int
    strength: float


FFHQ_PRESETS = {
    "smile": Preset(12, 0, 5, 2.0),
    "age": Preset(5, 0, 5, 3.5),
    "glasses": Preset(4, 0, 5, 4.0),
    "gender": Preset(0, 0, 5, 4.0),
    "bright-hair": Preset(2, 7, 7, 4.0),
    "short-hair": Preset(2, 0, 5, 4.0),
}
"""Published for EG3D's FFHQ generator, with the method of Ko et al."""


@dataclass(frozen=True)
class PrincipalComponents:
    """Of latents, most important first.

    Attributes:
        vectors: ``[K, w_dim]``, orthonormal rows.
        deviations: ``[K]`` standard deviation of the samples along each.
    """

    vectors: Tensor
    deviations: Tensor

    @classmethod
    def of(cls, samples: Tensor) -> PrincipalComponents:
        """Of samples ``[N, w_dim]``; as many components as both N - 1 and w_dim allow."""
        centred = (samples - samples.mean(dim=0)).double()
        variances, columns = torch.linalg.eigh(centred.T @ centred / (len(centred) - 1))
        count = min(len(samples) - 1, samples.shape[1])
        rows, variances = columns.T.flip(0)[:count], variances.flip(0)[:count]
        largest = rows.gather(1, rows.abs().argmax(dim=1, keepdim=True))
        return cls((rows * largest.sign()).to(samples), variances.clamp_min(0).sqrt().to(samples))

    def direction(self, component: int, first: int, last: int, name: str = "", strength: float = 1.0) -> Direction:
        """A component as a direction; its strength 1 is ``strength`` standard deviations.

        Raises:
            ValueError: there is no such component, the samples do not vary along it, or the layers are no range.
        """
        if not 0 <= component < len(self.vectors):
            raise ValueError(f"component {component} does not exist; give 0 to {len(self.vectors) - 1}")
        step = self.vectors[component] * self.deviations[component]
        return Direction.along(name or f"component-{component}", step, first, last, strength)

    def preset(self, name: str) -> Direction:
        """One of ``FFHQ_PRESETS``, whose strength 1 is the published one.

        Raises:
            ValueError: there is no preset of this name.
        """
        if name not in FFHQ_PRESETS:
            raise ValueError(f"preset {name!r} does not exist; choose one of {', '.join(FFHQ_PRESETS)}")
        preset = FFHQ_PRESETS[name]
        return self.direction(preset.component, preset.first, preset.last, name, preset.strength)
