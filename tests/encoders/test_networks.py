"""Latent encoder and pose estimator: what they say, and in which terms."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from gan3dinv_ns.cameras.rotations import orbit, rolled, rotation_angle
from gan3dinv_ns.encoders import LatentEncoder, LatentEncoderConfig, PoseEstimator, PoseEstimatorConfig
from gan3dinv_ns.encoders.ir_se import ImprovedResidualUnit, IrSe50

ENCODER = LatentEncoderConfig(side=32, w_dim=24, channels=(4, 8, 8, 8))
ESTIMATOR = PoseEstimatorConfig(side=32, channels=(4, 4, 8, 8))


def test_any_photo_becomes_one_latent() -> None:
    assert LatentEncoder(ENCODER).eval()(torch.rand(2, 3, 96, 96)).shape == (2, 24)


def test_the_encoder_gives_the_mean_plus_a_difference() -> None:
    encoder, photo = LatentEncoder(ENCODER).eval(), torch.rand(1, 3, 32, 32)
    before = encoder(photo)
    encoder.mean.add_(3.0)
    torch.testing.assert_close(encoder(photo), before + 3.0)
    torch.testing.assert_close(encoder.mean + encoder.delta(photo), encoder(photo))


def test_a_photo_and_the_same_photo_enlarged_are_read_alike() -> None:
    estimator, photo = PoseEstimator(ESTIMATOR).eval(), torch.rand(1, 3, 32, 32)
    enlarged = photo.repeat_interleave(4, 2).repeat_interleave(4, 3)
    torch.testing.assert_close(estimator(enlarged).rotation, estimator(photo).rotation, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("rotation", ["angles", "sixd", "quaternion"])
def test_an_untrained_estimator_gives_rotations_near_the_front(rotation: Any) -> None:
    torch.manual_seed(0)
    pose = PoseEstimator(replace(ESTIMATOR, rotation=rotation)).eval()(torch.rand(4, 3, 48, 48))
    assert pose.rotation.shape == (4, 3, 3) and pose.translation.shape == (4, 2)
    torch.testing.assert_close(pose.rotation @ pose.rotation.mT, torch.eye(3).expand(4, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(pose.rotation), torch.ones(4))
    assert float(rotation_angle(pose.rotation, orbit(0.0, 0.0)[:, :3, :3].expand(4, 3, 3)).max()) < 0.2


@pytest.mark.parametrize(("rotation", "reaches"), [("angles", False), ("sixd", True), ("quaternion", True)])
def test_only_angles_cannot_say_that_a_head_is_rolled(rotation: Any, reaches: bool) -> None:
    torch.manual_seed(0)
    estimator, photo = PoseEstimator(replace(ESTIMATOR, rotation=rotation)).eval(), torch.rand(1, 3, 32, 32)
    wanted = rolled(orbit(0.3, 0.1), 0.4)[:, :3, :3]
    optimizer = torch.optim.Adam(estimator.parameters(), lr=1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        loss = (estimator(photo).rotation - wanted).square().sum()
        loss.backward()
        optimizer.step()
    off = float(rotation_angle(estimator(photo).rotation.detach(), wanted))
    assert off < 0.02 if reaches else off == pytest.approx(0.4, abs=0.05)


def test_ir_se_50_has_24_units_and_its_known_number_of_weights() -> None:
    with torch.device("meta"):
        trunk = IrSe50()
    assert sum(isinstance(one, ImprovedResidualUnit) for one in trunk) == 24
    # ArcFace's IR-SE-50 without its output layer.
    assert sum(weight.numel() for weight in trunk.parameters()) == pytest.approx(30.9e6, rel=0.01)
    assert IrSe50().eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 512, 2, 2)


def test_full_size_networks_speak_as_the_small_ones_do() -> None:
    encoder = LatentEncoder(LatentEncoderConfig(side=64, trunk="ir-se-50")).eval()
    assert encoder(torch.zeros(1, 3, 64, 64)).shape == (1, 512)
    pose = PoseEstimator(PoseEstimatorConfig(side=64, trunk="resnet-34", rotation="sixd")).eval()(
        torch.zeros(1, 3, 64, 64)
    )
    assert pose.rotation.shape == (1, 3, 3) and pose.translation.shape == (1, 2)


@pytest.mark.parametrize(
    ("config", "values"),
    [
        (LatentEncoderConfig, {"side": 30}),
        (LatentEncoderConfig, {"channels": [1, 2]}),
        (LatentEncoderConfig, {"trunk": "vgg"}),
        (LatentEncoderConfig, {"w_dim": 0}),
        (PoseEstimatorConfig, {"rotation": "euler"}),
        (PoseEstimatorConfig, {"depth": 3}),
    ],
)
def test_bad_sizes_are_refused(config: Any, values: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        config.from_dict(values)


def test_sizes_survive_as_plain_data() -> None:
    assert PoseEstimatorConfig.from_dict(ESTIMATOR.to_dict()) == ESTIMATOR
    assert LatentEncoderConfig.from_dict({**ENCODER.to_dict(), "channels": [4, 8, 8, 8]}) == ENCODER
