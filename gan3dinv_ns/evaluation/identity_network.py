"""Whose face it is: networks of face recognition in the layout of ArcFace's and CurricularFace's published weights.

Sources: Deng et al., "ArcFace: additive angular margin loss for deep face recognition" (CVPR 2019), in the layout of
InsightFace_Pytorch that pixel2style2pixel, e4e and PTI use (IR-SE-50), and Huang et al., "CurricularFace" (CVPR 2020,
IR-101), which Ko et al. measure identity by. Weights are not part of this package.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gan3dinv_ns.encoders.ir_se import UNITS, IrTrunk
from gan3dinv_ns.ops.weight_files import read_weights
from gan3dinv_ns.photo import Face

SIDE = 112
"""Of the pictures that the networks know, pixels."""

FEATURES = 512

TEMPLATE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
"""Where eyes, nose and corners of the mouth are in them, in the order of :class:`~gan3dinv_ns.photo.Face`, pixels."""

_INNER = re.compile(r"body\.(\d+)\.(shortcut_layer|res_layer)\.(\d+)\.?(fc1|fc2)?\.?(.*)")


class IdentityNetwork(nn.Module):
    """Pictures ``[N, 3, 112, 112]`` in [-1, 1], aligned as by :func:`aligned` -> unit vectors ``[N, 512]``.

    Args:
        units: of the trunk's four stages.
        excitation: whether the trunk has squeeze-and-excitation.
    """

    def __init__(self, units: tuple[int, ...], excitation: bool) -> None:
        super().__init__()
        self.trunk = IrTrunk(units, excitation)
        side = SIDE // 16
        self.norm = nn.BatchNorm2d(FEATURES)
        self.project = nn.Linear(FEATURES * side * side, FEATURES)
        self.scale = nn.BatchNorm1d(FEATURES)

    def forward(self, pictures: Tensor) -> Tensor:
        features = self.norm(self.trunk(pictures)).flatten(1)
        return F.normalize(self.scale(self.project(features)))


def load_identity_network(path: str | Path, device: torch.device | str = "cpu") -> IdentityNetwork:
    """A network from its published weights; the number of layers is told by the file.

    Args:
        path: a .pth or .pt of tensors under their published names, or the same as .safetensors. Nothing in it is
            executed.
        device: where it goes.

    Raises:
        ValueError: the file is missing, damaged, or of another layout; one line.
    """
    state = read_weights(Path(path), "a network of face recognition").tensors
    units = UNITS.get(len({key.split(".")[1] for key in state if key.startswith("body.")}))
    if units is None or "output_layer.3.weight" not in state:
        raise ValueError(f"{path}: not in the layout of ArcFace's IR-50 or CurricularFace's IR-101 (input_layer, body)")
    network = IdentityNetwork(units, any(".fc1." in key for key in state))
    renamed = {_name(key): value for key, value in state.items()}
    # CurricularFace's last normalisation has neither weight nor bias.
    renamed.setdefault("scale.weight", torch.ones(FEATURES))
    renamed.setdefault("scale.bias", torch.zeros(FEATURES))
    try:
        network.load_state_dict(renamed)
    except RuntimeError as error:
        raise ValueError(f"{path}: {' '.join(str(error).split())[:200]}") from error
    return network.eval().requires_grad_(False).to(device)


def aligned(picture: Tensor, face: Face) -> Tensor:
    """The picture ``[N, 3, 112, 112]`` of a face whose points lie on ``TEMPLATE``, by the similarity that fits best.

    Source: Umeyama, "Least-squares estimation of transformation parameters between two point patterns" (1991).

    Args:
        picture: ``[N, 3, H, W]`` in [-1, 1].
        face: where it is in them, in pixels.
    """
    points = face.landmarks()
    turn, place = _similarity(torch.tensor(TEMPLATE, dtype=torch.float64), points)
    size = torch.tensor(picture.shape[:-3:-1], dtype=torch.float64)
    # Both grids run from -1 to 1: a template's pixel is u = 56 (g + 1), a picture's p = size (q + 1) / 2.
    half = SIDE / 2
    matrix = turn * half / (size[:, None] / 2)
    offset = (turn.sum(dim=1) * half + place) / (size / 2) - 1
    theta = torch.cat([matrix, offset[:, None]], dim=1)[None].to(picture).expand(len(picture), -1, -1)
    grid = F.affine_grid(theta, [len(picture), 3, SIDE, SIDE], align_corners=False)
    return F.grid_sample(picture, grid, padding_mode="border", align_corners=False)


def _similarity(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Scaled rotation ``[2, 2]`` and shift ``[2]`` that bring points ``[K, 2]`` nearest to others."""
    first, second = source - source.mean(dim=0), target - target.mean(dim=0)
    left, sizes, right = torch.linalg.svd(second.T @ first)
    signs = torch.tensor([1.0, float(torch.linalg.det(left @ right).sign())], dtype=source.dtype)
    scale = (sizes * signs).sum() / first.square().sum()
    turn = scale * (left * signs) @ right
    return turn, target.mean(dim=0) - turn @ source.mean(dim=0)


def _name(published: str) -> str:
    """Ours for a published name; what is not known keeps its own, and is told by who loads it."""
    module, _, rest = published.partition(".")
    if module == "output_layer":
        number, _, leaf = rest.partition(".")
        return f"{ {'0': 'norm', '3': 'project', '4': 'scale'}.get(number, published) }.{leaf}"
    if module == "input_layer":
        return f"trunk.{rest}"
    found = _INNER.fullmatch(published)
    if found is None:
        return published
    unit, part, layer, excite, leaf = found.groups()
    inner = "skip" if part == "shortcut_layer" else "inner"
    gate = {None: "", "fc1": "squeeze.", "fc2": "excite."}[excite]
    return f"trunk.{int(unit) + 3}.{inner}.{layer}.{gate}{leaf}"
