"""Claims about directions that are read from files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from gan3dinv_ns.editing.direction_files import LatentShape, read_direction

SHAPE = LatentShape(num_ws=14, w_dim=512)


def _write(path: Path, content: Any) -> Path:
    if path.suffix == ".npy":
        np.save(path, content.numpy())
    elif path.suffix == ".pt":
        torch.save(content, path)
    else:
        save_file(content if isinstance(content, dict) else {"direction": content}, path)
    return path


@pytest.mark.parametrize("ending", [".npy", ".pt", ".safetensors"])
@pytest.mark.parametrize("shape", [(512,), (1, 512), (14, 512), (1, 14, 512), (3, 512), (3, 1, 512)])
def test_every_layout_is_read(tmp_path: Path, ending: str, shape: tuple[int, ...]) -> None:
    content = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    several = shape[0] == 3
    direction = read_direction(_write(tmp_path / f"d{ending}", content), SHAPE, "2" if several else None)
    offset = direction.offset(14)
    expected = content[2].flatten() if several else content.reshape(-1, 512)
    torch.testing.assert_close(offset, expected.expand(14, 512))
    assert direction.name == ("d-2" if several else "d")


def test_layers_can_be_chosen(tmp_path: Path) -> None:
    direction = read_direction(_write(tmp_path / "d.npy", torch.ones(512)), SHAPE, layers=(2, 3))
    assert torch.nonzero(direction.offset(14).any(dim=1)).flatten().tolist() == [2, 3]


@pytest.mark.parametrize("names", [("comp", "std"), ("lat_comp", "lat_stdev")])
def test_components_of_ganspace_have_their_deviation_as_unit(tmp_path: Path, names: tuple[str, str]) -> None:
    components = torch.nn.functional.normalize(torch.randn(5, 1, 512), dim=2)
    content = {names[0]: components, names[1]: torch.arange(1.0, 6.0), "mean": torch.zeros(512)}
    direction = read_direction(_write(tmp_path / "pca.pt", content), SHAPE, "3")
    assert direction.unit == pytest.approx(4)
    torch.testing.assert_close(direction.vector, components[3, 0])


def test_a_tensor_is_chosen_by_its_name(tmp_path: Path) -> None:
    content = {"age": torch.ones(512), "smile": torch.arange(512.0)}
    path = _write(tmp_path / "d.safetensors", content)
    torch.testing.assert_close(read_direction(path, SHAPE, "smile").offset(14)[0], content["smile"])
    with pytest.raises(ValueError, match=r"several tensors; choose one as in FILE\[age\]"):
        read_direction(path, SHAPE)


@pytest.mark.parametrize("ending", [".npy", ".pt", ".safetensors"])
@pytest.mark.parametrize("shape", [(7,), (512, 3), (2, 3, 512), (0, 512), ()])
def test_a_wrong_shape_is_one_line_with_file_shape_and_what_fits(tmp_path: Path, ending: str, shape) -> None:
    path = _write(tmp_path / f"d{ending}", torch.ones(shape))
    with pytest.raises(ValueError) as error:
        read_direction(path, SHAPE)
    told = str(error.value)
    assert told.startswith(f"{path}: shape {tuple(shape)} does not fit; a direction of this generator is (512,)")
    assert "(14, 512)" in told and "(k, 512)" in told and "\n" not in told


@pytest.mark.parametrize(
    ("content", "chosen", "reason"),
    [
        (torch.ones(5, 512), None, r"holds 5 directions, shape \(5, 512\); choose one as in FILE\[0\]"),
        (torch.ones(5, 512), "5", "no direction '5'; give a number from 0 to 4"),
        (torch.ones(5, 512), "x", "no direction 'x'"),
        (torch.zeros(512), None, "leads nowhere"),
        (torch.full((512,), torch.inf), None, "leads nowhere"),
        ({"note": "nothing"}, None, "holds no tensor"),
        ({"comp": torch.ones(4, 512), "std": torch.ones(3)}, "0", "3 deviations do not fit components"),
    ],
)
def test_what_cannot_be_meant_is_one_line(tmp_path: Path, content, chosen, reason: str) -> None:
    path = _write(tmp_path / "d.pt", content)
    with pytest.raises(ValueError, match=reason) as error:
        read_direction(path, SHAPE, chosen)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)


class _Malice:
    """Makes a folder when it is unpickled by the usual means."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.mkdir, (str(self.folder),)


@pytest.mark.parametrize("ending", [".npy", ".pt"])
def test_nothing_in_a_file_is_executed(tmp_path: Path, ending: str) -> None:
    path, trace = tmp_path / f"d{ending}", tmp_path / "executed"
    if ending == ".pt":
        torch.save({"direction": torch.ones(512), "more": _Malice(trace)}, path)
    else:
        np.save(path, np.array([_Malice(trace)], dtype=object), allow_pickle=True)
    with pytest.raises(ValueError, match="d") as error:
        read_direction(path, SHAPE)
    assert not trace.exists() and "\n" not in str(error.value)


@pytest.mark.parametrize("ending", [".npy", ".pt", ".safetensors", ".pkl"])
@pytest.mark.parametrize("content", [None, b"", b"nonsense"])
def test_a_damaged_or_missing_file_is_one_line(tmp_path: Path, ending: str, content: bytes | None) -> None:
    path = tmp_path / f"d{ending}"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError) as error:
        read_direction(path, SHAPE)
    assert str(error.value).startswith(str(path)) and "\n" not in str(error.value)
