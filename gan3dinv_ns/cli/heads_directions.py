"""`gan3dinv heads directions` and `edits`: directions of a generator of heads, and what they are worth."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan3dinv_ns.inversion.networks import load_networks, resolve_device

if TYPE_CHECKING:
    from torch import Tensor

    from gan3dinv_ns.evaluation.edit_table import EditRow
    from gan3dinv_ns.experiments.face_reader import FaceReader
    from gan3dinv_ns.inversion.head_file import FoundHead


@dataclass(frozen=True)
class MakeDirections:
    """Find the directions of age, gender, smile, hair length and skin tone in a generator of heads."""

    generator: str = "makehuman128-64"
    """A registered name, or a file with its embedding beside it."""
    output: Path | None = None
    """The file; None takes NAME.directions.safetensors beside the generator."""
    count: int = 20_000
    """Drawn heads whose latents are known; none is rendered."""
    first_seed: int = 0
    """Seed of the first; the others follow."""

    def main(self) -> None:
        """Writes the directions.

        Raises:
            ValueError: the generator or its embedding is missing, or there are too few heads.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.editing.attribute_directions import attribute_directions
        from gan3dinv_ns.editing.named_directions import directions_file, write_directions
        from gan3dinv_ns.eg3d import load_generator
        from gan3dinv_ns.heads.drawn_heads import labelled_latents
        from gan3dinv_ns.heads.face_scale import EDITABLE, HELD

        if self.count < 2:
            raise ValueError(f"--count {self.count} is too small; give thousands")
        generator = load_generator(self.generator)
        latents, values = labelled_latents(self.generator, range(self.first_seed, self.first_seed + self.count))
        directions = attribute_directions(latents, values, generator.num_ws, EDITABLE)
        for direction in directions:
            spread = float(values[direction.name].std())
            print(f"{direction.name}: strength 1 is {spread:.3f} on the labelled scale, {direction.unit:.2f} in W")
        path = self.output or directions_file(self.generator)
        made_with = {"heads": self.count, "first_seed": self.first_seed, "held": list(HELD)}
        write_directions(path, directions, generator, made_with)
        print(f"wrote {path.resolve()}")


@dataclass(frozen=True)
class MeasureEdits:
    """Measure what edits change and what they leave alone, over seven strengths, on unseen heads."""

    heads: tuple[Path, ...] = ()
    """Runs or head.safetensors to edit; none inverts photos of unseen drawn heads, about a minute each."""
    count: int = 3
    """How many of these."""
    seed: int = 950_000
    """Seed of the first; training uses seeds below 900000."""
    generator: str = "makehuman128-64"
    """A registered name, or a file with the reader of its heads beside it."""
    directions: Path | None = None
    """The generator's NAME.directions.safetensors; None takes what ships."""
    judged: int = 60
    """Drawn heads on which the reading itself is judged."""
    output_dir: Path = Path("outputs/edits")
    """Folder for edits.md, edits.json and ATTRIBUTE.png."""

    def main(self) -> None:
        """Prints the tables, writes them and the pictures.

        Raises:
            ValueError: a head, the generator or a number cannot be used.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.evaluation.contact_sheet import contact_sheet
        from gan3dinv_ns.evaluation.edit_table import STRENGTHS, edit_markdown, mean_rows
        from gan3dinv_ns.experiments.edited_views import spread_of_drawn_heads
        from gan3dinv_ns.experiments.face_reader import FaceReader, judged
        from gan3dinv_ns.heads.face_scale import EDITABLE
        from gan3dinv_ns.ops.atomic_files import atomic_path

        if self.judged < 2 or (self.count < 1 and not self.heads):
            raise ValueError(f"--judged {self.judged} or --count {self.count} is too small; give 2 and 1 or more")
        reader = FaceReader.of(self.generator)
        begin = self.seed + self.count
        readings, strangers = judged(reader, range(begin, begin + self.judged))
        found = self._found()
        spread = spread_of_drawn_heads()
        tables: list[list[list[EditRow]]] = []
        for name in EDITABLE:
            measured = [self._measure(name, head, reader, spread) for head in found]
            tables.append([rows for rows, _ in measured])
            with atomic_path(self.output_dir / f"{name}.png") as temporary:
                contact_sheet([f"{name} {one:+g}" for one in STRENGTHS], [row for _, row in measured]).save(temporary)
        quality = ", ".join(f"{one.name} {one.value:.2f}" for one in readings)
        text = (
            f"Changes are in standard deviations, as the reader of faces sees them. On true pictures of {self.judged} "
            f"other heads it has R2: {quality}. Identity is the cosine of the shapes of the face that it reads; "
            f"different heads have {strangers:.2f}. The background's change is in levels of 255.\n\n"
            f"{edit_markdown(tables)}"
        )
        record = {
            "readings": [one.to_json() for one in readings],
            "identity_of_different_heads": strangers,
            "rows": [row.to_json() for heads in tables for row in mean_rows(heads)],
        }
        self._write(text, record)

    def _write(self, text: str, record: dict[str, object]) -> None:
        import json

        from gan3dinv_ns.ops.atomic_files import atomic_path

        for name, content in (("edits.md", text), ("edits.json", json.dumps(record, indent=2) + "\n")):
            with atomic_path(self.output_dir / name) as temporary:
                temporary.write_text(content, encoding="utf-8")
        print(text)
        print(f"wrote {self.output_dir.resolve()}")

    def _found(self) -> list[FoundHead]:
        from gan3dinv_ns.heads.heldout import photograph
        from gan3dinv_ns.heads.template import load_template
        from gan3dinv_ns.inversion.head_file import HEAD_FILE, find_head, load_head, write_head
        from gan3dinv_ns.inversion.run import invert

        if self.heads:
            return [load_head(find_head(place)) for place in self.heads]
        generator, discriminator, initialisers = load_networks(self.generator, resolve_device("auto"))
        template, files = load_template(), []
        for seed in range(self.seed, self.seed + self.count):
            file = self.output_dir / "heads" / str(seed) / HEAD_FILE
            if not file.is_file():
                photo = photograph(template, "heads", seed, generator.img_resolution).photo
                write_head(invert(generator, discriminator, photo, initialisers=initialisers), file)
                print(f"wrote {file.resolve()}")
            files.append(file)
        return [load_head(file) for file in files]

    def _measure(
        self, name: str, head: FoundHead, reader: FaceReader, spread: dict[str, float]
    ) -> tuple[list[EditRow], list[Tensor]]:
        """Rows of one attribute in units of the spread, and the head from the front at each strength."""
        from gan3dinv_ns.editing.requests import EditableGenerator, EditRequest
        from gan3dinv_ns.evaluation.edit_table import STRENGTHS, measure_edit
        from gan3dinv_ns.experiments.edited_views import FRONT, edited_views

        direction = EditableGenerator(head.generator, EditRequest(directions=self.directions)).named(name)
        seen = edited_views(head, direction)
        pictures = [seen[strength]["image"][FRONT : FRONT + 1] for strength in STRENGTHS]
        return measure_edit(name, seen.__getitem__, reader, spread), pictures
