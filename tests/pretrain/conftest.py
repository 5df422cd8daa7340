"""What the tests of the pretraining share: pairs of which something is learned in a few steps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.encoders.pairs import Pairs, begin_pairs, write_shard

W_DIM = 512


def painted_pairs(count: int) -> Pairs:
    """Pictures [N, 3, 32, 32] that show their latent as colours and their camera as slopes."""
    random = torch.Generator().manual_seed(1)
    angles = (2 * torch.rand(count, 2, generator=random) - 1) * torch.tensor([0.5, 0.3])
    colours = torch.rand(count, 3, generator=random) - 0.5
    place = torch.linspace(-1, 1, 32)
    slopes = angles[:, 0, None, None] * place[None, None, :] + angles[:, 1, None, None] * place[None, :, None]
    photo = (colours[:, :, None, None] + slopes[:, None]).clamp(-1, 1)
    w = colours.repeat_interleave(W_DIM // 3 + 1, dim=1)[:, :W_DIM]
    return Pairs(photo, w, camera_label(orbit(angles[:, 0], angles[:, 1]), intrinsics_matrix(n=count)))


@pytest.fixture(scope="session")
def pairs() -> Pairs:
    """Sixty of them, as they are stored."""
    painted = painted_pairs(60)
    return Pairs(((painted.photo + 1) * 127.5).round().to(torch.uint8), painted.w, painted.label)


@pytest.fixture(scope="session")
def pairs_folder(tiny_generator_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same on disk, made, so it says, by the tiny generator."""
    folder = tmp_path_factory.mktemp("pairs")
    begin_pairs(folder, {"generator": str(tiny_generator_file)})
    painted = painted_pairs(60)
    write_shard(folder, 0, 0, painted.photo, painted.w, painted.label)
    return folder
