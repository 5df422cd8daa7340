"""The folder of a held-out benchmark: every finished head is kept at once, so a stopped run goes on where it was.

``heads.csv`` holds the rows, ``summary.json`` the figures of all of them and what they were made with,
``pictures/NAME.png`` a strip of pictures for each head, ``heads.png`` all strips, ``report.md`` everything to read.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from torch import nn

from gan3dinv_ns.evaluation.contact_sheet import sheet_of_strips
from gan3dinv_ns.evaluation.heldout import MeasuredHead
from gan3dinv_ns.evaluation.heldout_pictures import CAPTIONS, head_strip
from gan3dinv_ns.evaluation.rows import (
    HeldoutRow,
    markdown_rows,
    markdown_summary,
    read_rows,
    summarise,
    write_rows,
)
from gan3dinv_ns.ops.atomic_files import atomic_path


@dataclass(frozen=True)
class HeldoutRun:
    """What the rows of one folder have in common.

    Attributes:
        generator: name or path.
        dataset: name.
        seed: of the first head.
        settings: everything else that figures depend on, as plain data.
    """

    generator: str
    dataset: str
    seed: int
    settings: dict[str, Any]


class HeldoutFolder:
    """The rows of a run, in a folder.

    Args:
        folder: made when the first head is added.
        run: must agree with what the folder holds already.

    Raises:
        ValueError: the folder holds rows of another run, or files that cannot be read.
    """

    def __init__(self, folder: Path, run: HeldoutRun) -> None:
        self.folder, self.run = folder, run
        self._check_run()
        rows = read_rows(self._table) if self._table.is_file() else []
        self.rows = [row for row in rows if self._picture(row.name).is_file()]

    @property
    def done(self) -> set[str]:
        """Names of the heads that need not be inverted again."""
        return {row.name for row in self.rows}

    def add(self, head: MeasuredHead) -> None:
        """Keeps one head's pictures and row.

        Raises:
            FileWriteError: the disk is full or the place is not writable.
        """
        with atomic_path(self._picture(head.row.name)) as temporary:
            head_strip(head).save(temporary)
        self.rows.append(head.row)
        # The summary says what the rows belong to: it must never be missing beside them.
        self._write_summary()
        write_rows(self._table, self.rows)

    def finish(self) -> list[Path]:
        """Puts sheet and report together; all files that are there for reading.

        Raises:
            ValueError: there are no rows.
            FileWriteError: the disk is full or the place is not writable.
        """
        self._write_summary()
        write_rows(self._table, self.rows)
        sheet, report = self.folder / "heads.png", self.folder / "report.md"
        with atomic_path(sheet) as temporary:
            self._sheet().save(temporary)
        with atomic_path(report) as temporary:
            temporary.write_text(self._report(sheet.name), encoding="utf-8")
        return [self._table, self._summary, sheet, report]

    @property
    def _table(self) -> Path:
        return self.folder / "heads.csv"

    @property
    def _summary(self) -> Path:
        return self.folder / "summary.json"

    def _picture(self, name: str) -> Path:
        return self.folder / "pictures" / f"{name}.png"

    def _check_run(self) -> None:
        if not self._summary.is_file():
            if self._table.is_file():
                raise ValueError(f"{self._table} has no summary.json beside it; choose another --output-dir")
            return
        try:
            there = _flat(json.loads(self._summary.read_text(encoding="utf-8")))
        except (ValueError, AttributeError):
            raise ValueError(f"{self._summary} is damaged; choose another --output-dir") from None
        wanted = _flat(json.loads(json.dumps(asdict(self.run))))
        dropped = [name for name in there if name.split(".")[0] in vars(self.run) and name not in wanted]
        for name in [*wanted, *dropped]:
            old, new = there.get(name), wanted.get(name)
            if old != new:
                raise ValueError(
                    f"{self.folder} holds heads with {name} {old!r}, not {new!r}; choose another --output-dir"
                )

    def _write_summary(self) -> None:
        content = {**summarise(self.rows), "count": len(self.rows), **asdict(self.run)}
        with atomic_path(self._summary) as temporary:
            temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")

    def _sheet(self) -> Image.Image:
        strips = []
        for row in self._by_name():
            with Image.open(self._picture(row.name)) as strip:
                strips.append(strip.convert("RGB"))
        return sheet_of_strips(CAPTIONS, [f"{row.name}\n{row.kind}" for row in self._by_name()], strips)

    def _report(self, sheet: str) -> str:
        run, rows = self.run, self._by_name()
        heading = f"# Inversions of {len(rows)} {run.dataset}, seeds from {run.seed}, by {run.generator}"
        settings = "\n".join(f"- {name}: {value}" for name, value in _flat(run.settings).items())
        parts = [heading, markdown_summary(rows), markdown_rows(rows), f"![{'; '.join(CAPTIONS)}]({sheet})", settings]
        return "\n\n".join(parts) + "\n"

    def _by_name(self) -> list[HeldoutRow]:
        """Numbers in the order of their values."""
        return sorted(self.rows, key=lambda row: (len(row.name), row.name))


def weights_digest(module: nn.Module) -> str:
    """16 hexadecimal digits that change with any weight: names stay when a generator is trained again."""
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]


def _flat(content: dict[str, Any], before: str = "") -> dict[str, Any]:
    """Nested values under dotted names."""
    flat: dict[str, Any] = {}
    for name, value in content.items():
        flat |= _flat(value, f"{before}{name}.") if isinstance(value, dict) else {f"{before}{name}": value}
    return flat
