"""Colours of vertices as glTF 2.0 defines them (section 3.9.2): linear, where pictures and the other mesh formats are
sRGB. What ignores this shows them too bright."""

from __future__ import annotations

from typing import Any

import numpy as np

MATERIAL = {"metallicFactor": 0.0, "roughnessFactor": 0.8}
"""Skin and hair, roughly. Without a material glTF means metal."""

_UNSIGNED_SHORT = 5123


def linear_light(srgb: np.ndarray) -> np.ndarray:
    """sRGB's levels in [0, 1] as linear ones in [0, 1] (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def with_linear_colours(buffers: Any, tree: dict[str, Any]) -> None:
    """Makes the vertex colours of a glTF tree linear, 16 bits each, and gives their meshes a material.

    To hand to trimesh's exporter as `buffer_postprocessor`; what has no vertex colours stays as it is.

    Args:
        buffers: bytes by key, in the order of the buffer views.
        tree: the glTF, its accessors still in a dictionary.
    """
    accessors = list(tree["accessors"].values())
    for primitive in (each for mesh in tree["meshes"] for each in mesh["primitives"]):
        if "COLOR_0" not in primitive["attributes"]:
            continue
        accessor = accessors[primitive["attributes"]["COLOR_0"]]
        key = list(buffers)[accessor["bufferView"]]
        levels = np.frombuffer(buffers[key], dtype=np.uint8)[: accessor["count"] * 4].reshape(-1, 4) / 255
        levels[:, :3] = linear_light(levels[:, :3])
        values = np.round(levels * 65535).astype("<u2")
        accessor["componentType"] = _UNSIGNED_SHORT
        accessor["min"], accessor["max"] = values.min(axis=0).tolist(), values.max(axis=0).tolist()
        buffers[key] = values.tobytes()
        primitive["material"] = len(tree["materials"])
        tree["materials"].append({"pbrMetallicRoughness": dict(MATERIAL)})
