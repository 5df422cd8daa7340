"""`gan3dinv pretrain data`, `encoder`, `pose` and `report`: a latent encoder and a pose estimator for a generator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gan3dinv_ns.cli.progress import counting_bar
from gan3dinv_ns.inversion.networks import resolve_device
from gan3dinv_ns.ops.compute_choices import DeviceName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder
    from gan3dinv_ns.inversion.settings import InversionSettings

Start = Literal["learned", "through-p", "landmarks", "searched"]
_NAMES: dict[Start, str] = {
    "learned": "E and P",
    "through-p": "E and P, camera through P",
    "landmarks": "mean and landmarks",
    "searched": "mean and search",
}


@dataclass(frozen=True)
class RenderPairs:
    """Let a generator draw pairs of latent, camera and picture; goes on where it was stopped."""

    generator: str = "makehuman128-64"
    """A name, a URL, or the path of a .pkl or .safetensors file."""
    output_dir: Path = Path("outputs/pairs")
    """Folder for the pairs: zip files in EG3D's data format, with the latents."""
    count: int = 30_000
    """Number of pairs, each from its own latent."""
    seed: int = 0
    """Seed of the first pair; the others follow."""
    yaw: float = 0.6
    """Cameras are up to this far to both sides, radians."""
    pitch: float = 0.3
    """Cameras are up to this far above and below, radians."""
    roll: float = 0.0
    """Cameras are rolled by up to this to both sides, radians: 0.3 for cats."""
    truncation: float = 1.0
    """Latents are drawn towards their mean by this factor; 1 leaves them."""
    device: DeviceName = "auto"
    """auto is CUDA if there is one, else the CPU."""

    def main(self) -> None:
        """Renders the pairs.

        Raises:
            ValueError: an option or the generator cannot be used, or the folder holds other pairs.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.eg3d import load_generator
        from gan3dinv_ns.pretrain.pseudo_pairs import PseudoPairSettings, render_pairs

        settings = PseudoPairSettings(self.count, self.seed, self.yaw, self.pitch, self.roll, self.truncation)
        generator = load_generator(self.generator, resolve_device(self.device))
        with counting_bar("pairs", self.count) as progress:
            folder = render_pairs(generator, self.generator, self.output_dir, settings, progress)
        print(f"wrote {folder.resolve()}")


@dataclass(frozen=True)
class TrainEncoder:
    """Train the latent encoder E on pairs; goes on where it was stopped, and on several GPUs with `torchrun`."""

    data: Path = Path("outputs/pairs")
    """Folder of pairs, from `gan3dinv pretrain data` or `gan3dinv heads pairs`."""
    output_dir: Path = Path("outputs/initialisers")
    """Folder for NAME.encoder.safetensors, TensorBoard's figures and the state of the training."""
    steps: int = 9000
    """Steps in all."""
    batch: int = 32
    """Pairs in a step, in each process."""
    learning_rate: float = 2e-3
    """AdamW's rate at the start; it falls to nothing along a cosine."""
    latent_weight: float = 1.0
    """Weight of the mean square difference of the latents."""
    perceptual_weight: float = 0.0
    """Weight of the perceptual distance of the rendered latent from the picture (equation 5 of the paper's supplement);
    above 0 each step renders."""
    adversarial_weight: float = 0.0
    """Weight of the non-saturating loss against the generator's discriminator (equation 1); above 0 each step
    renders."""
    delta_weight: float = 0.0
    """Weight of the squared norm of the latent's difference from the mean (equation 2)."""
    perceptual: Literal["discriminator", "lpips-vgg", "lpips-alex", "lpips-squeeze"] = "discriminator"
    """Perceptual distance: the generator's own discriminator or LPIPS."""
    trunk: Literal["small", "ir-se-50"] = "small"
    """small for the embedded generator, ir-se-50 for those of full size."""
    side: int = 64
    """Photos are shrunk to this, pixels; 256 for ir-se-50."""
    generator: str | None = None
    """What the latents belong to; None takes what the pairs say."""
    start: Path | None = None
    """A trained encoder to go on from."""
    seed: int = 0
    """Seed of all random numbers."""

    def main(self) -> None:
        """Trains on CUDA if there is one, else on the CPU.

        Raises:
            ValueError: an option, the pairs or a network cannot be used.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.encoders import LatentEncoderConfig
        from gan3dinv_ns.pretrain.encoder_training import EncoderTrainingSettings, train_latent_encoder
        from gan3dinv_ns.pretrain.training import TrainingSettings

        settings = EncoderTrainingSettings(
            training=TrainingSettings(self.steps, self.batch, self.learning_rate, seed=self.seed),
            network=LatentEncoderConfig(self.side, trunk=self.trunk),
            latent_weight=self.latent_weight,
            perceptual_weight=self.perceptual_weight,
            adversarial_weight=self.adversarial_weight,
            delta_weight=self.delta_weight,
            perceptual=self.perceptual,
            generator=self.generator,
            start=self.start,
        )
        _tell(train_latent_encoder(self.data, self.output_dir, settings))


@dataclass(frozen=True)
class TrainPose:
    """Train the pose estimator P on pairs; goes on where it was stopped, and on several GPUs with `torchrun`."""

    data: Path = Path("outputs/pairs")
    """Folder of pairs, from `gan3dinv pretrain data` or `gan3dinv heads pairs`."""
    output_dir: Path = Path("outputs/initialisers")
    """Folder for NAME.pose.safetensors (NAME.pose-roll.safetensors with rolled pictures), TensorBoard's figures and the
    state of the training."""
    steps: int = 9000
    """Steps in all."""
    batch: int = 32
    """Pairs in a step, in each process."""
    learning_rate: float = 2e-3
    """AdamW's rate at the start; it falls to nothing along a cosine."""
    rotation: Literal["angles", "sixd", "quaternion"] | None = None
    """How P speaks of rotations; None takes yaw and pitch, or, with rolled pictures, six numbers (Zhou et al.)."""
    roll: float = 0.0
    """Pictures are rolled by up to this to both sides, radians, besides what the pairs are."""
    shift: float = 0.03
    """Pictures are moved by up to this share of their width."""
    scale: float = 0.05
    """Pictures are scaled by up to 1 plus or minus this."""
    tint: float = 0.15
    """Each colour channel is multiplied by up to 1 plus or minus this."""
    blur: float = 0.8
    """Pictures are blurred by up to this standard deviation, pixels."""
    light: float = 0.5
    """Share of pictures that are lit from one side, and of another contrast."""
    occlusion: float = 0.5
    """Share of pictures of which a patch is hidden."""
    translation_weight: float = 1.0
    """Weight of the camera's translation (equation 6 of the paper's supplement)."""
    trunk: Literal["small", "resnet-34"] = "small"
    """small for the embedded generator, resnet-34 for those of full size."""
    side: int = 64
    """Photos are shrunk to this, pixels; 256 for resnet-34."""
    start: Path | None = None
    """A trained pose estimator to go on from."""
    seed: int = 0
    """Seed of all random numbers."""

    def main(self) -> None:
        """Trains on CUDA if there is one, else on the CPU.

        Raises:
            ValueError: an option or the pairs cannot be used.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.encoders import PoseEstimatorConfig
        from gan3dinv_ns.pretrain.augmentation import AugmentationSettings
        from gan3dinv_ns.pretrain.pose_training import PoseTrainingSettings, sees_roll, train_pose_estimator
        from gan3dinv_ns.pretrain.training import TrainingSettings

        augmentation = AugmentationSettings(
            self.shift, self.scale, self.roll, self.tint, blur=self.blur, light=self.light, occlusion=self.occlusion
        )
        rotation = self.rotation or ("sixd" if sees_roll(self.data, augmentation) else "angles")
        settings = PoseTrainingSettings(
            training=TrainingSettings(self.steps, self.batch, self.learning_rate, seed=self.seed),
            network=PoseEstimatorConfig(self.side, self.trunk, rotation=rotation),
            augmentation=augmentation,
            translation_weight=self.translation_weight,
            start=self.start,
        )
        _tell(train_pose_estimator(self.data, self.output_dir, settings))


@dataclass(frozen=True)
class ReportStarts:
    """Compare inversions, by their steps, that begin with E and P, move the camera through the weights of P, or begin
    with the mean and the camera of landmarks or a search, on unseen synthetic heads; goes on where it was stopped."""

    starts: tuple[Start, ...] = ("learned", "through-p", "landmarks", "searched")
    """What is compared: E and P, the same with the camera moved through the weights of P, mean latent and landmarks,
    mean latent and search."""
    count: int = 8
    """Number of heads."""
    seed: int = 900_000
    """Seed of the first head; the others follow."""
    steps: tuple[int, ...] = (0, 25, 50, 100, 200)
    """Numbers of steps after which they are compared; 0 is the start itself."""
    output_dir: Path = Path("outputs/starts")
    """Folder for starts.md, starts.png, starts.json, and a folder of rows and pictures for each."""
    generator: str = "makehuman128-64"
    """A name, a URL, or the path of a .pkl or .safetensors file."""
    roll: float = 0.0
    """Photos are rolled by up to this to both sides, radians."""
    device: DeviceName = "auto"
    """auto is CUDA if there is one, else the CPU."""

    def main(self) -> None:
        """Inverts, prints a table, writes figures and a plot.

        Raises:
            ValueError: an option or the generator cannot be used, or a folder holds other heads.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.cli.evaluate import fill
        from gan3dinv_ns.evaluation.start_report import compare_starts, write_start_report
        from gan3dinv_ns.experiments.experiment import Plan
        from gan3dinv_ns.experiments.local_engine import LocalEngine
        from gan3dinv_ns.experiments.methods import CompiledMethod

        methods = {
            f"{start}-{steps:03d}": _start_settings(start, steps) for start in self.starts for steps in self.steps
        }
        plan = Plan(
            "heads",
            tuple(CompiledMethod(name, name, settings, {}, True) for name, settings in methods.items()),
            self.generator,
            resolve_device(self.device).type,
            self.count,
            self.seed,
            self.roll,
            metrics=("psnr", "rotation_deg", "novel_psnr_0.4", "seconds"),
        )

        @cache
        def folder() -> ExperimentFolder:
            return fill(plan, self.output_dir, LocalEngine())

        def evaluate(start: Start, steps: int) -> list[Mapping[str, float]]:
            return [row.figures for row in folder().rows(f"{start}-{steps:03d}")]

        figures = compare_starts({start: _NAMES[start] for start in self.starts}, self.steps, evaluate)
        written = write_start_report(self.output_dir, figures, self.count)
        print(written[-1].read_text(encoding="utf-8"))
        for path in written:
            print(f"wrote {path.resolve()}")


def _start_settings(start: Start, steps: int) -> InversionSettings:
    """Of an inversion without tuning."""
    from gan3dinv_ns.inversion.settings import InversionSettings, untuned_settings

    settings = InversionSettings()
    if start == "through-p":
        settings = replace(settings, pose=replace(settings.pose, through="estimator"))
    if start == "landmarks":
        return untuned_settings("mean", "landmarks", steps, settings)
    if start == "searched":
        return untuned_settings("mean", "search", steps, settings)
    return untuned_settings("encoder", "estimator", steps, settings)


def _tell(path: Path) -> None:
    if path.is_file():
        print(f"wrote {path.resolve()}; beside its generator's file, inversions begin with it")
