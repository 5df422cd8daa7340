"""A head that can be told apart from every side: a ball, red on top, green to its left, blue behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.configs.base_config import ViewerConfig
from nerfstudio.viewer.viewer import Viewer
from torch import Tensor, nn

from gan3dinv_ns import gan3dinv_viewer
from gan3dinv_ns.cameras.conventions import camera_label, to_nerfstudio
from gan3dinv_ns.cameras.intrinsics import FOCAL, intrinsics_matrix
from gan3dinv_ns.cameras.poses import EulerPose
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.editing.directions import Direction
from gan3dinv_ns.eg3d import Generator, GeneratorConfig, RenderingOptions
from gan3dinv_ns.gan3dinv_view_renderer import ViewRenderer
from gan3dinv_ns.gan3dinv_view_threads import stop_rendering
from gan3dinv_ns.gan3dinv_viewer import HeadViewerControl, PhotoPoses


class _BallField(nn.Module):
    """Plane features (x, y, z, squared distance from the middle, size) -> colours and density."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(1, 1))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        x, y, z, squared, size = (3.0 * features[..., i : i + 1] for i in range(5))
        colours = torch.sigmoid(torch.cat([30.0 * y, -30.0 * x, -30.0 * z], dim=-1))
        return torch.cat([colours, colours.new_zeros(*colours.shape[:-1], 29)], dim=-1), 4e3 * (size - squared)


class BallGenerator(Generator):
    """A generator whose head is a ball of radius 0.2 at latents of 1, of radius 0 at the mean latent."""

    def __init__(self) -> None:
        rendering = RenderingOptions(depth_resolution=24, depth_resolution_importance=12, white_back=True)
        config = GeneratorConfig(
            w_dim=8, z_dim=8, plane_resolution=64, channel_max=4, channel_base=256, rendering=rendering
        )
        super().__init__(config)
        self.decoder = _BallField()
        self.requires_grad_(False)

    def planes(self, ws: Tensor, noise_mode: str = "const") -> Tensor:
        ramp = (torch.arange(64) + 0.5) / 64 - 0.5
        first, second = torch.meshgrid(ramp, ramp, indexing="xy")
        none, size = torch.zeros_like(first), torch.full_like(first, 0.2 * float(ws.mean())).square() / 3.0
        plane_xy = [first, second, none, first.square() + second.square(), size]
        plane_xz = [none, none, second, second.square(), size]
        plane_zx = [none, none, none, none, size]
        planes = torch.stack([torch.stack(plane) for plane in (plane_xy, plane_xz, plane_zx)])
        return torch.cat([planes, planes.new_zeros(3, 27, 64, 64)], dim=1)[None]


class _Upsampling(nn.Module):
    def forward(self, rgb: Tensor, features: Tensor, ws: Tensor, noise_mode: str = "none") -> tuple[Tensor, Tensor]:
        return nn.functional.interpolate(rgb, scale_factor=2.0, mode="bilinear"), rgb


@pytest.fixture()
def ball() -> BallGenerator:
    generator = BallGenerator()
    generator.superresolution = _Upsampling()
    return generator


@pytest.fixture()
def ball_ws(ball: BallGenerator) -> Tensor:
    return torch.ones(1, ball.num_ws, 8)


def _nerfstudio_camera(camera_to_world: Tensor, width: int = 64, height: int = 64, focal: float = FOCAL) -> Cameras:
    """A camera with a square field of view of 1 / focal over the height."""
    return Cameras(to_nerfstudio(camera_to_world), fx=focal * height, fy=focal * height, cx=width / 2, cy=height / 2)


@pytest.fixture(scope="session")
def nerfstudio_camera() -> Callable[..., Cameras]:
    return _nerfstudio_camera


class BallHead:
    """A finished inversion of the ball, whose photo is all blue."""

    def __init__(self, generator: BallGenerator, ws: Tensor) -> None:
        self.generator, self.latent, self.untuned = generator, ws, generator
        self.pose = EulerPose(0.5, 0.1)
        self.target = SimpleNamespace(photo=torch.tensor([-1.0, -1.0, 1.0])[None, :, None, None].expand(1, 3, 64, 64))

    @property
    def label(self) -> Tensor:
        return camera_label(self.pose().detach(), intrinsics_matrix())


class Scene(nn.Module):
    """What a viewer needs of a pipeline: the ball as its model, one photo with a camera."""

    def __init__(self, generator: BallGenerator, ws: Tensor) -> None:
        super().__init__()
        start = orbit(0.0, 0.0)
        self.head = BallHead(generator, ws)
        self.model = nn.Module()
        self.model.camera_optimizer = PhotoPoses(start, lambda: self.photo_camera)
        self.model.viewer_control = HeadViewerControl(ViewRenderer(generator), self.head)
        self.datamanager = SimpleNamespace(includes_time=False)
        self.cameras = _nerfstudio_camera(start, 128, 128)

    @property
    def photo_camera(self) -> Tensor:
        return self.head.pose().detach()

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"image": torch.tensor([0.9, 0.8, 0.1]).expand(128, 128, 3)}


@pytest.fixture()
def scene(ball: BallGenerator, ball_ws: Tensor) -> Scene:
    return Scene(ball, ball_ws)


@pytest.fixture()
def directions(monkeypatch: pytest.MonkeyPatch, ball: BallGenerator) -> None:
    """A direction in which the ball grows, and one that does nothing."""
    ones = torch.ones(8) / 8**0.5
    found = {
        "size": Direction("size", ones, 0, ball.num_ws - 1, 0.2 * 8**0.5),
        "skin-tone": Direction("skin-tone", torch.tensor([1.0, -1.0] + [0.0] * 6) / 2**0.5, 0, 0, 1.0),
    }
    monkeypatch.setattr(gan3dinv_viewer, "find_directions", lambda generator: SimpleNamespace(directions=found))


@pytest.fixture()
def viewer(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Viewer]:
    """nerfstudio's own viewer on the scene, served on a free port of this machine."""
    # viser unpacks an archive of thousands of icons for each button: seconds in all.
    for module in ("viser._gui_api", "viser._gui_handles"):
        monkeypatch.setattr(f"{module}.svg_from_icon", lambda icon: "<svg></svg>")
    config = ViewerConfig(websocket_host="127.0.0.1", websocket_port_default=7107)
    viewer = Viewer(config, tmp_path / "run" / "viewer.txt", tmp_path, scene)
    viewer.init_scene(scene, "completed")
    yield viewer
    stop_rendering()
    viewer.viser_server.stop()
