"""Training of the pose estimator P (Ko et al., supplementary material, A.2, equations 3, 4, 6).

    L = |R^-1 R' - 1|_F + l |t - t'|

with R, t the true rotation and translation and R', t' the estimate; the radius is constant.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.rotations import rolled, rotation_angle
from gan3dinv_ns.eg3d.registry import network_file
from gan3dinv_ns.encoders import PoseEstimator, PoseEstimatorConfig, load_estimator, save_estimator
from gan3dinv_ns.encoders.checkpoint import POSE, POSE_WITH_ROLL
from gan3dinv_ns.encoders.pairs import Pairs, load_pairs, read_about
from gan3dinv_ns.encoders.pose_estimator import EstimatedPose
from gan3dinv_ns.pretrain.augmentation import AugmentationSettings, Moves, change_looks, draw_moves
from gan3dinv_ns.pretrain.processes import Processes, join_processes
from gan3dinv_ns.pretrain.training import Training, TrainingSettings

_TINY = 1e-6


@dataclass(frozen=True)
class PoseTrainingSettings:
    """How P is trained."""

    training: TrainingSettings = field(default_factory=TrainingSettings)
    """The loop."""
    network: PoseEstimatorConfig = field(default_factory=PoseEstimatorConfig)
    """Sizes, and how rotations are spoken of; those of ``start`` if that is given."""
    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    """How pictures are changed."""
    translation_weight: float = 1.0
    """l, the weight of the translation, box units."""
    start: Path | None = None
    """A trained pose estimator to go on from; None starts from nothing."""


def pose_losses(estimate: EstimatedPose, rotation: Tensor, translation: Tensor) -> dict[str, Tensor]:
    """Equations 3 and 4, means over the batch.

    Args:
        estimate: of P.
        rotation: [N, 3, 3] the true ones.
        translation: [N, 2] the true ones, box units.
    """
    turn = rotation.mT @ estimate.rotation - torch.eye(3, device=rotation.device)
    off = translation - estimate.translation
    # The norm has no gradient at zero.
    norms = ((one.flatten(1).square().sum(dim=1) + _TINY**2).sqrt() for one in (turn, off))
    return dict(zip(("rotation", "translation"), (norm.mean() for norm in norms), strict=True))


def true_pose(label: Tensor, moves: Moves) -> tuple[Tensor, Tensor]:
    """Rotation [N, 3, 3] and translation [N, 2] of cameras [N, 25] that look at the origin, after their pictures were
    moved: a picture that moves to the right is that of a camera which moved to the left."""
    camera, intrinsics = split_label(label)
    radius = camera[:, :3, 3].norm(dim=1, keepdim=True)
    focal = torch.diagonal(intrinsics, dim1=1, dim2=2)[:, :2]
    return rolled(camera, moves.roll)[:, :3, :3], -moves.shift * radius / focal


class PoseTraining(Training[PoseEstimator]):
    """One run of P's training.

    Args:
        pairs: pictures and cameras.
        folder: where state and figures go.
        output: where P is written, NAME.ROLE.safetensors.
        settings: all choices.
        processes: this process among all.
    """

    def __init__(
        self, pairs: Pairs, folder: Path, output: Path, settings: PoseTrainingSettings, processes: Processes
    ) -> None:
        self.choices, self.output = settings, output
        # NAME.pose.safetensors and NAME.pose-roll.safetensors may be trained in one folder.
        role = output.stem.rpartition(".")[2]
        network = first_estimator(settings).to(processes.device)
        super().__init__(network, pairs, folder, role, settings.training, processes)

    def losses(self, pairs: Pairs) -> dict[str, Tensor]:
        moves = draw_moves(len(pairs), self.choices.augmentation, pairs.photo.device)
        seen = change_looks(moves.of(pairs.photo), self.choices.augmentation)
        losses = pose_losses(self.model(seen), *true_pose(pairs.label, moves))
        return {**losses, "translation": self.choices.translation_weight * losses["translation"]}

    def validate(self, pairs: Pairs) -> dict[str, float]:
        """Angle between rotations in degrees, distance of translations in box units; pictures are moved, not changed
        otherwise, always in the same way."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.choices.training.seed)
            moves = draw_moves(len(pairs), self.choices.augmentation)
        moves = Moves(*(one.to(pairs.photo.device) for one in (moves.shift, moves.scale, moves.roll)))
        rotation, translation = true_pose(pairs.label, moves)
        estimate = self.network(moves.of(pairs.photo))
        angle = rotation_angle(rotation, estimate.rotation).rad2deg()
        return {
            "rotation_deg_median": float(angle.median()),
            "rotation_deg_p90": float(angle.quantile(0.9)),
            "translation_box": float((translation - estimate.translation).norm(dim=1).mean()),
        }

    def write(self) -> Path:
        save_estimator(self.network, self.output)
        return self.output


def first_estimator(settings: PoseTrainingSettings) -> PoseEstimator:
    """The network that a training begins with; what is drawn depends on the seed only."""
    if settings.start is not None:
        return load_estimator(settings.start).requires_grad_(True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.training.seed)
        return PoseEstimator(settings.network)


def sees_roll(folder: Path, augmentation: AugmentationSettings) -> bool:
    """Whether pictures of a folder are rolled, or will be."""
    return augmentation.roll > 0 or float(read_about(folder).get("roll", 0)) > 0


def train_pose_estimator(folder: Path, output_dir: Path, settings: PoseTrainingSettings) -> Path:
    """Train P on a folder of pairs: the path of its file, NAME.pose.safetensors, or NAME.pose-roll.safetensors if
    it has seen rolled pictures, with NAME that of the pairs' generator.

    Raises:
        ValueError: there are no pairs, they are damaged, or the state of another training is in the way.
    """
    role = POSE_WITH_ROLL if sees_roll(folder, settings.augmentation) else POSE
    name = network_file(read_about(folder)["generator"], role).name
    side = (settings.network if settings.start is None else load_estimator(settings.start).config).side
    with join_processes() as processes:
        pairs = load_pairs(folder, side)
        return PoseTraining(pairs, output_dir, output_dir / name, settings, processes).run()
