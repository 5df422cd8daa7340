from __future__ import annotations

from gan3dinv_ns.gan3dinv_view_curves import LOSSES, PSNR, RunCurves


def test_phases_have_a_curve_of_their_own_and_losses_go_on_through_them():
    curves = RunCurves()
    curves.record(0, "warmup", {"camera_pose/warp": 0.5})
    curves.record(1, "project", {"psnr": 20.0, "latent/pixels": 0.1, "camera_pose/warp": 0.25, "latent/prior": 0.0})
    curves.record(2, "tune", {"psnr": 25.0, "generator/pixels": 0.01})

    psnr, losses = ({line.name: (line.x, line.y) for line in curves.figure(shown).data} for shown in (PSNR, LOSSES))
    assert psnr == {"project": ((1,), (20.0,)), "tune": ((2,), (25.0,))}
    assert losses == {"warp": ((0, 1), (0.5, 0.25)), "pixels": ((1, 2), (0.1, 0.01))}
    assert curves.figure(LOSSES).layout.yaxis.type == "log"
