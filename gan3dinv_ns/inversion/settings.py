"""Everything that can be chosen about an inversion, as frozen dataclasses. Plain data: no network is touched here."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Literal

from gan3dinv_ns.cameras.intrinsics import FOCAL
from gan3dinv_ns.inversion.schedule import GroupPlan, Loss, Phase, Schedule
from gan3dinv_ns.losses.perceptual import PerceptualName
from gan3dinv_ns.losses.reconstruction import ReconstructionWeights


@dataclass(frozen=True)
class StartSettings:
    """Where an inversion starts, and the coarse search for the camera from which the mean head looks most like the
    photo."""

    latent: Literal["encoder", "mean"] = "encoder"
    """The first latent: that of the latent encoder, where the generator has one, or the mean."""
    pose: Literal["estimator", "landmarks", "search", "label", "canonical"] = "estimator"
    """The first pose: that of the pose estimator, or, where the generator has none, of the landmarks (eyes, nose and
    mouth of the photo, compared with those of the mean head), or, where there are none, of the search; that of the
    label in dataset.json beside the photo; or the front."""
    label: tuple[float, ...] = ()
    """The 25 numbers of that label, for several photos one after the other; none are read from the file."""
    check: bool = True
    """Compare the pose of estimator or landmarks with a coarse grid by rendering, and search where the grid is clearly
    better."""
    check_counts: tuple[int, int] = (7, 3)
    """Yaws and pitches of that grid."""
    clearly_better: float = 0.6
    """The grid is clearly better if its error is below this share of that of the estimated pose."""
    yaw_range: float = 0.75
    """Yaw is tried from minus to plus this, radians."""
    yaw_count: int = 11
    """Number of yaws tried."""
    pitch_range: float = 0.4
    """Pitch is tried from minus to plus this, radians."""
    pitch_count: int = 5
    """Number of pitches tried."""
    resolution: int = 32
    """Side of the small renderings that are compared, pixels."""
    depth_samples: tuple[int, int] = (16, 8)
    """Samples along each ray in the two passes."""
    candidates: int = 6
    """So many of the best cameras are compared again perceptually and refined."""
    refinements: int = 2
    """Rounds of refinement, each around the best camera so far at half the spacing."""


@dataclass(frozen=True)
class ScheduleSettings:
    """Lengths and rates of the phases."""

    warmup_steps: int = 0
    """Steps on the camera alone before the latent moves."""
    project_steps: int = 30
    """Steps on latent and camera."""
    tune_steps: int = 240
    """Steps on the generator's weights (pivotal tuning), at most."""
    fewest_tune_steps: int = 60
    """Fewest of them: after these tuning ends as soon as the photo comes out well enough. As many as tune_steps, or
    more, and all are taken."""
    enough_psnr: float = 30.0
    """PSNR of the photo that is well enough, dB; what follows are the steps in which rates fall."""
    latent_rate: float = 0.04
    """Largest learning rate of the latent."""
    pose_rate: float = 0.01
    """Largest learning rate of the camera (radians and box units)."""
    project_betas: tuple[float, float] = (0.8, 0.99)
    """Adam's betas for latent and camera; larger ones remember more steps than the phase has."""
    tune_optimizer: Literal["muon", "adam"] = "muon"
    """What tunes the generator's weights: Muon (its convolutions; the rest by Adam at a third of the rate), which comes
    closer to the photo in as many steps, or Adam, as in the paper."""
    tune_rate: float = 7e-3
    """Largest learning rate of the generator's weights."""
    superresolution_rate: float = 10.0
    """Rate of the super-resolution's convolutions by Muon, as a multiple of that of the others: they draw over what has
    been rendered, so they can be quick without bending the shape."""
    tune_momentum: float = 0.85
    """Muon's momentum; more of it would still be under way when so few steps are over."""
    ramp_up: float = 0.05
    """Fraction of a phase during which rates rise; of tuning, of its fewest steps."""
    ramp_down: float = 0.25
    """Fraction of a phase during which rates fall; of tuning, of its fewest steps."""
    stop_below: float = 0.0003
    """Tuning ends early once the perceptual distance falls below this."""

    def check(self) -> None:
        """Raises: ValueError: a moment is not in [0, 1), or a multiple of a rate not in [0, inf)."""
        momenta = {"project_betas": self.project_betas, "tune_momentum": (self.tune_momentum,)}
        for name, values in momenta.items():
            for value in values:
                if not 0 <= value < 1:
                    raise ValueError(f"{name} {value} cannot be taken; give 0 or more and less than 1.")
        if not 0 <= self.superresolution_rate < math.inf:
            raise ValueError(f"superresolution_rate {self.superresolution_rate} cannot be taken; give 0 or more.")


@dataclass(frozen=True)
class PoseSettings:
    """The camera and the losses that move it."""

    kind: Literal["euler", "sixd"] = "euler"
    """"euler" (yaw, pitch) for upright crops, "sixd" (6D rotation, Zhou et al.) where heads may be rolled."""
    through: Literal["numbers", "estimator"] = "numbers"
    """What the camera's losses move: the pose's own numbers, or the weights of the pose estimator (published code)."""
    estimator_rate: float = 0.01
    """Rate of the estimator's weights as a share of the camera's."""
    focal: float = FOCAL
    """Focal length over image width."""
    warp_target: Literal["photo", "rendering"] = "photo"
    """What the warped canonical view is compared with: the photo (published code) or the current rendering
    (Algorithm 1 as printed)."""
    warp_weight: float = 1.0
    """Weight of the warp loss; 0 leaves it out."""
    photometric_weight: float = 0.0
    """Weight of the direct comparison of a small rendering with the photo, whose gradient goes through the renderer
    to the camera; 0 leaves it out."""
    reconstruction_weight: float = 1.0
    """Weight of the latent's own reconstruction loss, whose gradient goes through renderer and super-resolution to the
    camera, both moving together (Algorithm 3); 0 leaves it out."""
    translate: bool = True
    """The camera has a learnable translation besides its rotation (supplement, B.2); without it, it always looks at the
    origin (the ablation)."""
    translation_weight: float = 1000.0
    """Weight of the squared way, in box units, from the first translation, which the estimator gives: a shift can be
    mistaken for a turn, and a shifted head stands beside its place from the side. 0 leaves it free."""
    estimate_weight: float = 3.0
    """Weight of the squared angle between the view direction and the estimator's, radians; 0 leaves it free. Heads
    that are still wrong pull the camera away from where it is. Of several photos of one head it is the angle of their
    mean deviation."""
    estimate_apart_weight: float = 3.0
    """Weight of the squared angle between each of several photos' deviation and the mean one: what one camera errs
    against the others the photos tell, what all of them err together they do not."""
    resolution: int = 32
    """Side of the renderings for the camera's losses, pixels."""
    tolerance: float = 0.05
    """Points that lie farther than this behind the canonical surface count as hidden, box units."""


@dataclass(frozen=True)
class InversionSettings:
    """An inversion of one photo, or of several of one head."""

    perceptual: PerceptualName = "discriminator"
    """Perceptual distance: the generator's own discriminator (no download) or LPIPS with one of three backbones."""
    start: StartSettings = field(default_factory=StartSettings)
    """Coarse pose search."""
    schedule: ScheduleSettings = field(default_factory=ScheduleSettings)
    """Lengths and rates of the phases."""
    pose: PoseSettings = field(default_factory=PoseSettings)
    """Camera and its losses."""
    reconstruction: ReconstructionWeights = field(default_factory=ReconstructionWeights)
    """Weights of the reconstruction loss."""
    latent_space: Literal["w", "w+"] = "w"
    """Where the latent is looked for: "w", the same for every layer, or "w+", one for each layer (Abdal et al., 2019),
    which comes closer to the photo and bears less editing."""
    depth_samples: tuple[int, int] = (16, 16)
    """Samples along each ray in the two passes while optimising; fewer than the generator's own are faster."""
    latent_noise: float = 0.05
    """Standard deviation of the noise on the latent at the start of projection, in standard deviations of w."""
    latent_noise_ramp: float = 0.75
    """Fraction of the projection after which that noise is gone."""
    latent_prior_weight: float = 0.2
    """Weight of the latent's squared distance from the first latent, in standard deviations of w; 0 leaves it free.
    Without it a photo is explained by heads that look wrong from the side."""
    optimize_noise: bool = False
    """Optimise the noise maps of the backbone together with the latent (as StyleGAN2's projection does)."""
    noise_weight: float = 1e5
    """Weight of the noise maps' regularisation."""
    smoothness_weight: float = 1.0
    """Weight of the depth smoothness while tuning; 0 leaves it out."""
    sides_weight: float = 0.5
    """Weight, while tuning, of the mean square difference of small renderings from the sides before and after: tuning
    is for the photo, and what the photo does not show should stay as likely as it was. 0 leaves it out."""
    photos_per_step: int = 4
    """How many photos of one head a step looks at, in turn; a step takes memory and time for each."""
    seed: int = 0
    """Seed of all random numbers; every step has its own stream, so a resumed run repeats an uninterrupted one."""

    def build_schedule(self) -> Schedule:
        """The phases ``warmup``, ``project`` and ``tune`` of Algorithm 1.

        Raises:
            ValueError: a length, a rate or a momentum cannot be taken.
        """
        lengths = self.schedule
        lengths.check()
        up, down = lengths.ramp_up, lengths.ramp_down
        latent_losses: tuple[Loss, ...] = ("reconstruction",)
        if self.latent_prior_weight > 0:
            latent_losses += ("latent_prior",)
        if self.optimize_noise:
            latent_losses += ("noise",)
        tune_losses: tuple[Loss, ...] = ("reconstruction",)
        if self.smoothness_weight > 0:
            tune_losses += ("depth_smoothness",)
        if self.sides_weight > 0:
            tune_losses += ("sides",)
        pose = self._pose_losses()
        moving = (GroupPlan("camera_pose", pose, lengths.pose_rate, up, down),) if pose else ()
        return Schedule(
            (
                Phase("warmup", lengths.warmup_steps if pose else 0, moving),
                Phase(
                    "project",
                    lengths.project_steps,
                    (GroupPlan("latent", latent_losses, lengths.latent_rate, up, down), *moving),
                ),
                self._tuning(tune_losses),
            )
        )

    def _tuning(self, losses: tuple[Loss, ...]) -> Phase:
        lengths = self.schedule
        fewest = min(lengths.fewest_tune_steps, lengths.tune_steps)
        plan = GroupPlan("generator", losses, lengths.tune_rate, lengths.ramp_up, lengths.ramp_down)
        phase = Phase("tune", fewest, (plan,), lengths.stop_below, enough_psnr=lengths.enough_psnr)
        return replace(phase.with_steps(lengths.tune_steps), fewest_steps=fewest)

    def _pose_losses(self) -> tuple[Loss, ...]:
        losses: tuple[Loss, ...] = ()
        if self.pose.warp_weight > 0:
            losses += ("warp",)
        if self.pose.photometric_weight > 0:
            losses += ("photometric",)
        if self.pose.reconstruction_weight > 0:
            losses += ("reconstruction",)
        if losses and self.pose.translate and self.pose.translation_weight > 0:
            losses += ("translation",)
        if losses and self.pose.estimate_weight > 0:
            losses += ("estimate",)
        return losses


def untuned_settings(
    latent: Literal["encoder", "mean"],
    pose: Literal["estimator", "landmarks", "search"],
    steps: int,
    settings: InversionSettings,
) -> InversionSettings:
    """Settings of an inversion of so many steps without tuning, with the same share of them to warm the camera up.

    Args:
        latent, pose: the start, see :class:`StartSettings`.
        steps: 0 for the start itself.
        settings: everything else.

    Raises:
        ValueError: the number of steps is negative.
    """
    if steps < 0:
        raise ValueError(f"{steps} steps are negative; give 0 or more")
    lengths = settings.schedule
    warmup = steps * lengths.warmup_steps // max(1, lengths.warmup_steps + lengths.project_steps)
    return replace(
        settings,
        start=replace(settings.start, latent=latent, pose=pose),
        schedule=replace(lengths, warmup_steps=warmup, project_steps=steps - warmup, tune_steps=0),
    )
