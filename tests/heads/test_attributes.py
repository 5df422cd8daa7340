"""Attributes of a head and their vector."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from gan3dinv_ns.heads.attributes import (
    HAIR_STYLES,
    attribute_names,
    attribute_vector,
    attributes_from_vector,
    draw_attributes,
)


def test_seed_decides_everything() -> None:
    assert np.array_equal(attribute_vector(draw_attributes(5)), attribute_vector(draw_attributes(5)))
    assert not np.array_equal(attribute_vector(draw_attributes(5)), attribute_vector(draw_attributes(6)))


def test_seed_0_is_the_same_on_every_machine() -> None:
    head = draw_attributes(0)
    assert head.hair_style == "short02"
    assert np.allclose(head.ethnicity, [0.21414, 0.12143, 0.66443], atol=1e-4)


def test_negative_seed_is_refused() -> None:
    with pytest.raises(ValueError, match="must not be negative, not -1"):
        draw_attributes(-1)


def test_attributes_stay_in_their_ranges() -> None:
    for seed in range(200):
        head = draw_attributes(seed)
        assert np.isclose(head.ethnicity.sum(), 1)
        assert np.isclose(head.macro_weights().sum(), 1)
        assert 0 <= head.male <= 1 and 0 <= head.age <= 1
        assert np.abs(head.face).max() <= 1 and np.abs(head.expression).max() <= 1
        assert head.expression[:2].min() >= 0
        assert all(rgb.min() > 0 and rgb.max() < 0.93 for rgb in head.colours.values())
        assert head.light[2] > 0, "the light comes from the front"


def test_vector_has_about_unit_spread_and_every_hair_style() -> None:
    vectors = np.stack([attribute_vector(draw_attributes(seed)) for seed in range(1500)])
    assert vectors.shape[1] == len(attribute_names()) == len(set(attribute_names()))
    assert np.isfinite(vectors).all() and vectors.dtype == np.float32
    assert np.abs(vectors).max() < 6
    assert vectors.std(axis=0).min() > 0.2 and vectors.std(axis=0).max() < 2
    hair = [i for i, name in enumerate(attribute_names()) if name.startswith("hair_style=")]
    assert len(hair) == len(HAIR_STYLES)
    assert (vectors[:, hair].sum(axis=1) == 1).all() and (vectors[:, hair].mean(axis=0) > 0.02).all()


def test_vector_round_trip() -> None:
    for seed in range(20):
        head = draw_attributes(seed)
        back = attributes_from_vector(attribute_vector(head))
        assert back.hair_style == head.hair_style
        assert np.allclose(attribute_vector(back), attribute_vector(head), atol=1e-4)
        assert np.isclose(back.age, head.age, atol=1e-5) and np.isclose(back.male, head.male, atol=1e-5)


def test_vector_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match=r"not \[3\]"):
        attributes_from_vector(np.zeros(3))


def test_labels_are_plain_json() -> None:
    labels = json.loads(json.dumps(draw_attributes(3).as_labels()))
    assert labels["seed"] == 3 and labels["hair_style"] in HAIR_STYLES
    assert {"smile", "nose-width", "skin_rgb", "age"} <= set(labels)


def test_vector_is_linear_in_colours_and_targets() -> None:
    head = draw_attributes(1)
    changed = replace(head, face=head.face + 0.1)
    difference = attribute_vector(changed) - attribute_vector(head)
    moved = np.abs(difference) > 1e-6
    assert [name for name, flag in zip(attribute_names(), moved, strict=True) if flag] == [
        name for name in attribute_names() if name.startswith("face:")
    ]
    assert np.allclose(difference[moved], difference[moved][0], atol=1e-5)
