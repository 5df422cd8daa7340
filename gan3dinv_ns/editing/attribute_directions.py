"""Directions that change one attribute and no other, from latents whose attributes are known.

Letters: latents w have mean m and covariance C; standardised attributes a (A of them) are read by least squares as
a = R (w - m), R ``[A, w_dim]``, R = B C^-1 with the covariance B = cov(a, w) ``[A, w_dim]``. The step d_k changes the
reading of attribute k by one standard deviation and that of the others not at all, R d_k = e_k. Of all such steps it is
the one that stays among likely latents, with the smallest d^T C^-1 d:

    d_k = C R^T (R C R^T)^-1 e_k = B^T (B C^-1 B^T)^-1 e_k.

With C = 1 this is InterFaceGAN's conditional manipulation, in which the normal of one attribute is projected so that it
stands upright on those of the others: Shen et al., "Interpreting the Latent Space of GANs for Semantic Face Editing"
(2020), section 2.3. As latents vary far more in some directions than in others, C keeps the step where heads are.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from gan3dinv_ns.editing.directions import Direction

_FLOOR = 1e-6
"""Components of the latents with less than this share of the mean variance are noise."""
_SAME = 1e-4
"""Attributes that leave less than this of each other's variance cannot be told apart."""


def attribute_directions(
    latents: Tensor, attributes: dict[str, Tensor], num_ws: int, names: Sequence[str]
) -> list[Direction]:
    """One direction for each name, over all layers; a strength of 1 is one standard deviation of the attribute.

    Args:
        latents: ``[N, w_dim]``.
        attributes: name -> ``[N]`` numbers; those that are not among ``names`` are only kept as they are.
        num_ws: layers of the generator.
        names: attributes that shall have a direction.

    Raises:
        ValueError: an attribute is missing, does not vary, or cannot be told apart from the others in the latents, or
            there are too few of these.
    """
    missing = [name for name in names if name not in attributes]
    if missing:
        raise ValueError(f"attribute {missing[0]!r} has no values; known are {', '.join(attributes)}")
    values = torch.stack([values.double() for values in attributes.values()], dim=1)
    spread = values.std(dim=0)
    for name, one in zip(attributes, spread.tolist(), strict=True):
        if not one > 0:
            raise ValueError(f"attribute {name!r} does not vary among the {len(latents)} latents; give other samples")
    steps = _steps(latents.double(), (values - values.mean(dim=0)) / spread, list(attributes))
    places = list(attributes)
    return [Direction.along(name, steps[places.index(name)], 0, num_ws - 1) for name in names]


def _steps(latents: Tensor, values: Tensor, names: Sequence[str]) -> Tensor:
    """The steps d_k as rows ``[A, w_dim]``."""
    centred = latents - latents.mean(dim=0)
    variances, components = torch.linalg.eigh(centred.T @ centred / len(centred))
    kept = variances > _FLOOR * variances.mean()
    if len(latents) <= int(kept.sum()) + 1:
        raise ValueError(f"{len(latents)} latents are too few: any values can be read from them; give thousands")
    whitened = centred @ components[:, kept] / variances[kept].sqrt()
    across = values.T @ whitened / len(values)
    readable = across @ across.T
    weakest = torch.linalg.eigvalsh(readable)[0]
    if weakest < _SAME:
        raise ValueError(f"attributes {', '.join(names)} cannot be told apart in the latents; leave some of them out")
    return torch.linalg.solve(readable, across) @ (components[:, kept] * variances[kept].sqrt()).T
