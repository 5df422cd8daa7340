"""Which views are fitted, and what is behind the head."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from gan3dinv_ns.cameras.rotations import yaw_pitch
from gan3dinv_ns.export.head import Head, frontal_labels, head_of_photo
from gan3dinv_ns.export.splats.targets import (
    HELD_OUT_YAWS_RAD,
    Views,
    fitted_labels,
    held_out_labels,
    look_at_head,
)


class DarkDisc(torch.nn.Module):
    """A generator that draws a disc before light grey, whatever the camera."""

    def __init__(self) -> None:
        super().__init__()
        self.rendering = SimpleNamespace(avg_camera_radius=2.7)
        self.unused = torch.nn.Parameter(torch.zeros(1))

    def synthesis(self, ws, label, sampling, planes):
        weights = torch.zeros(1, 1, 8, 8)
        weights[..., 2:6, 2:6] = 1
        image = torch.full((1, 3, 16, 16), 0.6)
        image[..., 4:12, 4:12] = -1.5
        return {"image": image, "image_weights": weights, "image_depth": 2 * weights}


@pytest.fixture
def head() -> Head:
    generator = DarkDisc()
    return Head(generator, torch.zeros(1, 1, 1), torch.zeros(1, 3, 1, 1, 1), frontal_labels(generator))


def test_views_that_are_measured_are_not_fitted(head):
    fitted, held_out = fitted_labels(head), held_out_labels(head)
    yaw = yaw_pitch(held_out[:, [3, 7, 11]])[0]
    torch.testing.assert_close(yaw, torch.tensor(HELD_OUT_YAWS_RAD))
    assert len(fitted) == 30 and float(torch.cdist(held_out[:, :16], fitted[:, :16]).min()) > 0.05


def test_cameras_of_photos_are_fitted_too_and_lend_their_focal_length(head):
    photos = frontal_labels(head.generator, focal=3.0)[1:3]
    of_photos = head_of_photo(head.generator, head.ws, head.planes, photos)
    fitted = fitted_labels(of_photos)
    assert len(fitted) == 32 and torch.equal(fitted[:2], photos)
    assert (fitted[:, 16] == 3.0).all() and (held_out_labels(of_photos)[:, 16] == 3.0).all()


def test_pictures_lie_between_0_and_1_and_the_background_is_what_is_transparent(head):
    told = []
    views = look_at_head(head, held_out_labels(head), told.append)
    assert told == pytest.approx([1 / 3, 2 / 3, 1])
    assert views.pictures.min() == 0 and views.resolution == 16
    assert views.distances.shape == (3, 1, 16, 16) and (views.distances[views.solid()] == 2).all()
    assert views.solid().float().mean() == pytest.approx(0.25, abs=0.05)
    torch.testing.assert_close(views.background(), torch.full((3,), 0.8))


def test_the_background_of_opaque_views_is_white():
    opaque = Views(torch.zeros(1, 25), torch.zeros(1, 3, 8, 8), *torch.ones(2, 1, 1, 8, 8))
    assert torch.equal(opaque.background(), torch.ones(3))
