"""Claims about the files of a finished inversion."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gan3dinv_ns.inversion.results import write_results
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.inversion.state import Inversion


@pytest.fixture(scope="module")
def inversion(
    toy_generator: Any, toy_discriminator: Any, toy_photo: Callable[..., Tensor], short_settings: InversionSettings
) -> Inversion:
    inversion = Inversion(toy_generator, toy_discriminator, toy_photo(0.3, 0.1, 2), short_settings)
    inversion.start()
    return inversion


@pytest.fixture(scope="module")
def folder(inversion: Inversion, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "deep" / "inversion"
    write_results(inversion, folder, {"seconds": 12.5, "worthless": float("nan")})
    return folder


def test_all_files_are_there_and_nothing_else(folder: Path) -> None:
    assert sorted(path.name for path in folder.iterdir()) == [
        "camera.json",
        "comparison.png",
        "latent.npz",
        "metrics.json",
        "reconstruction.png",
    ]


def test_camera_file_holds_the_label(folder: Path, inversion: Inversion) -> None:
    camera = json.loads((folder / "camera.json").read_text())
    torch.testing.assert_close(torch.tensor([camera["label"]]), inversion.label.detach())
    assert (camera["yaw_rad"], camera["pitch_rad"]) == pytest.approx(inversion.pose.yaw_pitch())
    assert camera["radius_box"] == pytest.approx(2.7)
    assert len(camera["translation_box"]) == 2


def test_metrics_are_strict_json(folder: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    metrics = json.loads((folder / "metrics.json").read_text(), parse_constant=refuse)
    assert metrics["seconds"] == 12.5
    assert "worthless" not in metrics
    assert {"psnr", "perceptual", "yaw_rad", "pitch_rad"} <= set(metrics)


def test_latent_file_holds_w_and_ws(folder: Path, inversion: Inversion) -> None:
    with np.load(folder / "latent.npz") as latent:
        np.testing.assert_array_equal(latent["w"], inversion.w[0, 0].detach().numpy())
        assert latent["ws"].shape == (4, 16)


def test_pictures_have_their_sizes(folder: Path) -> None:
    assert Image.open(folder / "reconstruction.png").size == (64, 64)
    width, height = Image.open(folder / "comparison.png").size
    assert width == 6 * 192 and height > 192


def test_writing_again_replaces(folder: Path, inversion: Inversion) -> None:
    assert write_results(inversion, folder)["psnr"] > 5
    assert "seconds" not in json.loads((folder / "metrics.json").read_text())
