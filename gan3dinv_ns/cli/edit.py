"""`gan3dinv edit`: another age, another smile, another view of a head that was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import tyro

from gan3dinv_ns.inversion.networks import resolve_device
from gan3dinv_ns.ops.compute_choices import DeviceName

if TYPE_CHECKING:
    from torch import Tensor

    from gan3dinv_ns.editing.directions import Direction, Edit
    from gan3dinv_ns.editing.requests import EditableGenerator
    from gan3dinv_ns.inversion.head_file import FoundHead


@dataclass(frozen=True)
class EditHead:
    """Change a head along directions in the latent space; strengths are standard deviations of the attribute."""

    run: Annotated[Path, tyro.conf.Positional, tyro.conf.arg(metavar="RUN")]
    """The folder of a run, its config.yml, the head.safetensors of its results, or an edited.safetensors."""
    smile: float = 0.0
    """Above 0 smiles, below 0 is serious."""
    age: float = 0.0
    """Above 0 is older."""
    gender: float = 0.0
    """Above 0 is more male, below 0 more female."""
    hair_length: float = 0.0
    """Above 0 is longer."""
    skin_tone: float = 0.0
    """Above 0 is lighter."""
    direction: tuple[str, ...] = ()
    """FILE:STRENGTH of a .npy, .pt or .safetensors; FILE[3]:STRENGTH where it holds several, by number or name;
    FILE:STRENGTH:0-5 for layers 0 to 5."""
    component: tuple[str, ...] = ()
    """NUMBER:STRENGTH or NUMBER:STRENGTH:0-5 of the generator's principal components (GANSpace); 0 is the largest."""
    preset: tuple[str, ...] = ()
    """NAME:STRENGTH of the published edits of EG3D's FFHQ generator, 1 as published: smile, age, glasses, gender,
    bright-hair, short-hair. Where one leads the other way, negate it: components have no sign of their own."""
    directions: Path | None = None
    """The NAME.directions.safetensors of a generator of yours (gan3dinv heads directions); None takes what ships."""
    samples: int = 10_000
    """Latents that principal components are computed from."""
    seed: int = 0
    """Of these."""
    yaw: float | None = None
    """Side from which the pictures show the head, radians, 0 is the front. None for both angles takes the photo's
    camera."""
    pitch: float | None = None
    """Height from which they show it, radians."""
    strip: str | None = None
    """Also write strip.png, with this attribute or direction from -3 to 3."""
    output_dir: Path | None = None
    """Folder for edited.png, before_after.png, edited.safetensors and edit.json; None takes edits/STRENGTHS in the
    folder of the run."""
    device: DeviceName = "auto"
    """auto is CUDA if there is one, else the CPU."""

    def main(self) -> None:
        """Writes the edited head and its pictures.

        Raises:
            ValueError: the head, an option or a direction cannot be used; one line.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.editing.directions import EDITS_FOLDER, apply_edits, name_of_edits
        from gan3dinv_ns.editing.domain import Domain
        from gan3dinv_ns.inversion.head_file import EDITED_FILE, find_head, load_head, run_folder, write_edited_head

        path = find_head(self.run)
        head = load_head(path, resolve_device(self.device))
        editable = self._editable(head)
        edits = editable.edits
        stripped = None if self.strip is None else editable.named(self.strip)
        edited = head.with_ws(apply_edits(head.ws, edits))
        complaints = Domain.of(head.generator).complaints(head.ws, edited.ws, edits) if edits else []
        if complaints:
            print(f"warning: beyond the heads that the generator draws: {'; '.join(complaints)}")
        folder = self.output_dir or run_folder(path) / EDITS_FOLDER / name_of_edits(edits)
        self._write_pictures(folder, head, edited)
        written = ["edited.png", "before_after.png", EDITED_FILE, "edit.json"]
        if stripped is not None:
            self._write_strip(folder / "strip.png", head, edits, stripped)
            written.append("strip.png")
        write_edited_head(edited, folder / EDITED_FILE)
        self._write_record(folder / "edit.json", path, edits, complaints)
        for name in written:
            print(f"wrote {(folder / name).resolve()}")

    def _editable(self, head: FoundHead) -> EditableGenerator:
        from gan3dinv_ns.editing.requests import EditableGenerator, EditRequest

        attributes = {
            "smile": self.smile,
            "age": self.age,
            "gender": self.gender,
            "hair-length": self.hair_length,
            "skin-tone": self.skin_tone,
        }
        request = EditRequest(
            attributes, self.preset, self.component, self.direction, self.directions, self.samples, self.seed
        )
        return EditableGenerator(head.generator, request)

    @property
    def _from_photo(self) -> bool:
        return self.yaw is None and self.pitch is None

    def _view(self, head: FoundHead) -> Tensor:
        if self._from_photo:
            return head.render(head.label[:1])["image"].clamp(-1, 1)
        return head.view(self.yaw or 0.0, self.pitch or 0.0)

    def _write_pictures(self, folder: Path, head: FoundHead, edited: FoundHead) -> None:
        from gan3dinv_ns.evaluation.contact_sheet import contact_sheet
        from gan3dinv_ns.ops.atomic_files import atomic_path
        from gan3dinv_ns.ops.image_files import write_image

        before, after = self._view(head), self._view(edited)
        write_image(folder / "edited.png", after)
        with atomic_path(folder / "before_after.png") as temporary:
            contact_sheet(("before", "after"), [(before, after)], before.shape[-1]).save(temporary)

    def _write_strip(self, path: Path, head: FoundHead, edits: Sequence[Edit], along: Direction) -> None:
        """The head with all other edits, and this one from -3 to 3."""
        from gan3dinv_ns.editing.directions import Edit, apply_edits
        from gan3dinv_ns.evaluation.contact_sheet import contact_sheet
        from gan3dinv_ns.evaluation.edit_table import STRENGTHS
        from gan3dinv_ns.ops.atomic_files import atomic_path

        others = [edit for edit in edits if edit.direction.name != along.name]
        pictures = [
            self._view(head.with_ws(apply_edits(head.ws, [*others, Edit(along, strength)]))) for strength in STRENGTHS
        ]
        captions = [f"{along.name} {strength:+g}" for strength in STRENGTHS]
        with atomic_path(path) as temporary:
            contact_sheet(captions, [pictures], pictures[0].shape[-1]).save(temporary)

    def _write_record(self, path: Path, head: Path, edits: Sequence[Edit], complaints: Sequence[str]) -> None:
        import json

        from gan3dinv_ns.ops.atomic_files import atomic_path

        record = {
            "head": str(head.resolve()),
            "strengths": {edit.direction.name: edit.strength for edit in edits},
            "directions": [
                {
                    "name": edit.direction.name,
                    "strength": edit.strength,
                    "layers": [edit.direction.first, edit.direction.last],
                    "unit": edit.direction.unit,
                }
                for edit in edits
            ],
            "view": "photo" if self._from_photo else {"yaw_rad": self.yaw or 0.0, "pitch_rad": self.pitch or 0.0},
            "beyond_domain": list(complaints),
        }
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(record, indent=2, allow_nan=False) + "\n", encoding="utf-8")
