"""A head cut out of its photo, for generators whose heads stand before white.

Such a generator has no background of its own: it would build the photo's into the head. The border between head and
background is found by GrabCut (Rother et al., "GrabCut: interactive foreground extraction using iterated graph cuts",
SIGGRAPH 2004), in OpenCV's implementation, told by the face's five points where a head, its hair and a neck can be.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.ops.image_files import pixels_of
from gan3dinv_ns.photo.face_fit import FaceFit, fit_face
from gan3dinv_ns.photo.faces import find_faces

_SIDE = 256
_ROUNDS = 5
_SOFTNESS = 1 / 200
# Of drawn heads, whose hair may reach the edges, 0.64 and more of them is white.
_WHITE, _MOSTLY = 0.95, 0.5


def before_white(photo: Tensor) -> Tensor:
    """A photo with a white background; as it is where it has one already, or no face is found.

    Args:
        photo: ``[1, 3, R, R]`` in [-1, 1], framed.
    """
    if _is_before_white(photo):
        return photo
    faces = find_faces(photo)
    if not faces:
        return photo
    fit, scale = fit_face(faces[0]), _SIDE / photo.shape[-1]
    fit = FaceFit((fit.centre[0] * scale, fit.centre[1] * scale), fit.size * scale, fit.roll_rad)
    small = F.interpolate(photo, (_SIDE, _SIDE), mode="bilinear", align_corners=False, antialias=True)
    share = torch.from_numpy(_head_share(small, fit))[None, None].to(photo)
    share = F.interpolate(share, photo.shape[-2:], mode="bilinear", align_corners=False, antialias=True)
    return photo * share + (1 - share)


def _is_before_white(photo: Tensor) -> bool:
    """Whether most of the upper edge and of the sides' upper halves is white."""
    height, width = photo.shape[-2:]
    lightness = photo.amin(dim=1)[0]
    edges = torch.cat([lightness[0], lightness[: height // 2, 0], lightness[: height // 2, width - 1]])
    return bool((edges > _WHITE).float().mean() > _MOSTLY)


def _head_share(photo: Tensor, fit: FaceFit) -> np.ndarray:
    """How much each pixel is of the head, ``[R, R]`` in [0, 1]."""
    pixels = cv2.cvtColor(pixels_of(photo), cv2.COLOR_RGB2BGR)
    mask = _where_heads_are(pixels.shape[0], fit)
    models = np.zeros((1, 65)), np.zeros((1, 65))
    # Its clusters begin at random.
    cv2.setRNGSeed(0)
    cv2.grabCut(pixels, mask, (0, 0, 0, 0), *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    head = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    _, parts = cv2.connectedComponents(head)
    x, y = (int(np.clip(value, 0, len(mask) - 1)) for value in fit.centre)
    whole = (parts == parts[y, x]).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(whole, (0, 0), _SOFTNESS * len(mask)))


def _where_heads_are(side: int, fit: FaceFit) -> np.ndarray:
    """OpenCV's marks ``[side, side]``: the face surely is head; hair, neck and shoulders may be; the rest is not."""
    rows, columns = np.mgrid[:side, :side] + 0.5
    x, y = (columns - fit.centre[0]) / fit.size, (rows - fit.centre[1]) / fit.size
    mask = np.full((side, side), cv2.GC_BGD, np.uint8)
    mask[(x / 1.05) ** 2 + ((y + 0.25) / 1.3) ** 2 < 1] = cv2.GC_PR_FGD
    mask[(y > 0.5) & (np.abs(x) < 0.45)] = cv2.GC_PR_FGD
    mask[(y > 1.0) & (np.abs(x) < 1.2)] = cv2.GC_PR_FGD
    mask[y > 1.15] = cv2.GC_PR_FGD
    mask[(x / 0.45) ** 2 + ((y - 0.05) / 0.6) ** 2 < 1] = cv2.GC_FGD
    return mask
