"""Pictures of heads as photos are taken, with five attributes that a face shows, for networks that read them.

Pictures are uint8 ``[N, 3, R, R]``; labels are ``[N]`` by name, by default float of smile (0 to 1), age (0 young to 1
old) and skin luminance (0 to 1), bool of male and long hair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.heads.attributes import (
    EXPRESSION_TARGETS,
    HeadAttributes,
    attribute_names,
    attributes_from_vector,
    draw_attributes,
)
from gan3dinv_ns.heads.dataset import YAW_LIMIT, draw_poses
from gan3dinv_ns.heads.packed import PackedHeads
from gan3dinv_ns.heads.render import render_head
from gan3dinv_ns.heads.template import HeadTemplate

LONG_HAIR = ("bob02", "long01", "ponytail01", "braid01")
"""Hair styles that reach below the ears."""

MOST_VIEWS = 2
"""Views of a head that a network is trained on; more of the same heads teach little."""

LUMINANCE = np.array([0.2126, 0.7152, 0.0722])
"""Weights of red, green and blue (ITU-R BT.709)."""
_SMILE = list(EXPRESSION_TARGETS).index("smile")

Describe = Callable[[HeadAttributes], Mapping[str, float | bool]]
"""The labels of a head, always under the same names."""

Count = Callable[[int, int], None]
"""Told how many heads are done, and how many there are."""


def face_labels(attributes: HeadAttributes) -> dict[str, float | bool]:
    """The five labels of a head."""
    return {
        "smile": float(attributes.expression[_SMILE]),
        "age": float(attributes.age),
        "skin luminance": float(attributes.colours["skin"] @ LUMINANCE),
        "male": attributes.male > 0.5,
        "long hair": attributes.hair_style in LONG_HAIR,
    }


def photo_cameras(seeds: Sequence[int]) -> Tensor:
    """Camera labels ``[N, 25]`` of the first view of each seed's head."""
    poses = torch.from_numpy(np.stack([draw_poses(seed, 1)[0] for seed in seeds]))
    return camera_label(orbit(*poses.unbind(1)), intrinsics_matrix())


def rendered_pictures(
    template: HeadTemplate, seeds: Sequence[int], resolution: int, views: int = 1, count: Count | None = None
) -> tuple[Tensor, dict[str, Tensor]]:
    """Render the first ``views`` (1 to 3) views of each seed's head; their pictures and labels, head by head."""
    pictures, labels = [], []
    for number, seed in enumerate(seeds):
        images = render_head(template, seed, draw_poses(seed, views), resolution)[0]
        pictures.append(((images + 1) * 127.5).round().to(torch.uint8))
        labels += [face_labels(draw_attributes(seed))] * views
        if count is not None:
            count(number + 1, len(seeds))
    return torch.cat(pictures), _columns(labels)


def packed_pictures(
    path: str | Path,
    unseen: range,
    resolution: int,
    count: Count | None = None,
    describe: Describe = face_labels,
) -> tuple[Tensor, dict[str, Tensor]]:
    """Views of packed heads that show the face, scaled to ``resolution``, with their labels.

    Args:
        path: the packed file; at most the first `MOST_VIEWS` such views of a head are taken.
        unseen: seeds of heads that must not be among them.
        resolution: the pictures' new side.
        count: see ``Count``.
        describe: gives the labels.

    Raises:
        ValueError: no such file, its heads have other attributes, or some of them are to be unseen.
    """
    packed = PackedHeads(path)
    if packed.names != attribute_names():
        raise ValueError(f"{path}: its heads have other attributes than today's; generate and pack them anew")
    shared = [int(seed) for seed in packed.seeds if int(seed) in unseen]
    if shared:
        raise ValueError(f"{path}: holds the head of seed {shared[0]}, which is to be unseen; give another first seed")
    facing = [np.flatnonzero(np.abs(yaws) <= YAW_LIMIT)[:MOST_VIEWS] for yaws in packed.yaw_pitch[..., 0]]
    if not any(len(views) for views in facing):
        raise ValueError(f"{path}: none of its views shows a face; give heads with views from the front")
    pictures = torch.empty(sum(map(len, facing)), 3, resolution, resolution, dtype=torch.uint8)
    labels: list[Mapping[str, float | bool]] = []
    for head, views in enumerate(facing):
        described = describe(attributes_from_vector(packed.attributes[head]))
        for view in views:
            pictures[len(labels)] = _scaled(packed.rgb(head, int(view)), resolution)
            labels.append(described)
        if count is not None:
            count(head + 1, len(packed))
    return pictures, _columns(labels)


def photo_with_depth(
    template: HeadTemplate, seed: int, resolution: int, depth_resolution: int
) -> tuple[Tensor, Tensor]:
    """The first view of a head, ``[1, 3, R, R]`` in [-1, 1], and its depth ``[1, 1, r, r]`` (0: nothing hit)."""
    pose = draw_poses(seed, 1)
    photo = render_head(template, seed, pose, resolution)[0]
    return photo, render_head(template, seed, pose, depth_resolution, supersample=1)[1]


def _scaled(rgb: np.ndarray, resolution: int) -> Tensor:
    from PIL import Image

    scaled = Image.fromarray(rgb).resize((resolution, resolution), Image.Resampling.BOX)
    return torch.from_numpy(np.array(scaled)).permute(2, 0, 1)


def _columns(labels: Sequence[Mapping[str, float | bool]]) -> dict[str, Tensor]:
    return {name: torch.tensor([one[name] for one in labels]) for name in labels[0]}
