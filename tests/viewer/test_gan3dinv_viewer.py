from __future__ import annotations

import math
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from nerfstudio.cameras.camera_optimizers import CameraOptimizer
from nerfstudio.viewer.render_state_machine import RenderStateMachine
from nerfstudio.viewer_legacy.server.viewer_utils import IOChangeException

from gan3dinv_ns.cameras.conventions import from_nerfstudio, to_nerfstudio
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.gan3dinv_view_renderer import DRAFT
from gan3dinv_ns.gan3dinv_view_threads import DRAFT_SIDE
from gan3dinv_ns.gan3dinv_viewer import PhotoPoses


class _Camera(SimpleNamespace):
    """A browser's camera as viser tells of it."""


class _Client:
    def __init__(self, aspect: float = 1.6, client_id: int = 0) -> None:
        self.client_id = client_id
        self.camera = _Camera(aspect=aspect, fov=1.3, position=np.zeros(3), look_at=None, up_direction=None)

    def atomic(self):
        return threading.Lock()


@pytest.fixture()
def control(scene, viewer):
    return scene.model.viewer_control


def test_photo_pose_carries_the_start_to_where_the_camera_is_now():
    start, now = orbit(0.1, 0.2), orbit(-0.4, 0.1)
    pose = PhotoPoses(start, lambda: now)
    delta = pose(torch.tensor([0, 0]))
    assert isinstance(pose, CameraOptimizer)
    assert delta.shape == (2, 3, 4)
    assert not pose.state_dict()
    moved = to_nerfstudio(start)[0].double() @ torch.cat([delta[0], torch.tensor([[0.0, 0.0, 0.0, 1.0]])]).double()
    assert torch.allclose(from_nerfstudio(moved[None])[0], now[0].double(), atol=1e-5)


def test_every_photo_moves_from_its_own_start():
    start = torch.cat([orbit(0.1, 0.2), orbit(0.5, 0.0)])
    delta = PhotoPoses(start, lambda: torch.cat([orbit(0.1, 0.2), orbit(-0.5, 0.0)]))(torch.tensor([1, 0]))
    assert torch.allclose(delta[1], torch.eye(4)[:3], atol=1e-6) and not torch.allclose(delta[0], delta[1], atol=0.1)


def test_the_viewer_finds_the_control_and_renders_without_the_training_lock(scene, viewer):
    assert viewer.viewer_controls == [scene.model.viewer_control]
    assert viewer.get_model() is not scene.model
    assert viewer.get_model().eval().training is False
    assert viewer.train_lock is not None


def test_first_view_is_upright_from_the_front_and_fits_the_shorter_side(control):
    for aspect, factor in ((1.8, 1.0), (0.5, 0.5)):
        client = _Client(aspect)
        control._scene.show(client, orbit(0.0, 0.0))
        camera = client.camera
        assert np.allclose(camera.up_direction, (0, 0, 1))
        assert np.allclose(camera.position, 10 * to_nerfstudio(orbit(0.0, 0.0))[0, :, 3], atol=1e-5)
        assert np.allclose(camera.look_at, 0, atol=1e-5)
        assert math.tan(camera.fov / 2) * factor == pytest.approx(0.5 / 4.2647, rel=1e-3)


def test_the_head_keeps_fitting_when_the_window_changes_unless_the_user_zoomed_the_lens(control):
    client = _Client(1.6)
    control._scene.show(client, orbit(0.0, 0.0))
    landscape = client.camera.fov
    client.camera.aspect = 0.5
    control._scene.arrange(client, torch.tensor([0.0, 0.0, 2.7]))
    assert client.camera.fov > 1.5 * landscape
    client.camera.fov, client.camera.aspect = 0.9, 2.0
    control._scene.arrange(client, torch.tensor([0.0, 0.0, 2.7]))
    assert client.camera.fov == 0.9


def test_the_frustum_moves_to_the_pose_that_was_found(scene, viewer, control, nerfstudio_camera):
    control.picture(nerfstudio_camera(orbit(0.0, 0.0)))
    ours = viewer.camera_handles[0]
    position, wxyz = np.array(ours.position), np.array(ours.wxyz)
    assert np.allclose(position, to_nerfstudio(scene.photo_camera)[0, :, 3].numpy() * 10.0, atol=1e-4)
    viewer.update_camera_poses()
    assert np.allclose(ours.position, position, atol=1e-4)
    assert abs(np.dot(ours.wxyz, wxyz)) == pytest.approx(1.0, abs=1e-5)


def test_the_frustum_hides_only_where_it_would_cover_the_head(scene, viewer, control):
    client, handle = _Client(), viewer.camera_handles[0]
    viewer.render_statemachines[0] = SimpleNamespace(running=True)
    through_the_photo = scene.photo_camera[0, :3, 3]
    control._scene.arrange(client, through_the_photo)
    assert not handle.visible
    control._scene.arrange(client, orbit(-1.2, 0.0)[0, :3, 3])
    assert handle.visible
    control._scene.arrange(client, -through_the_photo)
    assert handle.visible
    viewer.hide_images.visible = False
    control._scene.arrange(client, orbit(-1.2, 0.0)[0, :3, 3])
    assert not handle.visible


def test_identity_goes_from_the_mean_head_to_this_one(control, nerfstudio_camera):
    camera = nerfstudio_camera(orbit(0.0, 0.0))
    seen = {}
    for value in (0.0, 0.5, 1.0):
        control._panel.identity.value = value
        seen[value] = float(control.picture(camera)["accumulation"].mean())
    assert seen[0.0] < 0.01 < seen[0.5] < seen[1.0]


def test_planes_are_computed_once_for_one_state(control, ball, nerfstudio_camera, monkeypatch):
    calls = []
    planes = ball.planes
    monkeypatch.setattr(ball, "planes", lambda ws: calls.append(1) or planes(ws))
    for yaw in (0.0, 0.3, 0.6):
        control.picture(nerfstudio_camera(orbit(yaw, 0.0)))
    assert len(calls) == 1


def test_an_error_gives_a_blank_picture_of_the_asked_size(control, ball, nerfstudio_camera, monkeypatch):
    def broken(ws):
        raise RuntimeError("no planes today")

    monkeypatch.setattr(ball, "planes", broken)
    outputs = control.picture(nerfstudio_camera(orbit(0.0, 0.0), 40, 30))
    assert outputs["rgb"].shape == (30, 40, 3)
    assert outputs["depth"].shape == (30, 40, 1)


def test_the_interrupt_of_the_viewer_passes(control, ball, nerfstudio_camera, monkeypatch):
    def interrupted(ws):
        raise IOChangeException

    monkeypatch.setattr(ball, "planes", interrupted)
    with pytest.raises(IOChangeException):
        control.picture(nerfstudio_camera(orbit(0.0, 0.0)))


def test_a_moving_camera_gets_a_draft_and_one_at_rest_full_quality(viewer, control):
    qualities = {}

    class _Machine(RenderStateMachine):
        def run(self) -> None:
            qualities[self.state] = control._quality()

    for state in ("low_move", "high"):
        machine = _Machine(viewer, 10.0, _Client())
        machine.state = state
        machine.start()
        machine.join()
    assert qualities["low_move"] == DRAFT
    assert qualities["high"] == control._renderer.full_quality


def test_depth_is_shown_with_its_contrast_and_composited_behind_everything(viewer, control, nerfstudio_camera):
    camera = nerfstudio_camera(orbit(0.0, 0.0))
    assert float(control.picture(camera)["depth"].max()) == 50.0
    viewer.control_panel.update_output_options(["rgb", "depth"])
    viewer.control_panel._output_render.value = "depth"
    assert float(control.picture(camera)["depth"].max()) == pytest.approx(3.7)


def test_a_push_shows_the_latest_latent_about_once_a_second(scene, control, viewer, nerfstudio_camera):
    camera = nerfstudio_camera(orbit(0.0, 0.0))
    scene.head.latent = torch.full((1, 8, 8), 0.25)
    control.push(10, "Project")
    small = float(control.picture(camera)["accumulation"].mean())
    scene.head.latent = torch.ones(1, 8, 8)
    control.push(11, "Project")
    assert float(control.picture(camera)["accumulation"].mean()) == small
    control.push(12, "Done", last=True)
    assert float(control.picture(camera)["accumulation"].mean()) > small
    assert control._panel.status.content == "Done"
    assert "12" in viewer.stats_markdown.content


def test_a_push_without_a_viewer_does_nothing(scene):
    scene.model.viewer_control.push(1, "Project")


def test_pictures_do_not_wait_for_a_training_that_holds_its_lock(scene, viewer, control, nerfstudio_camera):
    control.picture(nerfstudio_camera(orbit(0.0, 0.0)))
    trainer_lock = threading.Lock()
    with trainer_lock:
        begin = time.monotonic()
        control.picture(nerfstudio_camera(orbit(0.1, 0.0)))
    assert time.monotonic() - begin < 2.0
    assert viewer.train_lock is not trainer_lock


def test_the_render_tab_starts_with_the_field_of_view_of_the_generator(viewer):
    handles = viewer.viser_server.gui._gui_input_handle_from_id.values()
    values = [h.value for h in handles if str(h._impl.hint).startswith("Field-of-view for rendering")]
    assert values == [pytest.approx(13.37, abs=0.02)]


def test_a_push_that_fails_does_not_end_the_training(control, viewer, monkeypatch):
    def broken(step):
        raise RuntimeError("no server")

    monkeypatch.setattr(viewer, "update_step", broken)
    control.push(1, "Project", last=True)


def test_a_new_browser_gets_its_first_view_and_small_drafts(viewer, control):
    client = _Client()
    viewer.render_statemachines[0] = machine = RenderStateMachine(viewer, 10.0, client)
    control._welcome(client)
    assert client.camera.fov < 0.3
    assert max(machine._calculate_image_res(1.6)) == DRAFT_SIDE


def test_moving_the_camera_keeps_the_planes(control, ball, nerfstudio_camera, monkeypatch):
    calls = []
    planes = ball.planes
    monkeypatch.setattr(ball, "planes", lambda ws: calls.append(1) or planes(ws))
    for yaw in (0.1, 0.2, 0.3):
        control._show_all(_Client(), orbit(yaw, 0.0))
        control.picture(nerfstudio_camera(orbit(yaw, 0.0)))
    assert len(calls) == 1
