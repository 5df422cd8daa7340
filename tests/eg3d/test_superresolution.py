"""All four modules: sizes, and gradients to everything that an inversion optimises."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.superresolution import SUPERRESOLUTIONS


def has_signal(gradient) -> bool:
    return gradient is not None and bool(gradient.isfinite().all()) and float(gradient.abs().sum()) > 0


def test_modules_have_the_published_resolutions_and_channels():
    found = {name: (m.layout.input_resolution, m.layout.img_resolution) for name, m in SUPERRESOLUTIONS.items()}
    assert found == {"2X": (64, 128), "4X": (128, 256), "8X": (128, 512), "8XDC": (128, 512)}
    assert SUPERRESOLUTIONS["8XDC"].layout.channels == (256, 128)


@pytest.mark.parametrize("name", list(SUPERRESOLUTIONS))
def test_gradients_reach_latent_camera_and_weights(name, small_config, frontal, monkeypatch):
    """The modules work at an eighth of their resolutions here, which spares a minute."""
    torch.manual_seed(0)
    layout = SUPERRESOLUTIONS[name].layout
    small = replace(layout, input_resolution=layout.input_resolution // 8, img_resolution=layout.img_resolution // 8)
    monkeypatch.setattr(SUPERRESOLUTIONS[name], "layout", small)
    generator = Generator(
        replace(small_config, superresolution=name, neural_rendering_resolution=small.input_resolution)
    )
    ws = generator.mapping(torch.randn(1, 16), frontal).detach().requires_grad_()
    c = frontal.clone().requires_grad_()
    image = generator.synthesis(ws, c, sampling="midpoint")["image"]
    assert image.shape == (1, 3, small.img_resolution, small.img_resolution)
    F.interpolate(image, (16, 16), mode="area").square().sum().backward()
    assert has_signal(ws.grad) and has_signal(c.grad)
    for key in ("superresolution.block0.conv0", "superresolution.block1.torgb", "backbone.synthesis.b16.conv1"):
        assert has_signal(generator.get_submodule(key).weight.grad)
    assert has_signal(generator.decoder.net[0].weight.grad)


@pytest.mark.parametrize("resolution", [32, 80])
def test_other_rendering_sizes_are_brought_to_the_modules_own(resolution):
    module = SUPERRESOLUTIONS["2X"](channels=4, w_dim=8)
    features = torch.randn(1, 4, resolution, resolution, requires_grad=True)
    image, raw = module(features[:, :3], features, torch.randn(1, 2, 8))
    assert image.shape[-1] == 128 and torch.equal(raw, features[:, :3])
    image.sum().backward()
    assert has_signal(features.grad)


def test_only_the_last_latent_is_used():
    torch.manual_seed(0)
    module = SUPERRESOLUTIONS["2X"](channels=4, w_dim=8)
    features, ws = torch.randn(1, 4, 64, 64), torch.randn(1, 5, 8)
    changed = ws.clone()
    changed[:, :-1] = 0
    assert torch.equal(module(features[:, :3], features, ws)[0], module(features[:, :3], features, changed)[0])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_half_precision_is_close_on_a_gpu(small_config, frontal):
    torch.manual_seed(0)
    generator = Generator(replace(small_config, neural_rendering_resolution=64, num_fp16_res=1)).cuda().eval()
    c = frontal.cuda()
    with torch.no_grad():
        ws = generator.mapping(torch.randn(1, 16).cuda(), c)
        full = generator.synthesis(ws, c, sampling="midpoint")["image"]
        generator.set_half(True)
        half = generator.synthesis(ws, c, sampling="midpoint")["image"]
    assert half.dtype == torch.float32 and not torch.equal(half, full)
    assert (half - full).norm() / full.norm() < 0.01


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_gpu_and_cpu_agree(small_config, frontal):
    torch.manual_seed(0)
    generator = Generator(small_config).eval()
    with torch.no_grad():
        ws = generator.mapping(torch.randn(1, 16), frontal)
        here = generator.synthesis(ws, frontal, sampling="midpoint")
        there = generator.cuda().synthesis(ws.cuda(), frontal.cuda(), sampling="midpoint")
    for name, value in here.items():
        assert (there[name].cpu() - value).norm() / value.norm() < 5e-3


def test_only_the_largest_module_stores_no_filter_as_published():
    stored = {name: "resample_filter" in module(32, 16).state_dict() for name, module in SUPERRESOLUTIONS.items()}
    assert stored == {"2X": True, "4X": True, "8X": True, "8XDC": False}
