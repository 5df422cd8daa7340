"""Runs an inversion inside nerfstudio: steps by the schedule, viewer, checkpoints, results."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from nerfstudio.configs.base_config import LocalWriterConfig, LoggingConfig, MachineConfig
from nerfstudio.engine.optimizers import Optimizers
from nerfstudio.engine.trainer import Trainer, TrainerConfig
from nerfstudio.utils import writer
from nerfstudio.utils.misc import step_check
from nerfstudio.utils.rich_utils import CONSOLE
from rich.panel import Panel
from rich.table import Table

from gan3dinv_ns.cameras.conventions import image_to_hwc01
from gan3dinv_ns.gan3dinv_pipeline import GAN3DInvPipeline, GAN3DInvPipelineConfig
from gan3dinv_ns.gan3dinv_progress import Interrupt, TrainingProgress, readable_time
from gan3dinv_ns.gan3dinv_run import (
    copy_photo,
    has_checkpoint,
    latest_checkpoint,
    name_of,
    read_checkpoint,
    resolve_generator,
    resolve_photo,
    usable_device,
    write_checkpoint,
    write_config,
)
from gan3dinv_ns.inversion.head_file import write_head
from gan3dinv_ns.inversion.results import write_results
from gan3dinv_ns.inversion.start import Origin
from gan3dinv_ns.inversion.step import build_optimizers, optimisation_step
from gan3dinv_ns.ops.atomic_files import FileWriteError, atomic_path
from gan3dinv_ns.ops.user_errors import one_line_errors
from gan3dinv_ns.photo.label import check_label, find_label
from gan3dinv_ns.photo.put_back import write_framing

RESULTS_FOLDER = "inversion"
"""Folder inside the run's, with the pictures, camera, latent and figures."""

_INTERRUPTED = 130
_CAMERA_FROM: dict[Origin, str] = {
    "estimator": "Camera: begins with the pose estimator's.",
    "landmarks": "Camera: begins with the one that eyes, nose and mouth tell.",
    "search": "Camera: begins with the one a search found.",
    "search against the estimate": (
        "Camera: a search found one that explains the photo clearly better than the estimated one; it begins there."
    ),
    "label": "Camera: begins with that of the photo's label.",
    "canonical": "Camera: begins at the front.",
}


def default_machine() -> MachineConfig:
    """CUDA if there is one, else the CPU."""
    return MachineConfig(device_type="cuda" if torch.cuda.is_available() else "cpu")


def default_logging() -> LoggingConfig:
    """No table of nerfstudio's, which moves the cursor even in a pipe: the trainer shows its own progress."""
    return LoggingConfig(steps_per_log=1, local_writer=LocalWriterConfig(enable=False), profiler="none")


@dataclass
class GAN3DInvTrainerConfig(TrainerConfig):
    """A run: one photo, one head."""

    _target: type = field(default_factory=lambda: GAN3DInvTrainer)
    """Class to build."""
    method_name: str | None = "gan3dinv"
    """Name of the method."""
    pipeline: GAN3DInvPipelineConfig = field(default_factory=GAN3DInvPipelineConfig)
    """Photo, generator and inversion."""
    machine: MachineConfig = field(default_factory=default_machine)
    """Machine; the device is CUDA if there is one, else the CPU."""
    logging: LoggingConfig = field(default_factory=default_logging)
    """Loggers."""
    optimizers: dict[str, Any] = field(default_factory=dict)
    """Empty: groups and learning rates belong to --pipeline.model.inversion.schedule."""
    max_num_iterations: int = 0
    """Stop after so many steps in all, a resumed run's earlier ones included; 0 runs the whole schedule."""
    steps_per_save: int = 50
    """Steps between checkpoints."""
    steps_per_eval_batch: int = 0
    """Unused: the photo is its own measure at every step."""
    steps_per_eval_image: int = 50
    """Steps between pictures in TensorBoard and the like; 0 for none."""
    steps_per_eval_all_images: int = 0
    """Unused: there is one photo; `ns-eval` judges a finished run."""
    vis: Literal[
        "viewer", "wandb", "tensorboard", "comet", "viewer+wandb", "viewer+tensorboard", "viewer+comet", "viewer_legacy"
    ] = "viewer"
    """Where the run is shown. The viewer stays open after the last step until ctrl-C, unless
    --viewer.quit-on-train-completion True is given."""

    def set_timestamp(self) -> None:
        """Names the run.

        Nerfstudio calls this before anything is printed or written, so options are checked here.
        """
        with one_line_errors():
            self._settle_options()
        super().set_timestamp()
        if has_checkpoint(self.get_checkpoint_dir()):
            self.load_dir, self.load_checkpoint = self.get_checkpoint_dir(), None

    def save_config(self) -> None:
        """Makes the run's folder with `config.yml` and a copy of the photo, which is used from then on."""
        with one_line_errors():
            photo = copy_photo(self.pipeline.datamanager.data or Path(), self.get_base_dir())
            self.data = self.pipeline.datamanager.data = photo
            CONSOLE.log(f"Saving config to: {write_config(self, self.get_base_dir())}")

    def checkpoint(self) -> Path | None:
        """The checkpoint that the run begins from, if any.

        Raises:
            ValueError: one is asked for and missing.
        """
        if self.load_dir is not None:
            return latest_checkpoint(self.load_dir, self.load_step)
        return None if self.load_checkpoint is None else self.load_checkpoint.expanduser().resolve()

    def _settle_label(self, photo: Path) -> None:
        """The photo's label goes into the run's configuration, as the photo is copied without what lies beside it.

        Raises:
            ValueError: it is asked for, but missing or damaged.
        """
        inversion = self.pipeline.model.inversion
        if inversion.start.pose != "label":
            return
        given = inversion.start.label
        label = check_label(given, "the label that is given") if given else find_label(photo)
        self.pipeline.model.inversion = replace(inversion, start=replace(inversion.start, label=label))

    def _settle_options(self) -> None:
        """Paths become absolute, so that the run loads from everywhere.

        Raises:
            ValueError: a photo, generator or checkpoint cannot be used.
        """
        checkpoint = self.checkpoint()
        if checkpoint is not None:
            self.load_dir, self.load_checkpoint = None, checkpoint
        photo = resolve_photo(self.pipeline.datamanager.data, checkpoint)
        self.data = self.pipeline.datamanager.data = photo
        self.pipeline.model.generator = resolve_generator(self.pipeline.model.generator)
        self._settle_label(photo)
        self.output_dir = self.output_dir.expanduser().resolve()
        self.experiment_name = self.experiment_name or name_of(photo)
        self.machine.device_type = usable_device(self.machine.device_type)  # type: ignore[assignment]
        if self.pipeline.model.inversion.build_schedule().total_steps < 1:
            raise ValueError(
                "the schedule has no steps; give --pipeline.model.inversion.schedule.project-steps 1 or more"
            )


class GAN3DInvTrainer(Trainer):
    """Takes the schedule's steps, shows and saves what they give.

    Args:
        config: the run.
        local_rank, world_size: one process only.
    """

    config: GAN3DInvTrainerConfig
    pipeline: GAN3DInvPipeline

    def __init__(self, config: GAN3DInvTrainerConfig, local_rank: int = 0, world_size: int = 1) -> None:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=FutureWarning, message=".*GradScaler")
            super().__init__(config, local_rank, world_size)

    def setup_optimizers(self) -> Optimizers:
        """The inversion's own optimisers, one for each group, in nerfstudio's wrapping."""
        optimizers = Optimizers({}, {})
        optimizers.optimizers = build_optimizers(self.pipeline.model.inversion)
        optimizers.parameters = self.pipeline.get_param_groups()
        return optimizers

    @property
    def total_steps(self) -> int:
        """Steps of the whole run."""
        steps = self.pipeline.model.inversion.schedule.total_steps
        return min(steps, self.config.max_num_iterations) if self.config.max_num_iterations > 0 else steps

    def train(self) -> None:
        """Runs the schedule from where the checkpoint left it, then writes the results."""
        begin = time.monotonic()
        self._begin()
        step = self._start_step
        with Interrupt() as interrupt, TrainingProgress(CONSOLE, self.total_steps, step) as progress:
            while step < self.total_steps and not (interrupt.requested or self.stop_training):
                if self.training_state == "paused":
                    time.sleep(0.05)
                    continue
                step = self._take_step(step, progress)
        self.step = step - 1
        with one_line_errors():
            if interrupt.requested and step < self.total_steps:
                self._leave_early()
            self._finish(time.monotonic() - begin)
        if not self.config.viewer.quit_on_train_completion:
            self._train_complete_viewer()

    def _begin(self) -> None:
        """What nerfstudio prepares before its first step."""
        path = self.base_dir / "dataparser_transforms.json"
        with one_line_errors(), atomic_path(path) as temporary:
            self.pipeline.datamanager.train_dataparser_outputs.save_dataparser_transform(temporary)
        self._init_viewer_state()
        for line in getattr(self.viewer_state, "viewer_info", []):
            CONSOLE.print(line)
        self.stop_training = False

    def _take_step(self, step: int, progress: TrainingProgress) -> int:
        """One step of the schedule; returns the number of the next one."""
        inversion = self.pipeline.model.inversion
        phase = inversion.schedule.phase_at(step).phase
        self.step = step
        self.pipeline.model.generator_changed |= "generator" in phase.groups
        with self.train_lock:
            metrics = self._optimise(step)
        if step == 0:
            CONSOLE.print(_CAMERA_FROM[inversion.guess.origin])
        following = self.total_steps if bool(inversion.converged) else step + 1
        status = progress.update(following, phase.name, metrics)
        self.pipeline.model.viewer_control.push(following, status)
        self._log(step, phase.name, metrics)
        if step_check(following, self.config.steps_per_save) and following < self.total_steps:
            self._save_if_possible(step)
        return following

    def _optimise(self, step: int) -> dict[str, float]:
        """The step itself.

        A loss that is not finite ends the run with one line and leaves the last checkpoint.
        """
        try:
            return optimisation_step(self.pipeline.model.inversion, self.optimizers.optimizers, step)
        except FloatingPointError as error:
            raise SystemExit(f"error: {error}") from None

    def _log(self, step: int, phase: str, metrics: Mapping[str, float]) -> None:
        """Curves and pictures for TensorBoard and the like."""
        if step_check(step, self.config.logging.steps_per_log, run_at_zero=True):
            writer.put_dict(name=f"Train {phase}", scalar_dict=dict(metrics), step=step)
        if self._has_event_writer and step_check(step, self.config.steps_per_eval_image, run_at_zero=True):
            seen = self.pipeline.model.inversion.render(self.pipeline.model.inversion.label)
            writer.put_image(name="Reconstruction", image=image_to_hwc01(seen["image"]).clamp(0, 1), step=step)
        writer.write_out_storage()

    @property
    def _has_event_writer(self) -> bool:
        config = self.config
        return config.is_tensorboard_enabled() or config.is_wandb_enabled() or config.is_comet_enabled()

    # Checkpoints.

    def save_checkpoint(self, step: int) -> None:
        """Writes a checkpoint whole or not at all.

        Args:
            step: the last one that was taken.

        Raises:
            FileWriteError: the disk is full or the folder is not writable; the earlier checkpoint is still
                there.
        """
        state = {
            "step": step,
            "pipeline": self.pipeline.state_dict(),
            "optimizers": {name: each.state_dict() for name, each in self.optimizers.optimizers.items()},
            "schedulers": {},
            "scalers": self.grad_scaler.state_dict(),
        }
        write_checkpoint(state, self.checkpoint_dir, self.config.save_only_latest_checkpoint)

    def _save_if_possible(self, step: int) -> None:
        """A checkpoint on the way that cannot be written is no reason to lose the run.

        It goes on, and says so.
        """
        try:
            self.save_checkpoint(step)
        except FileWriteError as error:
            CONSOLE.print(f"warning: {error}; the run goes on without this checkpoint", soft_wrap=True, highlight=False)

    def _load_checkpoint(self) -> None:
        """Begins where the checkpoint ended, if one is given."""
        with one_line_errors():
            path = self.config.checkpoint()
            if path is None:
                return
            state = read_checkpoint(path)
            self.pipeline.load_pipeline(state["pipeline"], state["step"])
            self.optimizers.load_optimizers(state["optimizers"])
        self._start_step = state["step"] + 1
        CONSOLE.print(f"Resuming after step {self._start_step} of {self.total_steps} from {path}", soft_wrap=True)

    # The end.

    def _leave_early(self) -> None:
        """After ctrl-C: keep what there is, say how to go on."""
        if self.step >= self._start_step:
            self.save_checkpoint(self.step)
        CONSOLE.print(
            f"Interrupted after step {self.step + 1} of {self.total_steps}. Go on with: ns-train "
            f"{self.config.method_name} --load-config {self.base_dir / 'config.yml'}",
            soft_wrap=True,
            highlight=False,
        )
        raise SystemExit(_INTERRUPTED)

    def _finish(self, seconds: float) -> None:
        """Last checkpoint, results, and where they are."""
        self.training_state = "completed"
        writer.write_out_storage()
        results = self.base_dir / RESULTS_FOLDER
        try:
            self.save_checkpoint(self.step)
        finally:
            metrics = self._write_results(results, seconds)
        self.pipeline.place_cameras()
        table = Table(show_header=False, box=None)
        table.add_row("Head", str(results))
        table.add_row("Config", str(self.base_dir / "config.yml"))
        table.add_row("Checkpoint", str(self.checkpoint_dir))
        table.add_row("PSNR of the photo", f"{metrics['psnr']:.2f} dB")
        table.add_row("Time", readable_time(seconds))
        CONSOLE.print(Panel(table, title="Finished", expand=False))

    def _write_results(self, folder: Path, seconds: float) -> dict[str, float]:
        """Files of the head, and of the photo that it was found in; the figures."""
        inversion, dataset = self.pipeline.model.inversion, self.pipeline.datamanager.train_dataset
        rendered = inversion.render(inversion.label.detach())
        metrics = write_results(inversion, folder, {"seconds": seconds}, rendered)
        write_head(inversion, folder / "head.safetensors")
        assert self.config.data is not None
        opacity = rendered["image_weights"].cpu() if inversion.generator.rendering.white_back else None
        write_framing(folder, self.config.data, rendered["image"].cpu(), dataset.framing, opacity)
        return metrics

    def _train_complete_viewer(self) -> None:
        """Keeps the viewer open until ctrl-C."""
        if not self.config.is_viewer_enabled():
            return
        self.pipeline.model.viewer_control.push(self.step + 1, "Finished", last=True)
        CONSOLE.print("The viewer stays open; ctrl-C ends it.")
        try:
            while True:
                time.sleep(0.5)
        except KeyboardInterrupt:
            CONSOLE.print("Closed.")

    def _check_viewer_warnings(self) -> None:
        """Nothing to warn of: there are no evaluation steps to miss."""
