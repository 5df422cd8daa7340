"""Whether a face smiles: the attribute "Smiling" of CelebA's 40, as read by Anycost GAN's ResNet-50.

Source: Lin et al., "Anycost GANs for interactive image synthesis and editing" (CVPR 2021), whose
``attribute_predictor.pt`` holds torchvision's ResNet-50 with 80 outputs under "state_dict": two logits for each
attribute, no and yes, in CelebA's order. It takes RGB in [-1, 1]. Weights are not part of this package.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from gan3dinv_ns.ops.network_files import fill_network
from gan3dinv_ns.ops.weight_files import read_weights

SIDE = 256
"""Of the pictures that the network knows, pixels."""

ATTRIBUTES = 40
SMILING = 31
"""Place of "Smiling" in CelebA's order, from 0."""


class SmileEstimator(nn.Module):
    """Pictures ``[N, 3, 256, 256]`` in [-1, 1], as of :func:`~gan3dinv_ns.evaluation.ffhq_crop.ffhq_crop` -> log-odds
    ``[N]`` of a smile, the natural logarithm of p / (1 - p): unlike p they do not level off at a broad smile."""

    unit = "log-odds"

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import resnet50

        self.network = resnet50(num_classes=2 * ATTRIBUTES)

    def forward(self, pictures: Tensor) -> Tensor:
        no, yes = self.network(pictures).unflatten(1, (ATTRIBUTES, 2))[:, SMILING].unbind(1)
        return yes - no


def load_smile_estimator(path: str | Path, device: torch.device | str = "cpu") -> SmileEstimator:
    """The estimator from its published weights.

    Args:
        path: a .pt or .pth of tensors, alone or under "state_dict", or the same as .safetensors. Nothing in it is
            executed.
        device: where it goes.

    Raises:
        ValueError: the file is missing, damaged, or of another layout; one line.
    """
    path = Path(path)
    tensors = read_weights(path, "Anycost GAN's attribute predictor, a ResNet-50").tensors
    last = tensors.get("fc.weight")
    if last is None or len(last) != 2 * ATTRIBUTES:
        raise ValueError(f"{path}: not in the layout of Anycost GAN's attribute predictor, a ResNet-50 with 80 outputs")
    with torch.device("meta"):
        estimator = SmileEstimator()
    state = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    fill_network(path, estimator.network, state, assign=True)
    return estimator.eval().requires_grad_(False).to(device)
