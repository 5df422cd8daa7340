"""Pictures of heads with the labels that a face shows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.rotations import yaw_pitch
from gan3dinv_ns.heads.attributes import (
    HAIR_STYLES,
    attribute_names,
    attribute_vector,
    attributes_from_vector,
    draw_attributes,
)
from gan3dinv_ns.heads.dataset import draw_poses
from gan3dinv_ns.heads.labelled_pictures import (
    LONG_HAIR,
    face_labels,
    packed_pictures,
    photo_cameras,
    photo_with_depth,
    rendered_pictures,
)
from gan3dinv_ns.heads.packed import PackedHead, encode_rgb, encode_shape, write_packed


def test_labels_follow_the_attributes():
    head = replace(draw_attributes(3), male=0.9, hair_style="braid01", colours={"skin": np.array([0.5, 0.5, 0.5])})
    labels = face_labels(head)
    assert labels["male"] and labels["long hair"] and labels["skin luminance"] == pytest.approx(0.5)
    assert not face_labels(replace(head, hair_style="afro01"))["long hair"]
    assert set(LONG_HAIR) < set(HAIR_STYLES)


def test_labels_survive_the_attribute_vector():
    head = draw_attributes(11)
    again = face_labels(attributes_from_vector(attribute_vector(head)))
    assert again == pytest.approx(face_labels(head), abs=1e-5)


def test_cameras_are_those_of_the_first_views():
    towards = split_label(photo_cameras([4, 9]))[0][:, :3, 3]
    expected = np.stack([draw_poses(seed, 1)[0] for seed in (4, 9)])
    np.testing.assert_allclose(torch.stack(yaw_pitch(towards), dim=1).numpy(), expected, atol=1e-5)


def test_every_view_of_a_rendered_head_has_its_labels(template):
    told = []
    pictures, labels = rendered_pictures(template, range(2), 16, views=2, count=lambda *x: told.append(x))
    assert pictures.shape == (4, 3, 16, 16) and pictures.dtype == torch.uint8
    assert labels["age"][0] == labels["age"][1] == pytest.approx(draw_attributes(0).age)
    assert labels["male"].dtype == torch.bool and labels["smile"].dtype == torch.float32
    assert told == [(1, 2), (2, 2)]


def test_photo_and_depth_show_the_same_head(template):
    photo, depth = photo_with_depth(template, 5, 32, 16)
    assert photo.shape == (1, 3, 32, 32) and depth.shape == (1, 1, 16, 16)
    coloured = torch.nn.functional.avg_pool2d((photo < 0.9).any(dim=1, keepdim=True).float(), 2) > 0.5
    assert ((depth > 0) == coloured).float().mean() > 0.9


def packed(path, seeds=(1, 2), names=None):
    """Two views of plain colours each; the second looks from the side."""
    heads = [
        PackedHead(
            seed, attribute_vector(draw_attributes(seed)), np.zeros((2, 25)), np.array([[0.1, 0], [2.0, 0]]),
            [encode_rgb(np.full((16, 16, 3), shade, np.uint8), 100) for shade in (40, 200)],
            [encode_shape(np.zeros((16, 16)), np.zeros((16, 16)))] * 2,
        )
        for seed in seeds
    ]  # fmt: skip
    write_packed(path, heads, names or attribute_names(), 16)
    return path


def test_packed_views_from_the_side_are_left_out(tmp_path):
    pictures, labels = packed_pictures(packed(tmp_path / "p.safetensors"), range(900, 910), 8)
    assert pictures.shape == (2, 3, 8, 8)
    assert (pictures.float() - 40).abs().max() <= 2
    assert labels["age"][1] == pytest.approx(draw_attributes(2).age, abs=1e-2)


def test_packed_heads_that_must_not_be_seen_or_read_are_refused(tmp_path):
    path = packed(tmp_path / "p.safetensors")
    with pytest.raises(ValueError, match="holds the head of seed 2, which is to be unseen"):
        packed_pictures(path, range(2, 4), 8)
    other = packed(tmp_path / "q.safetensors", names=["x", *attribute_names()[1:]])
    with pytest.raises(ValueError, match="other attributes"):
        packed_pictures(other, range(900, 910), 8)
