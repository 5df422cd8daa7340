"""The labelled scale: what a head is said to be, in numbers that are linear in its attribute vector.

Of a vector v ``[K]`` (see :func:`~gan3dinv_ns.heads.attributes.attribute_vector`) each value is b . v + c, so the scale
serves drawn heads as well as what a network reads from a picture: age and gender are the weights of the old and of the
male morph targets (0 young or female, 1 old or male), smile is 0 to 1, hair-length the share of styles that reach below
the ears, skin-tone the luminance of the skin (0 to 1); african and asian are shares of the ethnicities.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gan3dinv_ns.heads.attributes import (
    COLOURS,
    FACE_TARGETS,
    MACRO_NAMES,
    HeadAttributes,
    attribute_names,
    attribute_vector,
)
from gan3dinv_ns.heads.labelled_pictures import LONG_HAIR, LUMINANCE

EDITABLE = ("age", "gender", "smile", "hair-length", "skin-tone")
"""Values that directions are made for."""

HELD = ("african", "asian")
"""Values that these directions leave as they are."""

SCALE_LABELS = (*EDITABLE, *HELD, *(f"face:{name}" for name in FACE_TARGETS))
"""What a reader of faces learns: the values, and the weights of all morph targets of the face."""

_MACRO_SCALE, _EXPRESSION_SCALE = 1 / 6, 1 / 4


def face_values(vectors: Tensor) -> dict[str, Tensor]:
    """The values ``[N]`` of attribute vectors ``[N, K]`` by name: those of ``EDITABLE`` and of ``HELD``."""
    columns = dict(zip(attribute_names(), vectors.unbind(1), strict=True))

    def macro(part: str) -> Tensor:
        chosen = [columns[f"macro:{name}"] for name in MACRO_NAMES if part in name.split("-")]
        return torch.stack(chosen).sum(dim=0) * _MACRO_SCALE + len(chosen) / len(MACRO_NAMES)

    centre, spread = COLOURS["skin"]
    skin = [
        share * (columns[f"colour:skin.{channel}"] * spread + middle)
        for channel, share, middle in zip("rgb", LUMINANCE.tolist(), centre, strict=True)
    ]
    return {
        "age": macro("old"),
        "gender": macro("male"),
        "smile": columns["expression:smile"] * _EXPRESSION_SCALE,
        "hair-length": torch.stack([columns[f"hair_style={style}"] for style in LONG_HAIR]).sum(dim=0),
        "skin-tone": torch.stack(skin).sum(dim=0),
        "african": macro("african"),
        "asian": macro("asian"),
    }


def scale_labels(attributes: HeadAttributes) -> dict[str, float]:
    """The ``SCALE_LABELS`` of a head."""
    values = face_values(torch.from_numpy(attribute_vector(attributes))[None])
    numbers = [*(float(value) for value in values.values()), *attributes.face.tolist()]
    return dict(zip(SCALE_LABELS, numbers, strict=True))
