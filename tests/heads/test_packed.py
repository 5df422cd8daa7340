"""The packed file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan3dinv_ns.heads.packed import (
    PackedHead,
    PackedHeads,
    decode_shape,
    encode_rgb,
    encode_shape,
    write_packed,
)


def disc(size: int = 64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A shaded disc: rgb [R, R, 3] uint8, depth and coverage."""
    x, y = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    radius = np.hypot(x, y)
    alpha = np.clip((0.7 - radius) * 20, 0, 1).astype(np.float32)
    depth = np.where(alpha >= 0.5, 2.4 + 0.4 * radius**2, 0).astype(np.float32)
    rgb = np.stack([0.8 - 0.3 * x, 0.5 + 0.2 * y, 0.4 + 0 * x], -1) * alpha[..., None] + (1 - alpha[..., None])
    return np.round(rgb * 255).astype(np.uint8), depth, alpha


def head(seed: int, views: int = 2) -> PackedHead:
    rgb, depth, alpha = disc()
    label = np.arange(views * 25, dtype=np.float32).reshape(views, 25) + seed
    shape = [encode_shape(depth, alpha)] * views
    return PackedHead(seed, np.full(3, seed / 4), label, np.zeros((views, 2)), [encode_rgb(rgb)] * views, shape)


def test_shape_survives() -> None:
    _, depth, alpha = disc()
    back, cover = decode_shape(encode_shape(depth, alpha))
    assert np.array_equal(back > 0, depth > 0)
    assert np.abs(back - depth).max() < 0.03 and np.abs(back - depth).mean() < 0.005
    assert np.abs(cover - alpha).max() < 0.01


def test_empty_and_full_views_survive() -> None:
    empty, _ = decode_shape(encode_shape(np.zeros((16, 16)), np.zeros((16, 16))))
    full, _ = decode_shape(encode_shape(np.full((16, 16), 2.5), np.ones((16, 16))))
    assert (empty == 0).all()
    assert np.allclose(full, 2.5, atol=0.01)


def test_file_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "heads.safetensors"
    assert write_packed(path, [head(1), head(2)], ["a", "b", "c"], 64) == path.stat().st_size
    packed = PackedHeads(path)
    assert len(packed) == 2 and packed.views == 2 and packed.resolution == 64 and packed.names == ["a", "b", "c"]
    assert packed.seeds.tolist() == [1, 2]
    assert np.allclose(packed.attributes, [[0.25] * 3, [0.5] * 3])
    rgb, depth, alpha, label = packed.decode(1, 1)
    assert np.abs(rgb.astype(float) - disc()[0]).mean() < 6
    assert depth.shape == alpha.shape == (64, 64)
    assert label.tolist() == (np.arange(25, 50) + 2).tolist()


def test_wrong_files_are_one_clear_line(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    with pytest.raises(ValueError, match="no packed heads at"):
        PackedHeads(tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("hello, this is not it")
    with pytest.raises(ValueError, match="cannot read"):
        PackedHeads(tmp_path / "text.safetensors")
    save_file({"x": np.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="not a file of packed heads"):
        PackedHeads(tmp_path / "other.safetensors")
    with pytest.raises(ValueError, match="no heads to pack"):
        write_packed(tmp_path / "empty.safetensors", [], [], 64)
