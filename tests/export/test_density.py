"""The short way through the density grid gives what the long one gives."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan3dinv_ns.export.density import EMPTY, PointField, density_everywhere, density_near_surface
from gan3dinv_ns.export.surface import closed_surface


def counted(field: PointField) -> tuple[PointField, list[int]]:
    asked: list[int] = []

    def query(points):
        asked.append(len(points))
        return field.query(points)

    return PointField(query, field.box_side, field.device), asked


def test_samples_lie_at_the_centres_of_the_cells(make_field):
    grid = density_everywhere(make_field(lambda p: p[:, 0] + 10 * p[:, 1] + 100 * p[:, 2], box_side=2.0), 16)
    centres = (np.arange(16) + 0.5) / 8 - 1
    np.testing.assert_allclose(grid[1:-1, 1, 1], centres - 110 * (1 - 1 / 16), atol=1e-4)
    np.testing.assert_allclose(np.diff(grid[1, 1:-1, 1]), 10 / 8, atol=1e-4)
    np.testing.assert_allclose(np.diff(grid[1, 1, 1:-1]), 100 / 8, atol=1e-4)
    assert (grid[0] == EMPTY).all() and (grid[:, -1] == EMPTY).all()


def test_following_the_surface_gives_the_same_mesh_for_less(make_field, ball):
    def head_with_antenna(points):
        antenna = 10 + 400 * (0.02 - points[:, :2].norm(dim=-1))
        upper = torch.where(points[:, 2] > 0, antenna, torch.tensor(-400.0))
        return torch.maximum(ball(points, (0, 0, -0.1), 0.25), upper)

    field, asked = counted(make_field(head_with_antenna))
    full = closed_surface(density_everywhere(field, 96), 10.0, 1.0)
    cost_of_full = sum(asked)
    asked.clear()
    followed = closed_surface(density_near_surface(field, 96, 10.0), 10.0, 1.0)
    for one, other in zip(full, followed, strict=True):
        np.testing.assert_array_equal(one, other)
    assert sum(asked) < 0.5 * cost_of_full


def test_a_part_thinner_than_the_first_look_is_followed(make_field, ball):
    def hair(points):
        strand = 10 + 4000 * (0.008 - (points[:, [0, 2]] - 0.003).norm(dim=-1))
        return torch.maximum(ball(points, (0, -0.2, 0), 0.2), torch.where(points[:, 1] > -0.1, strand, -400.0))

    vertices, _ = closed_surface(density_near_surface(make_field(hair), 128, 10.0), 10.0, 1.0)
    assert vertices[:, 1].max() == pytest.approx(0.5, abs=1e-5)


def test_everything_above_or_below_the_level_asks_no_more_than_the_first_look(make_field):
    field, asked = counted(make_field(lambda p: torch.full((len(p),), 50.0)))
    density_near_surface(field, 64, 10.0)
    assert sum(asked) == 16**3


def test_progress_ends_at_one(make_field, ball):
    field = make_field(lambda p: ball(p, (0, 0, 0), 0.3))
    for told in ([], []):
        density_everywhere(field, 16, progress=told.append)
        assert told[-1] == 1.0
        told.clear()
        density_near_surface(field, 64, 10.0, progress=told.append)
        assert told[-1] == 1.0
