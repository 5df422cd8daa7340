"""What an edit changes, and what it leaves alone: the attribute and everything else over several strengths.

Ko et al. (2023), supplementary table 1: the change of the edited attribute, and the likeness of the person, for equal
steps of the edit. Neither generator, edits nor attributes are known here: an edit is a function from a strength to
views, a reader a function from pictures to values.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import torch
from torch import Tensor

STRENGTHS = (-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0)
EMPTY = 0.05
"""Pixels that are covered by less than this, before and after, are background."""
LEVELS_PER_UNIT = 127.5
"""Levels of 8 bits that a difference of 1 in pictures of [-1, 1] makes."""

Reader = Callable[[Tensor], tuple[dict[str, Tensor], Tensor | None]]
"""From pictures ``[N, 3, R, R]`` to values by name and vectors that stand for the person, ``[K]`` and ``[K, F]`` of the
K pictures that can be read; None instead of vectors from a reader of values alone."""


@dataclass(frozen=True)
class EditRow:
    """One strength of one edit.

    Attributes:
        edited: name of the attribute.
        strength: in units of the edit.
        change: of every value that is read, in its standard deviations or its own unit, against strength 0.
        identity: cosine between the persons' vectors before and after; 1 is the same; None without such vectors.
        background: mean difference of the background's pixels, in levels of 8 bits; None where there is none.
    """

    edited: str
    strength: float
    change: dict[str, float]
    identity: float | None
    background: float | None

    @property
    def others(self) -> float:
        """Largest change among the other values, standard deviations."""
        return max((abs(value) for name, value in self.change.items() if name != self.edited), default=0.0)

    def to_json(self) -> dict[str, object]:
        """Plain data under the attributes' names."""
        return asdict(self)


@torch.no_grad()
def measure_edit(
    edited: str,
    views: Callable[[float], Mapping[str, Tensor]],
    read: Reader,
    spread: Mapping[str, float],
    strengths: Sequence[float] = STRENGTHS,
) -> list[EditRow]:
    """Rows of one edit of one head.

    Args:
        edited: the attribute, one of the names that are read.
        views: from a strength to ``image [V, 3, R, R]`` and ``image_weights [V, 1, r, r]`` (opacity), always of the
            same cameras; what is read is averaged over them.
        read: see ``Reader``.
        spread: standard deviation of every value to be compared, or 1 for its own unit.
        strengths: rows to measure.
    """
    before = _Seen.of(views(0.0), read)
    rows = []
    for strength in strengths:
        after = _Seen.of(views(strength), read)
        change = {name: (after.values[name] - before.values[name]) / spread[name] for name in spread}
        rows.append(EditRow(edited, strength, change, _likeness(before, after), _background(before, after)))
    return rows


def likeness_of_strangers(persons: Tensor) -> float:
    """Mean cosine between the vectors of different persons, rows of ``[N, F]`` with N at least 2: what an identity of
    no likeness at all would be."""
    unit = torch.nn.functional.normalize(persons.double(), dim=1)
    cosines = unit @ unit.T
    return float((cosines.sum() - cosines.trace()) / (len(unit) * (len(unit) - 1)))


def mean_rows(heads: Sequence[Sequence[EditRow]]) -> list[EditRow]:
    """The same rows of several heads, averaged."""
    merged = []
    for rows in zip(*heads, strict=True):
        backgrounds = [row.background for row in rows if row.background is not None]
        identities = [row.identity for row in rows if row.identity is not None]
        change = {name: statistics.fmean(row.change[name] for row in rows) for name in rows[0].change}
        merged.append(
            EditRow(
                rows[0].edited,
                rows[0].strength,
                change,
                statistics.fmean(identities) if identities else None,
                statistics.fmean(backgrounds) if backgrounds else None,
            )
        )
    return merged


def is_monotone(rows: Sequence[EditRow]) -> bool:
    """Whether a higher strength always gives more of the attribute."""
    ordered = sorted(rows, key=lambda row: row.strength)
    return all(low.change[low.edited] < high.change[high.edited] for low, high in pairwise(ordered))


def edit_markdown(tables: Sequence[Sequence[Sequence[EditRow]]]) -> str:
    """A table of means for each edit, all in one text of Markdown.

    Args:
        tables: for each edit the rows of every head.
    """
    parts = []
    for heads in tables:
        rows = mean_rows(heads)
        edited, others = rows[0].edited, [name for name in rows[0].change if name != rows[0].edited]
        rising = sum(is_monotone(one) for one in heads)
        told = f"rises with every step in {rising} of {len(heads)} heads{' and in the mean' * is_monotone(rows)}"
        parts += [f"## {edited} ({told})", ""]
        parts += [
            f"| strength | {edited} | {' | '.join(others)} | identity | background |",
            "|" + " --- |" * (len(others) + 4),
        ]
        for row in rows:
            numbers = [f"{row.change[name]:+.2f}" for name in (edited, *others)]
            identity = "-" if row.identity is None else f"{row.identity:.2f}"
            background = "-" if row.background is None else f"{row.background:.1f}"
            parts.append(f"| {row.strength:+g} | {' | '.join(numbers)} | {identity} | {background} |")
        parts.append("")
    return "\n".join(parts)


@dataclass(frozen=True)
class _Seen:
    """Views, and what is read from them."""

    image: Tensor
    weights: Tensor
    values: dict[str, float]
    person: Tensor | None

    @classmethod
    def of(cls, views: Mapping[str, Tensor], read: Reader) -> _Seen:
        image = views["image"].clamp(-1, 1).float().cpu()
        values, persons = read(image)
        means = {name: float(value.mean()) for name, value in values.items()}
        person = None if persons is None else persons.mean(dim=0)
        return cls(image, views["image_weights"].float().cpu(), means, person)


def _likeness(before: _Seen, after: _Seen) -> float | None:
    if before.person is None or after.person is None:
        return None
    return float(torch.cosine_similarity(before.person, after.person, dim=0))


def _background(before: _Seen, after: _Seen) -> float | None:
    weights = torch.maximum(before.weights, after.weights)
    # The largest opacity around a pixel, so that what an edge bleeds into does not count as background.
    weights = torch.nn.functional.max_pool2d(weights, 3, 1, 1)
    size = before.image.shape[-2:]
    empty = torch.nn.functional.interpolate(weights, size, mode="bilinear", align_corners=False) < EMPTY
    if not bool(empty.any()):
        return None
    difference = (after.image - before.image).abs().mean(dim=1, keepdim=True)
    return LEVELS_PER_UNIT * float(difference[empty].mean())
