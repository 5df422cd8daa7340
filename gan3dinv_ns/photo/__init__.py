"""From a photo of any size to what the generator draws: a square of its resolution, with the face in its place."""

from gan3dinv_ns.photo.crop import fit_to, prepare_photo
from gan3dinv_ns.photo.faces import Square, find_faces
from gan3dinv_ns.photo.framing import Framing, FramingSettings, choose_square, cut_square, mean_face

__all__ = [
    "Framing",
    "FramingSettings",
    "Square",
    "choose_square",
    "cut_square",
    "find_faces",
    "fit_to",
    "mean_face",
    "prepare_photo",
]
