"""Colours of points on a surface: from finished images where a camera sees them, from the colour field elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from gan3dinv_ns.export.colours import surface_colours
from gan3dinv_ns.export.density import PointField, Progress
from gan3dinv_ns.export.unseen import seen_part

Look = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Points [N, 3] and normals [N, 3] -> colours [N, 3] in [0, 255] and trust [N] in [0, 1]."""


@dataclass(frozen=True)
class Paint:
    """Where a head's colours come from.

    Attributes:
        field: the head.
        look: gives better colours than the field's, with how far they are to be trusted; see `view_colours`.
        continues: whether what no camera of the training saw takes its colours from what surrounds it.
    """

    field: PointField
    look: Look | None
    continues: bool

    def seen(self, normals: np.ndarray) -> np.ndarray:
        """How far points [N] are to be coloured by `colours`, from 0 to 1; the rest is continued. See `seen_part`."""
        return seen_part(normals) if self.continues else np.ones(len(normals))

    def colours(
        self, points: np.ndarray, normals: np.ndarray, seen: np.ndarray, progress: Progress | None = None
    ) -> np.ndarray:
        """Colours of points.

        Args:
            points: [N, 3] in box units.
            normals: [N, 3] outward unit normals.
            seen: [N]; where it is 0 the colour does not matter.
            progress: told as the work goes on.

        Returns:
            [N, 3] uint8.
        """
        found, trust = np.zeros_like(points), np.zeros(len(points), dtype=np.float32)
        if self.look is not None:
            found, trust = self.look(points, normals)
        asked = (trust < 1) & (seen > 0)
        colours = found.astype(np.float32)
        if asked.any():
            own = surface_colours(self.field, points[asked], normals[asked], progress)
            colours[asked] = own + trust[asked, None] * (found[asked] - own)
        if progress is not None:
            progress(1.0)
        return np.round(colours).astype(np.uint8)
