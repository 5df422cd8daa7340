"""`gan3dinv heads report`: wiring, files, and what it says to bad input."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from gan3dinv_ns.cli.heads_report import ReportGenerator
from gan3dinv_ns.eg3d import (
    Discriminator,
    DiscriminatorConfig,
    Generator,
    GeneratorConfig,
    RenderingOptions,
    save_discriminator,
    save_generator,
)
from gan3dinv_ns.evaluation.attribute_regressor import train_attribute_regressor


@pytest.fixture
def tiny(tmp_path: Path) -> str:
    torch.manual_seed(0)
    rendering = RenderingOptions(depth_resolution=4, depth_resolution_importance=4)
    small = {"channel_base": 512, "channel_max": 16}
    generator = Generator(
        GeneratorConfig(plane_resolution=32, neural_rendering_resolution=8, rendering=rendering, **small)
    )
    save_generator(generator, tmp_path / "tiny.safetensors")
    discriminator = Discriminator(DiscriminatorConfig(img_resolution=generator.img_resolution, **small))
    save_discriminator(discriminator, tmp_path / "tiny.discriminator.safetensors")
    return str(tmp_path / "tiny.safetensors")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Heads of random pictures, an inversion that renders a slope, and what was asked for."""
    seen: dict[str, object] = {}

    def rendered(template, seeds, resolution, views=1, count=None):
        random = torch.Generator().manual_seed(len(seeds))
        seen["training" if views > 1 else "held out"] = seeds
        smile = torch.rand(len(seeds) * views, generator=random)
        pictures = torch.randint(256, (len(smile), 3, resolution, resolution), generator=random, dtype=torch.uint8)
        return pictures, {"smile": smile, "male": smile > 0.5}

    depth = torch.linspace(2.4, 2.9, 8).expand(1, 1, 8, 8)

    def invert(generator, discriminator, photo, **_):
        maps = {"image_depth": depth + 0.1, "image_weights": torch.ones(1, 1, 8, 8)}
        return SimpleNamespace(label=torch.zeros(1, 25), render=lambda label: maps)

    heads = "gan3dinv_ns.heads.labelled_pictures"
    monkeypatch.setattr("gan3dinv_ns.heads.template.load_template", lambda source: None)
    monkeypatch.setattr(f"{heads}.rendered_pictures", rendered)
    monkeypatch.setattr(f"{heads}.photo_with_depth", lambda *_: (torch.zeros(1, 3, 16, 16), depth))
    monkeypatch.setattr("gan3dinv_ns.inversion.run.invert", invert)
    monkeypatch.setattr(
        "gan3dinv_ns.evaluation.generator_report.train_attribute_regressor",
        lambda data, seen, *rest: train_attribute_regressor(data, 64, *rest),
    )
    return seen


def test_a_report_is_printed_and_written(tiny, asked, tmp_path, capsys):
    folder = tmp_path / "report"
    ReportGenerator(generator=tiny, output_dir=folder, samples=10, inverted=2, seed=700, device="cpu").main()
    assert asked == {"held out": range(700, 720), "training": range(720, 730)}
    shown = capsys.readouterr().out
    for name in ("report.json", "report.md", "samples.png", "consistency.png", "readability.png"):
        assert (folder / name).is_file() and f"wrote {folder / name}" in shown
    figures = json.loads((folder / "report.json").read_text())
    assert figures["generator"] == tiny and figures["training_pictures"] == 20
    assert figures["depth"]["heads"] == 2 and figures["depth"]["error_box"] == pytest.approx(0.1, rel=1e-4)
    assert "depth correlation" in shown and "Frechet distance" in shown


@pytest.mark.parametrize(("option", "reason"), [({"samples": 9}, "--samples 9"), ({"inverted": -1}, "--inverted -1")])
def test_bad_numbers_are_named_before_any_work(option, reason):
    with pytest.raises(ValueError, match=reason):
        ReportGenerator(generator="missing.safetensors", **option).main()


def test_packed_heads_that_are_missing_are_named(tiny, asked, tmp_path):
    with pytest.raises(ValueError, match="no packed heads at"):
        ReportGenerator(generator=tiny, data=tmp_path / "no.safetensors", samples=10, device="cpu").main()
