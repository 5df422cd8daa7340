"""A run of several heads: each is found by itself, in a folder of its own that every command opens.

RUN/config.yml          the whole run, to go on with
RUN/photos/             copies of the photos
RUN/heads/NAME/         the run of photo NAME, or of a face in it, as if it had been the only one
RUN/heads.json          figures of each head, or what is wrong with its photo
RUN/heads.png           all heads on one page
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nerfstudio.utils import writer
from nerfstudio.utils.rich_utils import CONSOLE
from PIL import Image
from rich.table import Table

from gan3dinv_ns.gan3dinv_progress import INTERRUPTED, readable_time
from gan3dinv_ns.gan3dinv_run import HEADS_FOLDER, command_to_go_on
from gan3dinv_ns.gan3dinv_view_threads import close_viewer
from gan3dinv_ns.inversion.head_file import RESULTS_FOLDER
from gan3dinv_ns.ops.atomic_files import atomic_path
from gan3dinv_ns.ops.image_files import read_image
from gan3dinv_ns.ops.user_errors import one_line_errors
from gan3dinv_ns.photo import find_faces
from gan3dinv_ns.photo.label import one_label

if TYPE_CHECKING:
    from gan3dinv_ns.gan3dinv_trainer import GAN3DInvTrainer, GAN3DInvTrainerConfig

_LONGEST_SHEET = 16_000


@dataclass(frozen=True)
class WantedHead:
    """A head that is to be found.

    Attributes:
        name: of its folder.
        photo: the file.
        number: of the photo, by name.
        face: which face of the photo, the largest is 0.
    """

    name: str
    photo: Path
    number: int
    face: int


class HeadByHead:
    """Stands where `ns-train` expects a trainer; has one of its own for each head.

    A photo that cannot be inverted is told and left out; the program then ends with status 1.

    Args:
        config: of the run; its photos have been copied into its folder.
        kwargs: what nerfstudio gives its trainers.
    """

    def __init__(self, config: GAN3DInvTrainerConfig, **kwargs: Any) -> None:
        self.config, self._kwargs = config, kwargs
        self.base_dir = config.get_base_dir()
        self.wanted = wanted_heads(config)
        self._found = self._read_found()

    def setup(self, test_mode: str = "val") -> None:
        """Nothing: each head's trainer is set up in its turn."""

    def train(self) -> None:
        """Finds the heads that are left, then shows all of them.

        Raises:
            SystemExit: ctrl-C, or photos that could not be inverted.
        """
        last: GAN3DInvTrainer | None = None
        for number, head in enumerate(self.wanted):
            if "psnr" in self._found.get(head.name, {}):
                continue
            if last is not None:
                _close(last)
            CONSOLE.rule(f"{head.name}, {number + 1} of {len(self.wanted)}")
            last = self._find(head)
        with one_line_errors():
            self._show()
        if last is not None:
            last.keep_viewer_open()
        problems = [name for name, record in self._found.items() if "problem" in record]
        if problems:
            raise SystemExit(
                f"error: {len(problems)} of {len(self.wanted)} heads were not found: {', '.join(problems)}"
            )

    def _find(self, head: WantedHead) -> GAN3DInvTrainer | None:
        """Finds one head; None where it cannot be found."""
        trainer: GAN3DInvTrainer | None = None
        try:
            config = self.config_of(head)
            config.save_config()
            trainer = config.setup(**self._kwargs)
            trainer.setup()
            self._record(head, trainer.find_head())
            return trainer
        except SystemExit as end:
            if not isinstance(end.code, str):
                self._say_how_to_go_on()
                raise
            CONSOLE.print(end.code, soft_wrap=True, highlight=False, markup=False)
            self._record(head, {"problem": end.code.removeprefix("error: ")})
        except KeyboardInterrupt:
            self._say_how_to_go_on()
            raise SystemExit(INTERRUPTED) from None
        if trainer is not None:
            _close(trainer)
        return None

    def config_of(self, head: WantedHead) -> GAN3DInvTrainerConfig:
        """The configuration of one head's run; that run begins where it was left.

        Raises:
            SystemExit: the photo cannot be used.
        """
        config = copy.deepcopy(self.config)
        config.timestamp = f"{self.config.timestamp}/{HEADS_FOLDER}/{head.name}"
        config.data, config.load_dir, config.load_checkpoint, config.every_face = (head.photo,), None, None, False
        framing = config.pipeline.datamanager.framing
        config.pipeline.datamanager.framing = replace(framing, face=head.face)
        inversion = config.pipeline.model.inversion
        label = one_label(inversion.start.label, head.number)
        config.pipeline.model.inversion = replace(inversion, start=replace(inversion.start, label=label))
        config.set_timestamp()
        return config

    def _record(self, head: WantedHead, figures: dict[str, Any]) -> None:
        self._found[head.name] = figures
        with one_line_errors(), atomic_path(self.base_dir / "heads.json") as temporary:
            temporary.write_text(json.dumps(self._found, indent=2) + "\n", encoding="utf-8")

    def _read_found(self) -> dict[str, dict[str, Any]]:
        """What an earlier part of the run wrote; a damaged file only means that finished heads are looked at again."""
        try:
            found = json.loads((self.base_dir / "heads.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        names = {head.name for head in self.wanted}
        return {name: record for name, record in found.items() if name in names and isinstance(record, dict)}

    def _say_how_to_go_on(self) -> None:
        CONSOLE.print(
            f"The whole run goes on with: {command_to_go_on(self.config.method_name, self.base_dir)}",
            soft_wrap=True,
            highlight=False,
        )

    def _show(self) -> None:
        """A table, and all heads on one page."""
        table = Table(box=None)
        for column in ("head", "dB", "time", "where"):
            table.add_column(column, overflow="fold")
        sheets = []
        for head in self.wanted:
            record, place = self._found[head.name], self.base_dir / HEADS_FOLDER / head.name / RESULTS_FOLDER
            if "problem" in record:
                table.add_row(head.name, "-", "-", record["problem"])
                continue
            table.add_row(head.name, f"{record['psnr']:.2f}", readable_time(record["seconds"]), str(place))
            sheets.append(place / "comparison.png")
        CONSOLE.print(table)
        if sheets:
            _write_page(sheets, self.base_dir / "heads.png")
            CONSOLE.print(f"All heads: {self.base_dir / 'heads.png'}", soft_wrap=True, highlight=False)


def wanted_heads(config: GAN3DInvTrainerConfig) -> list[WantedHead]:
    """The heads of a run: one for each photo, or for each face that is found in a photo.

    A photo that cannot be read, or without a face, counts as one: what is wrong is told in its turn.
    """
    wanted, chosen = [], config.pipeline.datamanager.framing.face
    for number, photo in enumerate(config.photos()):
        faces = _face_count(photo) if config.every_face else 0
        if faces < 2:
            wanted.append(WantedHead(photo.stem, photo, number, 0 if config.every_face else chosen))
            continue
        wanted += [WantedHead(f"{photo.stem}_{face}", photo, number, face) for face in range(faces)]
    return wanted


def _face_count(photo: Path) -> int:
    try:
        return len(find_faces(read_image(photo)))
    except ValueError:
        return 0


def _write_page(sheets: list[Path], path: Path) -> None:
    """The photos' comparisons below each other, made smaller where they are many."""
    opened = []
    for sheet in sheets:
        with Image.open(sheet) as image:
            opened.append(image.convert("RGB"))
    scale = min(1.0, _LONGEST_SHEET / sum(image.height for image in opened))
    rows = [image.resize((round(image.width * scale), max(1, int(image.height * scale)))) for image in opened]
    page = Image.new("RGB", (max(row.width for row in rows), sum(row.height for row in rows)), "white")
    top = 0
    for row in rows:
        page.paste(row, (0, top))
        top += row.height
    with atomic_path(path) as temporary:
        page.save(temporary)


def _close(trainer: GAN3DInvTrainer) -> None:
    """Ends what one head's trainer leaves behind, so that the next one has the viewer's port and loggers."""
    if trainer.viewer_state is not None:
        close_viewer(trainer.viewer_state.viser_server)
    writer.EVENT_WRITERS.clear()
    writer.EVENT_STORAGE.clear()
