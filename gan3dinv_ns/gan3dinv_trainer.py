"""Runs an inversion inside nerfstudio: steps by the schedule, viewer, checkpoints, results."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
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
from gan3dinv_ns.eg3d.backends.choice import check_backend
from gan3dinv_ns.eg3d.precision import check_precision
from gan3dinv_ns.gan3dinv_pipeline import GAN3DInvPipeline, GAN3DInvPipelineConfig
from gan3dinv_ns.gan3dinv_progress import INTERRUPTED, Interrupt, TrainingProgress, readable_time
from gan3dinv_ns.gan3dinv_run import (
    check_exist,
    check_photos,
    command_to_go_on,
    copy_photos,
    has_checkpoint,
    latest_checkpoint,
    name_of,
    read_checkpoint,
    resolve_generator,
    resolve_photos,
    usable_device,
    write_checkpoint,
    write_config,
)
from gan3dinv_ns.inversion.head_file import HEAD_FILE, RESULTS_FOLDER, write_head
from gan3dinv_ns.inversion.optimizers import build_optimizers, restore_optimizers
from gan3dinv_ns.inversion.results import photo_folders, write_results
from gan3dinv_ns.inversion.start import Origin
from gan3dinv_ns.inversion.step import optimisation_step
from gan3dinv_ns.ops.atomic_files import FileWriteError, atomic_path
from gan3dinv_ns.ops.cuda_graphs import check_cuda_graphs
from gan3dinv_ns.ops.user_errors import one_line_errors
from gan3dinv_ns.photo.label import check_labels, find_label
from gan3dinv_ns.photo.put_back import write_framing

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
    """A run: one photo, one head; of several photos each gives a head, or all together give one."""

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
    data: tuple[Path, ...] | None = None  # type: ignore[assignment]
    """Photos (PNG, JPEG or WebP files), or folders of them; alias for --pipeline.datamanager.data."""
    same_person: bool = False
    """Several photos show the same head: one latent and one generator are found for all of them, and a camera for each.
    Without it each photo is inverted by itself, one after the other."""
    every_face: bool = False
    """Every face that is found in a photo is inverted by itself, instead of one face of each photo."""
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
    """Unused: the photos are their own measure; `ns-eval` judges a finished run."""
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
        """Makes the run's folder with `config.yml` and copies of the photos, which are used from then on."""
        with one_line_errors():
            self.pipeline.datamanager.data = copy_photos(self.photos(), self.get_base_dir(), self.has_many_heads)
            self.data = None
            CONSOLE.log(f"Saving config to: {write_config(self, self.get_base_dir())}")

    def photos(self) -> list[Path]:
        """The files of the photos, ordered by name.

        Raises:
            ValueError: there are none.
        """
        return resolve_photos(self.data or self.pipeline.datamanager.data, self.checkpoint())

    @property
    def has_many_heads(self) -> bool:
        """Whether photos or faces are inverted one by one."""
        return self.every_face or (len(self.photos()) > 1 and not self.same_person)

    def setup(self, **kwargs: Any) -> Any:
        """What `ns-train` runs: the trainer of one head, or one for each photo."""
        if self.has_many_heads:
            from gan3dinv_ns.gan3dinv_batch import HeadByHead

            return HeadByHead(self, **kwargs)
        return super().setup(**kwargs)

    def checkpoint(self) -> Path | None:
        """The checkpoint that the run begins from, if any.

        Raises:
            ValueError: one is asked for and missing.
        """
        if self.load_dir is not None:
            return latest_checkpoint(self.load_dir, self.load_step)
        return None if self.load_checkpoint is None else self.load_checkpoint.expanduser().resolve()

    def _settle_labels(self, photos: Sequence[Path]) -> None:
        """The photos' labels go into the run's configuration, as photos are copied without what lies beside them.

        Raises:
            ValueError: they are asked for, but missing or damaged.
        """
        inversion = self.pipeline.model.inversion
        if inversion.start.pose != "label":
            return
        label = inversion.start.label or tuple(number for photo in photos for number in find_label(photo))
        check_labels(label, len(photos))
        self.pipeline.model.inversion = replace(inversion, start=replace(inversion.start, label=label))

    def _settle_options(self) -> None:
        """Paths become absolute, so that the run loads from everywhere.

        Raises:
            ValueError: a photo, generator or checkpoint cannot be used. Of several heads' photos only those that
                are missing count here, the others are told in their turn.
        """
        checkpoint = self.checkpoint()
        if checkpoint is not None:
            self.load_dir, self.load_checkpoint = None, checkpoint
        photos = self.photos()
        self.data = tuple(photos)
        if self.every_face and self.same_person:
            raise ValueError("--every-face and --same-person exclude each other; leave one at False")
        if self.has_many_heads:
            check_exist(photos)
        else:
            check_photos(photos)
        self.pipeline.datamanager.data = photos[0].parent if len(photos) > 1 else photos[0]
        self.pipeline.model.generator = resolve_generator(self.pipeline.model.generator)
        self._settle_labels(photos)
        self.output_dir = self.output_dir.expanduser().resolve()
        self.experiment_name = self.experiment_name or name_of(photos)
        self.machine.device_type = usable_device(self.machine.device_type)  # type: ignore[assignment]
        device = torch.device(self.machine.device_type)
        check_backend(self.pipeline.model.decoder_backend, device)
        check_precision(self.pipeline.model.precision, device)
        if self.pipeline.model.cuda_graphs:
            check_cuda_graphs(device)
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
        """Steps of the whole run; less once the photo comes out well enough."""
        steps = self.pipeline.model.inversion.schedule.total_steps
        return min(steps, self.config.max_num_iterations) if self.config.max_num_iterations > 0 else steps

    def train(self) -> None:
        """Finds the head, then keeps the viewer open."""
        self.find_head()
        self.keep_viewer_open()

    def find_head(self) -> dict[str, float]:
        """Runs the schedule from where the checkpoint left it, then writes the results; returns their figures."""
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
            return self._finish(time.monotonic() - begin)

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
            for origin in dict.fromkeys(guess.origin for guess in inversion.guesses):
                CONSOLE.print(_CAMERA_FROM[origin])
        following = step + 1
        status = progress.update(following, phase.name, metrics, self.total_steps)
        self.pipeline.model.viewer_control.push(following, status, phase=phase.name, metrics=metrics)
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
            seen = self.pipeline.model.inversion.render(self.pipeline.model.inversion.label[:1])
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
            restore_optimizers(self.optimizers.optimizers, state["optimizers"])
        self._start_step = state["step"] + 1
        CONSOLE.print(f"Resuming after step {self._start_step} of {self.total_steps} from {path}", soft_wrap=True)

    # The end.

    def _leave_early(self) -> None:
        """After ctrl-C: keep what there is, say how to go on."""
        if self.step >= self._start_step:
            self.save_checkpoint(self.step)
        CONSOLE.print(
            f"Interrupted after step {self.step + 1} of {self.total_steps}. Go on with: "
            f"{command_to_go_on(self.config.method_name, self.base_dir)}",
            soft_wrap=True,
            highlight=False,
        )
        raise SystemExit(INTERRUPTED)

    def _finish(self, seconds: float) -> dict[str, float]:
        """Last checkpoint, results, and where they are; the figures."""
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
        photos = len(self.pipeline.datamanager.train_dataset)
        table.add_row("PSNR of the photo" if photos == 1 else f"PSNR of {photos} photos", f"{metrics['psnr']:.2f} dB")
        table.add_row("Time", readable_time(seconds))
        CONSOLE.print(Panel(table, title="Finished", expand=False))
        return metrics

    def _write_results(self, folder: Path, seconds: float) -> dict[str, float]:
        """Files of the head, and of the photos that it was found in; the figures."""
        inversion, framed = self.pipeline.model.inversion, self.pipeline.datamanager.train_dataset.framed
        names = [photo.path.stem for photo in framed]
        rendered = inversion.render(inversion.label.detach())
        metrics = write_results(inversion, folder, {"seconds": seconds}, rendered, names)
        write_head(inversion, folder / HEAD_FILE)
        views = {name: view.cpu().split(1) for name, view in rendered.items()}
        for index, (photo, place) in enumerate(zip(framed, photo_folders(folder, names), strict=True)):
            opacity = views["image_weights"][index] if inversion.generator.rendering.white_back else None
            write_framing(place, photo.path, views["image"][index], photo.framing, opacity)
        return metrics

    def keep_viewer_open(self) -> None:
        """Keeps the viewer open until ctrl-C, where there is one and the options do not say otherwise."""
        if self.config.viewer.quit_on_train_completion or not self.config.is_viewer_enabled():
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
