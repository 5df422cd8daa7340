"""Heads that are edited along a direction, as the tables of edits see them, and the units of these tables."""

from __future__ import annotations

import torch
from torch import Tensor

from gan3dinv_ns.editing.directions import Direction, Edit, apply_edits
from gan3dinv_ns.evaluation.edit_table import STRENGTHS
from gan3dinv_ns.heads.drawn_heads import drawn_vectors
from gan3dinv_ns.heads.face_scale import EDITABLE, face_values
from gan3dinv_ns.inversion.head_file import FoundHead
from gan3dinv_ns.inversion.views import orbit_labels

_YAWS_RAD = (-0.3, 0.0, 0.3)
"""Views that are read and averaged."""
FRONT = _YAWS_RAD.index(0.0)
"""Number of the view from the front."""
_SPREAD_HEADS = 2000
"""Drawn heads whose standard deviations are the unit of the tables."""


def spread_of_drawn_heads() -> dict[str, float]:
    """Standard deviations of the editable attributes by name."""
    values = face_values(drawn_vectors(range(_SPREAD_HEADS)))
    return {name: float(values[name].std()) for name in EDITABLE}


def edited_views(head: FoundHead, direction: Direction) -> dict[float, dict[str, Tensor]]:
    """Renderings of three views for each of ``STRENGTHS``, see ``FoundHead.render``."""
    yaws = torch.tensor(_YAWS_RAD)
    radius = head.generator.rendering.avg_camera_radius
    labels = orbit_labels(yaws, torch.zeros_like(yaws), float(head.label[0, 16]), radius).to(head.label)
    return {
        strength: head.with_ws(apply_edits(head.ws, [Edit(direction, strength)])).render(labels)
        for strength in STRENGTHS
    }
