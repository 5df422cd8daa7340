"""The benchmark measures every part and leaves the generator as it was."""

from __future__ import annotations

import json

import pytest
import torch

from gan3dinv_ns.eg3d import Generator, GeneratorConfig, RenderingOptions
from gan3dinv_ns.evaluation.benchmark import run_benchmark


@pytest.fixture
def generator() -> Generator:
    rendering = RenderingOptions(depth_resolution=4, depth_resolution_importance=4)
    config = GeneratorConfig(
        plane_resolution=32, channel_base=512, channel_max=16, neural_rendering_resolution=8, rendering=rendering
    )
    return Generator(config).eval()


def test_every_part_is_timed_with_and_without_gradients(generator):
    report = run_benchmark(generator, repeats=1)
    assert [row.part for row in report.parts] == ["backbone", "rendering", "super-resolution", "whole"]
    for row in report.parts:
        assert min(row.forward_ms, row.backward_ms, row.forward_peak_mb, row.backward_peak_mb) > 0
    assert report.inversion_seconds is None
    assert report.generator["samples_per_ray"] == 8
    json.dumps(report.to_json(), allow_nan=False)


def test_the_generator_is_left_as_it_was(generator):
    generator.requires_grad_(False)
    generator.decoder.requires_grad_(True)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    run_benchmark(generator, repeats=1)
    assert all(torch.equal(value, before[name]) for name, value in generator.state_dict().items())
    wanted = {name for name, parameter in generator.named_parameters() if parameter.requires_grad}
    assert wanted == {name for name, _ in generator.named_parameters() if name.startswith("decoder")}
    assert all(parameter.grad is None for parameter in generator.parameters())


def test_an_inversion_is_run_once_and_timed(generator):
    calls, told = [], []
    report = run_benchmark(generator, 1, lambda: calls.append(1), told.append)
    assert calls == [1] and report.inversion_seconds is not None
    assert told == ["backbone", "rendering", "super-resolution", "whole", "inversion"]


def test_no_repeats_are_refused(generator):
    with pytest.raises(ValueError, match="repeats 0"):
        run_benchmark(generator, repeats=0)
