"""Claims about recorded calls."""

from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.ops.cuda_graphs import check_cuda_graphs, record_cuda_graph

on_a_gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize("kind", ["cpu", "mps"])
def test_other_devices_are_refused_in_one_line(kind: str) -> None:
    with pytest.raises(ValueError, match=f"^CUDA graphs need a CUDA device, not {kind}; do without the option"):
        check_cuda_graphs(torch.device(kind))


class TestOnAGpu:
    pytestmark = on_a_gpu

    def test_a_replay_reads_what_lies_in_its_inputs_then(self) -> None:
        values = torch.arange(4.0, device="cuda")
        result, replay = record_cuda_graph(lambda: values.square().sum())
        for factor in (1.0, 3.0):
            values.copy_(factor * torch.arange(4.0))
            replay()
            assert float(result) == 14 * factor**2

    def test_gradients_are_replayed(self) -> None:
        weight, x = torch.ones(3, device="cuda", requires_grad=True), torch.ones(3, device="cuda")

        def call() -> torch.Tensor:
            weight.grad = None
            loss = (weight * x).square().sum()
            loss.backward()
            return loss.detach()

        loss, replay = record_cuda_graph(call)
        x.fill_(2.0)
        replay()
        assert weight.grad is not None
        assert (float(loss), weight.grad.tolist()) == (12.0, [8.0, 8.0, 8.0])

    def test_random_numbers_are_those_that_the_call_would_draw(self) -> None:
        def call() -> torch.Tensor:
            return torch.rand(1000, device="cuda") + torch.randn(1000, device="cuda")

        result, replay = record_cuda_graph(call)
        for seed in (1, 2):
            torch.manual_seed(seed)
            expected = call()
            torch.manual_seed(seed)
            replay()
            assert torch.equal(result, expected)

    def test_what_reads_back_cannot_be_recorded(self) -> None:
        values = torch.ones(3, device="cuda")
        with pytest.raises(RuntimeError):
            record_cuda_graph(lambda: float(values.sum()))
        assert float(values.sum()) == 3.0, "the device goes on"
