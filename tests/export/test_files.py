"""Mesh and volume files, read back by other people's readers where there is one."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import trimesh

from gan3dinv_ns.export.files import write_mesh
from gan3dinv_ns.export.mesh import Mesh, mesh_from_field
from gan3dinv_ns.export.mrc import HEADER_BYTES, write_mrc
from gan3dinv_ns.export.settings import MeshSettings
from gan3dinv_ns.ops.atomic_files import FileWriteError


@pytest.fixture
def mesh(make_field, ball) -> Mesh:
    return mesh_from_field(
        make_field(lambda p: ball(p, (0, 0.05, 0), 0.3)), MeshSettings(24, 10.0, metric=True, continue_colours=False)
    )[0]


@pytest.mark.parametrize("suffix", [".ply", ".obj", ".glb"])
def test_every_format_keeps_shape_and_colours(mesh, tmp_path, suffix):
    path = tmp_path / f"head{suffix}"
    write_mesh(path, mesh)
    back = trimesh.load(path, force="mesh")
    assert back.is_watertight
    assert back.volume == pytest.approx(4 / 3 * np.pi * (0.3 * 0.42) ** 3, rel=0.02)
    assert len(back.vertices) == len(mesh.vertices)
    right = back.vertices[:, 0] > 0.02
    assert (back.visual.vertex_colors[right][:, :3] == [0, 0, 255]).all()
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_unknown_suffix_is_named(mesh, tmp_path):
    with pytest.raises(ValueError, match=r"\.stl.*use \.ply, \.obj or \.glb"):
        write_mesh(tmp_path / "head.stl", mesh)
    with pytest.raises(ValueError, match=r"\.mrc"):
        write_mrc(tmp_path / "head.vol", np.zeros((4, 4, 4), np.float32))


def test_unwritable_place_is_named(mesh, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(FileWriteError, match="taken"):
        write_mesh(tmp_path / "taken" / "head.ply", mesh)


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
