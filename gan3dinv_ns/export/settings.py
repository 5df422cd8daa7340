"""What can be chosen about a mesh. Importing this needs no torch, so that command lines answer at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MeshFormat = Literal["ply", "obj", "glb", "mrc"]

LARGEST_RESOLUTION = 1024
SMALLEST_RESOLUTION = 16
WIDEST_MARGIN = 0.12


@dataclass(frozen=True)
class MeshSettings:
    """How a density becomes a mesh; shared by `ns-export mesh` and `gan3dinv export mesh`."""

    resolution: int = 256
    """Samples along each side of the density grid. 512 shows finer detail, in about four times
    the time."""
    density_level: float | None = None
    """Raw density on which the surface lies; a higher value shrinks it. None measures where the images show the
    surface. EG3D's own script uses 10."""
    margin: float | None = None
    """Part of the box's side, from 0 to 0.45, that is left empty at each side. None leaves 0.12 empty in a box of side
    1, as EG3D's own script does, because hardly any camera of the training saw what lies there; smaller boxes hold
    nothing but the head and are used up to 0.38 box units from the middle."""
    metric: bool = False
    """Write lengths in metres instead of box units."""
    metres_per_unit: float = 0.42
    """Metres that one box unit stands for; 0.42 is exact for the embedded heads and a fair guess for FFHQ
    networks."""
    colours: Literal["views", "field"] = "views"
    """Where vertex colours come from: finished images from several sides, which are sharper, or the colour field."""
    continue_colours: bool = True
    """Colour what no camera of the training saw, such as the back of the head, from what surrounds it."""
    formats: tuple[MeshFormat, ...] = ("ply", "obj", "glb")
    """Files to write. mrc is the density volume in the layout of EG3D's own script."""

    def margin_in(self, box_side: float) -> float:
        """The margin for a box of a side in box units."""
        if self.margin is not None:
            return self.margin
        return min(WIDEST_MARGIN, max(0.0, 0.5 - (0.5 - WIDEST_MARGIN) / box_side))

    def check(self) -> None:
        """Raises `ValueError` with one line naming the first setting that cannot be used and its allowed
        values."""
        if not SMALLEST_RESOLUTION <= self.resolution <= LARGEST_RESOLUTION or self.resolution % 8:
            raise ValueError(
                f"resolution {self.resolution} cannot be used; give a multiple of 8 from "
                f"{SMALLEST_RESOLUTION} to {LARGEST_RESOLUTION}, 256 is usual"
            )
        if self.margin is not None and not 0 <= self.margin <= 0.45:
            raise ValueError(f"margin {self.margin} is outside 0 to 0.45; it is a part of the box's side")
        if not self.metres_per_unit > 0:
            raise ValueError(f"metres-per-unit {self.metres_per_unit} is not positive; the embedded heads have 0.42")
        if not self.formats:
            raise ValueError("no format is chosen; give one or more of ply, obj, glb, mrc")
