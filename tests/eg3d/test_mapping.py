from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.eg3d.mapping import MappingNetwork


@pytest.fixture
def mapping() -> MappingNetwork:
    torch.manual_seed(0)
    network = MappingNetwork(z_dim=8, c_dim=3, w_dim=6, num_ws=4, num_layers=2)
    network.w_avg.normal_()
    return network


def test_w_is_repeated_for_every_layer(mapping):
    ws = mapping(torch.randn(2, 8), torch.randn(2, 3))
    assert ws.shape == (2, 4, 6)
    assert torch.equal(ws, ws[:, :1].expand(-1, 4, -1))


def test_length_of_z_does_not_matter(mapping):
    z, c = torch.randn(2, 8), torch.randn(2, 3)
    torch.testing.assert_close(mapping(z, c), mapping(5 * z, c))


def test_conditioning_matters(mapping):
    z = torch.randn(1, 8)
    assert not torch.allclose(mapping(z, torch.ones(1, 3)), mapping(z, torch.tensor([[1.0, -1.0, 1.0]])))


def test_truncation_moves_towards_the_mean(mapping):
    z, c = torch.randn(2, 8), torch.randn(2, 3)
    whole, mean = mapping(z, c), mapping.w_avg.expand(2, 4, 6)
    torch.testing.assert_close(mapping(z, c, truncation_psi=0.0), mean)
    torch.testing.assert_close(mapping(z, c, truncation_psi=0.25), mean + 0.25 * (whole - mean))


def test_truncation_stops_at_the_cutoff(mapping):
    z, c = torch.randn(2, 8), torch.randn(2, 3)
    ws = mapping(z, c, truncation_psi=0.0, truncation_cutoff=3)
    torch.testing.assert_close(ws[:, :3], mapping.w_avg.expand(2, 3, 6))
    torch.testing.assert_close(ws[:, 3:], mapping(z, c)[:, 3:])


def test_running_mean_moves_only_when_asked(mapping):
    z, c = torch.randn(16, 8), torch.randn(16, 3)
    before = mapping.w_avg.clone()
    mean = mapping(z, c)[:, 0].mean(dim=0)
    assert torch.equal(mapping.w_avg, before)
    mapping(z, c, update_w_avg=True)
    torch.testing.assert_close(mapping.w_avg, before + 0.002 * (mean - before))


def test_a_network_of_nothing_is_refused():
    with pytest.raises(ValueError, match="z_dim or c_dim"):
        MappingNetwork(0, 0, 6, 4)
