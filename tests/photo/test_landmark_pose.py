"""Claims about the camera that a face's five points tell."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix, project
from gan3dinv_ns.cameras.rotations import orbit, rolled, rotation_angle
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.photo import Face, face_points, landmark_pose, rotation_from_face


def test_exact_points_give_the_exact_rotation(generator: Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    points = face_points(generator)
    assert points is not None
    camera = rolled(orbit(0.5, -0.2), 0.15)
    in_camera = (points - camera[0, :3, 3]) @ camera[0, :3, :3]
    places = project(in_camera[None], intrinsics_matrix())[0] * 200
    face = Face((0, 0, 1, 1), tuple((float(x), float(y)) for x, y in places))
    monkeypatch.setattr(landmark_pose, "find_faces", lambda image: [face])
    rotation = rotation_from_face(points, torch.zeros(1, 3, 200, 200))
    assert rotation is not None and float(rotation_angle(rotation, camera[:, :3, :3])) < 1e-3


def test_the_points_of_the_mean_head_lie_where_a_face_has_them(generator: Generator) -> None:
    points = face_points(generator)
    assert points is not None
    left_eye, right_eye, nose, left_mouth, right_mouth = points
    assert left_eye[0] < -0.04 and right_eye[0] > 0.04 and left_eye[1] > nose[1] > left_mouth[1]
    assert float(nose[2]) > float(torch.stack([left_eye, right_eye, left_mouth, right_mouth])[:, 2].max()) + 0.03


def test_the_mean_heads_own_pictures_tell_their_camera(generator: Generator, seen_from: Callable[..., Tensor]) -> None:
    points = face_points(generator)
    assert points is not None
    errors = []
    for yaw, pitch in ((0.0, 0.0), (0.35, 0.1), (-0.3, -0.15), (0.2, -0.1), (-0.4, 0.1), (0.1, 0.2)):
        rotation = rotation_from_face(points, seen_from(yaw, pitch))
        assert rotation is not None
        errors.append(math.degrees(float(rotation_angle(rotation, orbit(yaw, pitch)[:, :3, :3]))))
    assert statistics.fmean(errors) < 6 and max(errors) < 12, errors


def test_without_a_face_nothing_is_told(generator: Generator, faceless_generator: Generator) -> None:
    points = face_points(generator)
    assert points is not None and rotation_from_face(points, torch.zeros(1, 3, 64, 64)) is None
    assert face_points(faceless_generator) is None
