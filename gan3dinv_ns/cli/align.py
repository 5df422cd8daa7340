"""`gan3dinv align`: photos, cut as generators want them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from gan3dinv_ns.cli.progress import counting_bar

if TYPE_CHECKING:
    from gan3dinv_ns.photo import FaceFrame


@dataclass(frozen=True)
class Align:
    """Find the face in each photo and cut the square around it in which EG3D's generators expect it."""

    photos: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="PHOTOS")]
    """A photo, or a folder of photos."""
    output_dir: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="FOLDER")]
    """Folder for NAME.png of every photo, and alignment.json with the squares."""
    size: int = 512
    """Side of the written pictures, pixels."""
    generator: str | None = None
    """Frame faces as this generator frames its own (a registered name or a file), instead of as EG3D frames photos."""
    face: int = 0
    """Which face, the largest is 0."""
    every_face: bool = False
    """Write NAME_0.png, NAME_1.png and so on, one for each face."""
    level: bool = False
    """Turn photos until the eyes are level, as in the released FFHQ pictures."""
    by: Literal["face", "centre"] = "face"
    """centre takes the centre square, without looking for a face."""
    crop: tuple[float, float, float] | None = None
    """LEFT TOP SIDE in pixels of the square to take instead, for cats and drawings."""

    def main(self) -> None:
        """Writes the pictures.

        Raises:
            ValueError: an option, a photo or the generator cannot be used; the other photos are written.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.photo import FFHQ_FRAME, FramingSettings
        from gan3dinv_ns.photo.align_files import AlignSettings, align_files

        framing = FramingSettings(self.by, self.face, self.level, self.crop)
        frame = FFHQ_FRAME if self.generator is None else _frame_of(self.generator)
        settings = AlignSettings(self.size, frame, framing, self.every_face)
        with counting_bar("photos") as progress:
            written = align_files(self.photos, self.output_dir, settings, progress)
        print(f"wrote {len(written) - 1} pictures and {written[-1].resolve()}")


def _frame_of(generator: str) -> FaceFrame:
    from gan3dinv_ns.eg3d import load_generator
    from gan3dinv_ns.photo import mean_frame

    frame = mean_frame(load_generator(generator))
    if frame is None:
        raise ValueError(f"generator {generator}: its mean head shows no face; leave --generator out, or give --crop")
    return frame
