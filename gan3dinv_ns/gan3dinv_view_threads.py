"""nerfstudio's render threads, one for each browser: how soon they answer, and how they end.

A thread is in one of three states: "low_move" while a camera or a slider moves, "high" at rest, and between them, as
nerfstudio has it, "low_static".
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import torch
from nerfstudio.viewer.render_state_machine import RenderStateMachine

if TYPE_CHECKING:
    import viser
    from nerfstudio.cameras.cameras import Cameras
    from nerfstudio.data.scene_box import OrientedBox
    from nerfstudio.viewer.viewer import Viewer
    from torch import Tensor

DRAFT_SIDE = 144
"""Longer side of drafts in pixels; their volume rendering shows no more, and every pixel delays the answer."""

_SECONDS_TO_STOP = 10.0


class Pictures(Protocol):
    """What gives the pictures for the browsers."""

    @property
    def device(self) -> torch.device:
        """Where they are made."""

    def picture(self, camera: Cameras, box: OrientedBox | None = None) -> dict[str, Tensor]:
        """What a camera sees."""


class LiveModel:
    """What render threads take for the model; there is no training state to switch."""

    training = False

    def __init__(self, pictures: Pictures) -> None:
        self._pictures = pictures

    @property
    def device(self) -> torch.device:
        return self._pictures.device

    def eval(self) -> LiveModel:
        """Called by a render thread before each picture.

        A move interrupts the picture at rest that is being rendered. nerfstudio also does so where none is, and that
        interrupt would end the answer to the move itself, which would then come a fifth of a second later.
        """
        machine = render_thread()
        if machine is not None and machine.state != "high":
            machine.interrupt_render_flag = False
        return self

    def get_outputs_for_camera(self, camera: Cameras, obb_box: OrientedBox | None = None) -> dict[str, Tensor]:
        return self._pictures.picture(camera, obb_box)


def render_thread() -> RenderStateMachine | None:
    """The render thread that asks, if one does."""
    thread = threading.current_thread()
    return thread if isinstance(thread, RenderStateMachine) else None


def hasten(machine: RenderStateMachine) -> None:
    """Let a render thread answer every move with a small draft, and the first rest with the whole picture.

    nerfstudio sizes drafts by the rays per second of earlier pictures, in which those at rest count too, and renders
    a second draft before the picture at rest.
    """
    machine.transitions["low_move"]["static"] = "high"
    at_rest = machine._calculate_image_res

    def height_and_width(aspect_ratio: float) -> tuple[int, int]:
        height, width = at_rest(aspect_ratio)
        if machine.state == "high":
            return height, width
        longer = min(DRAFT_SIDE, machine.viewer.control_panel.max_res)
        height = max(1, round(longer / max(1.0, aspect_ratio)))
        return height, max(1, round(height * aspect_ratio))

    machine._calculate_image_res = height_and_width  # type: ignore[method-assign]


class SharedCores:
    """The cores of a machine whose CPU both trains and renders for browsers.

    Args:
        viewer: nerfstudio's viewer.
        device: where the generator is.
    """

    def __init__(self, viewer: Viewer, device: torch.device) -> None:
        self._viewer = viewer
        self._shared = viewer.trainer is not None and device.type == "cpu"
        self._threads = torch.get_num_threads()

    def leave_one_to_the_viewer(self) -> None:
        """Called by the training thread: while somebody looks."""
        wanted = max(1, self._threads - 1) if self._viewer.render_statemachines else self._threads
        if self._shared and torch.get_num_threads() != wanted:
            torch.set_num_threads(wanted)

    def leave_one_to_the_training(self) -> None:
        """Called by a browser's thread, which has its own number of threads."""
        if self._shared and torch.get_num_threads() >= self._threads > 1:
            torch.set_num_threads(self._threads - 1)


class Aside(threading.Thread):
    """A job beside the browsers' pictures."""

    def __init__(self, job: Callable[[], None]) -> None:
        super().__init__(target=job, daemon=True)


def stop_rendering() -> None:
    """End the threads that render: one that still computes when Python ends aborts the process."""
    threads = [thread for thread in threading.enumerate() if isinstance(thread, (RenderStateMachine, Aside))]
    for thread in threads:
        if isinstance(thread, RenderStateMachine):
            thread.running = False
    for thread in threads:
        thread.join(timeout=_SECONDS_TO_STOP)


def close_viewer(server: viser.ViserServer) -> None:
    """Ends a viewer, and frees its port for the next one; a browser that stays open finds that one by itself."""
    port = server.get_port()
    stop_rendering()
    server.stop()
    # viser only asks its loop to close the port; the loop wakes when somebody calls.
    with suppress(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
