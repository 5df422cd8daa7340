"""Size and place of a face, from its five points: the fit that frames the photos of EG3D's data sets.

Source: Deng et al., "Accurate 3D face reconstruction with weakly-supervised learning" (CVPRW 2019), whose `align_img`
EG3D's preparation of photos calls. Letters: X [5, 3] the points of a mean face (y up), x [5, 2] those in the picture
(y down). The least-squares affine camera x = X M + t has rows of about the same length s, the face's size in pixels per
unit of X, also where the head is turned; t is where the mean face's origin is in the picture.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from gan3dinv_ns.photo.faces import Face

MEAN_POINTS = (
    (-0.311487, 0.290361, 0.133780),
    (0.309799, 0.289720, 0.131795),
    (0.003253, -0.046179, 0.552442),
    (-0.252169, -0.381339, 0.224057),
    (0.248466, -0.381282, 0.222358),
)
"""Eyes, nose and corners of the mouth of the mean face, in the order of :class:`~gan3dinv_ns.photo.faces.Face`."""


@dataclass(frozen=True)
class FaceFit:
    """Where a face is.

    Attributes:
        centre: x and y of the mean face's origin, pixels.
        size: pixels per unit of the mean face, whose eyes are 0.62 units apart.
        roll_rad: how far the face is turned in the picture, clockwise as it is looked at.
    """

    centre: tuple[float, float]
    size: float
    roll_rad: float


def fit_face(face: Face) -> FaceFit:
    """The affine camera of a face's five points."""
    mean = torch.tensor(MEAN_POINTS, dtype=torch.float64) * torch.tensor([1.0, -1.0, 1.0], dtype=torch.float64)
    known = torch.cat([mean, torch.ones(len(mean), 1, dtype=torch.float64)], dim=1)
    solution = torch.linalg.lstsq(known, face.landmarks()).solution
    camera, place = solution[:3], solution[3]
    size = float(camera.norm(dim=0).mean())
    roll = math.atan2(float(camera[0, 1]), float(camera[0, 0]))
    return FaceFit((float(place[0]), float(place[1])), size, roll)
