"""Claims about what is measured: every stage, step and inversion, and nothing is changed by it."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
import torch

from gan3dinv_ns.benchmark import steps
from gan3dinv_ns.benchmark.growth import Growth, render_growth, step_growth
from gan3dinv_ns.benchmark.machine import Roofline
from gan3dinv_ns.benchmark.measurement import Measurement
from gan3dinv_ns.benchmark.report import BenchmarkReport, Results, describe_generator, growth_rows, measurement_rows
from gan3dinv_ns.benchmark.stages import STAGES, render_suite
from gan3dinv_ns.benchmark.steps import Networks, inversion_suite, step_suite
from gan3dinv_ns.eg3d import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig, RenderingOptions
from gan3dinv_ns.inversion.settings import InversionSettings, ScheduleSettings
from gan3dinv_ns.losses.perceptual import LpipsDistance


@pytest.fixture
def generator() -> Generator:
    rendering = RenderingOptions(depth_resolution=4, depth_resolution_importance=4)
    config = GeneratorConfig(
        plane_resolution=32, channel_base=512, channel_max=16, neural_rendering_resolution=8, rendering=rendering
    )
    return Generator(config).eval()


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two sizes are enough to grow."""
    monkeypatch.setattr("gan3dinv_ns.benchmark.growth._COUNTS", (1, 2))
    monkeypatch.setattr("gan3dinv_ns.benchmark.growth._PIXEL_FACTORS", (1.0, 2.0))


@pytest.fixture
def networks(generator: Generator) -> Networks:
    discriminator = Discriminator(DiscriminatorConfig(channel_base=256, channel_max=8)).eval()
    schedule = replace(ScheduleSettings(), warmup_steps=1, project_steps=2, tune_steps=1)
    return Networks(generator, discriminator, None, replace(InversionSettings(), schedule=schedule))


def test_every_stage_is_measured_with_and_without_gradients(generator: Generator) -> None:
    told: list[str] = []
    rows = render_suite(generator, 1, told.append)
    assert [row.name for row in rows] == [f"{one}{way}" for one in STAGES for way in ("", " + backward")]
    assert all(row.ms > 0 and row.peak_mb > 0 and row.moved > 0 for row in rows) and told == list(STAGES)
    by_name = {row.name: sum(row.flops.values()) for row in rows}
    assert 2 <= by_name["super-resolution + backward"] / by_name["super-resolution"] <= 4
    parts = sum(by_name[part] for part in STAGES[:3])
    assert by_name["whole"] == pytest.approx(parts, rel=0.05)


def test_the_generator_is_left_as_it_was(generator: Generator) -> None:
    generator.requires_grad_(False)
    generator.decoder.requires_grad_(True)
    before = {name: value.clone() for name, value in generator.state_dict().items()}
    options = generator.rendering
    render_suite(generator, 1, lambda what: None)
    growth = render_growth(generator, 1, lambda what: None)
    assert [one.by for one in growth[::2]] == ["batch", "rendered pixels", "samples on a ray"]
    assert [one.sizes for one in growth[::2]] == [(1, 2), (64, 256), (8, 16)]
    assert all((value == before[name]).all() for name, value in generator.state_dict().items())
    wanted = {name for name, parameter in generator.named_parameters() if parameter.requires_grad}
    assert wanted == {name for name, _ in generator.named_parameters() if name.startswith("decoder")}
    assert all(parameter.grad is None for parameter in generator.parameters()) and generator.rendering == options


def test_a_step_of_each_phase_is_measured(networks: Networks) -> None:
    rows = step_suite(networks, 1, lambda what: None)
    phases = [phase.name for phase in networks.settings.build_schedule().phases if phase.steps]
    assert [row.name for row in rows] == [f"step in {name}" for name in phases]
    assert all(row.flops["float32"] > 0 for row in rows)


def test_an_inversion_is_timed_by_phase(networks: Networks) -> None:
    found = inversion_suite(networks, lambda what: None)
    phases = [phase.name for phase in networks.settings.build_schedule().phases if phase.steps]
    assert list(found.seconds) == ["start", *phases, "whole"] and found.steps == 4 and math.isfinite(found.psnr)
    parts = sum(seconds for name, seconds in found.seconds.items() if name != "whole")
    assert parts == pytest.approx(found.seconds["whole"], abs=0.1)


def test_inversions_compile_their_own_networks_if_they_are_to(
    networks: Networks, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[Generator] = []
    monkeypatch.setattr(steps, "compile_networks", compiled.append)
    networks.inversion()
    assert compiled == []
    inversion = replace(networks, compiled=True).inversion()
    assert compiled == [inversion.generator]


def test_growth_is_an_exponent_between_sizes() -> None:
    rows = [Measurement("x", ms, 1.0, {}, 1.0) for ms in (10.0, 20.0, 20.0)]
    assert Growth("photos", (1, 2, 4), tuple(rows)).exponents == pytest.approx([1.0, 0.0])


def test_steps_grow_by_photos(networks: Networks, monkeypatch: pytest.MonkeyPatch) -> None:
    def stand_in(networks: Networks, repeats: int, tell: object, photos: int) -> list[Measurement]:
        return [Measurement("step", 10.0 * photos, 1.0, {}, 1.0)]

    monkeypatch.setattr("gan3dinv_ns.benchmark.growth.step_suite", stand_in)
    (growth,) = step_growth(networks, 1, lambda what: None)
    assert growth.by == "photos" and growth.exponents == pytest.approx([1.0])


def test_what_was_measured_is_plain_data_and_tables(generator: Generator) -> None:
    stages = render_suite(generator, 1, lambda what: None)
    growth = [Growth("photos", (1, 2), (stages[0], stages[1]))]
    results = Results("torch", stages, growth=growth)
    report = BenchmarkReport({}, Roofline({"float32": 1e9}, 1e9), describe_generator("tiny", generator), (results,))
    content = json.loads(json.dumps(report.to_json(), allow_nan=False))
    assert content["generator"]["samples_per_ray"] == 8 and content["results"][0]["stages"][0]["share_of_roofline"] > 0
    assert len(measurement_rows(stages, report.roofline)) == len(stages)
    assert {row[1:3] for row in growth_rows(growth)} == {("photos", "1 / 2")}
    assert len(content["results"][0]["growth"][0]["exponents"]) == 1


def test_no_repeats_are_refused(generator: Generator) -> None:
    with pytest.raises(ValueError, match="repeats 0"):
        render_suite(generator, 0, lambda what: None)


def test_lpips_of_untrained_networks_needs_no_download() -> None:
    settings = replace(InversionSettings(), perceptual="lpips-alex")
    networks = Networks.untrained("shapenetcars128-64", settings, torch.device("cpu"))
    assert isinstance(networks.perceptual, LpipsDistance) and networks.initialisers is None
    assert networks.inversion().target.photo.shape == (1, 3, 128, 128)
