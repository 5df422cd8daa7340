"""Mesh and volume files, read back by other people's readers where there is one."""

from __future__ import annotations

import errno
import json
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image

from gan3dinv_ns.export.files import write_mesh
from gan3dinv_ns.export.mesh import Mesh, mesh_from_field
from gan3dinv_ns.export.mrc import HEADER_BYTES, write_mrc
from gan3dinv_ns.export.settings import MeshSettings
from gan3dinv_ns.ops.atomic_files import FileWriteError

RADIUS_M = 0.3 * 0.42
VOLUME_M3 = 4 / 3 * np.pi * RADIUS_M**3
SMALL = MeshSettings(resolution=24, density_level=10.0, metric=True, continue_colours=False)


@pytest.fixture
def mesh(make_field, ball) -> Mesh:
    return mesh_from_field(make_field(lambda p: ball(p, (0, 0.05, 0), 0.3)), SMALL)[0]


@pytest.fixture
def textured(make_field, ball) -> Mesh:
    settings = replace(SMALL, texture="atlas", texture_size=128, faces=1000)
    return mesh_from_field(make_field(lambda p: ball(p, (0, 0.05, 0), 0.3)), settings)[0]


def only_mesh(path: Path) -> trimesh.Trimesh:
    """The one mesh in a file, untouched; trimesh drops colours when it joins meshes that have materials."""
    (shape,) = trimesh.load_scene(path, process=False).geometry.values()
    return shape


def colours_of(shape: trimesh.Trimesh) -> np.ndarray:
    """The sRGB levels [V, 3] in [0, 255] of a mesh that was read."""
    if isinstance(shape.visual, trimesh.visual.ColorVisuals):
        return shape.visual.vertex_colors[:, :3]
    linear = shape.visual.vertex_attributes["color"][:, :3] / 65535
    srgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    return np.round(srgb * 255)


def texture_at_corners(shape: trimesh.Trimesh, image: Image.Image) -> np.ndarray:
    """Levels [F, 3] of the texels in the middle of the faces."""
    uv = shape.visual.uv[shape.faces].mean(axis=1)
    size = image.width
    columns, rows = (uv[:, 0] * size).astype(int), ((1 - uv[:, 1]) * size).astype(int)
    return np.asarray(image.convert("RGB"))[rows.clip(0, size - 1), columns.clip(0, size - 1)]


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".glb"])
def test_every_format_keeps_shape_and_colours(mesh, tmp_path, suffix):
    path = tmp_path / f"head{suffix}"
    write_mesh(path, mesh)
    back = trimesh.load(path, force="mesh")
    assert back.is_watertight
    assert len(back.vertices) == len(mesh.vertices)
    assert back.volume == pytest.approx(VOLUME_M3, rel=0.02)
    np.testing.assert_array_equal(colours_of(only_mesh(path)), mesh.colours)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_unknown_suffix_is_named(mesh, tmp_path):
    with pytest.raises(ValueError, match=r"\.fbx.*use \.ply, \.obj, \.glb, \.stl or \.3mf"):
        write_mesh(tmp_path / "head.fbx", mesh)
    with pytest.raises(ValueError, match=r"\.mrc"):
        write_mrc(tmp_path / "head.vol", np.zeros((4, 4, 4), np.float32))


@pytest.mark.parametrize("suffix", [".obj", ".glb"])
def test_a_texture_is_read_back_where_it_belongs(textured, tmp_path, suffix):
    written = write_mesh(tmp_path / f"head{suffix}", textured)
    beside = ["head.mtl", "head.png"] if suffix == ".obj" else []
    assert sorted(path.name for path in written) == sorted(path.name for path in tmp_path.iterdir())
    assert sorted(path.name for path in written) == sorted([*beside, f"head{suffix}"])
    back = trimesh.load(tmp_path / f"head{suffix}", force="mesh", process=False)
    assert len(back.faces) == len(textured.faces)
    assert back.visual.uv.min() >= 0 and back.visual.uv.max() <= 1
    material = back.visual.material
    image = material.baseColorTexture if suffix == ".glb" else material.image
    assert image.size == (128, 128)
    middles = back.vertices[back.faces].mean(axis=1)
    shown = texture_at_corners(back, image)
    assert (shown[middles[:, 0] < -0.02] == [255, 0, 0]).all()
    assert (shown[middles[:, 0] > 0.02] == [0, 0, 255]).all()
    back.merge_vertices(merge_tex=True, merge_norm=True)
    assert back.is_watertight and len(back.vertices) == len(textured.vertices)


def test_a_glb_is_no_metal(mesh, textured, tmp_path):
    for name, shape in (("coloured", mesh), ("textured", textured)):
        write_mesh(tmp_path / f"{name}.glb", shape)
        material = trimesh.load(tmp_path / f"{name}.glb", force="mesh").visual.material
        assert (material.metallicFactor, material.roughnessFactor) == (0, 0.8)


def test_a_glb_is_smooth_across_faces_and_seams(mesh, textured, tmp_path):
    for shape in (mesh, textured):
        write_mesh(tmp_path / "head.glb", shape)
        content = (tmp_path / "head.glb").read_bytes()
        tree = json.loads(content[20 : 20 + struct.unpack_from("<I", content, 12)[0]])
        assert "NORMAL" in tree["meshes"][0]["primitives"][0]["attributes"]
        back = only_mesh(tmp_path / "head.glb")
        outward = back.vertices - [0, 0.05 * 0.42, 0]
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        assert (back.vertex_normals * outward).sum(axis=1).min() > 0.95


def test_the_colours_of_a_glb_are_linear(mesh, tmp_path):
    grey = replace(mesh, colours=np.full_like(mesh.colours, 188))
    write_mesh(tmp_path / "head.glb", grey)
    linear = only_mesh(tmp_path / "head.glb").visual.vertex_attributes["color"][0, :3] / 65535
    np.testing.assert_allclose(linear, 0.5, atol=0.005)


def test_an_obj_names_the_files_beside_it_relatively(textured, tmp_path):
    write_mesh(tmp_path / "head.obj", textured)
    assert "mtllib head.mtl\n" in (tmp_path / "head.obj").read_text()
    assert "map_Kd head.png" in (tmp_path / "head.mtl").read_text()


def test_a_ply_keeps_the_colours_of_the_vertices_beside_a_texture(textured, tmp_path):
    write_mesh(tmp_path / "head.ply", textured)
    back = trimesh.load(tmp_path / "head.ply", process=False)
    np.testing.assert_array_equal(back.visual.vertex_colors[:, :3], textured.colours)


@pytest.mark.parametrize("suffix", [".stl", ".3mf"])
@pytest.mark.parametrize("metric", [True, False])
def test_slicers_get_millimetres_with_z_up(make_field, ball, tmp_path, suffix, metric):
    field = make_field(lambda p: ball(p, (0.1, 0.05, -0.1), 0.2))
    mesh = mesh_from_field(field, replace(SMALL, metric=metric))[0]
    write_mesh(tmp_path / f"head{suffix}", mesh)
    back = trimesh.load(tmp_path / f"head{suffix}", force="mesh")
    assert back.is_volume
    assert back.volume == pytest.approx(4 / 3 * np.pi * (0.2 * 420) ** 3, rel=0.04)
    np.testing.assert_allclose(back.center_mass, [42, 42, 21], atol=0.5)


def test_unwritable_place_is_named(mesh, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(FileWriteError, match="taken"):
        write_mesh(tmp_path / "taken" / "head.ply", mesh)


def test_a_picture_that_cannot_be_written_is_named_and_no_mesh_refers_to_it(textured, tmp_path):
    (tmp_path / "head.png").mkdir()
    with pytest.raises(FileWriteError, match=r"head\.png.*directory"):
        write_mesh(tmp_path / "head.obj", textured)
    assert [path.name for path in tmp_path.iterdir()] == ["head.png"]


def test_a_full_disk_under_the_picture_is_told_in_one_line(textured, tmp_path, monkeypatch):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FileWriteError, match=r"cannot write .*head\.\w+: the disk is full") as told:
        write_mesh(tmp_path / "head.obj", textured)
    assert "\n" not in str(told.value) and not list(tmp_path.iterdir())


def test_mrc_header_and_data_follow_the_standard(tmp_path):
    density = np.random.default_rng(0).normal(size=(5, 6, 7)).astype(np.float32)
    path = tmp_path / "head.mrc"
    write_mrc(path, density)
    raw = path.read_bytes()
    assert len(raw) == HEADER_BYTES + density.nbytes
    assert struct.unpack_from("<4i", raw, 0) == (7, 6, 5, 2)
    assert struct.unpack_from("<3i", raw, 28) == (7, 6, 5)
    assert struct.unpack_from("<6f", raw, 40) == (7, 6, 5, 90, 90, 90)
    assert struct.unpack_from("<3i", raw, 64) == (1, 2, 3)
    np.testing.assert_allclose(
        struct.unpack_from("<3f", raw, 76), [density.min(), density.max(), density.mean()], atol=1e-6
    )
    assert (raw[208:212], raw[212:216]) == (b"MAP ", b"\x44\x44\x00\x00")
    assert struct.unpack_from("<f", raw, 216)[0] == pytest.approx(density.std(), rel=1e-5)
    data = np.frombuffer(raw, "<f4", offset=HEADER_BYTES).reshape(5, 6, 7)
    np.testing.assert_array_equal(data[::-1], density)
