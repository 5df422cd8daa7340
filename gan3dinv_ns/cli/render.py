"""`gan3dinv render`: videos of a found head."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import tyro

from gan3dinv_ns.cli.progress import counting_bar
from gan3dinv_ns.inversion.networks import resolve_device
from gan3dinv_ns.ops.compute_choices import DeviceName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

    from gan3dinv_ns.inversion.head_file import FoundHead


@dataclass(frozen=True)
class Render:
    """Make a video of a run's head that loops: an .mp4, or a .gif or .webp to put on a page."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """The folder of a run, its config.yml, or a head.safetensors."""
    path: Literal["turntable", "nod", "sway", "orbit-edit"] = "turntable"
    """turntable goes once around the head; nod looks from above and from below; sway draws a small figure of eight
    around the first camera; orbit-edit sways while the head is edited."""
    edit: str | None = None
    """What changes meanwhile, from -STRENGTH to STRENGTH and back: smile, age, gender, hair-length or skin-tone. None
    is nothing, and the smile for orbit-edit."""
    strength: float = 3.0
    """Standard deviations of the attribute."""
    directions: Path | None = None
    """The NAME.directions.safetensors of a generator of yours (gan3dinv heads directions); None takes what ships."""
    output: Path | None = None
    """File, .mp4, .gif or .webp; None is videos/PATH.mp4 in the run's folder, or PATH.mp4 beside the head's file."""
    seconds: float = 4.0
    """Length."""
    fps: float = 25.0
    """Frames per second."""
    size: int | None = None
    """Side of the frames in pixels, resized with bicubic filters; None is the generator's own."""
    start: Literal["photo", "front"] = "photo"
    """The first camera: the one that the photo was found to be taken with, or the one that looks straight at the
    face."""
    device: DeviceName = "auto"
    """Where the head is rendered; auto is CUDA if there is one, else the CPU."""

    def main(self) -> None:
        """Writes the video.

        Raises:
            ValueError: an option cannot be used, or there is no head.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.export.video import VideoFormat, write_video
        from gan3dinv_ns.inversion.head_file import find_head, load_head

        if not self.run.expanduser().exists():
            raise ValueError(f"{self.run} does not exist; give the folder of a run, its config.yml or head.safetensors")
        file = find_head(self.run)
        output = self._default_output(file) if self.output is None else self.output
        video = VideoFormat(self.seconds, self.fps, self.size)
        video.check(output)
        head = load_head(file, resolve_device(self.device))
        pictures = self._pictures(head, video.count)
        with counting_bar(self.path, video.count) as progress:
            write_video(output, pictures, video, progress)
        side = video.side or head.generator.img_resolution
        lasting = f"{video.count} frames, {video.count / video.fps:.4g} s at {video.fps:g} fps"
        print(f"wrote {output.resolve()}: {side} x {side} pixels, {lasting}, {output.stat().st_size / 1e6:.2f} MB")

    def _default_output(self, file: Path) -> Path:
        """Where the video of a head's file goes."""
        place = self.run.expanduser()
        folder = place if place.is_dir() else place.parent
        return (folder if file.parent == folder else folder / "videos") / f"{self.path}.mp4"

    def _pictures(self, head: FoundHead, count: int) -> Iterator[Tensor]:
        """The frames, one at a time."""
        labels = self._labels(head, count).split(1)
        name = "smile" if self.edit is None and self.path == "orbit-edit" else self.edit
        if name is None:
            return (head.render(label)["image"] for label in labels)
        latents = self._latents(head, name, count).split(1)
        return (head.with_ws(ws).render(label)["image"] for ws, label in zip(latents, labels, strict=True))

    def _latents(self, head: FoundHead, name: str, count: int) -> Tensor:
        """Those of all frames, ``[count, num_ws, w_dim]``."""
        from gan3dinv_ns.editing.requests import EditableGenerator, EditRequest
        from gan3dinv_ns.editing.sequences import complaints_at_ends, swung

        direction = EditableGenerator(head.generator, EditRequest(directions=self.directions)).named(name)
        latents = swung(head.ws, direction, self.strength, count)
        complaints = complaints_at_ends(head.generator, head.ws, direction, self.strength)
        if complaints:
            print(f"warning: beyond the heads that the generator draws: {'; '.join(complaints)}")
        return latents

    def _labels(self, head: FoundHead, count: int) -> Tensor:
        """The cameras of all frames, ``[count, 25]``."""
        from gan3dinv_ns.cameras.conventions import camera_label, split_label
        from gan3dinv_ns.cameras.rotations import orbit
        from gan3dinv_ns.export.camera_paths import CAMERA_PATHS

        camera, intrinsics = split_label(head.label[:1])
        if self.start == "front":
            camera = orbit(0.0, 0.0, head.generator.rendering.avg_camera_radius).to(camera)
        return camera_label(CAMERA_PATHS["sway" if self.path == "orbit-edit" else self.path](camera, count), intrinsics)
