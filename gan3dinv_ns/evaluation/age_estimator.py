"""How old a face looks: DEX, a VGG-16 whose 101 outputs are the years from 0 to 100.

Source: Rothe et al., "Deep expectation of real and apparent age from a single image" (IJCV 2018): age = sum_i i p_i.
Two files are in use, with the same names for their layers (conv1_1 ... conv5_3, fc6, fc7, fc8-101). SAM's
``dex_age_classifier.pth`` (Alaluf et al., 2021), which has its tensors under "state_dict", was tuned on FFHQ and takes
RGB in [-1, 1]. The one converted from Caffe (``dex_imdb_wiki.caffemodel.pt``), which holds its tensors alone, takes BGR
from 0 to 255 less the mean colour. Both are given the FFHQ crop. Weights are not part of this package.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from gan3dinv_ns.ops.network_files import fill_network
from gan3dinv_ns.ops.weight_files import read_weights

SIDE = 224
"""Of the pictures that the network knows, pixels."""

YEARS = 101

_CAFFE_MEAN = (123.68, 116.779, 103.939)
"""Red, green and blue of VGG's mean colour, from 0 to 255."""
_CONVOLUTIONS = (2, 2, 3, 3, 3)
"""In each of VGG-16's stages."""
_DENSE = {"fc6": 0, "fc7": 3, "fc8-101": 6}


class AgeEstimator(nn.Module):
    """Pictures ``[N, 3, 224, 224]`` in [-1, 1], as of :func:`~gan3dinv_ns.evaluation.ffhq_crop.ffhq_crop` -> ages
    ``[N]``, years.

    Args:
        caffe: whether the weights are those that take BGR less the mean.
    """

    unit = "years"

    def __init__(self, caffe: bool) -> None:
        super().__init__()
        from torchvision.models import vgg16

        self.caffe = caffe
        self.network = vgg16(num_classes=YEARS, init_weights=False)

    def forward(self, pictures: Tensor) -> Tensor:
        if self.caffe:
            mean = pictures.new_tensor(_CAFFE_MEAN)[:, None, None]
            pictures = (127.5 * (pictures + 1) - mean).flip(1)
        shares = self.network(pictures).softmax(dim=1)
        return shares @ torch.arange(YEARS, dtype=shares.dtype, device=shares.device)


def load_age_estimator(path: str | Path, device: torch.device | str = "cpu") -> AgeEstimator:
    """The estimator from its published weights.

    Args:
        path: a .pth or .pt file, see above. Nothing in it is executed.
        device: where it goes.

    Raises:
        ValueError: the file is missing, damaged, or of another layout; one line.
    """
    path = Path(path)
    if path.suffix == ".safetensors":
        raise ValueError(f"{path}: does not tell whether it takes BGR or RGB; give the published .pth or .pt of DEX")
    weights = read_weights(path, "DEX, a VGG-16 with 101 ages")
    if not {"conv1_1.weight", "fc8-101.weight"} & {name.replace("_101", "-101") for name in weights.tensors}:
        raise ValueError(f"{path}: not in the layout of DEX, a VGG-16 with 101 ages (conv1_1, ..., fc8-101)")
    with torch.device("meta"):
        estimator = AgeEstimator(caffe=not weights.wrapped)
    names = _names()
    state = {names.get(name.replace("_101", "-101"), name): value.float() for name, value in weights.tensors.items()}
    fill_network(path, estimator.network, state, assign=True)
    return estimator.eval().requires_grad_(False).to(device)


def _names() -> dict[str, str]:
    """torchvision's names by the published ones."""
    layers, place = {}, 0
    for stage, count in enumerate(_CONVOLUTIONS, start=1):
        for number in range(1, count + 1):
            layers[f"conv{stage}_{number}"] = f"features.{place}"
            place += 2
        place += 1
    layers |= {name: f"classifier.{place}" for name, place in _DENSE.items()}
    return {f"{old}.{leaf}": f"{new}.{leaf}" for old, new in layers.items() for leaf in ("weight", "bias")}
