from __future__ import annotations

import socket
import time
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import viser
from nerfstudio.cameras.cameras import CameraType
from nerfstudio.viewer.render_state_machine import RenderAction, RenderStateMachine
from nerfstudio.viewer.utils import CameraState

from gan3dinv_ns.gan3dinv_view_threads import DRAFT_SIDE, LiveModel, close_viewer, hasten

_FRONT = CameraState(fov=0.25, aspect=1.5, c2w=torch.eye(4)[:3].double(), camera_type=CameraType.PERSPECTIVE)


class _Pictures:
    """Notes the size of every picture that is asked for."""

    device = torch.device("cpu")

    def __init__(self) -> None:
        self.heights: list[int] = []

    def picture(self, camera, box=None) -> dict[str, torch.Tensor]:
        height, width = int(camera.height), int(camera.width)
        self.heights.append(height)
        return {"rgb": torch.zeros(height, width, 3), "depth": torch.ones(height, width, 1)}


@pytest.fixture()
def pictures() -> _Pictures:
    return _Pictures()


@pytest.fixture()
def machine(viewer, pictures, monkeypatch):
    """A render thread at rest, whose pictures go nowhere."""
    monkeypatch.setattr(viewer, "get_model", lambda: LiveModel(pictures))
    monkeypatch.setattr(viewer, "get_camera_state", lambda client: _FRONT)
    client = SimpleNamespace(client_id=0, camera=SimpleNamespace(aspect=1.5, position=np.zeros(3)))
    machine = RenderStateMachine(viewer, 10.0, client)
    machine._send_output_to_viewer = lambda outputs, static_render=True: None
    machine.state = "high"
    hasten(machine)
    machine.start()
    yield machine
    machine.running = False
    machine.join()


def _wait_for(heights: list[int], count: int) -> None:
    end = time.monotonic() + 60.0
    while len(heights) < count:
        assert time.monotonic() < end, heights
        time.sleep(0.02)


def test_a_move_is_answered_by_a_draft_at_once_and_then_by_the_whole_picture(machine, pictures, viewer):
    machine.action(RenderAction("move", _FRONT))
    _wait_for(pictures.heights, 2)
    assert pictures.heights[:2] == [round(DRAFT_SIDE / 1.5), int(viewer.control_panel.max_res / 1.5)]


def test_a_move_while_nothing_is_rendered_leaves_no_interrupt_behind(machine, pictures):
    for move in range(3):
        machine.action(RenderAction("move", _FRONT))
        _wait_for(pictures.heights, 2 * move + 2)
    assert pictures.heights[::2] == [round(DRAFT_SIDE / 1.5)] * 3
    assert not machine.interrupt_render_flag


def test_drafts_are_never_larger_than_pictures_at_rest(machine, viewer):
    viewer.control_panel._max_res.value = 100
    machine.state = "low_move"
    for aspect in (0.5, 1.0, 2.0):
        height, width = machine._calculate_image_res(aspect)
        assert max(height, width) == 100 and width / height == pytest.approx(aspect, rel=0.02)


def test_a_closed_viewer_leaves_its_port():
    server = viser.ViserServer(port=7917, verbose=False)
    port = server.get_port()
    close_viewer(server)
    for _ in range(50):
        with socket.socket() as taken, suppress(OSError):
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("", port))
            return
        time.sleep(0.1)
    raise AssertionError("the port stays taken")
