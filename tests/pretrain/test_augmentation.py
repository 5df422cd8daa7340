"""Changes to pictures."""

from __future__ import annotations

from dataclasses import replace

import torch

from gan3dinv_ns.pretrain.augmentation import AugmentationSettings, change_looks, draw_moves

NOTHING = AugmentationSettings(0, 0, 0, 0, 0, 0, 0, 0)


def test_nothing_asked_for_is_nothing_changed() -> None:
    pictures = torch.rand(3, 3, 16, 16) * 2 - 1
    moves = draw_moves(3, NOTHING)
    torch.testing.assert_close(moves.of(pictures), pictures, atol=1e-5, rtol=0)
    torch.testing.assert_close(change_looks(pictures, NOTHING), pictures)


def test_moves_stay_within_their_limits_and_fill_them() -> None:
    moves = draw_moves(2000, AugmentationSettings(shift=0.1, scale=0.2, roll=0.3))
    for values, limit in ((moves.shift, 0.1), (moves.scale - 1, 0.2), (moves.roll, 0.3)):
        assert 0.95 * limit < float(values.abs().max()) <= limit * (1 + 1e-5)


def test_every_change_of_looks_keeps_the_range_and_does_something() -> None:
    torch.manual_seed(0)
    pictures = torch.rand(8, 3, 32, 32) * 2 - 1
    for change in ({"tint": 0.3}, {"brightness": 0.2}, {"blur": 1.5}, {"light": 1.0}, {"occlusion": 1.0}):
        changed = change_looks(pictures, replace(NOTHING, **change))
        assert float(changed.abs().max()) <= 1 and not torch.equal(changed, pictures), change


def test_blur_keeps_a_plain_picture_and_takes_contrast() -> None:
    torch.manual_seed(1)
    blurred = replace(NOTHING, blur=2.0)
    torch.testing.assert_close(change_looks(torch.full((1, 3, 16, 16), 0.3), blurred), torch.full((1, 3, 16, 16), 0.3))
    noise = torch.rand(1, 3, 32, 32) * 2 - 1
    assert float(change_looks(noise, blurred).std()) < 0.7 * float(noise.std())


def test_half_of_the_pictures_are_hidden_each_in_a_part() -> None:
    torch.manual_seed(2)
    pictures = torch.rand(60, 3, 32, 32) * 2 - 1
    hidden = (change_looks(pictures, replace(NOTHING, occlusion=0.5)) != pictures).all(dim=1)
    shares = hidden.flatten(1).float().mean(dim=1)
    assert 18 <= int((shares > 0).sum()) <= 42 and float(shares.max()) < 0.6


def test_half_of_the_pictures_are_lit_unevenly_and_grey_stays_grey() -> None:
    torch.manual_seed(3)
    grey = torch.full((60, 3, 32, 32), -0.2)
    lit = change_looks(grey, replace(NOTHING, light=0.5))
    changed = ((lit - grey).abs() > 1e-5).flatten(1).any(dim=1)
    assert 18 <= int(changed.sum()) <= 42
    spread = lit[changed].flatten(1).amax(dim=1) - lit[changed].flatten(1).amin(dim=1)
    assert float(spread.median()) > 0.15
    # It is the light that changes, not the paint: grey stays grey.
    torch.testing.assert_close(lit[:, :1].expand_as(lit), lit)
