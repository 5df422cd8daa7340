"""Reading MakeHuman's files."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import numpy as np
import pytest

from gan3dinv_ns.heads.attributes import HAIR_STYLES, UNSEEN_HAIR_STYLES, draw_attributes
from gan3dinv_ns.heads.geometry import build_geometry
from gan3dinv_ns.heads.makehuman import BASE_MESH, parse_mhclo, parse_obj, parse_target, read_texts
from gan3dinv_ns.heads.parts import follow
from gan3dinv_ns.heads.render import render_head
from gan3dinv_ns.heads.template import HeadTemplate, build_template, load_template, read_shipped, write_shipped


def test_polygons_become_triangles_in_their_groups() -> None:
    mesh = parse_obj("v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nvt 0 0\ng body\nf 1/1 2/1 3/1 4/1\ng other\nf 1 2 3\n")
    assert mesh.vertices.shape == (4, 3)
    assert mesh.groups["body"][0].tolist() == [[0, 1, 2], [0, 2, 3]]
    assert mesh.groups["other"][1].tolist() == [[-1, -1, -1]]


def test_target_skips_comments() -> None:
    indices, moves = parse_target("# comment\n\n3 .5 -1 0\n7 0 0 .25\n")
    assert indices.tolist() == [3, 7]
    assert np.allclose(moves, [[0.5, -1, 0], [0, 0, 0.25]])


def test_fitting_reads_scales_weights_and_glued_vertices() -> None:
    text = "x_scale 0 1 2.0\nz_depth 50\nverts 0\n0 1 2 0.5 0.25 0.25 0.1 0.2 0.3\n 4\n"
    fitting = parse_mhclo(text)
    assert fitting.references.tolist() == [[0, 1, 2], [4, 4, 4]]
    assert np.allclose(fitting.weights, [[0.5, 0.25, 0.25], [1, 0, 0]])
    assert fitting.scale_divisors.tolist() == [2, 1, 1]


def test_fitting_without_vertices_is_refused() -> None:
    with pytest.raises(ValueError, match="without a list of vertices"):
        parse_mhclo("x_scale 0 1 2.0\n")


def test_missing_data_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no MakeHuman data at"):
        load_template(tmp_path / "nowhere", tmp_path)
    with pytest.raises(ValueError, match=r"lacks makehuman/data/3dobjs/base.obj and \d+ more"):
        load_template(tmp_path, tmp_path)
    (tmp_path / "broken.tar.xz").write_bytes(b"not an archive")
    with pytest.raises(ValueError, match=r"cannot read .* as an archive"):
        load_template(tmp_path / "broken.tar.xz", tmp_path)


def test_archive_and_folder_give_the_same_template(makehuman_folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "data.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        tar.add(makehuman_folder, arcname=".")
    assert read_texts(archive, [BASE_MESH]) == read_texts(makehuman_folder, [BASE_MESH])
    first, second = build_template(archive), build_template(makehuman_folder)
    assert np.array_equal(first.moves, second.moves)
    assert np.array_equal(first.parts["eyes"].openness, second.parts["eyes"].openness)


def test_cache_returns_what_was_parsed(makehuman_folder: Path, template: HeadTemplate, tmp_path: Path) -> None:
    fresh = load_template(makehuman_folder, tmp_path)
    cached = load_template(makehuman_folder, tmp_path)
    assert len(list(tmp_path.glob("heads-*.npz"))) == 1
    assert np.array_equal(fresh.rest, cached.rest)
    assert list(cached.parts) == list(template.parts)
    assert np.array_equal(cached.parts["long01"].triangles, template.parts["long01"].triangles)


def test_the_shipped_file_keeps_shapes_types_and_small_displacements(makehuman_folder: Path, tmp_path: Path) -> None:
    write_shipped(makehuman_folder, tmp_path / "head.npz")
    parsed = build_template(makehuman_folder)
    with np.load(tmp_path / "head.npz") as stored:
        assert stored["moves"].dtype == np.float16 and stored["skin"].dtype == np.int16
    read = read_shipped(tmp_path / "head.npz")
    assert np.array_equal(read.rest, parsed.rest) and read.skin.dtype == parsed.skin.dtype
    assert np.allclose(read.moves, parsed.moves, atol=1e-3), "within a tenth of a millimetre"


def test_heads_can_be_drawn_from_the_package_alone() -> None:
    template = load_template()
    assert set(template.parts) == {"eyes", *HAIR_STYLES, *UNSEEN_HAIR_STYLES} - {"bald"}
    image, depth, cover = render_head(template, 5, [(0.0, 0.0)], 32, 1)
    assert 0.2 < float(cover.mean()) < 0.7 and float(image.std()) > 0.2
    assert 2.1 < float(depth[depth > 0].min()) < 2.7


def test_parts_follow_the_body(template: HeadTemplate) -> None:
    part = template.parts["long01"]
    moved = follow(part, template.rest + np.array([0.5, -1.0, 2.0], np.float32))
    assert np.allclose(moved, part.rest + np.array([0.5, -1.0, 2.0]), atol=1e-4)
    stretched = follow(part, template.rest * 2)
    assert np.allclose(stretched, part.rest * 2, atol=1e-3)


def test_fringe_leaves_no_hair_before_the_face(template: HeadTemplate) -> None:
    part = template.parts["bob02"]
    x, y, z = part.rest[np.unique(part.triangles)].T
    assert not ((y < 7.45) & (np.abs(x) < 0.6) & (z > 0.75)).any()
    assert len(part.triangles) > 0.5 * len(template.parts["long01"].triangles)


needs_makehuman = pytest.mark.skipif(
    "GAN3DINV_MAKEHUMAN" not in os.environ, reason="set GAN3DINV_MAKEHUMAN to MakeHuman's data to run this"
)


@needs_makehuman
def test_real_head_fills_the_box_as_specified(tmp_path: Path) -> None:
    template = load_template(os.environ["GAN3DINV_MAKEHUMAN"], tmp_path)
    for seed, style in enumerate(HAIR_STYLES):
        geometry = build_geometry(template, draw_attributes(seed))
        skin = geometry.vertices[np.unique(geometry.triangles[geometry.materials == 0])]
        assert np.isclose(skin[:, 1].max(), 1.25 / 4.2, atol=1e-5), style
        nose = skin[np.abs(skin[:, 0]) < 0.05][:, 2].max()
        assert 0.2 < nose < 0.45
