"""The losses of one step, for each group that moves in it (Ko et al., Algorithm 1).

The groups' graphs are kept apart: the latent sees the camera as a constant, the camera sees the tri-planes as
constants, and the generator's weights see both as constants.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.inversion.schedule import Group, GroupPlan, PhasePoint
from gan3dinv_ns.inversion.views import far_limit, raw_view, with_depth_samples
from gan3dinv_ns.losses.depth_smoothness import depth_smoothness
from gan3dinv_ns.losses.noise import noise_regularization
from gan3dinv_ns.losses.warp import View, warp_loss

if TYPE_CHECKING:
    from gan3dinv_ns.eg3d import Generator
    from gan3dinv_ns.inversion.state import Inversion


_NEAREST_SIDE, _FARTHEST_SIDE = 0.3, 1.0
"""How far the views are turned away from the photo's in which tuning shall change little, radians."""


def step_losses(inversion: Inversion, step: int) -> dict[Group, dict[str, Tensor]]:
    """Weighted losses by group and name for the groups that the schedule moves at this step."""
    point = inversion.schedule.phase_at(step)
    generator = with_depth_samples(inversion.generator, inversion.settings.depth_samples)
    losses: dict[Group, dict[str, Tensor]] = {}
    planes: Tensor | None = None
    for plan in point.phase.plans:
        if plan.group == "camera_pose":
            seen = inversion.planes() if planes is None else planes.detach()
            losses[plan.group] = camera_losses(inversion, generator, seen, plan)
        else:
            ws = noisy_latent(inversion, point) if plan.group == "latent" else inversion.latent.detach()
            planes = generator.planes(ws)
            losses[plan.group] = picture_losses(inversion, generator, ws, planes, plan)
    return losses


def noisy_latent(inversion: Inversion, point: PhasePoint) -> Tensor:
    """The latent plus noise that fades as the phase goes on (the noise ramp of StyleGAN2's projector)."""
    settings = inversion.settings
    ramp = max(0.0, 1.0 - point.fraction / max(settings.latent_noise_ramp, 1e-6))
    strength = inversion.latent_prior.deviation * settings.latent_noise * ramp**2
    w = inversion.w + torch.randn_like(inversion.w) * strength
    return w.expand(1, inversion.generator.num_ws, -1)


def picture_losses(
    inversion: Inversion, generator: Generator, ws: Tensor, planes: Tensor, plan: GroupPlan
) -> dict[str, Tensor]:
    """Losses of the whole picture at the current pose, for the latent or the generator's weights."""
    settings = inversion.settings
    rendered = generator.synthesis(ws, inversion.label.detach(), planes=planes)
    losses: dict[str, Tensor] = {}
    if "reconstruction" in plan.losses:
        losses.update(inversion.target.losses(rendered, settings.reconstruction))
    if "latent_prior" in plan.losses:
        losses["latent_prior"] = settings.latent_prior_weight * inversion.latent_prior.loss(inversion.w)
    if "noise" in plan.losses:
        losses["noise"] = settings.noise_weight * noise_regularization(inversion.noise_maps)
    if "depth_smoothness" in plan.losses:
        smoothness = depth_smoothness(rendered["image_depth"], rendered["image_weights"])
        losses["depth_smoothness"] = settings.smoothness_weight * smoothness
    if "sides" in plan.losses:
        losses["sides"] = settings.sides_weight * sides_loss(inversion, generator, planes)
    return losses


def sides_loss(inversion: Inversion, generator: Generator, planes: Tensor) -> Tensor:
    """Mean square change of a small rendering from a random side since the tuning began.

    The photo's own surroundings are left to the photo: the camera is turned away from it by `_NEAREST_SIDE` at least.
    A regulariser of the kind of PTI's locality regularisation (Roich et al., 2022, section 3.3), in views instead of
    latents.
    """
    away = _NEAREST_SIDE + (_FARTHEST_SIDE - _NEAREST_SIDE) * torch.rand(()).item()
    yaw, pitch = inversion.pose.yaw_pitch()
    yaw += away if torch.rand(()).item() < 0.5 else -away
    label = inversion.label_of(orbit(yaw, pitch, inversion.pose.radius)).to(planes)
    side = inversion.settings.pose.resolution
    with torch.no_grad():
        untuned = with_depth_samples(inversion.untuned, inversion.settings.depth_samples)
        before = raw_view(untuned, inversion.pivot_planes, label, side, "midpoint").image
    return functional.mse_loss(raw_view(generator, planes, label, side, "midpoint").image, before)


def camera_losses(inversion: Inversion, generator: Generator, planes: Tensor, plan: GroupPlan) -> dict[str, Tensor]:
    """Losses of the camera on small renderings of constant planes."""
    pose = inversion.settings.pose
    photo = inversion.target.at(pose.resolution)
    label = inversion.label
    losses: dict[str, Tensor] = {}
    through_renderer = "photometric" in plan.losses
    with torch.set_grad_enabled(through_renderer):
        current = raw_view(generator, planes, label, pose.resolution)
    if through_renderer:
        losses["photometric"] = pose.photometric_weight * functional.mse_loss(current.image, photo)
    if "warp" in plan.losses:
        with torch.no_grad():
            canonical = raw_view(generator, planes, inversion.canonical_label, pose.resolution)
        current = View(current.image.detach(), current.depth.detach(), current.weights.detach(), label)
        target = photo if pose.warp_target == "photo" else current.image
        loss = warp_loss(canonical, current, target, far_limit(generator), pose.tolerance)
        losses["warp"] = pose.warp_weight * loss
    if "translation" in plan.losses:
        losses["translation"] = pose.translation_weight * inversion.pose.translation.square().sum()
    direction = inversion.guess.estimated_direction
    if "estimate" in plan.losses and direction is not None:
        # The squared chord between two unit directions is the squared angle for all that matters here.
        turned = inversion.pose.rotation()[:, :, 2] - direction
        losses["estimate"] = pose.estimate_weight * turned.square().sum()
    return losses
