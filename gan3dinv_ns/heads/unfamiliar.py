"""Heads out of the family that generators are trained on: a stand-in for photos from another domain.

A seed's head is that of :func:`~gan3dinv_ns.heads.attributes.draw_attributes`, with one thing about it that no head
of the training data has. The kinds take turns: seed 0 has the first of ``KINDS``, seed 1 the second, and so on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gan3dinv_ns.heads.attributes import UNSEEN_HAIR_STYLES, HeadAttributes, draw_attributes
from gan3dinv_ns.heads.geometry import HeadGeometry, build_geometry
from gan3dinv_ns.heads.headwear import GlassesShape, HatShape, with_glasses, with_hat
from gan3dinv_ns.heads.template import HeadTemplate

_STREAM = 3
_FRAME_COLOURS = ((0.05, 0.05, 0.06), (0.16, 0.09, 0.05), (0.08, 0.07, 0.16))
_HAT_COLOURS = ((0.60, 0.12, 0.12), (0.13, 0.20, 0.42), (0.16, 0.32, 0.20), (0.55, 0.42, 0.24), (0.20, 0.20, 0.22))
_HATS = (HatShape(0.04, 0.75, 0.06), HatShape(0.42, 0.46, 0.12))
"""A cap with a visor, and a hat with a brim all around."""
_MOLE_PLACES = ((0.40, 6.92), (-0.42, 6.85), (0.48, 7.08), (-0.30, 7.72), (0.22, 7.78), (-0.50, 6.68))
"""x and y on the undeformed face: cheeks and forehead."""


@dataclass(frozen=True)
class UnfamiliarHead:
    """A head out of the family.

    Attributes:
        kind: one of ``KINDS``.
        attributes: what it is painted and lit by.
        geometry: its surfaces.
    """

    kind: str
    attributes: HeadAttributes
    geometry: HeadGeometry


def unfamiliar_head(template: HeadTemplate, seed: int) -> UnfamiliarHead:
    """The head of a seed; the same on every machine.

    Args:
        template: see :func:`~gan3dinv_ns.heads.template.load_template`.
        seed: its remainder by ``len(KINDS)`` chooses the kind.

    Raises:
        ValueError: the seed is negative, or the template lacks the unseen hair style.
    """
    attributes = draw_attributes(seed)
    kind = list(KINDS)[seed % len(KINDS)]
    random = np.random.Generator(np.random.PCG64([seed, _STREAM]))
    attributes, geometry = KINDS[kind](template, attributes, random)
    return UnfamiliarHead(kind, attributes, geometry)


_Dressed = tuple[HeadAttributes, HeadGeometry]


def _glasses(template: HeadTemplate, attributes: HeadAttributes, random: np.random.Generator) -> _Dressed:
    if random.random() < 0.5:
        shape = GlassesShape(half_width=0.235, half_height=0.235, squareness=2.0, radius=0.024)
    else:
        shape = GlassesShape(half_width=0.275, half_height=0.185, squareness=4.0, radius=0.030)
    attributes = _with_thing(attributes, _FRAME_COLOURS[random.integers(len(_FRAME_COLOURS))])
    return attributes, with_glasses(template, build_geometry(template, attributes), shape)


def _hat(template: HeadTemplate, attributes: HeadAttributes, random: np.random.Generator) -> _Dressed:
    shape = _HATS[random.integers(len(_HATS))]
    attributes = _with_thing(attributes, _HAT_COLOURS[random.integers(len(_HAT_COLOURS))])
    return attributes, with_hat(template, build_geometry(template, attributes), shape)


def _mole(template: HeadTemplate, attributes: HeadAttributes, random: np.random.Generator) -> _Dressed:
    """Two to four moles, each around a vertex of the face."""
    chosen = random.permutation(len(_MOLE_PLACES))[: random.integers(2, 5)]
    face = template.rest[np.unique(template.skin)]
    face = face[face[:, 2] > face[:, 2].mean()]
    moles = []
    for x, y in np.array(_MOLE_PLACES)[chosen] + random.uniform(-0.04, 0.04, (len(chosen), 2)):
        nearest = np.square(face[:, :2] - (x, y)).sum(axis=1).argmin()
        moles.append([*face[nearest], random.uniform(0.035, 0.065)])
    attributes = replace(attributes, moles=np.array(moles))
    return attributes, build_geometry(template, attributes)


def _hairstyle(template: HeadTemplate, attributes: HeadAttributes, random: np.random.Generator) -> _Dressed:
    style = UNSEEN_HAIR_STYLES[random.integers(len(UNSEEN_HAIR_STYLES))]
    if style not in template.parts:
        raise ValueError(f"the heads' template has no hair style {style}; take MakeHuman's data with base/hair/{style}")
    attributes = replace(attributes, hair_style=style)
    return attributes, build_geometry(template, attributes)


def _light(template: HeadTemplate, attributes: HeadAttributes, random: np.random.Generator) -> _Dressed:
    """Little light from everywhere, and much from one side or from below."""
    side = random.choice((-1.0, 1.0))
    towards = np.array([side, 0.1, 0.15]) if random.random() < 0.5 else np.array([0.3 * side, -0.9, 0.5])
    lamp = random.uniform(0.95, 1.15) * towards / np.linalg.norm(towards)
    attributes = replace(attributes, light=np.append(lamp, random.uniform(0.30, 0.38)))
    return attributes, build_geometry(template, attributes)


def _with_thing(attributes: HeadAttributes, rgb: tuple[float, float, float]) -> HeadAttributes:
    return replace(attributes, colours=attributes.colours | {"thing": np.array(rgb)})


KINDS: dict[str, Callable[[HeadTemplate, HeadAttributes, np.random.Generator], _Dressed]] = {
    "glasses": _glasses,
    "hat": _hat,
    "mole": _mole,
    "hairstyle": _hairstyle,
    "light": _light,
}
"""What is unfamiliar about a head, and what makes it so."""
