"""Training of the pose estimator."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.poses import SixDPose
from gan3dinv_ns.cameras.rotations import orbit, rolled, rotation_angle
from gan3dinv_ns.eg3d import load_generator
from gan3dinv_ns.encoders import EstimatedPose, PoseEstimatorConfig, find_initialisers, load_estimator
from gan3dinv_ns.encoders.pairs import Pairs
from gan3dinv_ns.heads.heldout import photograph
from gan3dinv_ns.heads.template import load_template
from gan3dinv_ns.ops.picture_moves import move_pictures
from gan3dinv_ns.pretrain.augmentation import AugmentationSettings, Moves
from gan3dinv_ns.pretrain.pose_training import (
    PoseTraining,
    PoseTrainingSettings,
    pose_losses,
    train_pose_estimator,
    true_pose,
)
from gan3dinv_ns.pretrain.processes import Processes
from gan3dinv_ns.pretrain.training import TrainingSettings

ALONE = Processes(0, 1, torch.device("cpu"))
SETTINGS = PoseTrainingSettings(
    TrainingSettings(steps=60, batch=16, save_steps=30),
    PoseEstimatorConfig(side=32, channels=(4, 8, 8, 8)),
    AugmentationSettings(shift=0.0, scale=0.0, tint=0.0, brightness=0.0, blur=0.0, light=0.0, occlusion=0.0),
)


def test_the_loss_is_equations_3_and_4_of_the_supplement() -> None:
    true, said = orbit(0.2, 0.1)[:, :3, :3], rolled(orbit(0.3, 0.0), 0.1)[:, :3, :3]
    translation, said_translation = torch.tensor([[0.1, 0.0]]), torch.tensor([[0.1, 0.05]])
    losses = pose_losses(EstimatedPose(said, said_translation), true, translation)
    expected = torch.linalg.norm(torch.linalg.inv(true[0]) @ said[0] - torch.eye(3))
    assert float(losses["rotation"]) == pytest.approx(float(expected), rel=1e-4)
    # |R - 1|_F = 2 sqrt(2) sin(t / 2) for a turn by t.
    angle = rotation_angle(true, said)
    assert float(losses["rotation"]) == pytest.approx(float(8**0.5 * (angle / 2).sin()), rel=1e-4)
    assert float(losses["translation"]) == pytest.approx(0.05, rel=1e-4)


def test_the_loss_has_a_finite_gradient_at_the_truth() -> None:
    said = orbit(0.2, 0.1)[:, :3, :3].clone().requires_grad_(True)
    losses = pose_losses(EstimatedPose(said, torch.zeros(1, 2)), orbit(0.2, 0.1)[:, :3, :3], torch.zeros(1, 2))
    losses["rotation"].backward()
    assert said.grad is not None and bool(said.grad.isfinite().all())


@torch.no_grad()
def test_a_moved_picture_is_what_the_moved_camera_sees() -> None:
    generator = load_generator("makehuman128-64")
    latent = generator.backbone.mapping.w_avg.expand(1, generator.num_ws, -1)
    camera = orbit(0.3, -0.1)

    def picture(camera_to_world: Tensor) -> Tensor:
        label = camera_label(camera_to_world, intrinsics_matrix())
        return generator.synthesis(latent, label, sampling="midpoint")["image"]

    moves = Moves(torch.tensor([[0.04, -0.03]]), torch.ones(1), torch.tensor([0.25]))
    label = camera_label(camera, intrinsics_matrix())
    rotation, translation = true_pose(label, moves)
    pose = SixDPose()
    pose.set_rotation(rotation)
    pose.translation.copy_(translation)
    moved = moves.of(picture(camera))
    off = float((moved - picture(pose())).square().mean())
    assert off < 0.1 * float((moved - picture(camera)).square().mean())
    for wrong in (replace(moves, shift=-moves.shift), replace(moves, roll=-moves.roll)):
        assert off < 0.3 * float((wrong.of(picture(camera)) - picture(pose())).square().mean())


def test_it_learns_the_cameras_of_pictures(pairs: Pairs, tmp_path: Path) -> None:
    training = PoseTraining(pairs, tmp_path, tmp_path / "x.pose.safetensors", SETTINGS, ALONE)
    before = training._validated()
    estimator = load_estimator(training.run())
    after = training._validated()
    assert after["rotation_deg_median"] < 0.6 * before["rotation_deg_median"]
    held_out = pairs.take(slice(training.training_count, None))
    true = split_label(held_out.label)[0][:, :3, :3]
    said = rotation_angle(true, estimator(held_out.photo).rotation).rad2deg()
    assert float(said.median()) == pytest.approx(after["rotation_deg_median"], abs=0.3)
    assert list((tmp_path / "tensorboard").iterdir()), "figures for TensorBoard"


def test_a_resumed_training_repeats_an_uninterrupted_one(pairs: Pairs, tmp_path: Path) -> None:
    short = replace(SETTINGS, training=TrainingSettings(steps=6, batch=4, save_steps=3))
    whole = PoseTraining(pairs, tmp_path / "a", tmp_path / "a" / "x.pose.safetensors", short, ALONE)
    whole.run()
    stopped = PoseTraining(pairs, tmp_path / "b", tmp_path / "b" / "x.pose.safetensors", short, ALONE)
    for _ in range(3):
        stopped._train_step()
    stopped._save()
    resumed = PoseTraining(pairs, tmp_path / "b", tmp_path / "b" / "x.pose.safetensors", short, ALONE)
    assert resumed.step == 3
    resumed.run()
    for ours, theirs in zip(whole.network.parameters(), resumed.network.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_the_state_of_another_training_is_one_clear_line(pairs: Pairs, tmp_path: Path) -> None:
    (tmp_path / "pose_state.pt").write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"pose_state\.pt: not the state of such a training .*delete it"):
        PoseTraining(pairs, tmp_path, tmp_path / "x.pose.safetensors", SETTINGS, ALONE)


def test_rolled_pictures_make_an_estimator_of_its_own(pairs_folder: Path, tmp_path: Path) -> None:
    tiny = replace(SETTINGS, training=TrainingSettings(steps=1, batch=2, save_steps=1))
    assert train_pose_estimator(pairs_folder, tmp_path, tiny).name == "tiny.pose.safetensors"
    rolling = replace(tiny, augmentation=replace(tiny.augmentation, roll=0.3))
    path = train_pose_estimator(pairs_folder, tmp_path, rolling)
    assert path.name == "tiny.pose-roll.safetensors"
    further = train_pose_estimator(pairs_folder, tmp_path / "further", replace(rolling, start=path))
    assert load_estimator(further).config == load_estimator(path).config


def test_too_few_pairs_are_refused(pairs: Pairs, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="9 pairs are too few"):
        few = Pairs(pairs.photo[:9], pairs.w[:9], pairs.label[:9])
        PoseTraining(few, tmp_path, tmp_path / "x.pose.safetensors", SETTINGS, ALONE)


@pytest.fixture(scope="module")
def unseen() -> tuple[Tensor, Tensor]:
    """Photos [6, 3, 128, 128] of heads that nothing was trained on, and their cameras [6, 25]."""
    template = load_template()
    heads = [photograph(template, "heads", seed, 128) for seed in range(900_100, 900_106)]
    return torch.cat([head.photo for head in heads]), torch.cat([head.label for head in heads])


def test_the_shipped_estimator_tells_the_cameras_of_unseen_heads(unseen: tuple[Tensor, Tensor]) -> None:
    photos, labels = unseen
    networks, camera = find_initialisers("makehuman128-64"), split_label(labels)[0]
    assert networks is not None and networks.estimator is not None
    off = rotation_angle(camera[:, :3, :3], networks.estimator(photos).rotation).rad2deg()
    assert float(off.median()) < 3 and float(off.max()) < 8


def test_the_shipped_estimator_with_roll_tells_the_cameras_of_rolled_heads(unseen: tuple[Tensor, Tensor]) -> None:
    photos, labels = unseen
    networks, camera = find_initialisers("makehuman128-64"), split_label(labels)[0]
    assert networks is not None and networks.estimator_with_roll is not None
    roll = torch.linspace(-0.3, 0.3, 6)
    said = networks.estimator_with_roll(move_pictures(photos, roll)).rotation
    off = rotation_angle(rolled(camera, roll)[:, :3, :3], said).rad2deg()
    assert float(off.median()) < 3 and float(off.max()) < 8
