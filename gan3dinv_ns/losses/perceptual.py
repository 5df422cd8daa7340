"""Perceptual distances: how differently two pictures look, measured on the feature maps of a network.

    d(a, b) = mean over layers l of  mean over pixels of  sum_c v_lc (a_lc / |a_l| - b_lc / |b_l|)^2

with a_l the features of layer l, normalised to unit length over the channels of each pixel, and v_l weights
of the channels: learned ones for LPIPS (Zhang et al., "The unreasonable effectiveness of deep features as a
perceptual metric", CVPR 2018, eq. 1), ones for the features of a GAN's own discriminator (as in deep
generative prior inversion, Pan et al., "Exploiting deep generative prior", ECCV 2020), which needs no
further download.

Pictures are dicts of a generator's renderings: ``image`` [N, 3, R, R] and ``image_raw`` [N, 3, r, r] in [-1,
1].
"""

from __future__ import annotations

import warnings
from typing import Any, Literal, Protocol, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

PerceptualName = Literal["discriminator", "lpips-vgg", "lpips-alex", "lpips-squeeze"]
Pictures = dict[str, Tensor]

_LPIPS_SIDE = 256


class DualDiscriminator(Protocol):
    """What is asked of a discriminator: feature maps, fine to coarse, of a picture in both resolutions."""

    def features(self, images: Pictures) -> list[Tensor]: ...


class PerceptualDistance(nn.Module):
    """A symmetric distance, zero for equal pictures.

    ``features`` may be computed once for a picture that stays the same; ``compare`` takes two results of it.
    """

    def features(self, pictures: Pictures) -> list[Tensor]:
        """Feature maps, normalised over their channels, one ``[N, C, H, W]`` for each layer."""
        raise NotImplementedError

    def compare(self, first: list[Tensor], second: list[Tensor]) -> Tensor:
        """Distance (a number, at least 0) of two pictures of which the features are given."""
        raise NotImplementedError

    def forward(self, first: Pictures, second: Pictures) -> Tensor:
        """Distance (a number, at least 0) of two pictures; differentiable in both."""
        return self.compare(self.features(first), self.features(second))


class DiscriminatorDistance(PerceptualDistance):
    """Distance in the features of the generator's own discriminator; between 0 and 4."""

    def __init__(self, discriminator: DualDiscriminator) -> None:
        super().__init__()
        self._discriminator = discriminator
        if isinstance(discriminator, nn.Module):
            discriminator.eval().requires_grad_(False)

    def features(self, pictures: Pictures) -> list[Tensor]:
        maps = self._discriminator.features({key: pictures[key] for key in ("image", "image_raw")})
        return [unit_length(one) for one in maps]

    def compare(self, first: list[Tensor], second: list[Tensor]) -> Tensor:
        layers = [(a - b).square().sum(dim=1).mean() for a, b in zip(first, second, strict=True)]
        return torch.stack(layers).mean()


class LpipsDistance(PerceptualDistance):
    """LPIPS through the ``lpips`` package, on the final image, reduced to 256 pixels where it is larger.

    Args:
        backbone: whose features are compared.
        trained: False takes random features, which need no download and cost as much, for benchmarks.

    Raises:
        ValueError: if the package or the weights of its backbone cannot be had.
    """

    _network: Any

    def __init__(self, backbone: Literal["vgg", "alex", "squeeze"], trained: bool = True) -> None:
        super().__init__()
        self._network = _load_lpips(backbone, trained).eval().requires_grad_(False)

    def features(self, pictures: Pictures) -> list[Tensor]:
        image = pictures["image"]
        if image.shape[-1] > _LPIPS_SIDE:
            image = functional.interpolate(image, size=(_LPIPS_SIDE, _LPIPS_SIDE), mode="area")
        return [unit_length(one) for one in self._network.net(self._network.scaling_layer(image))]

    def compare(self, first: list[Tensor], second: list[Tensor]) -> Tensor:
        layers = [
            weighting((a - b).square()).mean()
            for weighting, a, b in zip(self._network.lins, first, second, strict=True)
        ]
        return torch.stack(layers).sum()


def unit_length(features: Tensor, eps: float = 1e-8) -> Tensor:
    """Features ``[N, C, H, W]`` divided by their length over the channels; zero stays zero."""
    return features * (features.square().sum(dim=1, keepdim=True) + eps).rsqrt()


def build_perceptual(
    name: PerceptualName,
    discriminator: DualDiscriminator | None,
    device: torch.device | str = "cpu",
    trained: bool = True,
) -> PerceptualDistance:
    """The perceptual distance of that name, frozen.

    Args:
        name: "discriminator" or "lpips-vgg", "lpips-alex", "lpips-squeeze".
        discriminator: the generator's own; needed for "discriminator" only.
        device: where LPIPS is put; a discriminator stays where it is.
        trained: of LPIPS, see :class:`LpipsDistance`.

    Raises:
        ValueError: unknown name, no discriminator, or weights that cannot be downloaded.
    """
    if name == "discriminator":
        if discriminator is None:
            raise ValueError('perceptual "discriminator" needs the generator\'s discriminator; choose "lpips-vgg".')
        return DiscriminatorDistance(discriminator)
    if name == "lpips-vgg":
        return LpipsDistance("vgg", trained).to(device)
    if name == "lpips-alex":
        return LpipsDistance("alex", trained).to(device)
    if name == "lpips-squeeze":
        return LpipsDistance("squeeze", trained).to(device)
    raise ValueError(f'no perceptual distance "{name}"; choose one of {", ".join(get_args(PerceptualName))}.')


def _load_lpips(backbone: str, trained: bool) -> nn.Module:
    advice = 'choose perceptual "discriminator", which needs no download'
    try:
        import lpips
    except ImportError as error:
        raise ValueError(f"the lpips package is not installed ({error}); pip install lpips, or {advice}.") from error
    try:
        with warnings.catch_warnings():
            # lpips still names weights as torchvision did before 0.13.
            warnings.filterwarnings("ignore", message="Arguments other than a weight enum")
            warnings.filterwarnings("ignore", message="The parameter 'pretrained' is deprecated")
            return lpips.LPIPS(net=backbone, pnet_rand=not trained, verbose=False)
    except (OSError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"the weights of lpips-{backbone} could not be had ({reason}); {advice}.") from error
