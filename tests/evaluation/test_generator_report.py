"""A whole report of a tiny generator, and the files it ends in."""

from __future__ import annotations

import json

import pytest
import torch
from PIL import Image

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Discriminator, DiscriminatorConfig, Generator, GeneratorConfig, RenderingOptions
from gan3dinv_ns.evaluation.generator_page import text_table, write_generator_report
from gan3dinv_ns.evaluation.generator_report import (
    TrueHeads,
    draw_samples,
    half_megabytes,
    measure_generator,
)
from gan3dinv_ns.evaluation.labelled import LabelledPictures

COUNT = 10


@pytest.fixture(scope="module")
def networks() -> tuple[Generator, Discriminator]:
    torch.manual_seed(0)
    rendering = RenderingOptions(depth_resolution=4, depth_resolution_importance=4)
    small = {"channel_base": 512, "channel_max": 16}
    config = GeneratorConfig(plane_resolution=32, neural_rendering_resolution=8, rendering=rendering, **small)
    generator = Generator(config).eval()
    return generator, Discriminator(DiscriminatorConfig(img_resolution=generator.img_resolution, **small)).eval()


def random_pictures(count: int, side: int = 16) -> LabelledPictures:
    random = torch.Generator().manual_seed(count)
    pictures = torch.randint(256, (count, 3, side, side), generator=random, dtype=torch.uint8)
    values = torch.rand(count, generator=random)
    return LabelledPictures(pictures, {"smile": values, "male": values > 0.5})


def cameras(count: int = COUNT) -> torch.Tensor:
    yaws = torch.linspace(-0.4, 0.4, count)
    return camera_label(orbit(yaws, torch.zeros_like(yaws)), intrinsics_matrix())


@pytest.fixture(scope="module")
def measured(networks):
    told = []
    heads = TrueHeads(random_pictures(12), random_pictures(2 * COUNT), cameras())
    result = measure_generator("tiny", *networks, heads, None, pictures_seen=64, progress=lambda *x: told.append(x[0]))
    return (*result, told)


def test_a_report_has_every_figure(measured):
    report, views, told = measured
    assert [row.features for row in report.frechet] == ["random-convolutions-v1", "attribute-regressor"]
    assert all(row.samples_to_renders > 0 and row.renders_to_renders > 0 for row in report.frechet)
    assert [one.name for one in report.linear] == [one.name for one in report.regressor] == ["smile", "male"]
    assert report.depth is None and report.samples == COUNT and report.cost.seconds_per_image > 0
    assert len(views) == 6
    assert list(dict.fromkeys(told)) == ["samples", "attribute regressor", "views"]


def test_files_hold_the_figures_and_the_pictures(measured, tmp_path):
    report, views, _ = measured
    files = write_generator_report(report, views, tmp_path / "deep")
    assert [file.name for file in files] == [
        "report.json",
        "report.md",
        "samples.png",
        "consistency.png",
        "readability.png",
    ]
    figures = json.loads(files[0].read_text())
    assert figures["frechet"][0]["features"] == "random-convolutions-v1" and figures["depth"] is None
    page = files[1].read_text()
    for name in ("samples.png", "consistency.png", "readability.png"):
        assert f"]({name})" in page
    side = views[0].final.shape[-1]
    with Image.open(files[2]) as picture:
        assert picture.size == (5 * side, 6 * side + 20)
    shown = text_table(report)
    assert all(word in shown for word in ("random-convolutions-v1", "smile, R2", "male, accuracy", "MB", "time of"))


def test_samples_are_the_same_for_a_seed_and_seen_from_their_cameras(networks):
    generator = networks[0]
    (latents, first), (again, second) = (draw_samples(generator, cameras(2), 16, seed=5) for _ in range(2))
    assert torch.equal(first, second) and torch.equal(latents, again)
    assert first.shape == (2, 3, 16, 16) and first.dtype == torch.uint8 and latents.shape == (2, generator.w_dim)
    assert not torch.equal(first, draw_samples(generator, cameras(2), 16, seed=6)[1])


def test_size_is_that_of_the_stored_file(networks, tmp_path):
    from gan3dinv_ns.eg3d import save_discriminator

    path = tmp_path / "d.safetensors"
    save_discriminator(networks[1], path, half=True)
    header = 8 + int.from_bytes(path.read_bytes()[:8], "little")
    assert half_megabytes(networks[1]) * 1e6 == pytest.approx(path.stat().st_size - header)


def test_sets_of_other_sizes_are_refused():
    with pytest.raises(ValueError, match="3 samples are too few"):
        TrueHeads(random_pictures(4), random_pictures(6), cameras(3))
    with pytest.raises(ValueError, match="12 renders for 10 samples"):
        TrueHeads(random_pictures(4), random_pictures(12), cameras())
