"""The losses of one step, for each group that moves in it (Ko et al., Algorithm 1).

The groups' graphs are kept apart: the latent sees the camera as a constant, the camera sees the tri-planes as
constants, and the generator's weights see both as constants. So one backward pass of the sum of all losses gives each
group the gradient of its own. Where the camera moves by the latent's reconstruction loss (Algorithm 3) they share it,
and the camera's weight of it is a factor on the gradient that reaches the camera.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.inversion.schedule import Group, GroupPlan
from gan3dinv_ns.inversion.step_inputs import StepInputs
from gan3dinv_ns.inversion.views import far_limit, raw_view, with_depth_samples
from gan3dinv_ns.losses.depth_smoothness import depth_smoothness
from gan3dinv_ns.losses.noise import noise_regularization
from gan3dinv_ns.losses.reconstruction import RECONSTRUCTION
from gan3dinv_ns.losses.warp import View, warp_loss
from gan3dinv_ns.ops.rows import select_rows

if TYPE_CHECKING:
    from gan3dinv_ns.eg3d import Generator
    from gan3dinv_ns.inversion.state import Inversion


def step_losses(inversion: Inversion, step: int, inputs: StepInputs) -> dict[Group, dict[str, Tensor]]:
    """Weighted losses by group and name for the groups that the schedule moves at this step.

    The sum of all of them has, for the parameters of a group, the gradient of this group's losses. Nothing but the
    inputs, the phase and the photos depends on the step.
    """
    plans, photos = inversion.schedule.phase_at(step).phase.plans, inversion.photos_at(step)
    generator = with_depth_samples(inversion.generator, inversion.settings.depth_samples)
    losses: dict[Group, dict[str, Tensor]] = {}
    planes: Tensor | None = None
    camera = next((plan for plan in plans if plan.group == "camera_pose"), None)
    by_reconstruction = camera is not None and "reconstruction" in camera.losses
    weight = inversion.settings.pose.reconstruction_weight
    label = select_rows(inversion.label, photos)
    label = _ScaledGradient.apply(label, weight) if by_reconstruction else label.detach()
    for plan in plans:
        if plan.group != "camera_pose":
            ws = noisy_latent(inversion, inputs.latent_noise) if plan.group == "latent" else inversion.latent.detach()
            planes = generator.planes(ws)
            parts = picture_losses(inversion, generator, ws, planes, label, plan, photos)
            if "sides" in plan.losses:
                parts["sides"] = inversion.settings.sides_weight * sides_loss(inversion, generator, planes, inputs)
            losses[plan.group] = parts
    if camera is not None:
        seen = inversion.planes() if planes is None else planes.detach()
        losses["camera_pose"] = camera_losses(inversion, generator, seen, camera, photos)
        if by_reconstruction:
            shared = losses.get("latent")
            parts = shared or _reconstruction(inversion, generator, seen, select_rows(inversion.label, photos), photos)
            whole = weight * torch.stack([parts[name] for name in RECONSTRUCTION if name in parts]).sum()
            losses["camera_pose"]["reconstruction"] = whole.detach() if shared else whole
    return losses


class _ScaledGradient(torch.autograd.Function):
    """The same values; the gradient is multiplied by a factor."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, factor: float) -> Tensor:
        ctx.factor = factor
        return values.view_as(values)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        return gradient * ctx.factor, None


def _reconstruction(
    inversion: Inversion, generator: Generator, planes: Tensor, label: Tensor, photos: Sequence[int]
) -> dict[str, Tensor]:
    """The reconstruction loss of constant planes."""
    plan = GroupPlan("camera_pose", ("reconstruction",), 0.0)
    return picture_losses(inversion, generator, inversion.latent.detach(), planes, label, plan, photos)


def noisy_latent(inversion: Inversion, deviation: Tensor) -> Tensor:
    """The latent plus noise of a standard deviation ``[]``."""
    w = inversion.w + torch.randn_like(inversion.w) * deviation
    return w.expand(1, inversion.generator.num_ws, -1)


def picture_losses(
    inversion: Inversion,
    generator: Generator,
    ws: Tensor,
    planes: Tensor,
    label: Tensor,
    plan: GroupPlan,
    photos: Sequence[int],
) -> dict[str, Tensor]:
    """Losses of whole pictures of the given photos from their cameras ``label [K, 25]``, as a group plans them."""
    settings, count = inversion.settings, len(photos)
    rendered = generator.synthesis(ws.expand(count, -1, -1), label, planes=planes.expand(count, -1, -1, -1, -1))
    losses: dict[str, Tensor] = {}
    if "reconstruction" in plan.losses:
        losses.update(inversion.target.only(photos).losses(rendered, settings.reconstruction))
    if "latent_prior" in plan.losses:
        losses["latent_prior"] = settings.latent_prior_weight * inversion.latent_prior.loss(inversion.w)
    if "noise" in plan.losses:
        losses["noise"] = settings.noise_weight * noise_regularization(inversion.noise_maps)
    if "depth_smoothness" in plan.losses:
        smoothness = depth_smoothness(rendered["image_depth"], rendered["image_weights"])
        losses["depth_smoothness"] = settings.smoothness_weight * smoothness
    return losses


def sides_loss(inversion: Inversion, generator: Generator, planes: Tensor, inputs: StepInputs) -> Tensor:
    """Mean square change of a small rendering from a random side since the tuning began.

    A regulariser of the kind of PTI's locality regularisation (Roich et al., 2022, section 3.3), in views instead of
    latents.
    """
    label = inversion.label_of(orbit(inputs.side_yaw, inputs.side_pitch, inversion.pose.radius[:1]))
    side = inversion.settings.pose.resolution
    with torch.no_grad():
        untuned = with_depth_samples(inversion.untuned, inversion.settings.depth_samples)
        before = raw_view(untuned, inversion.pivot_planes, label, side, "midpoint").image
    return functional.mse_loss(raw_view(generator, planes, label, side, "midpoint").image, before)


def camera_losses(
    inversion: Inversion, generator: Generator, planes: Tensor, plan: GroupPlan, photos: Sequence[int]
) -> dict[str, Tensor]:
    """Losses of the given photos' cameras on small renderings of constant planes."""
    pose = inversion.settings.pose
    photo = inversion.target.only(photos).at(pose.resolution)
    label = select_rows(inversion.label, photos)
    losses: dict[str, Tensor] = {}
    through_renderer = "photometric" in plan.losses
    with torch.set_grad_enabled(through_renderer):
        current = raw_view(generator, planes, label, pose.resolution)
    if through_renderer:
        losses["photometric"] = pose.photometric_weight * functional.mse_loss(current.image, photo)
    if "warp" in plan.losses:
        with torch.no_grad():
            canonical = raw_view(generator, planes, inversion.canonical_label, pose.resolution).expand(len(photos))
        current = View(current.image.detach(), current.depth.detach(), current.weights.detach(), label)
        target = photo if pose.warp_target == "photo" else current.image
        loss = warp_loss(canonical, current, target, far_limit(generator), pose.tolerance)
        losses["warp"] = pose.warp_weight * loss
    if "translation" in plan.losses:
        first = torch.cat([inversion.guesses[index].translation for index in photos])
        shift = select_rows(inversion.pose.translation, photos) - first
        losses["translation"] = pose.translation_weight * shift.square().sum() / len(photos)
    directions = {index: inversion.guesses[index].estimated_direction for index in photos}
    estimated = {index: direction for index, direction in directions.items() if direction is not None}
    if "estimate" in plan.losses and estimated:
        # The squared chord between two unit directions is the squared angle for all that matters here.
        turned = select_rows(inversion.pose.rotation(), list(estimated))[:, :, 2] - torch.cat(list(estimated.values()))
        together = turned.mean(dim=0)
        apart = (turned - together).square().sum(dim=1).mean()
        losses["estimate"] = pose.estimate_weight * together.square().sum() + pose.estimate_apart_weight * apart
    return losses
