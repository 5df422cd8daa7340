"""Reading MakeHuman's own file formats: meshes (.obj), morph targets (.target) and fitted parts (.mhclo).

The data may be a folder or a .tar archive of it, in MakeHuman's layout: ``makehuman/data/...`` from the
MakeHuman repository, ``base/hair/...`` from its asset repository. Lengths are decimetres, y up, the face
looks along +z.
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

BASE_MESH = "makehuman/data/3dobjs/base.obj"
TARGETS = "makehuman/data/targets"


@dataclass(frozen=True)
class ObjMesh:
    """A mesh of an .obj file.

    Attributes:
        vertices: [V, 3] float32.
        uvs: [T, 2] float32 texture coordinates (empty if the file has none).
        groups: name -> (triangles [F, 3] of vertex indices, triangles [F, 3] of texture indices, -1 if none).
    """

    vertices: np.ndarray
    uvs: np.ndarray
    groups: dict[str, tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class Fitting:
    """How the vertices of a part follow the body (.mhclo).

    vertex = sum_k weights[k] * body[references[k]] + offset * scale, where scale is, for each axis, the
    distance of two body vertices along that axis over a fixed number.

    Attributes:
        references: [n, 3] body vertex indices.
        weights: [n, 3] barycentric weights.
        offsets: [n, 3] offsets in decimetres.
        scale_vertices: [3, 2] the two body vertices of each axis.
        scale_divisors: [3] the distance at which an offset holds as written.
    """

    references: np.ndarray
    weights: np.ndarray
    offsets: np.ndarray
    scale_vertices: np.ndarray
    scale_divisors: np.ndarray


def read_texts(source: str | Path, names: Iterable[str]) -> dict[str, str]:
    """Texts of the files ``names`` (relative, MakeHuman's layout) in a folder or tar archive.

    Raises:
        ValueError: ``source`` is neither, or a file is missing in it.
    """
    path = Path(source)
    wanted = list(names)
    if path.is_dir():
        texts = _texts_of_folder(path, wanted)
    elif path.is_file():
        texts = _texts_of_archive(path, wanted)
    else:
        raise ValueError(f"no MakeHuman data at {path}: give the folder or the .tar.xz archive that holds it")
    missing = [name for name in wanted if name not in texts]
    if missing:
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        raise ValueError(f"{path} lacks {missing[0]}{more}: give MakeHuman's data folder in its own layout")
    return texts


def _texts_of_folder(folder: Path, names: list[str]) -> dict[str, str]:
    return {name: (folder / name).read_text("utf-8", "replace") for name in names if (folder / name).is_file()}


def _texts_of_archive(path: Path, names: list[str]) -> dict[str, str]:
    wanted = set(names)
    texts = {}
    try:
        with tarfile.open(path) as archive:
            for member in archive:
                name = member.name.removeprefix("./")
                stream = archive.extractfile(member) if name in wanted else None
                if stream is not None:
                    texts[name] = stream.read().decode("utf-8", "replace")
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ValueError(f"cannot read {path} as an archive of MakeHuman data: {error}") from error
    return texts


def parse_obj(text: str) -> ObjMesh:
    """Parse an .obj file; polygons become fans of triangles, faces before any ``g`` line form group ''."""
    vertices, uvs = [], []
    faces: dict[str, list[tuple[list[int], list[int]]]] = {}
    group = ""
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "v":
            vertices.append([float(word) for word in words[1:4]])
        elif words[0] == "vt":
            uvs.append([float(word) for word in words[1:3]])
        elif words[0] == "g":
            group = " ".join(words[1:])
        elif words[0] == "f":
            faces.setdefault(group, []).extend(_fan([word.split("/") for word in words[1:]]))
    groups = {name: (_index_array(tri, 0), _index_array(tri, 1)) for name, tri in faces.items()}
    return ObjMesh(np.array(vertices, np.float32).reshape(-1, 3), np.array(uvs, np.float32).reshape(-1, 2), groups)


def _fan(corners: list[list[str]]) -> list[tuple[list[int], list[int]]]:
    at = [int(corner[0]) - 1 for corner in corners]
    uv = [int(corner[1]) - 1 if len(corner) > 1 and corner[1] else -1 for corner in corners]
    return [
        ([at[0], at[i], at[i + 1]], [uv[0], uv[i], uv[i + 1]])
        for i in range(1, len(at) - 1)
    ]  # fmt: skip


def _index_array(triangles: list[tuple[list[int], list[int]]], which: int) -> np.ndarray:
    return np.array([triangle[which] for triangle in triangles], np.int32).reshape(-1, 3)


def parse_target(text: str) -> tuple[np.ndarray, np.ndarray]:
    """Parse a .target file: the moved vertices [n] and their displacements [n, 3] in decimetres."""
    rows = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    rows = [row for row in rows if len(row) >= 4]
    indices = np.array([int(row[0]) for row in rows], np.int64)
    moves = np.array([[float(word) for word in row[1:4]] for row in rows], np.float32).reshape(-1, 3)
    return indices, moves


def parse_mhclo(text: str) -> Fitting:
    """Parse the fitting of a .mhclo file; a line with one index glues a vertex to a body vertex.

    Raises:
        ValueError: there is no list of vertices in it.
    """
    scales = {axis: (0, 0, 1.0) for axis in "xyz"}
    rows: list[list[float]] = []
    inside = False
    for line in text.splitlines():
        words = line.split()
        if words and words[0][1:] == "_scale" and words[0][0] in scales:
            scales[words[0][0]] = (int(words[1]), int(words[2]), float(words[3]))
        elif words and words[0] == "verts":
            inside = True
        elif inside and len(words) == 9:
            rows.append([float(word) for word in words])
        elif inside and len(words) == 1 and words[0].isdigit():
            rows.append([float(words[0])] * 3 + [1.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    if not rows:
        raise ValueError("a .mhclo file without a list of vertices; take the part from MakeHuman's asset repository")
    table = np.array(rows, np.float64)
    return Fitting(
        table[:, :3].astype(np.int64),
        table[:, 3:6].astype(np.float32),
        table[:, 6:9].astype(np.float32),
        np.array([scales[axis][:2] for axis in "xyz"], np.int64),
        np.array([scales[axis][2] for axis in "xyz"], np.float32),
    )
