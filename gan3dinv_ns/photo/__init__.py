"""From a photo of any size to what the generator draws: a square of its resolution, with the face in its place."""

from gan3dinv_ns.photo.crop import fit_to, prepare_photo
from gan3dinv_ns.photo.faces import Face, Square, find_faces
from gan3dinv_ns.photo.framing import (
    FFHQ_FRAME,
    FaceFrame,
    Framing,
    FramingSettings,
    choose_square,
    cut_framing,
    cut_square,
    frame_face,
    mean_frame,
)
from gan3dinv_ns.photo.landmark_pose import face_points, rotation_from_face
from gan3dinv_ns.photo.photo_files import photos_of
from gan3dinv_ns.photo.put_back import put_back

__all__ = [
    "FFHQ_FRAME",
    "Face",
    "FaceFrame",
    "Framing",
    "FramingSettings",
    "Square",
    "choose_square",
    "cut_framing",
    "cut_square",
    "face_points",
    "find_faces",
    "fit_to",
    "frame_face",
    "mean_frame",
    "photos_of",
    "prepare_photo",
    "put_back",
    "rotation_from_face",
]
