"""Laws of the fit of a face's five points."""

from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.cameras.rotations import so3_exp
from gan3dinv_ns.photo.face_fit import MEAN_POINTS, fit_face
from gan3dinv_ns.photo.faces import Face


def seen(rotation_vector: tuple[float, float, float], size: float, place: tuple[float, float]) -> Face:
    """The mean face, turned, then seen by a camera without perspective."""
    points = torch.tensor(MEAN_POINTS) @ so3_exp(torch.tensor([rotation_vector]))[0].T
    flat = points[:, :2] * torch.tensor([size, -size]) + torch.tensor(place)
    return Face((0, 0, 1, 1), tuple((float(x), float(y)) for x, y in flat))


@pytest.mark.parametrize("turn", [(0.0, 0.0, 0.0), (0.0, 0.7, 0.0), (0.4, -0.5, 0.2), (-0.3, 0.2, -0.9)])
def test_size_and_place_do_not_depend_on_where_the_head_looks(turn: tuple[float, float, float]) -> None:
    fit = fit_face(seen(turn, 130.0, (310.0, 222.0)))
    assert fit.size == pytest.approx(130.0, rel=1e-4)
    assert fit.centre == pytest.approx((310.0, 222.0), abs=1e-2)


@pytest.mark.parametrize("roll", [-0.8, 0.0, 0.3])
def test_the_roll_is_that_in_the_picture_clockwise(roll: float) -> None:
    assert fit_face(seen((0.0, 0.0, -roll), 80.0, (0.0, 0.0))).roll_rad == pytest.approx(roll, abs=1e-4)
