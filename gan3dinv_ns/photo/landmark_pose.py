"""The camera's rotation from five points of a face (perspective-n-point), for generators without a pose estimator.

The points in space are those of the generator's own mean head: found in its picture from the front, and lifted by the
rendered depth. So no constants of a data set are needed, and lengths are in the generator's box units.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.cameras.conventions import split_label
from gan3dinv_ns.cameras.intrinsics import FOCAL, intrinsics_matrix, ray_directions
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.photo.faces import find_faces
from gan3dinv_ns.photo.mean_head import front_label, mean_head


def face_points(generator: Generator, focal: float = FOCAL) -> Tensor | None:
    """Eyes, nose and corners of the mouth of the mean head ``[5, 3]``, box units; None if it has no face to be seen."""
    rendered = mean_head(generator, focal)
    faces = find_faces(rendered["image"])
    if not faces:
        return None
    places = (faces[0].landmarks() / rendered["image"].shape[-1]).float()
    depth = F.grid_sample(rendered["image_depth"], (2 * places - 1)[None, None], align_corners=False)[0, 0, 0]
    camera_to_world, intrinsics = split_label(front_label(generator, focal).cpu())
    in_camera = ray_directions(intrinsics, places)[0] * depth[:, None]
    return in_camera @ camera_to_world[0, :3, :3].T + camera_to_world[0, :3, 3]


def rotation_from_face(points: Tensor, photo: Tensor, focal: float = FOCAL) -> Tensor | None:
    """Where the camera of a photo looks.

    Args:
        points: ``[5, 3]`` of :func:`face_points`.
        photo: ``[1, 3, R, R]`` in [-1, 1], framed as the generator frames its heads.
        focal: focal length over image width.

    Returns:
        camera-to-world rotation ``[1, 3, 3]`` by which the largest face's points are seen where they are, with the
        least squared error; None without a face.
    """
    faces = find_faces(photo)
    if not faces:
        return None
    places = (faces[0].landmarks() / photo.shape[-1]).numpy()
    intrinsics = intrinsics_matrix(focal)[0].double().numpy()
    known = points.double().numpy()
    undistorted = np.zeros(4)
    found, turn, shift = cv2.solvePnP(known, places, intrinsics, undistorted, flags=cv2.SOLVEPNP_SQPNP)
    if not found:
        return None
    turn, _ = cv2.solvePnPRefineLM(known, places, intrinsics, undistorted, turn, shift)
    rotation = np.asarray(cv2.Rodrigues(np.asarray(turn))[0]).T
    return torch.from_numpy(rotation).to(photo)[None]
