"""Colours of surface points: procedural paint on the undeformed head, and soft light fixed to the head.

Paint is a function of ``rest``, a point of the undeformed base mesh in decimetres, so eyebrows, lips and beard
follow every deformation of the face. Landmarks there: eyes at (+-0.308, 7.284), mouth line y = 6.607 with
corners at x = +-0.25, tip of the nose z = 1.68, hair line about y = 7.95.
"""

from __future__ import annotations

import numpy as np

from gan3dinv_ns.heads.attributes import SHAPES, HeadAttributes
from gan3dinv_ns.heads.geometry import EYES, HAIR, MOUTH, SKIN, THING

BRIGHTEST = 0.93
_EYE_CENTRE = np.array([0.308, 7.284, 1.245], np.float32)
_IRIS_ANGLE = 0.56
_PUPIL_ANGLE = 0.22
_PUPIL = np.full(3, 0.03, np.float32)
_GLINT = np.full(3, 0.97, np.float32)
_GLINT_DIRECTION = np.array([0.17, 0.24, 0.956], np.float32)
_DARKEST = np.array([0.25, 0.45, 0.70, 0.30, 0.30], np.float32)
"""Brightness in a place that sees no sky, for each material (skin, mouth, eyes, hair, things)."""
_MOLE = np.array([0.42, 0.32, 0.28], np.float32)
"""Albedo of a mole as a share of the skin's."""


def albedo(materials: np.ndarray, rest: np.ndarray, uvs: np.ndarray, attributes: HeadAttributes) -> np.ndarray:
    """Albedo [n, 3] of points with ``materials`` [n], ``rest`` [n, 3] and ``uvs`` [n, 2]."""
    colours = np.empty((len(materials), 3), np.float32)
    for material, paint in _PAINTS.items():
        chosen = np.flatnonzero(materials == material)
        if len(chosen):
            colours[chosen] = paint(rest[chosen], uvs[chosen], attributes)
    return colours


def light(materials: np.ndarray, normals: np.ndarray, openness: np.ndarray, attributes: HeadAttributes) -> np.ndarray:
    """Brightness [n]: ambient light (more from above, less in hollows) and one wrapped Lambert lobe."""
    towards = attributes.light[:3]
    strength = float(np.linalg.norm(towards))
    facing = normals @ (towards / max(strength, 1e-6)).astype(np.float32)
    lobe = np.clip((facing + 0.35) / 1.35, 0, None)
    sky = 0.86 + 0.14 * normals[:, 1]
    darkest = _DARKEST[materials]
    return (attributes.light[3] * sky + strength * lobe) * (darkest + (1 - darkest) * openness)


def shade(colours: np.ndarray, brightness: np.ndarray) -> np.ndarray:
    """Displayed colours [n, 3]; bright ones bend softly towards ``BRIGHTEST``."""
    lit = colours * brightness[:, None]
    knee = 0.8
    over = np.maximum(lit - knee, 0)
    return np.minimum(lit, knee) + (BRIGHTEST - knee) * (1 - np.exp(-over / (BRIGHTEST - knee)))


def _paint_skin(rest: np.ndarray, _uvs: np.ndarray, attributes: HeadAttributes) -> np.ndarray:
    shapes = dict(zip(SHAPES, attributes.shapes, strict=True))
    colours = {name: rgb.astype(np.float32) for name, rgb in attributes.colours.items()}
    skin = np.broadcast_to(colours["skin"], rest.shape)
    scalp = 1.0 if attributes.hair_style != "bald" else shapes["stubble"]
    skin = _over(skin, colours["hair"], scalp * scalp_mask(rest))
    skin = _over(skin, colours["hair"] * 0.7 + colours["skin"] * 0.1, shapes["beard"] * beard_mask(rest))
    blush = colours["skin"] * np.array([1.0, 0.84, 0.84], np.float32)
    skin = _over(skin, blush, 0.7 * blush_mask(rest))
    for mole in attributes.moles:
        skin = _over(skin, colours["skin"] * _MOLE, mole_mask(rest, mole))
    skin = _over(skin, colours["lips"], lip_mask(rest))
    skin = _over(skin, colours["skin"] * 0.55, 0.55 * lid_mask(rest))
    brow = shapes["brow-strength"] * brow_mask(rest, shapes["brow-thickness"], shapes["brow-arch"], shapes["brow-tilt"])
    skin = _over(skin, colours["brows"], brow)
    return _over(skin, colours["lips"] * 0.25, cavity_mask(rest))


def _paint_mouth(rest: np.ndarray, _uvs: np.ndarray, _attributes: HeadAttributes) -> np.ndarray:
    teeth = np.array([0.86, 0.83, 0.77], np.float32)
    tongue = np.array([0.55, 0.25, 0.25], np.float32)
    front = _step(rest[:, 2], 1.15, 1.40)
    return np.where(_is_tongue(rest)[:, None], tongue, teeth * (0.35 + 0.65 * front[:, None]))


def _is_tongue(rest: np.ndarray) -> np.ndarray:
    return (np.abs(rest[:, 0]) < 0.2) & (rest[:, 2] < 1.395) & (rest[:, 1] < 6.70)


def _paint_eyes(rest: np.ndarray, _uvs: np.ndarray, attributes: HeadAttributes) -> np.ndarray:
    """Sclera, limbus, iris with a lighter inner ring, pupil, and a small highlight."""
    centre = _EYE_CENTRE * np.stack([np.sign(rest[:, 0]), np.ones(len(rest)), np.ones(len(rest))], axis=-1)
    direction = rest - centre
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-6)
    angle = np.arccos(np.clip(direction[:, 2], -1, 1))
    iris = attributes.colours["iris"].astype(np.float32)
    sclera = np.broadcast_to(np.array([0.88, 0.86, 0.84], np.float32), rest.shape)
    colours = _over(sclera, iris * 0.45, _step(-angle, -_IRIS_ANGLE - 0.05, -_IRIS_ANGLE + 0.03))
    colours = _over(colours, iris, _step(-angle, -_IRIS_ANGLE + 0.03, -_IRIS_ANGLE + 0.14))
    colours = _over(colours, iris * 1.25, 0.6 * _step(-angle, -_IRIS_ANGLE + 0.12, -_PUPIL_ANGLE - 0.03))
    colours = _over(colours, _PUPIL, _step(-angle, -_PUPIL_ANGLE - 0.05, -_PUPIL_ANGLE + 0.03))
    return _over(colours, _GLINT, 0.9 * _step(direction @ _GLINT_DIRECTION, 0.985, 0.993))


def _paint_hair(rest: np.ndarray, uvs: np.ndarray, attributes: HeadAttributes) -> np.ndarray:
    """Hair with soft strands: waves over the first texture coordinate, bent along the second."""
    u, v = uvs[:, 0] * (2 * np.pi), uvs[:, 1] * (2 * np.pi)
    wave = np.sin(23 * u + 1.5 * np.sin(2 * v)) + 0.8 * np.sin(41 * u + 1.1 + np.sin(3 * v))
    wave += 0.5 * np.sin(67 * u + 2.3)
    strands = 1 + 0.10 * wave[:, None]
    return attributes.colours["hair"].astype(np.float32) * strands.astype(np.float32)


def _paint_thing(rest: np.ndarray, _uvs: np.ndarray, attributes: HeadAttributes) -> np.ndarray:
    return np.broadcast_to(attributes.colours["thing"].astype(np.float32), rest.shape)


_PAINTS = {SKIN: _paint_skin, MOUTH: _paint_mouth, EYES: _paint_eyes, HAIR: _paint_hair, THING: _paint_thing}


def mole_mask(rest: np.ndarray, mole: np.ndarray) -> np.ndarray:
    """Cover [n] of a mole [4]: centre and radius, decimetres."""
    inside = mole[3] - np.linalg.norm(rest - mole[:3].astype(np.float32), axis=1)
    return _step(inside, -0.012, 0.012)


def brow_mask(rest: np.ndarray, thickness: float, arch: float, tilt: float) -> np.ndarray:
    """Cover [n] of the eyebrows: a tapered arc above each eye."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    along = (x - 0.34) / 0.25
    bend = 0.028 + 0.018 * arch + 0.012 * (along > 0)
    middle = 7.425 + 0.014 * arch + 0.020 * tilt * along - bend * along**2
    taper = np.clip(1 - np.abs(along) ** 3.5, 0, 1) * (1 - 0.35 * np.clip(along, 0, 1))
    half = (0.034 + 0.011 * thickness) * np.sqrt(taper)
    edge = 0.012
    cover = _step(half - np.abs(y - middle), -edge, edge) * (np.abs(along) < 1)
    return cover * _step(z, 0.9, 1.1)


def lip_mask(rest: np.ndarray) -> np.ndarray:
    """Cover [n] of both lips."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    width = np.clip(1 - (x / 0.245) ** 2, 0, 1)
    upper = 6.612 + 0.082 * width**0.8 - 0.010 * np.exp(-((x / 0.035) ** 2))
    lower = 6.604 - 0.098 * width**0.8
    inside = np.minimum(upper - y, y - lower)
    return _step(inside, -0.010, 0.012) * (x < 0.25) * _step(z, 1.34, 1.40)


def cavity_mask(rest: np.ndarray) -> np.ndarray:
    """Cover [n] of the inside of the mouth."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    lips = 1.585 - 2.7 * x**2
    return _step(lips - z, 0.05, 0.10) * _step(np.minimum(6.80 - y, y - 6.52), 0.0, 0.02) * (x < 0.27) * (z > 1.0)


def lid_mask(rest: np.ndarray) -> np.ndarray:
    """Cover [n] of the rims of the eyelids (lashes)."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    along = (x - 0.325) / 0.165
    rim = 7.283 + np.where(y > 7.283, 0.045, -0.055) * np.clip(1 - along**2, 0, 1)
    return _step(0.020 - np.abs(y - rim), -0.012, 0.012) * (np.abs(along) < 1.05) * (z > 1.2)


def blush_mask(rest: np.ndarray) -> np.ndarray:
    """Cover [n] of redder skin: cheeks and tip of the nose."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    cheek = np.exp(-(((x - 0.42) / 0.19) ** 2) - ((y - 6.95) / 0.16) ** 2)
    nose = np.exp(-((x / 0.10) ** 2) - ((y - 6.93) / 0.09) ** 2)
    return (cheek + 0.8 * nose) * _step(z, 0.8, 1.2)


def scalp_mask(rest: np.ndarray) -> np.ndarray:
    """Cover [n] of the part of the head where hair grows."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    line = y - 7.95 + 0.68 * (1.42 - z)
    ear = (x > 0.70) & (y < 7.42) & (z > 0.15)
    return np.where(ear, 0.0, _step(line, -0.06, 0.06)) * (y > 6.7)


def beard_mask(rest: np.ndarray) -> np.ndarray:
    """Cover [n] of the part of the face where a beard grows."""
    x, y, z = np.abs(rest[:, 0]), rest[:, 1], rest[:, 2]
    cheek = _step(6.60 + 0.55 * (1.42 - z) - y, -0.08, 0.06) * _step(y, 6.12, 6.32) * _step(z, 0.42, 0.62)
    moustache = _step(0.27 - x, -0.03, 0.05) * _step(np.minimum(6.835 - y, y - 6.60), -0.01, 0.03)
    moustache = moustache * _step(z, 1.38, 1.44)
    return np.maximum(cheek, moustache)


def _step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smooth step [n] from 0 at ``low`` to 1 at ``high``."""
    t = np.clip((x - low) * (1 / (high - low)), 0, 1)
    return t * t * (3 - 2 * t)


def _over(below: np.ndarray, colour: np.ndarray, cover: np.ndarray) -> np.ndarray:
    return below + (colour - below) * cover[:, None].astype(np.float32)
