from __future__ import annotations

import numpy as np

from gan3dinv_ns.gan3dinv_view_curves import LOSSES, PSNR, RunCurves


def test_phases_have_a_curve_of_their_own_and_losses_go_on_through_them():
    curves = RunCurves()
    curves.record(0, "warmup", {"camera_pose/warp": 0.5})
    curves.record(1, "project", {"psnr": 20.0, "latent/pixels": 0.1, "camera_pose/warp": 0.25, "latent/prior": 0.0})
    curves.record(2, "tune", {"psnr": 25.0, "generator/pixels": 0.01})

    assert curves.psnr == {"project": [(1, 20.0)], "tune": [(2, 25.0)]}
    assert curves.losses == {"warp": [(0, 0.5), (1, 0.25)], "pixels": [(1, 0.1), (2, 0.01)]}


def test_a_curve_that_rises_is_drawn_from_the_lower_left_to_the_upper_right():
    curves = RunCurves()
    empty = np.asarray(curves.picture(PSNR), dtype=int)
    for step in range(20):
        curves.record(step, "tune", {"psnr": 10.0 + step, "generator/pixels": 10.0 ** (-step / 5)})

    def heights(shown: str) -> tuple[float, float]:
        """Mean rows of the coloured pixels in the left and the right third, below the legend."""
        picture = np.asarray(curves.picture(shown), dtype=int)
        rows, columns = np.nonzero(np.ptp(picture, axis=2)[60:] > 60)
        third = picture.shape[1] / 3
        return float(rows[columns < third].mean()), float(rows[columns > 2 * third].mean())

    assert np.ptp(empty, axis=2).max() == 0
    (left, right), (loss_left, loss_right) = heights(PSNR), heights(LOSSES)
    assert left > right + 50 and loss_left < loss_right - 50
