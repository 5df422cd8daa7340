from __future__ import annotations

import math

import pytest
import torch
from nerfstudio.cameras.cameras import CameraType
from nerfstudio.data.scene_box import OrientedBox

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix, project
from gan3dinv_ns.cameras.rotations import look_at, orbit
from gan3dinv_ns.eg3d import Generator, GeneratorConfig, RenderingOptions
from gan3dinv_ns.gan3dinv_view_renderer import DRAFT, FAR_DEPTH, ViewRenderer, _square_camera, cropped


@pytest.fixture()
def renderer(ball) -> ViewRenderer:
    return ViewRenderer(ball)


@pytest.fixture()
def head(renderer, ball_ws):
    return renderer.snapshot(ball_ws)


def _colour(outputs, row: float, column: float) -> torch.Tensor:
    height, width = outputs["rgb"].shape[:2]
    return outputs["rgb"][int(row * height), int(column * width)]


def test_head_is_upright_and_its_sides_are_where_they_belong(renderer, head, nerfstudio_camera):
    outputs = renderer.render(nerfstudio_camera(orbit(0.0, 0.0)), head)
    top, bottom, left, right = (
        _colour(outputs, *place) for place in ((0.25, 0.5), (0.75, 0.5), (0.5, 0.25), (0.5, 0.75))
    )
    assert top[0] > 0.8 > 0.2 > bottom[0]
    assert left[1] > 0.8 > 0.2 > right[1]


def test_behind_the_head_left_and_right_change_places(renderer, head, nerfstudio_camera):
    outputs = renderer.render(nerfstudio_camera(orbit(math.pi, 0.0)), head)
    middle, left, right = (_colour(outputs, *place) for place in ((0.5, 0.5), (0.5, 0.25), (0.5, 0.75)))
    assert middle[2] > 0.8
    assert right[1] > 0.8 > 0.2 > left[1]


def test_a_rolled_camera_sees_the_head_turned(renderer, head, nerfstudio_camera):
    rolled = orbit(0.0, 0.0)
    rolled[:, :3, :3] = rolled[:, :3, :3] @ torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    upright = renderer.render(nerfstudio_camera(orbit(0.0, 0.0)), head)["rgb"]
    turned = renderer.render(nerfstudio_camera(rolled), head)["rgb"]
    assert (torch.rot90(upright, 1) - turned).abs().mean() < 0.01


def test_the_photo_camera_shows_what_the_generator_renders(renderer, head, ball, ball_ws, nerfstudio_camera):
    camera = orbit(0.2, -0.1)
    seen = renderer.render(nerfstudio_camera(camera, 128, 128), head)["rgb"]
    label = camera_label(camera, intrinsics_matrix())
    wanted = ball.synthesis(ball_ws, label, sampling="midpoint")["image"][0].permute(1, 2, 0) * 0.5 + 0.5
    inner = slice(8, -8)
    assert (seen - wanted.clamp(0, 1))[inner, inner].abs().mean() < 0.02


@pytest.mark.parametrize("size", [(64, 64), (201, 33), (17, 300), (1, 1)])
@pytest.mark.parametrize("quality", [None, DRAFT])
def test_outputs_have_the_asked_size_and_rgb_first(renderer, head, size, quality, nerfstudio_camera):
    outputs = renderer.render(nerfstudio_camera(orbit(0.3, 0.2), *size), head, quality)
    assert list(outputs) == ["rgb", "depth", "accumulation", "rgb_raw"]
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "rgb": (size[1], size[0], 3),
        "depth": (size[1], size[0], 1),
        "accumulation": (size[1], size[0], 1),
        "rgb_raw": (size[1], size[0], 3),
    }


@pytest.mark.parametrize(
    "position",
    [
        (0.0, 2.7, 0.0),
        (0.0, -2.7, 1e-7),
        (0.0, 0.0, -2.7),
        (0.0, 0.0, 0.0),
        (0.05, 0.1, 0.15),
        (0.3, 0.3, 0.4),
        (0.0, 0.0, 80.0),
        (3000.0, 0.0, 1.0),
    ],
)
@pytest.mark.parametrize("target", [(0.0, 0.0, 0.01), (5.0, 1.0, -2.0)])
def test_any_place_of_the_camera_gives_finite_pictures(renderer, head, position, target, nerfstudio_camera):
    camera = look_at(torch.tensor([position]), torch.tensor([target]))
    for quality in (None, DRAFT):
        for value in renderer.render(nerfstudio_camera(camera, 48, 32), head, quality).values():
            assert torch.isfinite(value).all()


def test_depth_is_the_distance_along_the_ray_and_far_where_there_is_no_head(renderer, head, nerfstudio_camera):
    for radius in (1.0, 2.7, 6.0):
        outputs = renderer.render(nerfstudio_camera(orbit(0.4, 0.0, radius), 64, 64, focal=1.5 * radius), head)
        assert float(outputs["depth"][32, 32]) == pytest.approx(radius - 0.2, abs=0.05)
    assert float(outputs["depth"][0, 0]) == FAR_DEPTH
    assert float(outputs["accumulation"][0, 0]) == 0.0


def test_the_head_keeps_its_size_in_the_world_when_the_camera_comes_nearer(renderer, head, nerfstudio_camera):
    for radius in (1.2, 2.7, 5.0):
        focal = 1.0 * radius
        outputs = renderer.render(nerfstudio_camera(orbit(0.0, 0.0, radius), 128, 128, focal=focal), head)
        width = float((outputs["accumulation"][64] > 0.5).sum()) / 128
        assert width == pytest.approx(2.0 * focal * 0.2 / math.sqrt(radius**2 - 0.2**2), abs=0.04)


@pytest.mark.parametrize("lens", [CameraType.FISHEYE, CameraType.EQUIRECTANGULAR])
def test_other_lenses_show_the_head_too(renderer, head, lens, nerfstudio_camera):
    camera = nerfstudio_camera(orbit(0.0, 0.0), 64, 48, focal=2.0)
    camera.camera_type = torch.full_like(camera.camera_type, lens.value)
    outputs = renderer.render(camera, head)
    assert outputs["rgb"].shape == (48, 64, 3)
    assert float(outputs["accumulation"].max()) > 0.9


def test_the_published_kind_of_generator_is_rendered_in_its_own_range(nerfstudio_camera):
    rendering = RenderingOptions(depth_resolution=8, depth_resolution_importance=4)
    config = GeneratorConfig(plane_resolution=16, channel_max=8, channel_base=256, rendering=rendering)
    torch.manual_seed(0)
    generator = Generator(config).eval()
    renderer = ViewRenderer(generator)
    head = renderer.snapshot(torch.randn(1, generator.num_ws, generator.w_dim))
    outputs = renderer.render(nerfstudio_camera(orbit(0.5, 0.0), 80, 60), head)
    assert all(torch.isfinite(value).all() for value in outputs.values())
    assert generator.rendering == rendering


def test_a_crop_box_cuts_the_head(renderer, head, nerfstudio_camera):
    camera = nerfstudio_camera(orbit(0.0, 0.0))
    outputs = renderer.render(camera, head)
    upper = OrientedBox.from_params((0.0, 0.0, 0.5), (0.0, 0.0, 0.0), (2.0, 2.0, 1.0))
    cut = cropped(outputs, camera, upper)
    assert torch.equal(cut["rgb"][24, 32], outputs["rgb"][24, 32])
    assert float(cut["accumulation"][40, 32]) == 0.0 < 0.9 < float(outputs["accumulation"][40, 32])
    assert float(cut["depth"][40, 32]) == FAR_DEPTH


def test_the_face_stays_in_the_picture_of_a_profile():
    profile = orbit(math.pi / 2, 0.0)
    square_to_world, intrinsics = _square_camera(profile)
    nose_in_camera = torch.linalg.inv(square_to_world) @ torch.tensor([0.0, 0.0, 0.35, 1.0])
    u, v = project(nose_in_camera[:, None, :3], intrinsics)[0, 0]
    assert 0.0 < float(u) < 0.15
    assert float(v) == pytest.approx(0.5, abs=1e-3)
