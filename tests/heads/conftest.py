"""A tiny data folder in MakeHuman's layout: a ball on a column with eyes, hair and targets of a few lines."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d.ray_sampler import sample_rays
from gan3dinv_ns.heads import makehuman
from gan3dinv_ns.heads.attributes import HAIR_STYLES, UNSEEN_HAIR_STYLES
from gan3dinv_ns.heads.dataset import HeadSettings, generate_dataset, pack_dataset
from gan3dinv_ns.heads.geometry import SKIN, HeadGeometry
from gan3dinv_ns.heads.supervision import Views
from gan3dinv_ns.heads.template import EYES, HeadTemplate, _target_files, load_template
from gan3dinv_ns.heads.training_data import TrainingData

HEAD_CENTRE = np.array([0.0, 7.3, 0.3])
HEAD_RADIUS = 1.1


def ball(centre: np.ndarray, radius: float, rings: int = 24, sides: int = 32) -> tuple[np.ndarray, np.ndarray]:
    """Vertices [n, 3] and outward quadrilaterals [F, 4] of a ball."""
    polar = np.linspace(0.02, np.pi - 0.02, rings)[:, None]
    turn = np.linspace(0, 2 * np.pi, sides, endpoint=False)[None]
    unit = np.stack(
        [np.sin(polar) * np.sin(turn), np.cos(polar) * np.ones_like(turn), np.sin(polar) * np.cos(turn)], -1
    )
    row, column = np.meshgrid(np.arange(rings - 1), np.arange(sides), indexing="ij")
    beside = (column + 1) % sides
    quads = np.stack([row, row + 1, row + 1, row], -1) * sides + np.stack([column, column, beside, beside], -1)
    return (centre + radius * unit).reshape(-1, 3), quads.reshape(-1, 4)


def obj_text(vertices: np.ndarray, quads: np.ndarray, group: str | None = None) -> str:
    """An .obj file with one texture coordinate for each vertex."""
    lines = [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in vertices]
    lines += [f"vt {i / len(vertices):.4f} 0.5" for i in range(len(vertices))]
    lines += [f"g {group}"] if group else []
    lines += ["f " + " ".join(f"{i + 1}/{i + 1}" for i in quad) for quad in quads]
    return "\n".join(lines)


def mhclo_text(vertices: np.ndarray, body: np.ndarray) -> str:
    """A fitting: every vertex keeps its offset from body vertex 0; scales of 1 on the undeformed body."""
    extreme = [(int(body[:, axis].argmin()), int(body[:, axis].argmax())) for axis in range(3)]
    lines = [
        f"{name}_scale {low} {high} {np.ptp(body[:, axis]):.6f}"
        for axis, (name, (low, high)) in enumerate(zip("xyz", extreme, strict=True))
    ]
    offsets = vertices - body[0]
    lines += ["verts 0", *(f"0 1 2 1.0 0.0 0.0 {x:.6f} {y:.6f} {z:.6f}" for x, y, z in offsets)]
    return "\n".join(lines)


@pytest.fixture(scope="session")
def makehuman_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MakeHuman's layout with a ball of radius 1.1 dm as the head."""
    root = tmp_path_factory.mktemp("makehuman")
    body, quads = ball(HEAD_CENTRE, HEAD_RADIUS)
    files = {makehuman.BASE_MESH: obj_text(body, quads, "body")}
    eyes = [ball(np.array([side * 0.308, 7.284, 1.25]), 0.14, 6, 8) for side in (-1, 1)]
    eye_vertices = np.concatenate([vertices for vertices, _ in eyes])
    eye_quads = np.concatenate([eyes[0][1], eyes[1][1] + len(eyes[0][0])])
    files |= {f"{EYES}.obj": obj_text(eye_vertices, eye_quads), f"{EYES}.mhclo": mhclo_text(eye_vertices, body)}
    hair, hair_quads = ball(HEAD_CENTRE + np.array([0, 0.25, -0.15]), 1.15, 12, 16)
    for style in (*HAIR_STYLES, *UNSEEN_HAIR_STYLES):
        stem = f"base/hair/{style}/{style}"
        files |= {f"{stem}.obj": obj_text(hair, hair_quads), f"{stem}.mhclo": mhclo_text(hair, body)}
    for number, row in enumerate(_target_files()):
        for file in row:
            files[file] = f"# a target\n{number % len(body)} 0.01 0.02 -.01\n"
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.fixture(scope="session")
def template(makehuman_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> HeadTemplate:
    """The parsed tiny folder."""
    return load_template(makehuman_folder, tmp_path_factory.mktemp("cache"))


def _ball_geometry(centre: tuple[float, float, float], radius: float) -> HeadGeometry:
    vertices, quads = ball(np.array(centre), radius, 96, 128)
    triangles = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]]).astype(np.int32)
    count = len(vertices)
    return HeadGeometry(
        vertices.astype(np.float32),
        triangles,
        np.full(len(triangles), SKIN, np.int8),
        ((vertices - np.array(centre)) / radius).astype(np.float32),
        np.tile(np.array([0, 6.3, 0.5], np.float32), (count, 1)),
        np.zeros((count, 2), np.float32),
        np.ones(count, np.float32),
    )


@pytest.fixture(scope="session")
def ball_geometry() -> Callable[[tuple[float, float, float], float], HeadGeometry]:
    """Makes a finely meshed ball of bare skin from its centre and radius (box units)."""
    return _ball_geometry


@pytest.fixture
def views() -> Views:
    """Two views of a sphere of radius 0.3 around the origin, whose depth is known in closed form."""
    camera_to_world = orbit(torch.tensor([0.0, 0.5]), torch.tensor([0.0, -0.2]))
    label = camera_label(camera_to_world, intrinsics_matrix(n=2))
    origins, directions = sample_rays(camera_to_world, intrinsics_matrix(n=2), 32)
    along = -(origins * directions).sum(-1)
    inside = 0.3**2 - (2.7**2 - along.square())
    depth = torch.where(inside > 0, along - inside.clamp_min(0).sqrt(), torch.zeros(()))
    alpha = (depth > 0).float()
    image = torch.where(depth > 0, 0.25, 1.0)[:, None].expand(-1, 3, -1)
    return Views(image.reshape(1, 2, 3, 32, 32), alpha.reshape(1, 2, 32, 32), depth.reshape(1, 2, 32, 32), label[None])


@pytest.fixture(scope="session")
def packed_heads(makehuman_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six balls with two views each, packed."""
    folder = tmp_path_factory.mktemp("heads")
    settings = HeadSettings(count=6, views=2, resolution=128, supersample=1)
    generate_dataset(makehuman_folder, folder / "set", settings, 1, None, folder)
    pack_dataset(folder / "set", folder / "heads.safetensors")
    return folder / "heads.safetensors"


@pytest.fixture(scope="session")
def data(packed_heads: Path) -> TrainingData:
    """The six, two of them for validation."""
    return TrainingData([packed_heads], held_out=2, device=torch.device("cpu"))
