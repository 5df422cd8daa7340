from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from gan3dinv_ns.ops.image_files import read_image, write_image


def colours(height: int = 24, width: int = 40) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_written_picture_is_read_back_to_one_level(tmp_path):
    image = torch.rand(1, 3, 20, 30) * 2 - 1
    write_image(tmp_path / "a.png", image)
    assert torch.allclose(read_image(tmp_path / "a.png"), image, atol=1.01 / 255)


def test_grey_tensor_is_written_as_colour(tmp_path):
    write_image(tmp_path / "grey.png", torch.zeros(1, 1, 16, 16))
    assert Image.open(tmp_path / "grey.png").mode == "RGB"


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_kinds_of_file_give_values_in_range(tmp_path, suffix):
    Image.fromarray(colours()).save(tmp_path / f"a{suffix}")
    image = read_image(tmp_path / f"a{suffix}")
    assert image.shape == (1, 3, 24, 40) and image.dtype == torch.float32
    assert image.min() >= -1 and image.max() <= 1


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(colours()).save(tmp_path / "turned.png", exif=exif)
    expected = np.rot90(colours(), -1).astype(np.float32) / 127.5 - 1
    assert np.allclose(read_image(tmp_path / "turned.png")[0].permute(1, 2, 0).numpy(), expected, atol=1e-5)


def test_transparency_is_laid_over_white(tmp_path):
    rgba = np.concatenate([colours(), np.zeros((24, 40, 1), np.uint8)], axis=2)
    Image.fromarray(rgba).save(tmp_path / "clear.png")
    assert torch.all(read_image(tmp_path / "clear.png") == 1)


def test_sixteen_bit_grey_is_scaled(tmp_path):
    Image.fromarray(np.full((20, 20), 32768, np.uint16)).save(tmp_path / "deep.png")
    assert torch.allclose(read_image(tmp_path / "deep.png"), torch.zeros(1, 3, 20, 20), atol=1e-3)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK"])
def test_every_mode_becomes_colour(tmp_path, mode):
    suffix = ".jpg" if mode == "CMYK" else ".png"
    first = Image.fromarray(colours()).convert("L" if mode == "LA" else "RGB")
    first.convert(mode).save(tmp_path / f"m{suffix}")
    assert read_image(tmp_path / f"m{suffix}").shape == (1, 3, 24, 40)


@pytest.mark.parametrize(("mode", "suffix"), [("RGB", ".png"), ("P", ".png"), ("RGB", ".jpg")])
def test_large_picture_is_reduced(tmp_path, mode, suffix):
    Image.fromarray(colours(100, 60)).convert(mode).save(tmp_path / f"large{suffix}")
    assert read_image(tmp_path / f"large{suffix}", longest_side=50).shape == (1, 3, 50, 30)


def test_twelve_thousand_pixels_a_side_is_read_in_reduced_size(tmp_path):
    Image.new("L", (12000, 12000), 128).save(tmp_path / "huge.png", compress_level=1)
    assert read_image(tmp_path / "huge.png").shape == (1, 3, 4000, 4000)


def bad_files(folder):
    (folder / "text.png").write_text("not a picture")
    (folder / "empty.png").write_bytes(b"")
    Image.fromarray(colours(1, 1)).save(folder / "dot.png")
    Image.fromarray(colours(200, 200)).save(folder / "whole.png")
    (folder / "cut.png").write_bytes((folder / "whole.png").read_bytes()[:20000])
    Image.new("1", (14000, 14000)).save(folder / "bomb.png")
    return {
        "missing.png": "does not exist",
        ".": "is a folder",
        "text.png": "is not a picture",
        "empty.png": "is not a picture",
        "dot.png": "at least 16x16",
        "cut.png": "is damaged",
        "bomb.png": "178 million",
    }


def test_bad_files_are_one_clear_line(tmp_path):
    for name, words in bad_files(tmp_path).items():
        with pytest.raises(ValueError, match=words) as error:
            read_image(tmp_path / name)
        assert str(tmp_path) in str(error.value) and "\n" not in str(error.value)


def test_wrong_shape_or_suffix_is_refused(tmp_path):
    with pytest.raises(ValueError, match="shape"):
        write_image(tmp_path / "a.png", torch.zeros(3, 20, 20))
    with pytest.raises(ValueError, match="unknown kind of picture"):
        write_image(tmp_path / "a.xyz", torch.zeros(1, 3, 20, 20))


def test_heic_is_read(tmp_path):
    pillow_heif = pytest.importorskip("pillow_heif")
    picture = Image.new("RGB", (64, 48), (200, 100, 50))
    pillow_heif.from_pillow(picture).save(tmp_path / "phone.heic", quality=95)
    image = read_image(tmp_path / "phone.heic")
    assert image.shape == (1, 3, 48, 64)
    assert torch.allclose((image[0, :, 24, 32] + 1) * 127.5, torch.tensor([200.0, 100.0, 50.0]), atol=4)
    (tmp_path / "half.heic").write_bytes((tmp_path / "phone.heic").read_bytes()[:60])
    with pytest.raises(ValueError, match=r"half\.heic"):
        read_image(tmp_path / "half.heic")


def test_heic_without_its_plugin_is_refused_with_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "phone.HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(ValueError, match=r"phone\.HEIC: HEIC pictures need pillow-heif .*the extra .heic"):
        read_image(tmp_path / "phone.HEIC")
