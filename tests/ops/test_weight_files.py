"""Claims about files of published weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from gan3dinv_ns.ops.weight_files import read_weights


class Executed:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (Path.touch, (self.path,))


def test_tensors_are_read_alone_wrapped_and_from_safetensors(tmp_path: Path) -> None:
    state = {"a.weight": torch.arange(3.0)}
    torch.save(state, tmp_path / "alone.pth")
    torch.save({"state_dict": state, "epoch": 7, "optimizer": {"lr": 0.1}}, tmp_path / "wrapped.pt")
    save_file(state, tmp_path / "a.safetensors")
    for name, wrapped in {"alone.pth": False, "wrapped.pt": True, "a.safetensors": False}.items():
        weights = read_weights(tmp_path / name, "a network")
        assert weights.wrapped is wrapped and list(weights.tensors) == ["a.weight"]
        assert torch.equal(weights.tensors["a.weight"], state["a.weight"])


def test_what_is_no_file_of_tensors_is_refused_in_one_line_and_not_executed(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({"state_dict": {"a": 1}}, tmp_path / "numbers.pth")
    torch.save({"a": Executed(tmp_path / "executed")}, tmp_path / "code.pth")
    (tmp_path / "broken.pth").write_bytes(b"no tensors")
    (tmp_path / "broken.safetensors").write_bytes(b"no tensors")
    cases = {
        "list.pth": "something else than tensors",
        "numbers.pth": "something else than tensors",
        "code.pth": "cannot be read",
        "broken.pth": "cannot be read",
        "broken.safetensors": "cannot be read",
        "no.pth": "no such file; give the weights of a network",
    }
    for name, told in cases.items():
        with pytest.raises(ValueError, match=told) as caught:
            read_weights(tmp_path / name, "a network")
        assert name in str(caught.value) and "\n" not in str(caught.value)
    assert not (tmp_path / "executed").exists()
