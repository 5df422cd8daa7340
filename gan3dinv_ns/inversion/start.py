"""Where an inversion starts: what encoder, estimator, landmarks and search say of a photo before any optimisation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import LABEL_SIZE
from gan3dinv_ns.cameras.rotations import centre_in_own_axes, looking_at_origin, orbit, roll_of, shifted, yaw_pitch
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.eg3d.latent_samples import mapped_latents
from gan3dinv_ns.encoders import Initialisers, PoseEstimator
from gan3dinv_ns.inversion.pose_search import PoseSearch
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.losses.latent_prior import LatentPrior
from gan3dinv_ns.losses.reconstruction import PhotoTarget
from gan3dinv_ns.ops.picture_moves import move_pictures
from gan3dinv_ns.photo import face_points, rotation_from_face
from gan3dinv_ns.photo.label import one_label

_SAMPLES_OF_W = 4096
_SURE_TRANSLATION = 0.008
"""Error that an estimated translation is taken to have, box units. Of unseen heads whose photos are shifted it is 0.007
to the side (root mean square); real photos are stranger to the estimator."""

Origin = Literal["estimator", "landmarks", "search", "search against the estimate", "label", "canonical"]


@dataclass(frozen=True)
class Guess:
    """What is known about a photo before any optimisation.

    Attributes:
        latent: ``w [1, 1, w_dim]``: the encoder's, or the mean.
        camera_to_world: ``[1, 4, 4]``.
        origin: who gave the camera.
    """

    latent: Tensor
    camera_to_world: Tensor
    origin: Origin

    @property
    def translation(self) -> Tensor:
        """``[1, 2]`` how far the camera is to its right and down of where it would see the origin in the middle."""
        return centre_in_own_axes(self.camera_to_world)[:, :2]

    @property
    def estimated_direction(self) -> Tensor | None:
        """``[1, 3]`` where the camera looks, if the estimator says so."""
        return self.camera_to_world[:, :3, 2] if self.origin == "estimator" else None


def mean_latent(generator: Generator) -> Tensor:
    """The mean of w, ``[1, 1, w_dim]``: one w for all layers, the W space."""
    return generator.backbone.mapping.w_avg.detach().clone().reshape(1, 1, -1)


def latent_prior(generator: Generator, label: Tensor, seed: int) -> LatentPrior:
    """The distribution of w.

    Args:
        label: ``[1, 25]`` the camera that the mapping is conditioned on.
        seed: of the samples.
    """
    return LatentPrior.fit(mapped_latents(generator, label, _SAMPLES_OF_W, seed), mean_latent(generator)[0, 0])


def estimator_for(initialisers: Initialisers | None, settings: InversionSettings) -> PoseEstimator | None:
    """The pose estimator for upright photos, or for rolled ones where the camera may roll; None without one."""
    if initialisers is None:
        return None
    rolled = initialisers.estimator_with_roll if settings.pose.kind == "sixd" else None
    return rolled or initialisers.estimator


def first_guesses(
    generator: Generator, target: PhotoTarget, initialisers: Initialisers | None, settings: InversionSettings
) -> tuple[Guess, ...]:
    """What is known of each of the photos by itself, see :func:`first_guess`."""
    count, label = len(target.photo), settings.start.label
    if settings.start.pose == "label" and len(label) != LABEL_SIZE * count:
        raise ValueError(f"the start from a label needs start.label, 25 numbers for each photo, not {len(label)}")
    guesses = []
    for index in range(count):
        start = replace(settings.start, label=one_label(label, index))
        guesses.append(first_guess(generator, target.only([index]), initialisers, replace(settings, start=start)))
    return tuple(guesses)


@torch.no_grad()
def first_guess(
    generator: Generator, target: PhotoTarget, initialisers: Initialisers | None, settings: InversionSettings
) -> Guess:
    """Latent and camera of one photo to start from; always the same for the same photo.

    The camera of estimator or landmarks is checked by rendering: where a coarse grid has a clearly better one, it is
    searched for.

    Raises:
        ValueError: the pose of a label is asked for, and there is none.
    """
    start, latent = settings.start, mean_latent(generator)
    rotation, translation, origin = _estimate(generator, target.photo, initialisers, settings)
    if initialisers is not None and initialisers.encoder is not None and start.latent == "encoder":
        latent = initialisers.encoder(_upright(target.photo, rotation))[:, None]
    radius = generator.rendering.avg_camera_radius
    if start.pose == "label":
        if len(start.label) != LABEL_SIZE:
            raise ValueError(f"the start from a label needs start.label, 25 numbers, not {len(start.label)}")
        return Guess(latent, torch.tensor(start.label[:16]).to(latent).reshape(1, 4, 4), "label")
    if start.pose == "canonical":
        return Guess(latent, orbit(0.0, 0.0, radius).to(latent), "canonical")
    search = PoseSearch(generator, latent, target, start, settings.pose.focal)
    if rotation is None:
        return Guess(latent, orbit(*search.best(), radius).to(latent), "search")
    camera = shifted(looking_at_origin(rotation, radius), translation if settings.pose.translate else 0 * translation)
    if start.check and search.beats(camera):
        return Guess(latent, orbit(*search.best(), radius).to(latent), "search against the estimate")
    return Guess(latent, camera, origin)


def _estimate(
    generator: Generator, photo: Tensor, initialisers: Initialisers | None, settings: InversionSettings
) -> tuple[Tensor | None, Tensor, Origin]:
    """The camera's rotation ``[1, 3, 3]`` and translation ``[1, 2]`` without any rendering, and who says so; no
    rotation where nobody is asked or knows.

    The estimator is asked first; landmarks, which tell no translation, are asked in its stead where there is none.
    """
    nowhere = photo.new_zeros(1, 2)
    if settings.start.pose not in ("estimator", "landmarks"):
        return None, nowhere, "search"
    estimator = estimator_for(initialisers, settings)
    if settings.start.pose == "estimator" and estimator is not None:
        estimated = estimator(photo)
        return estimated.rotation, believed_translation(estimated.translation), "estimator"
    points = face_points(generator, settings.pose.focal)
    rotation = None if points is None else rotation_from_face(points, photo, settings.pose.focal)
    if rotation is not None and settings.pose.kind == "euler":
        rotation = orbit(*yaw_pitch(-rotation[:, :, 2]))[:, :3, :3]
    return rotation, nowhere, "landmarks"


def believed_translation(estimated: Tensor) -> Tensor:
    """What is to be believed of estimated translations ``[N, 2]``: nothing of those that are no larger than their
    error, nearly all of large ones.

    Most photos are cropped so that there is none. Source: the positive-part estimator of James and Stein (1961), with
    both numbers for its dimensions.
    """
    square = estimated.square().sum(dim=1, keepdim=True)
    return estimated * (1 - 2 * _SURE_TRANSLATION**2 / square.clamp_min(1e-12)).clamp_min(0)


def _upright(photo: Tensor, rotation: Tensor | None) -> Tensor:
    """The photo without the roll of its camera: encoders know upright heads."""
    if rotation is None:
        return photo
    roll = roll_of(rotation)
    return photo if float(roll.abs()) < 1e-4 else move_pictures(photo, -roll)
