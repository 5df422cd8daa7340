"""Paint and light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gan3dinv_ns.heads.attributes import draw_attributes
from gan3dinv_ns.heads.geometry import EYES, SKIN
from gan3dinv_ns.heads.shading import BRIGHTEST, albedo, beard_mask, brow_mask, light, lip_mask, scalp_mask, shade

FOREHEAD, MOUTH, CROWN, CHIN = [0, 7.7, 1.4], [0, 6.57, 1.56], [0, 8.4, 0.3], [0, 6.3, 1.4]
BROW = [0.34, 7.43, 1.4]


def test_masks_cover_their_places_only() -> None:
    points = np.array([FOREHEAD, MOUTH, CROWN, CHIN, BROW], np.float32)
    assert np.argmax(lip_mask(points)) == 1 and lip_mask(points).sum() < 1.01
    assert np.argmax(scalp_mask(points)) == 2 and scalp_mask(points)[[0, 1, 3, 4]].max() == 0
    assert np.argmax(beard_mask(points)) == 3 and beard_mask(points)[[0, 2, 4]].max() == 0
    assert brow_mask(points, 0, 0, 0)[4] > 0.9 and brow_mask(points, 0, 0, 0)[:4].max() == 0


def test_paint_is_the_same_on_both_sides() -> None:
    points = np.random.default_rng(0).uniform([0, 6, 1], [0.6, 8, 1.6], (500, 3)).astype(np.float32)
    mirrored = points * np.array([-1, 1, 1], np.float32)
    head, uvs = draw_attributes(1), np.zeros((500, 2), np.float32)
    material = np.full(500, SKIN)
    assert np.allclose(albedo(material, points, uvs, head), albedo(material, mirrored, uvs, head), atol=1e-5)


def test_eye_has_pupil_iris_and_sclera() -> None:
    head = replace(draw_attributes(1), colours=draw_attributes(1).colours | {"iris": np.array([0.1, 0.5, 0.2])})
    angle = np.array([0.0, 0.40, 0.9])
    centre = np.array([0.308, 7.284, 1.245])
    points = centre + 0.14 * np.stack([-np.sin(angle), 0 * angle, np.cos(angle)], -1)
    pupil, iris, sclera = albedo(np.full(3, EYES), points.astype(np.float32), np.zeros((3, 2)), head)
    assert pupil.max() < 0.1
    assert iris[1] > 2 * iris[0]
    assert sclera.min() > 0.8


def test_light_is_stronger_towards_the_lamp_and_weaker_in_hollows() -> None:
    head = draw_attributes(1)
    towards = head.light[:3] / np.linalg.norm(head.light[:3])
    normals = np.stack([towards, -towards]).astype(np.float32)
    skin = np.full(2, SKIN)
    bright, dark = light(skin, normals, np.ones(2), head)
    assert bright > 1.3 * dark
    assert (light(skin, normals, np.full(2, 0.2), head) < light(skin, normals, np.ones(2), head)).all()


def test_nothing_gets_as_white_as_the_background() -> None:
    assert shade(np.full((3, 3), 0.92), np.array([0.5, 1.0, 5.0])).max() <= BRIGHTEST
