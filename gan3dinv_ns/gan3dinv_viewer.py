"""The head in nerfstudio's viewer: first view, controls, the photos' frusta, and pictures beside a training.

nerfstudio renders for a browser under the trainer's lock, on the live model. Here the viewer gets a lock and
a model of its own: the model renders a snapshot of the head that the trainer hands over about once a second,
so neither waits for the other.
"""

from __future__ import annotations

import atexit
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from nerfstudio.cameras.camera_optimizers import CameraOptimizer, CameraOptimizerConfig
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.configs.base_config import ViewerConfig
from nerfstudio.data.scene_box import OrientedBox
from nerfstudio.utils.rich_utils import CONSOLE
from nerfstudio.viewer.render_state_machine import RenderAction, RenderStateMachine
from nerfstudio.viewer.viewer_elements import ViewerControl
from nerfstudio.viewer_legacy.server.viewer_utils import IOChangeException
from torch import Tensor

from gan3dinv_ns.cameras.conventions import from_nerfstudio, to_nerfstudio
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.gan3dinv_view_renderer import (
    DRAFT,
    FAR_DEPTH,
    HeadSnapshot,
    Quality,
    ViewRenderer,
    cropped,
)
from gan3dinv_ns.gan3dinv_view_scene import HeadScene, narrow_render_tab

if TYPE_CHECKING:
    import viser
    from nerfstudio.viewer.viewer import Viewer

FRUSTUM_SCALE = 3.0
"""Size of the photo's frustum in the scene; 0.6 box units per unit from its tip to the picture."""

_SECONDS_BETWEEN_PUSHES = 1.0
_SECONDS_TO_STOP = 10.0
_DRAFTS_PER_SECOND = 4


class PhotoPoses(CameraOptimizer):
    """Where the photos' cameras are now, told as nerfstudio's viewer wants it: inverse(start) @ now.

    Args:
        start: camera_to_world [K, 4, 4] of the dataset's cameras.
        current: gives camera_to_world [K, 4, 4] as it is now.
    """

    def __init__(self, start: Tensor, current: Callable[[], Tensor]) -> None:
        super().__init__(CameraOptimizerConfig(mode="off"), num_cameras=len(start), device="cpu")
        self._start = start.detach().cpu()
        self._current = current

    @torch.no_grad()
    def forward(self, indices: Tensor) -> Tensor:
        """The motions [N, 3, 4] of the cameras of the indices [N], OpenGL axes."""
        start, now = (_square_matrix(to_nerfstudio(c)) for c in (self._start, self._current().detach().cpu()))
        return (torch.linalg.inv(start) @ now)[:, :3][indices.cpu()]


class HeadViewerControl(ViewerControl):
    """Installs the head in a viewer; store it on the model, where the viewer looks for it.

    Args:
        renderer: renders the pictures.
        latent: gives the latents ws [1, num_ws, w_dim] as they are now.
        camera_to_world: gives the photos' cameras [K, 4, 4] as they are now.
    """

    def __init__(
        self, renderer: ViewRenderer, latent: Callable[[], Tensor], camera_to_world: Callable[[], Tensor]
    ) -> None:
        self._renderer = renderer
        self._latent = latent
        self._camera_to_world = camera_to_world
        self._live_model = _LiveModel(self)
        self._installed = False
        self._ws: Tensor | None = None
        self._rendered: tuple[Tensor, float, HeadSnapshot] | None = None
        self._last_push = 0.0
        self._last_error = ""
        self._shown_photo = -1

    def _setup(self, viewer: Viewer) -> None:
        """Called by nerfstudio when its viewer is up."""
        super()._setup(viewer)
        self._threads = torch.get_num_threads()
        viewer.train_lock = threading.Lock()
        viewer.get_model = lambda: self._live_model  # type: ignore[method-assign, assignment, return-value]
        if viewer.config.camera_frustum_scale == ViewerConfig.camera_frustum_scale:
            viewer.config.camera_frustum_scale = FRUSTUM_SCALE
        self._add_panel(viewer)
        narrow_render_tab(viewer)
        self._scene = HeadScene(viewer, self._camera_to_world)
        viewer.viser_server.on_client_connect(self._welcome)
        atexit.register(stop_rendering)
        self._installed = True

    def _welcome(self, client: viser.ClientHandle) -> None:
        """First view of a browser. Runs inside the server's lock: asking it for its clients would deadlock.

        A draft costs about the same at every size, so a slow machine gains nothing from fewer pixels: nerfstudio
        would go down to 30 of them to reach 30 pictures a second.
        """
        self._scene.show(client, orbit(0.0, 0.0))
        machine = self.viewer.render_statemachines.get(client.client_id)
        if machine is not None:
            machine.target_fps = _DRAFTS_PER_SECOND

    def push(self, step: int, status: str, last: bool = False) -> None:
        """Show the state of the training, about once a second; to be called by its thread after each step.

        Args:
            step: number of the step.
            status: one line for the panel, such as the phase and its losses.
            last: nothing follows, so show it in any case.
        """
        if not self._installed:
            return
        self._share_cores()
        now = time.monotonic()
        if now - self._last_push < _SECONDS_BETWEEN_PUSHES and not last:
            return
        self._last_push = now
        self._ws = self._latent().detach().clone()
        try:
            self._status.content = status
            self.viewer.step = step
            self.viewer.update_step(step)
            for machine in list(self.viewer.render_statemachines.values()):
                machine.action(RenderAction("step", self.viewer.get_camera_state(machine.client)))
        except Exception as error:
            self._report(error)

    def picture(self, camera: Cameras, box: OrientedBox | None = None) -> dict[str, Tensor]:
        """What the viewer shows. Only nerfstudio's interrupt may pass: an error would end the rendering.

        Args:
            camera: the browser's.
            box: blanks what lies outside of it, or None.
        """
        try:
            self._leave_a_core()
            outputs = self._renderer.render(camera, self._head(), self._quality(), self._far_depth(camera))
            thread = threading.current_thread()
            client = thread.client if isinstance(thread, RenderStateMachine) else None
            self._scene.arrange(client, _position(camera), self._ws)
            return outputs if box is None else cropped(outputs, camera, box)
        except IOChangeException:
            raise
        except Exception as error:
            self._report(error)
            return _blank(camera)

    def _report(self, error: Exception) -> None:
        """Neither a training nor a browser ends because of the viewer: say what happened, once."""
        if str(error) != self._last_error:
            self._last_error = str(error)
            CONSOLE.log(f"The viewer goes on after {type(error).__name__}: {error}")

    @property
    def device(self) -> torch.device:
        """Where the generator is."""
        return next(self._renderer.generator.parameters()).device

    # What is rendered.

    def _head(self) -> HeadSnapshot:
        """The planes of the latest latents, moved between the mean head and beyond by the slider."""
        if self._ws is None:
            self._ws = self._latent().detach().clone()
        ws, identity = self._ws, float(self._identity.value)
        if self._rendered is None or self._rendered[0] is not ws or self._rendered[1] != identity:
            mean = self._renderer.generator.backbone.mapping.w_avg.to(ws).expand_as(ws)
            self._rendered = (ws, identity, self._renderer.snapshot(torch.lerp(mean, ws, identity)))
        return self._rendered[2]

    def _quality(self) -> Quality:
        """A draft while the camera moves, else the generator's own with the panel's number of samples."""
        thread = threading.current_thread()
        if isinstance(thread, RenderStateMachine) and thread.state != "high":
            return DRAFT
        full = self._renderer.full_quality
        samples = int(self._samples.value)
        return replace(
            full,
            samples=samples,
            importance_samples=round(full.importance_samples * samples / full.samples),
        )

    def _far_depth(self, camera: Cameras) -> float:
        """Behind everything; just behind the head where depth itself is shown, to leave it its contrast."""
        panel = self.viewer.control_panel
        if panel.output_render == "depth" or (panel.split and panel.split_output_render == "depth"):
            return float(_position(camera).norm()) + 1.0
        return FAR_DEPTH

    # Cores, shared by training and viewing on a CPU.

    def _training_on_cpu(self) -> bool:
        return self.viewer.trainer is not None and self.device.type == "cpu"

    def _share_cores(self) -> None:
        """Called by the training thread: leave one core to the viewer while somebody looks."""
        if not self._training_on_cpu():
            return
        wanted = max(1, self._threads - 1) if self.viewer.render_statemachines else self._threads
        if torch.get_num_threads() != wanted:
            torch.set_num_threads(wanted)

    def _leave_a_core(self) -> None:
        """Called by a browser's thread, which has its own number of threads."""
        if self._training_on_cpu() and torch.get_num_threads() >= self._threads > 1:
            torch.set_num_threads(self._threads - 1)

    # The panel.

    def _add_panel(self, viewer: Viewer) -> None:
        gui = viewer.viser_server.gui
        samples = self._renderer.full_quality.samples
        with gui.add_folder("Head", order=viewer.stats_markdown.order + 0.5):
            self._status = gui.add_markdown("Loaded run" if viewer.trainer is None else "Starting")
            self._identity = gui.add_slider(
                "Identity", min=0.0, max=1.5, step=0.05, initial_value=1.0, marks=((0.0, "mean"), (1.0, "photo")),
                hint="0 is the mean head, 1 the photo's, above 1 exaggerates.",
            )  # fmt: skip
            self._samples = gui.add_slider(
                "Samples per ray", min=8, max=max(96, samples), step=1, initial_value=samples,
                hint="More are finer and slower; for pictures at rest.",
            )  # fmt: skip
            reset = gui.add_button("Reset view", hint="The head from the front.")
            photo = gui.add_button(
                "Photo's view",
                hint="Through the camera that was found for the photo; of several photos for the next one.",
            )
        self._identity.on_update(lambda _: viewer._trigger_rerender())
        self._samples.on_update(lambda _: viewer._trigger_rerender())
        reset.on_click(lambda event: self._show(event.client, orbit(0.0, 0.0)))
        photo.on_click(lambda event: self._show(event.client, self._next_photo()))

    def _next_photo(self) -> Tensor:
        """The camera [1, 4, 4] of a photo, of the next one each time."""
        cameras = self._camera_to_world()
        self._shown_photo = (self._shown_photo + 1) % len(cameras)
        return cameras[self._shown_photo, None]

    def _show(self, client: viser.ClientHandle | None, camera_to_world: Tensor) -> None:
        """Move the camera of the browser that asked, or of all."""
        clients = list(self.viewer.viser_server.get_clients().values()) if client is None else [client]
        for each in clients:
            self._scene.show(each, camera_to_world)


def stop_rendering() -> None:
    """End the threads that render for browsers: one that still computes when Python ends aborts the process."""
    machines = [thread for thread in threading.enumerate() if isinstance(thread, RenderStateMachine)]
    for machine in machines:
        machine.running = False
    for machine in machines:
        machine.join(timeout=_SECONDS_TO_STOP)


def close_viewer(server: viser.ViserServer) -> None:
    """Ends a viewer, and frees its port for the next one; a browser that stays open finds that one by itself."""
    port = server.get_port()
    stop_rendering()
    server.stop()
    # viser only asks its loop to close the port; the loop wakes when somebody calls.
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()


class _LiveModel:
    """What nerfstudio's render threads take for the model; there is no training state to switch."""

    training = False

    def __init__(self, control: HeadViewerControl) -> None:
        self._control = control

    @property
    def device(self) -> torch.device:
        return self._control.device

    def eval(self) -> _LiveModel:
        return self

    def get_outputs_for_camera(self, camera: Cameras, obb_box: OrientedBox | None = None) -> dict[str, Tensor]:
        return self._control.picture(camera, obb_box)


def _position(camera: Cameras) -> Tensor:
    """Centre [3] of a camera, in our world."""
    return from_nerfstudio(camera.camera_to_worlds.reshape(-1, 3, 4)[:1].float())[0, :3, 3].cpu()


def _square_matrix(camera_to_world: Tensor) -> Tensor:
    """[N, 3, 4] -> [N, 4, 4]."""
    bottom = camera_to_world.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(len(camera_to_world), 1, 4)
    return torch.cat([camera_to_world, bottom], dim=1)


def _blank(camera: Cameras) -> dict[str, Tensor]:
    """A picture without a head, in the size asked for."""
    size = (int(camera.height.reshape(-1)[0]), int(camera.width.reshape(-1)[0]))
    white = torch.ones(*size, 3, device=camera.device)
    nothing = torch.zeros_like(white[..., :1])
    return {
        "rgb": white,
        "depth": nothing + FAR_DEPTH,
        "accumulation": nothing,
        "rgb_raw": white.clone(),
    }
