"""Claims about photos of unseen heads."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.rotations import orbit, rotation_angle
from gan3dinv_ns.heads.heldout import IN_FAMILY, check_choice, photo_label, photograph
from gan3dinv_ns.heads.render import render_head
from gan3dinv_ns.heads.template import HeadTemplate

ANGLES = {
    0: (-0.4191759608268125, -0.0487811040032064),
    900_000: (-0.35210022863673573, 0.08737845535209654),
    900_001: (0.21634781473448428, -0.19288796952493298),
}
"""Yaw and pitch in radians of the photos of some seeds."""


def test_cameras_of_seeds_are_what_they_always_were() -> None:
    for seed, angles in ANGLES.items():
        assert torch.equal(split_label(photo_label(seed))[0], orbit(*angles))


def test_photo_is_the_head_of_the_seed_from_its_camera(template: HeadTemplate) -> None:
    head = photograph(template, "heads", 900_003, 32)
    image, depth, coverage = render_head(template, 900_003, split_label(photo_label(900_003))[0], 32)
    assert (head.name, head.kind) == ("900003", IN_FAMILY)
    assert torch.equal(head.photo, image)
    for one, other in zip(head.render(head.label, 32), (image, depth, coverage), strict=True):
        assert torch.equal(one, other)


def test_out_of_family_heads_say_what_is_unfamiliar_and_keep_the_camera(template: HeadTemplate) -> None:
    head = photograph(template, "heads-out-of-family", 900_001, 32)
    assert head.kind == "hat"
    assert torch.equal(head.label, photo_label(900_001))
    assert not torch.equal(head.photo, photograph(template, "heads", 900_001, 32).photo)


def test_roll_turns_the_camera_around_its_axis_and_nothing_else() -> None:
    for seed in range(20):
        upright, turned = (split_label(photo_label(seed, roll))[0] for roll in (0.0, 0.4))
        torch.testing.assert_close(turned[:, :3, 2:], upright[:, :3, 2:])
        assert 0 < float(rotation_angle(turned[:, :3, :3], upright[:, :3, :3])) <= 0.4


@pytest.mark.parametrize(
    ("choice", "reason"),
    (
        ((0, 0, 0.0), "count 0"),
        ((-1, 1, 0.0), "seed -1"),
        ((0, 1, -0.1), "roll -0.1"),
        ((0, 1, 4.0), "roll 4.0"),
        ((0, 1, 0.0, 0), "0 photos"),
    ),
)
def test_a_choice_that_cannot_be_had_is_refused(choice: tuple[Any, ...], reason: str) -> None:
    check_choice(0, 1, 0.0)
    with pytest.raises(ValueError, match=reason):
        check_choice(*choice)


def test_further_photos_show_the_same_head_from_other_sides(template: HeadTemplate) -> None:
    head = photograph(template, "heads", 900_003, 32)
    photos = head.photos(3)
    assert photos.shape == (3, 3, 32, 32) and torch.equal(photos[:1], head.photo)
    assert torch.equal(head.photos(2), photos[:2]), "always the same"
    differences = [(photos[a] - photos[b]).abs().mean() for a, b in ((0, 1), (0, 2), (1, 2))]
    assert min(differences) > 0.02
