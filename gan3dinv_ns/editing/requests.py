"""What edits are asked for in words, and the directions that they mean in a generator at hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from gan3dinv_ns.editing.direction_files import LatentShape, read_direction
from gan3dinv_ns.editing.directions import Direction, Edit
from gan3dinv_ns.editing.ganspace import FFHQ_PRESETS, SAMPLES, PrincipalComponents
from gan3dinv_ns.editing.named_directions import NamedDirections, find_directions
from gan3dinv_ns.editing.samples import mapped_samples
from gan3dinv_ns.eg3d import Generator

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_REQUEST = re.compile(
    rf"(?P<what>.+?)(?:\[(?P<chosen>[^\[\]]+)\])?:(?P<strength>{_NUMBER})(?::(?P<first>\d+)-(?P<last>\d+))?"
)


@dataclass(frozen=True)
class EditRequest:
    """Edits of one head.

    Attributes:
        attributes: strengths of named directions, in standard deviations of the attribute.
        presets: "NAME:STRENGTH" of ``FFHQ_PRESETS``.
        components: "NUMBER:STRENGTH" or "NUMBER:STRENGTH:FIRST-LAST" of the generator's principal components, in
            standard deviations.
        files: "FILE:STRENGTH", "FILE[CHOSEN]:STRENGTH", each with or without ":FIRST-LAST".
        directions: file of the named directions; None takes those that ship.
        samples, seed: for the principal components.
    """

    attributes: Mapping[str, float] = field(default_factory=dict)
    presets: Sequence[str] = ()
    components: Sequence[str] = ()
    files: Sequence[str] = ()
    directions: Path | None = None
    samples: int = SAMPLES
    seed: int = 0


class EditableGenerator:
    """A generator's directions; its samples are drawn and its files are read when they are first asked for."""

    def __init__(self, generator: Generator, request: EditRequest) -> None:
        self._generator = generator
        self._request = request

    @cached_property
    def edits(self) -> list[Edit]:
        """Those that are asked for, without those of strength 0.

        Raises:
            ValueError: a text cannot be understood, or a direction does not exist or fit; one line.
        """
        return [edit for edit in self._all if edit.strength]

    def named(self, name: str) -> Direction:
        """A direction that is edited along, or a named one of the generator.

        Raises:
            ValueError: there is none of this name.
        """
        for edit in self._all:
            if edit.direction.name == name:
                return edit.direction
        return self._attribute(name)

    @cached_property
    def _all(self) -> list[Edit]:
        edits = list(self._asked())
        names = [edit.direction.name for edit in edits]
        twice = [name for name in names if names.count(name) > 1]
        if twice:
            raise ValueError(f"{twice[0]} is asked for {names.count(twice[0])} times; give each direction once")
        return edits

    def _asked(self) -> Iterator[Edit]:
        shape = LatentShape(self._generator.num_ws, self._generator.w_dim)
        for name, strength in self._request.attributes.items():
            if strength:
                yield Edit(self._attribute(name), strength)
        for text in self._request.presets:
            match = _parsed(text, "--preset", "NAME:STRENGTH")
            yield Edit(self._components.preset(match["what"]), float(match["strength"]))
        for text in self._request.components:
            match = _parsed(text, "--component", "NUMBER:STRENGTH or NUMBER:STRENGTH:FIRST-LAST")
            if not match["what"].isdecimal():
                raise ValueError(f"--component {text}: {match['what']} is no number of a component")
            first, last = _layers(match) or (0, shape.num_ws - 1)
            yield Edit(self._components.direction(int(match["what"]), first, last), float(match["strength"]))
        for text in self._request.files:
            match = _parsed(text, "--direction", "FILE:STRENGTH, FILE[3]:STRENGTH or FILE:STRENGTH:FIRST-LAST")
            direction = read_direction(match["what"], shape, match["chosen"], _layers(match))
            yield Edit(direction, float(match["strength"]))

    @cached_property
    def _components(self) -> PrincipalComponents:
        return PrincipalComponents.of(mapped_samples(self._generator, self._request.samples, self._request.seed))

    @cached_property
    def _named(self) -> NamedDirections | None:
        return find_directions(self._generator, self._request.directions)

    def _attribute(self, name: str) -> Direction:
        if self._named is None:
            raise ValueError(
                f"{name}: this head's generator has no named directions; give --directions FILE with them, "
                f"--direction FILE:STRENGTH, --component NUMBER:STRENGTH, or for EG3D's FFHQ --preset NAME:STRENGTH "
                f"({', '.join(FFHQ_PRESETS)})"
            )
        if name not in self._named.directions:
            raise ValueError(f"direction {name!r} does not exist; known are {', '.join(self._named.directions)}")
        return self._named.directions[name]


def _parsed(text: str, option: str, form: str) -> re.Match[str]:
    match = _REQUEST.fullmatch(text)
    if match is None:
        raise ValueError(f"{option} {text}: cannot be understood; give {form}")
    return match


def _layers(match: re.Match[str]) -> tuple[int, int] | None:
    return None if match["first"] is None else (int(match["first"]), int(match["last"]))
