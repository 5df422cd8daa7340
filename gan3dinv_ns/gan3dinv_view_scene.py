"""What stands around the head in nerfstudio's viewer: the browsers' cameras and the photos' frusta."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import torch
from nerfstudio.viewer.viewer import VISER_NERFSTUDIO_SCALE_RATIO
from torch import Tensor
from viser.transforms import SO3

from gan3dinv_ns.cameras.conventions import to_nerfstudio
from gan3dinv_ns.cameras.intrinsics import FOCAL
from gan3dinv_ns.cameras.rotations import RADIUS

if TYPE_CHECKING:
    import viser
    from nerfstudio.viewer.viewer import Viewer

_HALF_WIDTH = 0.5 / FOCAL
_HEAD_RADIUS = 0.3
_NARROWEST_WINDOW = 0.05


class HeadScene:
    """Moves the browsers' cameras and the photos' frusta of one viewer.

    Args:
        viewer: nerfstudio's viewer.
        camera_to_world: gives the photos' cameras [K, 4, 4] as they are now.
    """

    def __init__(self, viewer: Viewer, camera_to_world: Callable[[], Tensor]) -> None:
        self._viewer = viewer
        self._camera_to_world = camera_to_world
        self._fov_given: dict[int, float] = {}
        self._covering: dict[int, set[int]] = {}
        self._placed: Tensor | None = None

    def show(self, client: viser.ClientHandle, camera_to_world: Tensor) -> None:
        """Move a browser's camera to camera_to_world [1, 4, 4], its field of view to the generator's."""
        camera = to_nerfstudio(camera_to_world.detach().cpu().double())[0].numpy()
        right, backward, position = camera[:, 0], camera[:, 2], camera[:, 3] * VISER_NERFSTUDIO_SCALE_RATIO
        # The axis to turn around stays as near to the vertical as the camera's own roll allows.
        upright = -right * right[2]
        upright[2] += 1.0
        with client.atomic():
            client.camera.up_direction = upright
            client.camera.position = position
            client.camera.look_at = position - backward * RADIUS * VISER_NERFSTUDIO_SCALE_RATIO
            self._fit_window(client)

    def arrange(self, client: viser.ClientHandle | None, viewpoint: Tensor) -> None:
        """After each picture: the head keeps fitting the window, the photos' frusta are where they belong.

        Args:
            client: the browser that the picture is for.
            viewpoint: its camera's centre [3], our world.
        """
        handles = getattr(self._viewer, "camera_handles", {})
        cameras = self._camera_to_world().detach().cpu().clone()
        if handles and (self._placed is None or not torch.equal(self._placed, cameras)):
            self._place_photos(handles, cameras)
            self._placed = cameras
        if client is None:
            return
        if abs(client.camera.fov - self._fov_given.get(client.client_id, -1.0)) < 1e-3:
            self._fit_window(client)
        self._covering[client.client_id] = {
            index for index, camera in enumerate(cameras.float()) if self._covers_head(camera, viewpoint)
        }
        watching = list(self._viewer.render_statemachines)
        covering = set().union(*(self._covering.get(client_id, set()) for client_id in watching))
        for index, handle in handles.items():
            handle.visible = self._viewer.hide_images.visible and index not in covering

    def _place_photos(self, frusta: Mapping[int, viser.CameraFrustumHandle], camera_to_world: Tensor) -> None:
        """Put each frustum where its photo's camera is now; nerfstudio would count from where it drew it."""
        cameras = to_nerfstudio(camera_to_world.double()).numpy()
        for index, frustum in frusta.items():
            turned = SO3.from_matrix(cameras[index, :, :3]) @ SO3.from_x_radians(math.pi)
            frustum.position = cameras[index, :, 3] * VISER_NERFSTUDIO_SCALE_RATIO
            frustum.wxyz = turned.wxyz

    def _fit_window(self, client: viser.ClientHandle) -> None:
        """The shorter side of the window shows what the generator's camera does."""
        aspect = max(client.camera.aspect, _NARROWEST_WINDOW)
        fov = 2.0 * math.atan(_HALF_WIDTH / min(1.0, aspect))
        self._fov_given[client.client_id] = fov
        if abs(client.camera.fov - fov) > 1e-3:
            client.camera.fov = fov

    def _covers_head(self, photo_to_world: Tensor, viewpoint: Tensor) -> bool:
        """Whether the picture of a photo's camera [4, 4] stands in the scene between the viewpoint [3] and the head.

        viser draws a frustum of width x, height y and depth z, all in proportion, with x y z / 3 = scale^3.
        """
        scale = self._viewer.config.camera_frustum_scale / VISER_NERFSTUDIO_SCALE_RATIO
        half = (3.0 * _HALF_WIDTH) ** (1.0 / 3.0) * scale
        picture = photo_to_world[:3, 3] + photo_to_world[:3, 2] * half / _HALF_WIDTH
        to_picture, to_head = picture - viewpoint, -viewpoint
        near, far = float(to_picture.norm()), float(to_head.norm())
        if near >= far or near < 1e-6:
            return False
        angle = math.acos(max(-1.0, min(1.0, float(to_picture @ to_head) / (near * far))))
        return angle < math.atan2(1.4 * half, near) + math.asin(min(1.0, _HEAD_RADIUS / far))


def narrow_render_tab(viewer: Viewer) -> None:
    """Start the Render tab's "Default FOV" at the generator's: with nerfstudio's 75 degrees a head is a dot.

    The slider is a local of nerfstudio's; it is found by its hint, and stays as it is should that change.
    """
    inputs = getattr(viewer.viser_server.gui, "_gui_input_handle_from_id", {})
    for handle in list(inputs.values()):
        if str(handle._impl.hint).startswith("Field-of-view for rendering"):
            handle.value = round(math.degrees(2.0 * math.atan(_HALF_WIDTH)), 2)
