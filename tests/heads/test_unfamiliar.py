"""Claims about heads out of the family: each has its own thing, and follows the head below it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from gan3dinv_ns.heads.attributes import HAIR_STYLES, UNSEEN_HAIR_STYLES, HeadAttributes, draw_attributes
from gan3dinv_ns.heads.geometry import HAIR, SKIN, THING, UNIT_DM, HeadGeometry, build_geometry
from gan3dinv_ns.heads.headwear import FOREHEAD, HatShape, landmark, wear, with_hat
from gan3dinv_ns.heads.render import camera_matrices, render_geometry
from gan3dinv_ns.heads.shading import albedo, light, mole_mask
from gan3dinv_ns.heads.template import HeadTemplate
from gan3dinv_ns.heads.unfamiliar import KINDS, unfamiliar_head

COLOUR_SUM, LIGHT_SUM = 109.14069800078869, 58.44859150636943
NUMBERS = {kind: number for number, kind in enumerate(KINDS)}


def _things(geometry: HeadGeometry) -> np.ndarray:
    """Triangles of what is worn, [F, 3, 3]."""
    return geometry.vertices[geometry.triangles[geometry.materials == THING]]


def _volume(corners: np.ndarray) -> float:
    """Signed volume of closed meshes; positive if their triangles face outward."""
    return float(np.einsum("nc,nc->n", corners[:, 0], np.cross(corners[:, 1], corners[:, 2])).sum() / 6)


def test_kinds_take_turns(template: HeadTemplate) -> None:
    kinds = [unfamiliar_head(template, seed).kind for seed in range(900_000, 900_010)]
    assert kinds == 2 * ["glasses", "hat", "mole", "hairstyle", "light"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_comes_from_its_seed_and_differs_from_the_familiar_one(template: HeadTemplate, kind: str) -> None:
    seed = 900_000 + NUMBERS[kind]
    first, again = unfamiliar_head(template, seed), unfamiliar_head(template, seed)
    familiar = draw_attributes(seed)
    camera = camera_matrices([(0.2, 0.0)])

    def picture(geometry: HeadGeometry, attributes: HeadAttributes) -> np.ndarray:
        return render_geometry(geometry, attributes, camera, 32, 1).rgb

    shown = picture(first.geometry, first.attributes)
    assert np.array_equal(shown, picture(again.geometry, again.attributes))
    change = np.abs(shown - picture(build_geometry(template, familiar), familiar)).max()
    assert change > 0.05 or first.attributes.hair_style != familiar.hair_style


def test_glasses_stand_before_the_eyes_and_are_the_same_on_both_sides(template: HeadTemplate) -> None:
    geometry = unfamiliar_head(template, NUMBERS["glasses"]).geometry
    corners = _things(geometry)
    low, high = corners.min(axis=(0, 1)), corners.max(axis=(0, 1))
    assert np.isclose(low[0], -high[0], atol=1e-5)
    skin = geometry.vertices[np.unique(geometry.triangles[geometry.materials == SKIN])]
    assert high[2] > skin[:, 2].max() - 0.02, "nothing of this ball of a head stands out before the rims"
    assert _volume(corners) > 0


def test_a_hat_holds_the_skull_and_the_hair_above_its_brim(template: HeadTemplate) -> None:
    attributes = replace(draw_attributes(3), hair_style="long01")
    bare = build_geometry(template, attributes)
    geometry = with_hat(template, bare, HatShape(side_brim=0.4, front_brim=0.5, rise=0.1))
    assert _volume(_things(geometry)) > 0
    top = _things(geometry)[..., 1].max()
    rim = landmark(template, bare, FOREHEAD)[1] / UNIT_DM
    hair = np.unique(geometry.triangles[geometry.materials == HAIR])
    skin = np.unique(geometry.triangles[geometry.materials == SKIN])
    assert geometry.vertices[hair, 1].max() < top and geometry.vertices[skin, 1].max() < top
    moved = np.abs(geometry.vertices[: len(bare.vertices)] - bare.vertices).max(axis=1) > 1e-5
    assert moved.any() and set(np.flatnonzero(moved)) <= set(hair)
    assert bare.vertices[moved, 1].min() > rim - 1.0 / UNIT_DM, "hair that hangs down stays"


def test_what_is_worn_follows_the_head(template: HeadTemplate) -> None:
    attributes = draw_attributes(NUMBERS["hat"])
    taller = replace(template, rest=template.rest * np.array([1.0, 1.1, 1.0], np.float32))
    shape = HatShape(0.1, 0.5, 0.1)
    heights = []
    for one in (template, taller):
        worn = with_hat(one, build_geometry(one, attributes), shape)
        heights.append(np.ptp(_things(worn)[..., 1]))
    assert heights[1] > heights[0] * 1.02


def test_things_have_their_own_colour(template: HeadTemplate) -> None:
    attributes = replace(draw_attributes(0), colours=draw_attributes(0).colours | {"thing": np.array([0.1, 0.2, 0.3])})
    colours = albedo(np.full(2, THING), np.zeros((2, 3), np.float32), np.zeros((2, 2), np.float32), attributes)
    assert np.allclose(colours, [[0.1, 0.2, 0.3]] * 2)
    worn = wear(build_geometry(template, attributes), (np.eye(3), np.array([[0, 1, 2]])))
    assert (worn.materials == THING).sum() == 1 and len(worn.rest) == len(worn.vertices) == len(worn.openness)


def test_moles_are_dark_where_they_are_and_nowhere_else() -> None:
    mole = np.array([0.4, 6.9, 1.2, 0.05])
    attributes = replace(draw_attributes(1), moles=mole[None])
    points = np.array([[0.4, 6.9, 1.2], [0.43, 6.9, 1.2], [0.4, 7.0, 1.2], [-0.4, 6.9, 1.2]], np.float32)
    assert mole_mask(points, mole).tolist() == [1.0, 1.0, 0.0, 0.0]
    skin, uvs = np.full(4, SKIN), np.zeros((4, 2), np.float32)
    ratio = albedo(skin, points, uvs, attributes) / albedo(skin, points, uvs, draw_attributes(1))
    assert (ratio[:2] < 0.6).all() and (ratio[2:] == 1).all()


def test_moles_lie_on_the_skin(template: HeadTemplate) -> None:
    moles = unfamiliar_head(template, NUMBERS["mole"]).attributes.moles
    skin = template.rest[np.unique(template.skin)]
    distance = np.linalg.norm(moles[:, None, :3] - skin, axis=-1).min(axis=1)
    assert 2 <= len(moles) <= 4 and distance.max() < 1e-5


def test_the_hair_style_is_one_that_training_never_draws(template: HeadTemplate) -> None:
    style = unfamiliar_head(template, NUMBERS["hairstyle"]).attributes.hair_style
    assert style in UNSEEN_HAIR_STYLES and style not in HAIR_STYLES
    without = replace(template, parts={name: part for name, part in template.parts.items() if name != style})
    with pytest.raises(ValueError, match=f"no hair style {style}"):
        unfamiliar_head(without, NUMBERS["hairstyle"])


def test_the_light_is_stronger_and_comes_from_elsewhere_than_in_training(template: HeadTemplate) -> None:
    trained = np.array([draw_attributes(seed).light for seed in range(200)])
    towards = trained[:, :3] / np.linalg.norm(trained[:, :3], axis=1, keepdims=True)
    for seed in range(NUMBERS["light"], 60, len(KINDS)):
        lamp = unfamiliar_head(template, seed).attributes.light
        strength = np.linalg.norm(lamp[:3])
        assert strength > np.linalg.norm(trained[:, :3], axis=1).max() and lamp[3] < trained[:, 3].min()
        assert (towards @ lamp[:3]).max() < 0.87 * strength, "30 degrees away from all lamps of the training"


def test_drawn_heads_are_painted_and_lit_as_before() -> None:
    """Pictures of training heads must not change: the values were taken before things and moles were added."""
    attributes = draw_attributes(5)
    points = np.random.default_rng(0).uniform([-0.8, 6, 0], [0.8, 8.4, 1.6], (64, 3)).astype(np.float32)
    materials = np.arange(64) % 4
    colours = albedo(materials, points, points[:, :2], attributes)
    brightness = light(materials, points / np.linalg.norm(points, axis=1, keepdims=True), np.full(64, 0.7), attributes)
    assert len(attributes.moles) == 0 and "thing" not in attributes.colours
    assert colours.astype(np.float64).sum() == pytest.approx(COLOUR_SUM, rel=1e-7)
    assert brightness.astype(np.float64).sum() == pytest.approx(LIGHT_SUM, rel=1e-7)
