from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.ops.image_files import write_image
from gan3dinv_ns.photo import FramingSettings, Square, fit_to, prepare_photo


def checkerboard(size: int) -> torch.Tensor:
    rows = torch.arange(size)
    return ((rows[:, None] + rows) % 2 * 2.0 - 1).expand(1, 3, size, size)


def test_fitting_to_the_same_size_changes_nothing():
    image = torch.rand(1, 3, 32, 32)
    assert torch.equal(fit_to(image, 32), image)


def test_shrinking_does_not_alias():
    small = fit_to(checkerboard(256), 32)
    assert small.abs().max() < 0.05


def test_result_stays_in_range():
    step = torch.cat([-torch.ones(1, 3, 64, 32), torch.ones(1, 3, 64, 32)], dim=3)
    for resolution in (24, 100):
        assert fit_to(step, resolution).abs().max() <= 1


def test_constant_stays_constant():
    assert torch.allclose(fit_to(torch.full((1, 3, 50, 50), 0.3), 128), torch.full((1, 3, 128, 128), 0.3), atol=1e-5)


def test_oblong_image_is_refused():
    with pytest.raises(ValueError, match="20x30"):
        fit_to(torch.zeros(1, 3, 30, 20), 16)


def test_photo_is_prepared_from_its_file(tmp_path):
    write_image(tmp_path / "a.png", torch.rand(1, 3, 60, 90) * 2 - 1)
    photo, framing = prepare_photo(tmp_path / "a.png", 64)
    assert photo.shape == (1, 3, 64, 64) and framing.square == Square(15, 0, 60)
    photo, framing = prepare_photo(tmp_path / "a.png", 64, settings=FramingSettings(crop=(20, 10, 40)))
    assert photo.shape == (1, 3, 64, 64) and framing.square == Square(20, 10, 40)


def test_a_background_is_made_white_where_that_is_asked_for(tmp_path, portrait):
    white = portrait.amin(dim=1, keepdim=True) > 0.97
    write_image(tmp_path / "a.png", torch.where(white, torch.tensor([-0.5, 0.0, 0.3]).reshape(1, 3, 1, 1), portrait))
    kept, _ = prepare_photo(tmp_path / "a.png", 64)
    made, framing = prepare_photo(tmp_path / "a.png", 64, white=True)
    assert kept[..., :4, :4].mean() < 0 and made[..., :4, :4].min() > 0.95
    assert "background is made white" in framing.reason
    write_image(tmp_path / "b.png", portrait)
    already, framing = prepare_photo(tmp_path / "b.png", 64, white=True)
    assert torch.equal(already, prepare_photo(tmp_path / "b.png", 64)[0]) and "white" not in framing.reason
