"""The state of an inversion: latent, camera pose, noise and the generator that is tuned."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.poses import POSES, CameraPose
from gan3dinv_ns.eg3d import Discriminator, Generator
from gan3dinv_ns.encoders import Initialisers
from gan3dinv_ns.inversion import objectives
from gan3dinv_ns.inversion.estimator_pose import EstimatorPose
from gan3dinv_ns.inversion.kept import Kept
from gan3dinv_ns.inversion.schedule import Group, Schedule
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.inversion.start import Guess, estimator_for, first_guesses, latent_prior, mean_latent
from gan3dinv_ns.inversion.step_inputs import StepInputs, step_inputs
from gan3dinv_ns.inversion.views import whole_views, with_depth_samples
from gan3dinv_ns.losses.latent_prior import LatentPrior
from gan3dinv_ns.losses.perceptual import PerceptualDistance, build_perceptual
from gan3dinv_ns.losses.reconstruction import PhotoTarget
from gan3dinv_ns.photo.mean_head import front_label

if TYPE_CHECKING:
    from gan3dinv_ns.inversion.gradients import ReplayedSteps


@dataclass(frozen=True)
class _Frozen:
    """What never enters the state: the photo with its features. A dataclass hides it from ``nn.Module``."""

    target: PhotoTarget
    initialisers: Initialisers | None
    untuned: Generator


class Inversion(nn.Module):
    """The inversion of one photo, or of several of the same head: one latent, one generator, a camera for each photo.

    ``state_dict()`` holds everything that a step depends on: the latent, the poses, the noise maps, all weights of the
    (tuned) generator, whether it has started, and with how many steps tuning ends, once that is known. The
    discriminator and other frozen networks are not part of it. The optimisers' states have to be kept beside it to
    resume exactly.

    Args:
        generator: copied, so the given one stays untuned.
        discriminator: the generator's own, for the perceptual distance of that name; else None will do.
        photo: ``[K, 3, R, R]`` in [-1, 1] with R the generator's image resolution, K photos of one head.
        settings: all choices.
        initialisers: the generator's latent encoder and pose estimator; None starts from the mean and a search.
        perceptual: on the generator's device; None takes the one that the settings name.

    Attributes:
        replayed_steps: takes the steps' gradients in autograd's stead, if there is one.

    Raises:
        ValueError: if the photo has another shape, or the perceptual distance cannot be had.
    """

    canonical_label: Tensor
    started: Tensor
    tuned_steps: Tensor

    def __init__(
        self,
        generator: Generator,
        discriminator: Discriminator | None,
        photo: Tensor,
        settings: InversionSettings | None = None,
        initialisers: Initialisers | None = None,
        perceptual: PerceptualDistance | None = None,
    ) -> None:
        super().__init__()
        side = generator.img_resolution
        if photo.ndim != 4 or len(photo) < 1 or tuple(photo.shape[1:]) != (3, side, side):
            raise ValueError(f"photos must be [K, 3, {side}, {side}] for this generator, not {list(photo.shape)}.")
        self.settings = settings or InversionSettings()
        if self.settings.photos_per_step < 1:
            raise ValueError(f"photos_per_step {self.settings.photos_per_step} is below 1; give 1 or more.")
        self._whole_schedule = self.settings.build_schedule()
        self.generator = copy.deepcopy(generator).eval().requires_grad_(False)
        device = next(self.generator.parameters()).device
        latents = self.generator.num_ws if self.settings.latent_space == "w+" else 1
        self.w = nn.Parameter(mean_latent(self.generator).repeat(1, latents, 1))
        radius = generator.rendering.avg_camera_radius
        self.register_buffer("started", torch.tensor(False, device=device))
        self.register_buffer("tuned_steps", torch.tensor(0, device=device))
        self.register_load_state_dict_pre_hook(_of_today)
        canonical = front_label(self.generator, self.settings.pose.focal)
        self.register_buffer("canonical_label", canonical, persistent=False)
        if perceptual is None:
            perceptual = build_perceptual(self.settings.perceptual, discriminator, device)
        raw_resolution = generator.neural_rendering_resolution
        target = PhotoTarget(photo.to(device, torch.float32), perceptual, raw_resolution)
        self._frozen = _Frozen(target, initialisers, generator)
        self.pose = self._first_pose(radius).to(device)
        self.replayed_steps: ReplayedSteps | None = None
        self._planes: Kept[Tensor] = Kept()
        self._directions: Kept[list[tuple[float, float]]] = Kept()
        self._has_started: Kept[bool] = Kept()
        self._schedule: Kept[Schedule] = Kept()

    def _first_pose(self, radius: float) -> CameraPose:
        pose = self.settings.pose
        if pose.through == "numbers":
            return POSES[pose.kind](radius=radius, count=len(self.target.photo))
        estimator = estimator_for(self._frozen.initialisers, self.settings)
        if estimator is None:
            raise ValueError('pose.through "estimator" needs a pose estimator beside the generator; choose "numbers".')
        return EstimatorPose(estimator, self.target.photo, radius)

    @property
    def target(self) -> PhotoTarget:
        """The photos and their features."""
        return self._frozen.target

    @property
    def untuned(self) -> Generator:
        """The generator as it was given."""
        return self._frozen.untuned

    @cached_property
    def pivot_planes(self) -> Tensor:
        """Tri-planes ``[1, 3, C, R, R]`` of the pivot in the untuned generator; for when the latent stands still."""
        with torch.no_grad():
            return self.untuned.planes(self.latent.to(next(self.untuned.parameters())))

    @cached_property
    def latent_prior(self) -> LatentPrior:
        """The distribution of w around the first latent; computed when a step first asks, as a finished inversion is
        looked at without it."""
        prior = latent_prior(self.generator, self.canonical_label, self.settings.seed)
        return replace(prior, mean=self.first_latent[0, 0])

    @cached_property
    def guesses(self) -> tuple[Guess, ...]:
        """What encoder, estimator and search say of each photo, as far as they are there and asked for."""
        return first_guesses(self.untuned, self.target, self._frozen.initialisers, self.settings)

    @property
    def first_latent(self) -> Tensor:
        """``w [1, 1, w_dim]`` to start from: the mean of what the photos' encodings say."""
        return torch.cat([guess.latent for guess in self.guesses]).mean(dim=0, keepdim=True)

    def photos_at(self, step: int) -> list[int]:
        """Which photos a step looks at: all of them, or so many as the settings allow, in turn."""
        count, at_once = len(self.target.photo), self.settings.photos_per_step
        if count <= at_once:
            return list(range(count))
        return [(step * at_once + index) % count for index in range(at_once)]

    @property
    def latent(self) -> Tensor:
        """``ws [1, num_ws, w_dim]``: the same w for every layer, in W+ each its own; differentiable."""
        return self.w.expand(1, self.generator.num_ws, -1)

    @property
    def pivot(self) -> Tensor:
        """``w [w_dim]``: the latent, in W+ the mean of the layers'; differentiable."""
        return self.w[0].mean(dim=0)

    @property
    def camera_pose(self) -> Tensor:
        """``camera_to_world [K, 4, 4]``; differentiable."""
        return self.pose()

    @property
    def yaws_and_pitches(self) -> list[tuple[float, float]]:
        """Directions of all cameras in radians; read from the device only after a camera moved."""
        sources = (*self.pose.parameters(), *self.pose.buffers())
        return self._directions.of(sources, self.pose.yaws_and_pitches)

    @property
    def has_started(self) -> bool:
        """Whether latent and cameras have been set to what the photos say; see :meth:`start`."""
        return self._has_started.of([self.started], lambda: bool(self.started))

    @property
    def schedule(self) -> Schedule:
        """Phases and their lengths; that of tuning may still become less, see :meth:`end_tuning`."""
        return self._schedule.of([self.tuned_steps], self._current_schedule)

    def _current_schedule(self) -> Schedule:
        steps = int(self.tuned_steps)
        return self._whole_schedule.with_steps("tune", steps) if steps else self._whole_schedule

    def end_tuning(self, steps: int) -> None:
        """Tuning has so many steps in all; rates fall in the last of them, as far as these are still to come."""
        self.tuned_steps.fill_(steps)

    @property
    def label(self) -> Tensor:
        """Camera labels ``[K, 25]`` of the current poses; differentiable."""
        return self.label_of(self.pose())

    @property
    def noise_maps(self) -> list[Tensor]:
        """Noise maps of the backbone, ``[H, H]`` each."""
        synthesis = self.generator.backbone.synthesis
        return [buffer for name, buffer in synthesis.named_buffers() if name.endswith("noise_const")]

    def label_of(self, camera_to_world: Tensor) -> Tensor:
        """Labels ``[N, 25]`` of cameras ``[N, 4, 4]`` with this inversion's focal length."""
        return camera_label(camera_to_world, split_label(self.canonical_label)[1])

    def param_groups(self) -> dict[Group, list[Tensor]]:
        """The three groups of what is optimised: latent (with noise maps if asked for), camera, tuned weights."""
        noise = self.noise_maps if self.settings.optimize_noise else []
        generator = self.generator
        tuned = (generator.backbone.synthesis, generator.decoder, generator.superresolution)
        still = None if self.settings.pose.translate else self.pose.translation
        return {
            "latent": [self.w, *noise],
            "camera_pose": [parameter for parameter in self.pose.parameters() if parameter is not still],
            "generator": [parameter for module in tuned for parameter in module.parameters()],
        }

    @torch.no_grad()
    def start(self) -> None:
        """Take the first latent, and the first poses, which may be searched; the first step does it by itself."""
        self.w.copy_(self.first_latent)
        self.pose.place(torch.cat([guess.camera_to_world for guess in self.guesses]).to(self.w))
        self.started.fill_(True)

    def step_losses(self, step: int, inputs: StepInputs | None = None) -> dict[Group, dict[str, Tensor]]:
        """Losses of a step by group and name, weighted; their sum has, for each group, the gradient of its own losses.

        Args:
            step: in the schedule's range.
            inputs: the step's own; None makes them.

        Raises:
            ValueError: if the step lies outside of the schedule.
        """
        active = self.schedule.phase_at(step).phase.groups
        for group, parameters in self.param_groups().items():
            for parameter in parameters:
                parameter.requires_grad_(group in active)
        return objectives.step_losses(self, step, inputs or step_inputs(self, step))

    @torch.no_grad()
    def planes(self) -> Tensor:
        """Tri-planes ``[1, 3, C, R, R]`` of the current state; computed again only after something changed."""
        sources = (self.w, *self.generator.parameters(), *self.noise_maps)
        return self._planes.of(sources, lambda: self.generator.planes(self.latent))

    @torch.no_grad()
    def render(self, label: Tensor, resolution: int | None = None, fast: bool = False) -> dict[str, Tensor]:
        """Renderings of the current head from cameras ``[N, 25]``, without gradients, always the same for one state.

        Args:
            label: cameras.
            resolution: side of the volume rendering; None for the generator's own.
            fast: take the few samples per ray of the optimisation.

        Returns:
            ``image``, ``image_raw``, ``image_depth``, ``image_weights`` as from ``Generator.synthesis``.
        """
        generator = with_depth_samples(self.generator, self.settings.depth_samples) if fast else self.generator
        return whole_views(generator, self.latent, self.planes(), label, resolution)

    def novel_view(self, label: Tensor) -> Tensor:
        """Images ``[N, 3, R, R]`` of the current head from cameras ``[N, 25]``, without gradients."""
        return self.render(label)["image"]


def _of_today(inversion: Inversion, state: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Older states say nothing of the number of steps, and have a flag for tuning that had ended at once."""
    state.setdefault(f"{prefix}tuned_steps", torch.zeros_like(inversion.tuned_steps))
    state.pop(f"{prefix}converged", None)
