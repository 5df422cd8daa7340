"""What can be chosen about a mesh or about gaussians. Importing this needs no torch, so that command lines answer at
once."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import Literal

MeshFormat = Literal["ply", "obj", "glb", "stl", "3mf", "mrc"]

LARGEST_RESOLUTION = 1024
SMALLEST_RESOLUTION = 16
WIDEST_MARGIN = 0.12
FEWEST_FACES = 100
FACES_OF_AN_ATLAS = 20_000
"""The shape hardly changes down to here, and unwrapping more takes much longer."""
SMALLEST_TEXTURE, LARGEST_TEXTURE = 64, 8192
MOST_SMOOTHING = 100
MOST_GAUSSIANS = 1_000_000
FEWEST_GAUSSIANS = 100
_PRINTED: tuple[MeshFormat, ...] = ("stl", "3mf")


@dataclass(frozen=True)
class SurfaceSettings:
    """Where a head's surface lies, and in which unit it is written."""

    density_level: float | None = None
    """Raw density on which the surface lies; a higher value shrinks it. None measures where the images show the
    surface. EG3D's own script uses 10."""
    metric: bool = False
    """Write lengths in metres instead of box units."""
    metres_per_unit: float = 0.42
    """Metres that one box unit stands for; 0.42 is exact for the embedded heads and a fair guess for FFHQ
    networks."""

    @property
    def scale(self) -> float:
        """Lengths in the files for one box unit."""
        return self.metres_per_unit if self.metric else 1.0

    @property
    def unit(self) -> str:
        """Of the lengths in the files, "box" or "m"."""
        return "m" if self.metric else "box"

    def check(self) -> None:
        """Raises `ValueError` with one line naming the first setting that cannot be used and its allowed
        values."""
        if not self.metres_per_unit > 0:
            raise ValueError(f"metres-per-unit {self.metres_per_unit} is not positive; the embedded heads have 0.42")


@dataclass(frozen=True)
class MeshSettings(SurfaceSettings):
    """How a density becomes a mesh; shared by `ns-export mesh` and `gan3dinv export mesh`."""

    resolution: int = 256
    """Samples along each side of the density grid. 512 shows finer detail, in about four times
    the time."""
    margin: float | None = None
    """Part of the box's side, from 0 to 0.45, that is left empty at each side. None leaves 0.12 empty in a box of side
    1, as EG3D's own script does, because hardly any camera of the training saw what lies there; smaller boxes hold
    nothing but the head and are used up to 0.38 box units from the middle."""
    part: Literal["all", "head"] = "all"
    """all keeps the shoulders; head ends with the neck, which is cut flat where it is narrowest."""
    smooth: int = 0
    """Rounds of smoothing that keep the volume, 0 to 100; 10 takes off the ripples."""
    faces: int | None = None
    """Decimate to so many triangles, at least 100. None keeps all, but with a texture at most 20,000."""
    colours: Literal["views", "field"] = "views"
    """Where vertex colours come from: finished images from several sides, which are sharper, or the colour field."""
    continue_colours: bool = True
    """Colour what no camera of the training saw, such as the back of the head, from what surrounds it."""
    texture: Literal["vertices", "atlas"] = "vertices"
    """vertices gives each vertex a colour; atlas unwraps the mesh and bakes a picture, which is in the .glb and beside
    the .obj (mesh.mtl, mesh.png). A .ply has the colours of the vertices in any case."""
    texture_size: int = 1024
    """Side of that picture in pixels: a power of two from 64 to 8192."""
    printable: bool = False
    """Give the mesh a flat base at height 0 on which it stands, in metres, and write mesh.stl for a slicer too."""
    height_cm: float | None = None
    """Scale the mesh to this height, in centimetres. None leaves it as large as life."""
    formats: tuple[MeshFormat, ...] = ("ply", "obj", "glb")
    """Files to write. stl and 3mf have no colours and are as slicers expect them: millimetres, z up, the face towards
    -y. mrc is the density volume in the layout of EG3D's own script."""

    @property
    def files(self) -> tuple[MeshFormat, ...]:
        """The formats without repetitions, and one for slicers if the mesh shall be printed."""
        chosen = tuple(dict.fromkeys(self.formats))
        needs_one = self.printable and not set(chosen) & set(_PRINTED)
        return (*chosen, "stl") if needs_one else chosen

    @property
    def most_faces(self) -> int | None:
        """To how many faces the mesh is decimated; None for not at all."""
        return FACES_OF_AN_ATLAS if self.faces is None and self.texture == "atlas" else self.faces

    @property
    def in_metres(self) -> bool:
        """Whether lengths are metres: asked for, or because a size is."""
        return self.metric or self.printable or self.height_cm is not None

    def margin_in(self, box_side: float) -> float:
        """The margin for a box of a side in box units."""
        if self.margin is not None:
            return self.margin
        return min(WIDEST_MARGIN, max(0.0, 0.5 - (0.5 - WIDEST_MARGIN) / box_side))

    def check(self) -> None:
        """See `SurfaceSettings.check`."""
        super().check()
        if not SMALLEST_RESOLUTION <= self.resolution <= LARGEST_RESOLUTION or self.resolution % 8:
            raise ValueError(
                f"resolution {self.resolution} cannot be used; give a multiple of 8 from "
                f"{SMALLEST_RESOLUTION} to {LARGEST_RESOLUTION}, 256 is usual"
            )
        if self.margin is not None and not 0 <= self.margin <= 0.45:
            raise ValueError(f"margin {self.margin} is outside 0 to 0.45; it is a part of the box's side")
        self._check_surface()
        if not self.formats:
            raise ValueError("no format is chosen; give one or more of ply, obj, glb, stl, 3mf, mrc")

    def _check_surface(self) -> None:
        if not 0 <= self.smooth <= MOST_SMOOTHING:
            raise ValueError(f"smooth {self.smooth} is outside 0 to {MOST_SMOOTHING}; 10 rounds are usual")
        if self.faces is not None and self.faces < FEWEST_FACES:
            raise ValueError(f"faces {self.faces} are too few for a head; give at least {FEWEST_FACES}, 20000 is usual")
        size = self.texture_size
        if not SMALLEST_TEXTURE <= size <= LARGEST_TEXTURE or size & (size - 1):
            raise ValueError(
                f"texture-size {size} cannot be used; give a power of two from "
                f"{SMALLEST_TEXTURE} to {LARGEST_TEXTURE}, 1024 is usual"
            )
        if self.height_cm is not None and not (isfinite(self.height_cm) and self.height_cm > 0):
            raise ValueError(f"height-cm {self.height_cm} is not a positive number; heads are about 28 with shoulders")


@dataclass(frozen=True)
class SplatSettings(SurfaceSettings):
    """How a head becomes 3D gaussians; shared by `ns-export head-splat` and `gan3dinv export splat`."""

    gaussians: int = 6000
    """How many gaussians at most. 6,000 show what the embedded generator's pictures of 128 x 128 do; larger ones want
    more."""
    steps: int = 300
    """Steps of the fit, each of which compares one view."""

    def check(self) -> None:
        """See `SurfaceSettings.check`."""
        super().check()
        if not FEWEST_GAUSSIANS <= self.gaussians <= MOST_GAUSSIANS:
            raise ValueError(
                f"gaussians {self.gaussians} is outside {FEWEST_GAUSSIANS} to {MOST_GAUSSIANS}; 6000 is usual"
            )
        if self.steps < 0:
            raise ValueError(f"steps {self.steps} is negative; 300 is usual, 0 leaves the gaussians where they start")
