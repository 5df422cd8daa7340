"""Networks in files."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from gan3dinv_ns.ops.network_files import fill_network, read_network_file, write_network_file


def test_configuration_and_tensors_come_back(tmp_path: Path) -> None:
    write_network_file(tmp_path / "n.safetensors", "toy", {"width": 3, "names": ["a"]}, {"w": torch.arange(3.0)})
    config, state = read_network_file(tmp_path / "n.safetensors", "toy")
    assert config == {"width": 3, "names": ["a"]} and torch.equal(state["w"], torch.arange(3.0))


def test_what_is_no_such_network_is_one_clear_line(tmp_path: Path) -> None:
    path = tmp_path / "n.safetensors"
    with pytest.raises(ValueError, match=r"n\.safetensors: no such file"):
        read_network_file(path, "toy")
    save_file({"w": torch.zeros(2)}, path)
    with pytest.raises(ValueError, match="holds tensors but no network configuration"):
        read_network_file(path, "toy")
    write_network_file(path, "other", {}, {"w": torch.zeros(2)})
    with pytest.raises(ValueError, match="holds other, not toy"):
        read_network_file(path, "toy")
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        read_network_file(path, "toy")


def test_a_network_is_filled_only_by_tensors_that_fit() -> None:
    network, state = nn.Linear(2, 3), {"weight": torch.ones(3, 2), "bias": torch.zeros(3)}
    fill_network("n", network, state)
    assert torch.equal(network.weight.detach(), torch.ones(3, 2))
    with pytest.raises(ValueError, match="1 tensors are missing, first bias"):
        fill_network("n", network, {"weight": state["weight"]})
    with pytest.raises(ValueError, match="do not belong to the network, first extra"):
        fill_network("n", network, {**state, "extra": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"tensor bias has shape \(2,\), must be \(3,\)"):
        fill_network("n", network, {**state, "bias": torch.zeros(2)})
