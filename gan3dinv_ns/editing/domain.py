"""Whether an edit still lies among the latents that the generator draws.

Latents are compared in the principal components of W, each scaled to unit variance (Zhu et al., "Improved StyleGAN
Embedding: Where are the Good Latents?", 2020, section 3): once by their distance from the mean, and once along the
edited direction, as an attribute that is far too strong hardly shows in the distance over hundreds of components.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from gan3dinv_ns.editing.directions import Edit
from gan3dinv_ns.editing.samples import mapped_samples
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.losses.latent_prior import LatentPrior

SAMPLES = 4000


@dataclass(frozen=True)
class Domain:
    """The latents that a generator draws.

    Attributes:
        prior: their normal distribution.
        samples: ``[N, w_dim]`` of them.
        farthest: the largest distance of a sample from the mean, root mean square over the components, in standard
            deviations.
    """

    prior: LatentPrior
    samples: Tensor
    farthest: float

    @classmethod
    def of(cls, generator: Generator, count: int = SAMPLES, seed: int = 0) -> Domain:
        """From mapped samples; takes a second for 4000 on a CPU core."""
        samples = mapped_samples(generator, count, seed)
        prior = LatentPrior.fit(samples, samples.mean(dim=0))
        whitened = (samples - prior.mean) @ prior.whitening
        return cls(prior, samples, float((whitened.square().sum(dim=1) / prior.dimensions).max().sqrt()))

    def distance(self, w: Tensor) -> float:
        """Distance of a latent ``[w_dim]`` from the mean, in the unit of ``farthest``; about 1 for a drawn one."""
        return float(self.prior.loss(w[None, None]).sqrt())

    def along(self, latents: Tensor, vector: Tensor) -> Tensor:
        """Places ``[N]`` of latents ``[N, w_dim]`` along a direction ``[w_dim]``: standard deviations from the mean."""
        towards = vector.to(latents) @ self.prior.whitening
        return (latents - self.prior.mean) @ self.prior.whitening @ (towards / towards.norm())

    def complaints(self, before: Tensor, after: Tensor, edits: Sequence[Edit]) -> list[str]:
        """What lies outside of the domain, and farther out than it was before; nothing if all is well.

        Args:
            before, after: ``[1, num_ws, w_dim]``.
            edits: that lead from the one to the other.
        """
        told = [text for edit in edits if edit.strength for text in self._along_edit(before[0], after[0], edit)]
        far = max(self.distance(w) for w in after[0].unique(dim=0))
        if far > max(self.farthest, *(self.distance(w) for w in before[0].unique(dim=0))):
            told.append(f"the head is {far:.2f} deviations from the mean head, the farthest sample {self.farthest:.2f}")
        return told

    def _along_edit(self, before: Tensor, after: Tensor, edit: Edit) -> Iterator[str]:
        steps = edit.direction.offset(len(before))
        layer = int(steps.norm(dim=1).argmax())
        vector = steps[layer]
        drawn = self.along(self.samples, vector)
        low, high = float(drawn.min()), float(drawn.max())
        was, now = self.along(torch.stack([before[layer], after[layer]]), vector).tolist()
        if not min(low, was) <= now <= max(high, was):
            name, samples = f"{edit.direction.name} {edit.strength:+g}", f"{low:+.1f} to {high:+.1f}"
            yield f"{name} leads to {now:+.1f} deviations, samples reach {samples}"
