"""The head in nerfstudio's viewer: first view and pictures beside a training.

nerfstudio renders for a browser under the trainer's lock, on the live model. Here the viewer gets a lock and
a model of its own: the model renders a snapshot of the head that the trainer hands over about once a second,
so neither waits for the other.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import torch
from nerfstudio.cameras.camera_optimizers import CameraOptimizer, CameraOptimizerConfig
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.configs.base_config import ViewerConfig
from nerfstudio.data.scene_box import OrientedBox
from nerfstudio.utils.rich_utils import CONSOLE
from nerfstudio.viewer.render_state_machine import RenderAction
from nerfstudio.viewer.viewer_elements import ViewerControl
from nerfstudio.viewer_legacy.server.viewer_utils import IOChangeException
from torch import Tensor

from gan3dinv_ns.cameras.conventions import from_nerfstudio, to_nerfstudio
from gan3dinv_ns.cameras.poses import SixDPose
from gan3dinv_ns.cameras.rotations import homogeneous, orbit
from gan3dinv_ns.editing.directions import Direction, Edit, apply_edits
from gan3dinv_ns.editing.named_directions import find_directions
from gan3dinv_ns.gan3dinv_view_actions import HeadActions
from gan3dinv_ns.gan3dinv_view_panel import HeadPanel
from gan3dinv_ns.gan3dinv_view_photo import ShownHead, comparison, laid_over, photo_cameras
from gan3dinv_ns.gan3dinv_view_renderer import (
    DRAFT,
    FAR_DEPTH,
    HeadSnapshot,
    Quality,
    ViewRenderer,
    cropped,
)
from gan3dinv_ns.gan3dinv_view_scene import HeadScene, narrow_render_tab
from gan3dinv_ns.gan3dinv_view_threads import Aside, LiveModel, SharedCores, hasten, render_thread, stop_rendering

if TYPE_CHECKING:
    import viser
    from nerfstudio.viewer.viewer import Viewer

FRUSTUM_SCALE = 3.0
"""Size of the photo's frustum in the scene; 0.6 box units per unit from its tip to the picture."""

_SECONDS_BETWEEN_PUSHES = 1.0
_COMPARISON_EVERY_S = 4.0


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
        start, now = (homogeneous(to_nerfstudio(c)) for c in (self._start, self._current().detach().cpu()))
        return (torch.linalg.inv(start) @ now)[:, :3][indices.cpu()]


class HeadViewerControl(ViewerControl):
    """Installs the head in a viewer; store it on the model, where the viewer looks for it.

    Args:
        renderer: renders the pictures.
        head: what is shown.
    """

    def __init__(self, renderer: ViewRenderer, head: ShownHead) -> None:
        self._renderer, self._shown = renderer, head
        self._live_model = LiveModel(self)
        self._installed = False
        self._ws: Tensor | None = None
        self._snapshot: tuple[Tensor, tuple[object, ...], ViewRenderer, HeadSnapshot] | None = None
        self._last_push = self._last_comparison = 0.0
        self._compared: tuple[HeadSnapshot, Tensor] | None = None
        self._comparing: Aside | None = None
        self._last_error = ""

    def _setup(self, viewer: Viewer) -> None:
        """Called by nerfstudio when its viewer is up."""
        super()._setup(viewer)
        self._cores = SharedCores(viewer, self.device)
        viewer.train_lock = threading.Lock()
        viewer.get_model = lambda: self._live_model  # type: ignore[method-assign, assignment, return-value]
        if viewer.config.camera_frustum_scale == ViewerConfig.camera_frustum_scale:
            viewer.config.camera_frustum_scale = FRUSTUM_SCALE
        samples, rolls = self._renderer.full_quality.samples, isinstance(self._shown.pose, SixDPose)
        self._actions = HeadActions(viewer, self._shown, self._show_all, self._rendered, self._edits)
        self._panel = HeadPanel(viewer, self._actions, samples, rolls, list(self._directions))
        narrow_render_tab(viewer)
        viewer.pause_train.visible = viewer.trainer is not None
        self._scene = HeadScene(viewer, lambda: photo_cameras(self._shown))
        viewer.viser_server.on_client_connect(self._welcome)
        viewer.viser_server.on_client_disconnect(self._actions.forget)
        atexit.register(stop_rendering)
        self._installed = True

    def _welcome(self, client: viser.ClientHandle) -> None:
        """First view of a browser. Runs inside the server's lock: asking it for its clients would deadlock."""
        self._scene.show(client, orbit(0.0, 0.0))
        machine = self.viewer.render_statemachines.get(client.client_id)
        if machine is not None:
            hasten(machine)

    def _show_all(self, client: viser.ClientHandle | None, camera_to_world: Tensor) -> None:
        """Moves the camera of a browser, or of all."""
        clients = list(self.viewer.viser_server.get_clients().values()) if client is None else [client]
        for each in clients:
            self._scene.show(each, camera_to_world)

    def push(
        self,
        step: int,
        status: str,
        last: bool = False,
        phase: str = "",
        metrics: Mapping[str, float] | None = None,
    ) -> None:
        """Show the state of the training, about once a second; to be called by its thread after each step.

        Args:
            step: number of the step.
            status: one line for the panel, such as the phase and its losses.
            last: nothing follows, so show it in any case.
            phase, metrics: of the step, for the plot.
        """
        if not self._installed:
            return
        self._panel.record(step, phase, metrics or {})
        self._cores.leave_one_to_the_viewer()
        now = time.monotonic()
        if now - self._last_push < _SECONDS_BETWEEN_PUSHES and not last:
            return
        self._last_push = now
        self._ws = self._shown.latent.detach().clone()
        try:
            if last:
                self.viewer.pause_train.visible = self.viewer.resume_train.visible = False
            self._panel.status.content = status
            if self.viewer.render_statemachines and (last or now - self._last_comparison > _COMPARISON_EVERY_S):
                self._last_comparison = now
                self._compare()
                self._panel.draw()
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
            self._cores.leave_one_to_the_training()
            outputs = self._current().render(camera, self._head(), self._quality(), self._far_depth(camera))
            outputs = laid_over(outputs, camera, self._shown, float(self._panel.overlay.value))
            thread = render_thread()
            self._scene.arrange(None if thread is None else thread.client, _position(camera))
            if thread is not None and thread.state == "high":
                self._compare_at_rest()
            return outputs if box is None else cropped(outputs, camera, box)
        except IOChangeException:
            raise
        except Exception as error:
            self._report(error)
            return _blank(camera)

    def _compare(self) -> None:
        """Shows photo, head and difference."""
        seen = comparison(self._current().generator, self._head(), self._shown, self._actions.photo)
        self._panel.show_comparison(*seen)

    def _compare_at_rest(self) -> None:
        """Where no training pushes, compares in a thread of its own once the head or a camera is another one."""
        if self.viewer.trainer is not None and self.viewer.trainer.training_state == "training":
            return
        head, label = self._head(), self._shown.label[self._actions.photo].detach().clone()
        same = self._compared is not None and self._compared[0] is head and torch.equal(self._compared[1], label)
        if not same and (self._comparing is None or not self._comparing.is_alive()):
            self._compared, self._comparing = (head, label), Aside(self._compare)
            self._comparing.start()

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
        """The planes of the latest latents, moved between the mean head and beyond, and edited, by the sliders."""
        if self._ws is None:
            self._ws = self._shown.latent.detach().clone()
        ws, identity, renderer = self._ws, float(self._panel.identity.value), self._current()
        # The latent itself stands for the state: each push brings another one.
        known, state = self._snapshot, (identity, tuple(self._panel.strengths.items()))
        if known is None or known[0] is not ws or known[1] != state or known[2] is not renderer:
            mean = renderer.generator.backbone.mapping.w_avg.to(ws).expand_as(ws)
            edited = apply_edits(torch.lerp(mean, ws, identity), self._edits())
            known = self._snapshot = (ws, state, renderer, renderer.snapshot(edited))
        return known[3]

    @cached_property
    def _directions(self) -> dict[str, Direction]:
        """What can be edited, where the generator has named directions."""
        found = find_directions(self._shown.untuned)
        return {} if found is None else found.directions

    def _edits(self) -> list[Edit]:
        """What the panel asks for."""
        return [Edit(self._directions[name], strength) for name, strength in self._panel.strengths.items()]

    def _rendered(self) -> tuple[ViewRenderer, HeadSnapshot]:
        """What renders, and what is rendered."""
        return self._current(), self._head()

    def _current(self) -> ViewRenderer:
        """What renders: the tuned generator, or the one before tuning where the panel asks for it."""
        return self._untuned_renderer if self._panel.untuned.value else self._renderer

    @cached_property
    def _untuned_renderer(self) -> ViewRenderer:
        return ViewRenderer(self._shown.untuned)

    def _quality(self) -> Quality:
        """A draft while the camera moves, else the generator's own with the panel's number of samples."""
        thread = render_thread()
        if thread is not None and thread.state != "high":
            return DRAFT
        full = self._renderer.full_quality
        samples = int(self._panel.samples.value)
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


def _position(camera: Cameras) -> Tensor:
    """Centre [3] of a camera, in our world."""
    return from_nerfstudio(camera.camera_to_worlds.reshape(-1, 3, 4)[:1].float())[0, :3, 3].cpu()


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
