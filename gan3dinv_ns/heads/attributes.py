"""The attributes of a synthetic head: drawn from a seed, kept as labels, encoded as a vector.

Every continuous attribute is a smooth function of a standard normal vector; only the hair style is a
category. The vector holds what geometry and colours are nearly linear in: weights of morph targets, albedo
colours, light, and a one-hot code of the hair style; each entry has about unit spread.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

ETHNICITIES = ("african", "asian", "caucasian")
GENDERS = ("female", "male")
AGES = ("young", "old")

FACE_TARGETS: dict[str, tuple[str, str]] = {
    "head-width": ("head/head-scale-horiz-decr", "head/head-scale-horiz-incr"),
    "head-height": ("head/head-scale-vert-decr", "head/head-scale-vert-incr"),
    "head-depth": ("head/head-scale-depth-decr", "head/head-scale-depth-incr"),
    "head-fat": ("head/head-fat-decr", "head/head-fat-incr"),
    "head-rectangular": ("head/head-round", "head/head-rectangular"),
    "head-triangular": ("head/head-invertedtriangular", "head/head-triangular"),
    "forehead-height": ("forehead/forehead-scale-vert-decr", "forehead/forehead-scale-vert-incr"),
    "forehead-forward": ("forehead/forehead-trans-backward", "forehead/forehead-trans-forward"),
    "temples": ("forehead/forehead-temple-decr", "forehead/forehead-temple-incr"),
    "brow-height": ("eyebrows/eyebrows-trans-down", "eyebrows/eyebrows-trans-up"),
    "brow-angle": ("eyebrows/eyebrows-angle-down", "eyebrows/eyebrows-angle-up"),
    "eye-size": ("eyes/*-eye-scale-decr", "eyes/*-eye-scale-incr"),
    "eye-opening": ("eyes/*-eye-height2-decr", "eyes/*-eye-height2-incr"),
    "eye-distance": ("eyes/*-eye-trans-in", "eyes/*-eye-trans-out"),
    "eye-slant": ("eyes/*-eye-corner2-down", "eyes/*-eye-corner2-up"),
    "eye-bags": ("eyes/*-eye-bag-decr", "eyes/*-eye-bag-incr"),
    "nose-width": ("nose/nose-scale-horiz-decr", "nose/nose-scale-horiz-incr"),
    "nose-length": ("nose/nose-scale-vert-decr", "nose/nose-scale-vert-incr"),
    "nose-depth": ("nose/nose-scale-depth-decr", "nose/nose-scale-depth-incr"),
    "nose-hump": ("nose/nose-hump-decr", "nose/nose-hump-incr"),
    "nose-point": ("nose/nose-point-down", "nose/nose-point-up"),
    "nose-flaring": ("nose/nose-flaring-decr", "nose/nose-flaring-incr"),
    "mouth-width": ("mouth/mouth-scale-horiz-decr", "mouth/mouth-scale-horiz-incr"),
    "mouth-height": ("mouth/mouth-trans-down", "mouth/mouth-trans-up"),
    "upper-lip": ("mouth/mouth-upperlip-volume-decr", "mouth/mouth-upperlip-volume-incr"),
    "lower-lip": ("mouth/mouth-lowerlip-volume-decr", "mouth/mouth-lowerlip-volume-incr"),
    "cheek-bones": ("cheek/*-cheek-bones-decr", "cheek/*-cheek-bones-incr"),
    "cheek-volume": ("cheek/*-cheek-volume-decr", "cheek/*-cheek-volume-incr"),
    "chin-width": ("chin/chin-width-decr", "chin/chin-width-incr"),
    "chin-height": ("chin/chin-height-decr", "chin/chin-height-incr"),
    "chin-prominence": ("chin/chin-prominent-decr", "chin/chin-prominent-incr"),
    "ear-size": ("ears/*-ear-scale-decr", "ears/*-ear-scale-incr"),
    "ear-wing": ("ears/*-ear-wing-decr", "ears/*-ear-wing-incr"),
    "neck-width": ("neck/neck-scale-horiz-decr", "neck/neck-scale-horiz-incr"),
}
"""Name -> targets at weight -1 and at +1; ``*`` stands for both sides, ``l`` and ``r``."""

EXPRESSION_TARGETS: dict[str, tuple[dict[str, float], dict[str, float]]] = {
    "smile": ({}, {"mouth-corner-puller": 1.0, "mouth-upward-retraction": 0.35}),
    "mouth-open": ({}, {"mouth-open": 0.55}),
    "eyelids": (
        {"eye-left-closure": 1.0, "eye-right-closure": 1.0},
        {"eye-left-opened-up": 1.0, "eye-right-opened-up": 1.0},
    ),
    "brow-raise": (
        {"eyebrows-left-down": 0.7, "eyebrows-right-down": 0.7},
        {"eyebrows-left-up": 1.0, "eyebrows-right-up": 1.0},
    ),
}
"""Name -> expression units (with their shares) at weight -1 and at +1, averaged over the ethnicities."""

HAIR_STYLES: dict[str, tuple[float, float]] = {
    "bald": (0.02, 0.22),
    "short01": (0.06, 0.18),
    "short02": (0.06, 0.20),
    "short03": (0.10, 0.06),
    "short04": (0.05, 0.20),
    "bob02": (0.18, 0.01),
    "long01": (0.22, 0.02),
    "ponytail01": (0.14, 0.02),
    "braid01": (0.11, 0.0),
    "afro01": (0.06, 0.09),
}
"""Name of a hair mesh (or bald) -> share among female and among male heads."""

UNSEEN_HAIR_STYLES = ("bob01",)
"""Hair meshes that no drawn head wears: kept for heads that a trained generator has never seen the like of."""

SHAPES = ("brow-thickness", "brow-arch", "brow-tilt", "brow-strength", "stubble", "beard")
"""Continuous paint: eyebrows; hair left on a bald scalp; beard."""

COLOURS: dict[str, tuple[tuple[float, float, float], float]] = {
    "skin": ((0.74, 0.57, 0.48), 0.16),
    "lips": ((0.62, 0.36, 0.34), 0.13),
    "hair": ((0.30, 0.22, 0.16), 0.17),
    "brows": ((0.22, 0.16, 0.12), 0.12),
    "iris": ((0.30, 0.27, 0.22), 0.12),
}
"""Name -> centre and spread that encode an albedo in the vector."""

MACRO_NAMES = tuple(f"{e}-{g}-{a}" for e in ETHNICITIES for g in GENDERS for a in AGES)

_FACE_SPREAD = 0.38
_LIGHT_CENTRE = np.array([0.0, 0.20, 0.34, 0.78])
_LIGHT_SPREAD = np.array([0.17, 0.09, 0.08, 0.07])


@dataclass(frozen=True)
class HeadAttributes:
    """Everything that a head is made of.

    Attributes:
        seed: what it was drawn from (-1: made by hand).
        ethnicity: [3] shares of ``ETHNICITIES``, sum 1.
        male: 0 (female) to 1 (male).
        age: 0 (young, about 25 years) to 1 (old, about 90).
        face: [len(FACE_TARGETS)] signed weights within -1 and 1.
        expression: smile and mouth-open 0 to 1, eyelids and brow-raise -1 (closed, lowered) to 1.
        hair_style: a key of ``HAIR_STYLES``.
        shapes: [len(SHAPES)]; thickness, arch and tilt about -1 to 1, the others 0 to 1.
        colours: name of ``COLOURS`` -> albedo [3] in 0 to 1, as displayed (not linear light); "thing" is that of
            what a head wears.
        light: [4] direction towards the light times its strength, and the ambient strength.
        moles: [m, 4] centres on the undeformed body and radii, decimetres; drawn heads have none.
    """

    seed: int
    ethnicity: np.ndarray
    male: float
    age: float
    face: np.ndarray
    expression: np.ndarray
    hair_style: str
    shapes: np.ndarray
    colours: dict[str, np.ndarray]
    light: np.ndarray
    moles: np.ndarray = field(default_factory=lambda: np.zeros((0, 4)))

    def macro_weights(self) -> np.ndarray:
        """[12] weights of the macro targets in the order of ``MACRO_NAMES``; they sum to 1."""
        gender = np.array([1 - self.male, self.male])
        age = np.array([1 - self.age, self.age])
        return np.einsum("e,g,a->ega", self.ethnicity, gender, age).ravel()

    def as_labels(self) -> dict[str, object]:
        """All attributes by name, as plain numbers, lists and strings."""
        labels: dict[str, object] = {"seed": self.seed, "hair_style": self.hair_style}
        labels |= {name: round(float(w), 5) for name, w in zip(ETHNICITIES, self.ethnicity, strict=True)}
        labels |= {"male": round(self.male, 5), "age": round(self.age, 5)}
        labels |= {name: round(float(w), 5) for name, w in zip(FACE_TARGETS, self.face, strict=True)}
        labels |= {name: round(float(w), 5) for name, w in zip(EXPRESSION_TARGETS, self.expression, strict=True)}
        labels |= {name: round(float(w), 5) for name, w in zip(SHAPES, self.shapes, strict=True)}
        labels |= {f"{name}_rgb": np.round(rgb, 5).tolist() for name, rgb in self.colours.items()}
        return labels | {"light": np.round(self.light, 5).tolist()}


def draw_attributes(seed: int) -> HeadAttributes:
    """The head of a seed; the same on every machine.

    Raises:
        ValueError: the seed is negative.
    """
    if seed < 0:
        raise ValueError(f"the seed of a head must not be negative, not {seed}")
    random = np.random.Generator(np.random.PCG64(seed))
    ethnicity = _softmax(2.2 * random.standard_normal(3))
    male = float(_sigmoid(2.8 * random.standard_normal()))
    age = float(_sigmoid(1.5 * random.standard_normal() - 0.7))
    face = np.tanh(_FACE_SPREAD * random.standard_normal(len(FACE_TARGETS)))
    smile, opening, lids, brows = random.standard_normal(4)
    expression = np.array(
        [_sigmoid(1.6 * smile - 0.6), _sigmoid(1.7 * opening - 2.2), 0.35 * np.tanh(lids) + 0.1, 0.6 * np.tanh(brows)]
    )
    hair_style = _draw_hair_style(random.random(), male)
    shapes = _draw_shapes(random.standard_normal(len(SHAPES)), male)
    colours = _draw_colours(random.standard_normal(9), ethnicity, male, age)
    lamp = _draw_light(random.standard_normal(4))
    return HeadAttributes(
        seed, ethnicity, male, age, face, expression, hair_style, shapes, colours, lamp
    )  # fmt: skip


def attribute_names() -> list[str]:
    """Names of the entries of :func:`attribute_vector`; ``hair_style=...`` are a one-hot code."""
    names = [f"macro:{name}" for name in MACRO_NAMES]
    names += [f"face:{name}" for name in FACE_TARGETS]
    names += [f"expression:{name}" for name in EXPRESSION_TARGETS]
    names += [f"hair_style={name}" for name in HAIR_STYLES]
    names += [f"shape:{name}" for name in SHAPES]
    names += [f"colour:{name}.{channel}" for name in COLOURS for channel in "rgb"]
    return [*names, "light:x", "light:y", "light:z", "light:ambient"]


def attribute_vector(attributes: HeadAttributes) -> np.ndarray:
    """Encode a head as [K] float32, K = ``len(attribute_names())``; undone by :func:`attributes_from_vector`."""
    one_hot = np.array([float(name == attributes.hair_style) for name in HAIR_STYLES])
    colours = [(attributes.colours[name] - centre) / spread for name, (centre, spread) in COLOURS.items()]
    parts = [
        (attributes.macro_weights() - 1 / 12) * 6,
        attributes.face / _FACE_SPREAD,
        attributes.expression * 4,
        one_hot,
        attributes.shapes * 2,
        *colours,
        (attributes.light - _LIGHT_CENTRE) / _LIGHT_SPREAD,
    ]
    return np.concatenate(parts).astype(np.float32)


def attributes_from_vector(vector: np.ndarray) -> HeadAttributes:
    """The head of a vector [K] (seed -1); the largest one-hot entry is the hair style.

    Raises:
        ValueError: the vector has another length.
    """
    vector = np.asarray(vector, np.float64)
    count = len(attribute_names())
    if vector.shape != (count,):
        raise ValueError(f"an attribute vector has {count} numbers, not {list(vector.shape)}")
    sizes = [12, len(FACE_TARGETS), len(EXPRESSION_TARGETS), len(HAIR_STYLES), len(SHAPES), 3 * len(COLOURS), 4]
    macro, face, expression, one_hot, shapes, colours, light = np.split(vector, np.cumsum(sizes)[:-1])
    weights = np.clip(macro / 6 + 1 / 12, 0, None).reshape(3, 2, 2)
    weights = weights / max(weights.sum(), 1e-6)
    albedo = {
        name: np.clip(rgb * spread + centre, 0, 1)
        for rgb, (name, (centre, spread)) in zip(colours.reshape(-1, 3), COLOURS.items(), strict=True)
    }
    return HeadAttributes(
        -1, weights.sum((1, 2)), float(weights[:, 1].sum()), float(weights[:, :, 1].sum()),
        np.clip(face * _FACE_SPREAD, -1, 1), expression / 4, list(HAIR_STYLES)[int(one_hot.argmax())],
        shapes / 2, albedo, light * _LIGHT_SPREAD + _LIGHT_CENTRE,
    )  # fmt: skip


def _draw_hair_style(uniform: float, male: float) -> str:
    shares = np.array([(1 - male) * female + male * ours for female, ours in HAIR_STYLES.values()])
    place = np.searchsorted(np.cumsum(shares / shares.sum()), uniform, side="right")
    return list(HAIR_STYLES)[min(int(place), len(HAIR_STYLES) - 1)]


def _draw_shapes(normal: np.ndarray, male: float) -> np.ndarray:
    thickness, arch, tilt, strength, stubble, beard = normal
    return np.array(
        [
            0.8 * np.tanh(0.5 * thickness + 0.7 * (male - 0.5)),
            0.8 * np.tanh(0.6 * arch - 0.4 * (male - 0.5)),
            0.8 * np.tanh(0.6 * tilt),
            _sigmoid(0.8 * strength + 1.5),
            0.7 * _sigmoid(1.5 * stubble - 0.5),
            0.85 * male**2 * _sigmoid(1.8 * beard - 1.6),
        ]
    )


def _draw_colours(normal: np.ndarray, ethnicity: np.ndarray, male: float, age: float) -> dict[str, np.ndarray]:
    african, asian, caucasian = ethnicity
    darkness = _sigmoid(4.2 * african - 1.0 * caucasian + 0.1 * asian + 0.7 * normal[0] - 0.9)
    skin = np.exp(_mix(np.log((0.92, 0.74, 0.64)), np.log((0.38, 0.24, 0.17)), darkness))
    skin = skin * (1 + 0.04 * np.tanh(normal[1]) * np.array([0.6, -1.0, -1.0]))
    make_up = (1 - male) * _sigmoid(1.5 * normal[2] - 0.6)
    lips = skin * _mix((0.90, 0.69, 0.68), (0.90, 0.50, 0.52), make_up) * (1 + 0.06 * np.tanh(normal[3]))
    blond = _sigmoid(1.6 * normal[4] + 4.0 * caucasian - 4.2)
    red = _sigmoid(1.5 * normal[5] - 2.2) * blond**0.5
    hair = _mix((0.10, 0.075, 0.065), (0.72, 0.55, 0.34), blond) + red * np.array([0.10, -0.07, -0.08])
    grey = _sigmoid(9 * (age - 0.70) + 1.2 * normal[6])
    hair = _mix(hair, (0.68, 0.67, 0.66), 0.9 * grey)
    brows = _mix(hair * (1 - 0.25 * blond), (0.14, 0.10, 0.08), 0.35)
    light_eyes = _sigmoid(1.8 * normal[7] + 4.0 * caucasian - 3.2)
    iris = _mix((0.24, 0.14, 0.08), _mix((0.33, 0.47, 0.62), (0.36, 0.48, 0.30), _sigmoid(1.5 * normal[8])), light_eyes)
    rgb = {"skin": skin, "lips": lips, "hair": hair, "brows": brows, "iris": iris}
    return {name: np.clip(value, 0.02, 0.92) for name, value in rgb.items()}


def _draw_light(normal: np.ndarray) -> np.ndarray:
    towards = np.array([0.55 * np.tanh(0.9 * normal[0]), 0.5 + 0.25 * np.tanh(normal[1]), 0.85])
    strength = 0.40 + 0.10 * np.tanh(normal[2])
    return np.append(strength * towards / np.linalg.norm(towards), 0.78 + 0.08 * np.tanh(0.7 * normal[3]))


def _mix(first: tuple | np.ndarray, second: tuple | np.ndarray, share: float | np.ndarray) -> np.ndarray:
    return np.asarray(first) * (1 - share) + np.asarray(second) * share


def _sigmoid(x: float | np.ndarray) -> float | np.ndarray:
    return 1 / (1 + np.exp(-np.asarray(x)))


def _softmax(x: np.ndarray) -> np.ndarray:
    weights = np.exp(x - x.max())
    return weights / weights.sum()
