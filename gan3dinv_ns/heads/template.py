"""What all heads share: the part of MakeHuman's data that shows a head, in arrays.

The package ships them in one .npz file, so that heads can be drawn without MakeHuman's data; a template that is read
from MakeHuman's files is kept in a cache. ``rest`` is the undeformed base mesh (decimetres); paint is defined there, so
that it follows every deformation.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gan3dinv_ns.heads import makehuman
from gan3dinv_ns.heads.attributes import (
    ETHNICITIES,
    EXPRESSION_TARGETS,
    FACE_TARGETS,
    HAIR_STYLES,
    MACRO_NAMES,
    UNSEEN_HAIR_STYLES,
)
from gan3dinv_ns.heads.occlusion import openness
from gan3dinv_ns.heads.parts import Part, fit_part
from gan3dinv_ns.ops.array_files import write_arrays

EYES = "makehuman/data/eyes/low-poly/low-poly"

SHIPPED = Path(__file__).parents[1] / "weights" / "makehuman-head.npz"
"""The template of the package; `write_shipped` makes it."""

_VERSION = 4
_WIDE = {np.dtype(np.float16): np.dtype(np.float32), np.dtype(np.int16): np.dtype(np.int32)}
_MOUTH_GROUPS = ("helper-upper-teeth", "helper-lower-teeth", "helper-tongue")
_BELOW_TOP_DM = 4.2
_ASIDE_DM = 2.6


@dataclass(frozen=True)
class HeadTemplate:
    """The head of the base mesh, its morph targets and its parts.

    Attributes:
        rest: [n, 3] vertices in decimetres: head, neck, shoulders, mouth and what parts refer to.
        moves: [T, n, 3] displacement at weight 1: 12 macro targets, then decr and incr of each face target,
            then negative and positive of each expression.
        skin: [F, 3] triangles of the skin, ``mouth`` [F, 3] of teeth and tongue.
        openness: [n] share of the sky that a vertex sees, 0 to 1.
        parts: "eyes" and each hair style but "bald", the unseen ones too.
    """

    rest: np.ndarray
    moves: np.ndarray
    skin: np.ndarray
    mouth: np.ndarray
    openness: np.ndarray
    parts: dict[str, Part]


def load_template(source: str | Path | None = None, cache_dir: str | Path | None = None) -> HeadTemplate:
    """The package's template, or one from MakeHuman's data: parsed once, then from a cache.

    Args:
        source: folder or .tar.xz archive in MakeHuman's layout; None takes what the package ships.
        cache_dir: where the parsed file is kept; default ``$XDG_CACHE_HOME/gan3dinv_ns`` or ``~/.cache/gan3dinv_ns``.

    Raises:
        ValueError: something is missing there.
    """
    if source is None:
        return read_shipped()
    cached = _cache_path(Path(source), cache_dir)
    if cached is not None and cached.is_file():
        with np.load(cached) as stored:
            return _from_arrays(dict(stored))
    template = build_template(source)
    if cached is not None:
        write_arrays(cached, _to_arrays(template), compressed=False)
    return template


def write_shipped(source: str | Path, path: str | Path = SHIPPED) -> Path:
    """Write the file that the package ships, from MakeHuman's data: displacements as float16, small integers as int16.

    Raises:
        ValueError: something is missing in the data.
    """
    arrays = _to_arrays(build_template(source))
    arrays["moves"] = arrays["moves"].astype(np.float16)
    for key, value in arrays.items():
        if value.dtype == np.int32 and value.max(initial=0) <= np.iinfo(np.int16).max:
            arrays[key] = value.astype(np.int16)
    write_arrays(path, arrays)
    return Path(path)


def read_shipped(path: str | Path = SHIPPED) -> HeadTemplate:
    """The template of a file that `write_shipped` wrote."""
    with np.load(path) as stored:
        arrays = dict(stored)
    return _from_arrays({key: value.astype(_WIDE.get(value.dtype, value.dtype)) for key, value in arrays.items()})


def build_template(source: str | Path) -> HeadTemplate:
    """Parse MakeHuman's data; see :func:`load_template`."""
    styles = [name for name in (*HAIR_STYLES, *UNSEEN_HAIR_STYLES) if name != "bald"]
    stems = {"eyes": EYES} | {style: f"base/hair/{style}/{style}" for style in styles}
    targets = _target_files()
    names = [makehuman.BASE_MESH, *(f"{stem}{end}" for stem in stems.values() for end in (".obj", ".mhclo"))]
    texts = makehuman.read_texts(source, [*names, *(file for files in targets for file in files)])
    mesh = makehuman.parse_obj(texts[makehuman.BASE_MESH])
    if "body" not in mesh.groups:
        raise ValueError(f"{source}: {makehuman.BASE_MESH} has no group 'body'; take MakeHuman's own base mesh")
    rest = mesh.vertices
    body = mesh.groups["body"][0]
    top = rest[np.unique(body), 1].max()
    near = (rest[:, 1] > top - _BELOW_TOP_DM) & (np.abs(rest[:, 0]) < _ASIDE_DM)
    skin = body[near[body].all(axis=1)]
    none = np.zeros((0, 3), np.int32)
    mouth = np.concatenate([none, *(mesh.groups[name][0] for name in _MOUTH_GROUPS if name in mesh.groups)])
    fitted = {name: fit_part(name, texts[f"{stem}.obj"], texts[f"{stem}.mhclo"], rest) for name, stem in stems.items()}
    return _compact(rest, skin, mouth, [_sum_targets(files, texts, len(rest)) for files in targets], fitted)


def _target_files() -> list[dict[str, float]]:
    """For each row of ``HeadTemplate.moves``, the files whose displacements are added up, with their shares."""
    macro = f"{makehuman.TARGETS}/macrodetails"
    rows: list[dict[str, float]] = []
    for name in MACRO_NAMES:
        _, gender, age = name.split("-")
        body = f"{macro}/universal-{gender}-{age}-averagemuscle-averageweight.target"
        rows.append({f"{macro}/{name}.target": 1.0, body: 1.0})
    for pair in FACE_TARGETS.values():
        for one in pair:
            sides = [one.replace("*", side) for side in "lr"] if "*" in one else [one]
            rows.append({f"{makehuman.TARGETS}/{side}.target": 1.0 for side in sides})
    folder = f"{makehuman.TARGETS}/expression/units"
    for pair_of_units in EXPRESSION_TARGETS.values():
        for units in pair_of_units:
            shares = {f"{folder}/{e}/{u}.target": w / len(ETHNICITIES) for u, w in units.items() for e in ETHNICITIES}
            rows.append(shares)
    return rows


def _sum_targets(files: dict[str, float], texts: dict[str, str], count: int) -> np.ndarray:
    moves = np.zeros((count, 3), np.float32)
    for file, share in files.items():
        indices, displacement = makehuman.parse_target(texts[file])
        inside = indices < count
        moves[indices[inside]] += share * displacement[inside]
    return moves


def _compact(
    rest: np.ndarray, skin: np.ndarray, mouth: np.ndarray, moves: list[np.ndarray], parts: dict[str, Part]
) -> HeadTemplate:
    """Keep only the vertices that are drawn or referred to, and add the openness of all surfaces."""
    used = [skin.ravel(), mouth.ravel()]
    used += [array.ravel() for part in parts.values() for array in (part.references, part.scale_vertices)]
    kept = np.unique(np.concatenate(used))
    place = np.zeros(len(rest), np.int32)
    place[kept] = np.arange(len(kept))
    rest, skin, mouth = rest[kept], place[skin], place[mouth]
    eyes = parts["eyes"]
    occluders = [(rest, skin), (eyes.rest, eyes.triangles)]
    compact_parts = {}
    for name, part in parts.items():
        before = occluders if name == "eyes" else [*occluders, (part.rest, part.triangles)]
        compact_parts[name] = Part(
            place[part.references], part.weights, part.offsets, place[part.scale_vertices], part.scale_divisors,
            part.triangles, part.weld, part.uvs, part.rest,
            openness(part.rest, part.triangles, before, two_sided=name != "eyes"),
        )  # fmt: skip
    surface = np.concatenate([skin, mouth])
    sky = openness(rest, surface, [*occluders, (rest, mouth)])
    return HeadTemplate(rest, np.stack([move[kept] for move in moves]), skin, mouth, sky, compact_parts)


def _cache_path(source: Path, cache_dir: str | Path | None) -> Path | None:
    """Named after the source's place and time; None if the source does not exist."""
    marker = source / makehuman.BASE_MESH if source.is_dir() else source
    if not marker.is_file():
        return None
    stat = marker.stat()
    key = f"{_VERSION} {source.resolve()} {stat.st_size} {stat.st_mtime_ns} {_target_files()}"
    name = hashlib.sha256(key.encode()).hexdigest()[:16]
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(cache_dir or home / "gan3dinv_ns") / f"heads-{name}.npz"


def _to_arrays(template: HeadTemplate) -> dict[str, np.ndarray]:
    arrays = {key: value for key, value in vars(template).items() if key != "parts"}
    for name, part in template.parts.items():
        arrays |= {f"{name}/{key}": value for key, value in vars(part).items()}
    return arrays


def _from_arrays(arrays: dict[str, np.ndarray]) -> HeadTemplate:
    names = dict.fromkeys(key.split("/")[0] for key in arrays if "/" in key)
    parts = {
        name: Part(**{key.split("/")[1]: value for key, value in arrays.items() if key.startswith(f"{name}/")})
        for name in names
    }
    return HeadTemplate(**{key: value for key, value in arrays.items() if "/" not in key}, parts=parts)
