"""Features of the Inception network that the published FID is measured with.

Source: Heusel et al., "GANs trained by a two time-scale update rule" (2017). The network is torch-fidelity's, which
agrees with the TensorFlow graph of 2015 bit by bit, its way to scale pictures included. Weights are not part of this
package.
"""

from __future__ import annotations

import io
from pathlib import Path

import torch
from torch import Tensor, nn

from gan3dinv_ns.evaluation.labelled import to_bytes
from gan3dinv_ns.ops.weight_files import read_weights

INCEPTION = "inception-v3-2015-12-05"
"""Name of the features."""

FEATURES = 2048

FEW_PICTURES = 5000
"""FID of fewer is mostly its own bias: it falls as 1 / N (Chong and Forsyth, "Effectively unbiased FID", CVPR 2020)."""

WEIGHTS_FILES = ("weights-inception-2015-12-05-6726825d.pth", "pt_inception-2015-12-05-6726825d.pth")
"""Names of the same weights, as torch-fidelity (torchmetrics) and pytorch-fid download them."""


def downloaded_inception() -> Path | None:
    """The weights in torch's hub folder, where another program left them; None if there are none."""
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    return next((folder / name for name in WEIGHTS_FILES if (folder / name).is_file()), None)


class InceptionFeatures(nn.Module):
    """Pictures ``[N, 3, R, R]`` in [-1, 1] (clamped, and rounded to 8 bits as in files) -> features ``[N, 2048]``.

    Args:
        extractor: torch-fidelity's, from bytes ``[N, 3, R, R]`` to a tuple of one tensor.
    """

    def __init__(self, extractor: nn.Module) -> None:
        super().__init__()
        self.extractor = extractor

    def forward(self, pictures: Tensor) -> Tensor:
        (features,) = self.extractor(to_bytes(pictures))
        return features


def load_inception(path: str | Path, device: torch.device | str = "cpu") -> InceptionFeatures:
    """The network from its published weights.

    Args:
        path: one of ``WEIGHTS_FILES``, or the same as .safetensors. Nothing in it is executed.
        device: where it goes.

    Raises:
        ValueError: the file is missing, damaged, or of another layout; one line.
    """
    from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

    state = read_weights(Path(path), f"FID's Inception network ({WEIGHTS_FILES[1]})").tensors
    # torch-fidelity would execute what is in a file: it is given one that holds the tensors and nothing else.
    tensors_alone = io.BytesIO()
    torch.save(state, tensors_alone)
    tensors_alone.seek(0)
    try:
        with torch.random.fork_rng(devices=[]):
            extractor = FeatureExtractorInceptionV3("inception-v3-compat", [str(FEATURES)], tensors_alone)
    except RuntimeError as error:
        told = " ".join(str(error).split("\n", 1)[-1].split())[:120]
        raise ValueError(
            f"{path}: not in the layout of FID's Inception network, {WEIGHTS_FILES[1]} ({told})"
        ) from error
    return InceptionFeatures(extractor).eval().requires_grad_(False).to(device)
