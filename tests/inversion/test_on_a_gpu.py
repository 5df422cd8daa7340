"""What an inversion on a GPU owes to one on a CPU."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gan3dinv_ns.benchmark.steps import Networks
from gan3dinv_ns.eg3d.backends.choice import usable_backends, use_backend
from gan3dinv_ns.inversion.networks import load_networks
from gan3dinv_ns.inversion.run import optimise
from gan3dinv_ns.inversion.settings import InversionSettings, ScheduleSettings
from gan3dinv_ns.ops.compute_choices import BackendName

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def found_psnr(file: Path, device: str, backend: BackendName = "torch", **options: bool) -> float:
    """PSNR of the photo, a sample of the generator, after a few steps of each phase."""
    schedule = replace(ScheduleSettings(), warmup_steps=2, project_steps=20, tune_steps=15)
    settings = replace(InversionSettings(), schedule=schedule, depth_samples=(8, 8))
    networks = Networks(*load_networks(str(file), torch.device(device)), settings, **options)
    use_backend(networks.generator, backend)
    inversion, seen = networks.inversion(), []
    optimise(inversion, lambda step, phase, metrics: seen.append(metrics.get("psnr")))
    assert all(one.device.type == device for one in inversion.state_dict().values())
    return float(seen[-1] or 0.0)


@pytest.mark.parametrize("backend", ["torch", "triton", "tcnn"])
def test_it_comes_as_near_as_on_a_cpu(tiny_generator_file: Path, backend: BackendName) -> None:
    if backend not in usable_backends(torch.device("cuda")):
        pytest.skip(f"{backend} cannot be had")
    expected = found_psnr(tiny_generator_file, "cpu")
    assert found_psnr(tiny_generator_file, "cuda", backend) == pytest.approx(expected, abs=1.0)


def test_compiled_it_comes_as_near(tiny_generator_file: Path) -> None:
    expected = found_psnr(tiny_generator_file, "cuda")
    assert found_psnr(tiny_generator_file, "cuda", compiled=True) == pytest.approx(expected, abs=1.0)


@pytest.mark.parametrize("backend", ["torch", "triton"])
def test_replayed_as_cuda_graphs_it_comes_as_near(
    tiny_generator_file: Path, backend: BackendName, caplog: pytest.LogCaptureFixture
) -> None:
    if backend not in usable_backends(torch.device("cuda")):
        pytest.skip(f"{backend} cannot be had")
    expected = found_psnr(tiny_generator_file, "cuda", backend)
    found = found_psnr(tiny_generator_file, "cuda", backend, replayed=True)
    assert not [one for one in caplog.records if one.name.endswith("gradients")], "what cannot be recorded is told"
    assert found == pytest.approx(expected, abs=0.1)
