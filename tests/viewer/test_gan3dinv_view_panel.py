"""What the controls in the viewer's panel do."""

from __future__ import annotations

import io
import math
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import trimesh
from nerfstudio.viewer.viewer import VISER_NERFSTUDIO_SCALE_RATIO
from PIL import Image
from viser.transforms import SO3

from gan3dinv_ns import gan3dinv_view_actions
from gan3dinv_ns.cameras.conventions import to_nerfstudio
from gan3dinv_ns.cameras.rotations import orbit, yaw_pitch

pytestmark = pytest.mark.usefixtures("directions")


class _Browser:
    """A browser's camera, and the files that were sent to it."""

    def __init__(self) -> None:
        self.client_id = 0
        self.camera = SimpleNamespace(aspect=1.0, fov=0.23, wxyz=np.array([1.0, 0, 0, 0]), position=np.zeros(3))
        self.files: dict[str, bytes] = {}
        self.seen: list[np.ndarray] = []

    def atomic(self) -> _Browser:
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.seen.append(np.array(self.camera.position))

    def send_file_download(self, name: str, content: bytes) -> None:
        self.files[name] = content


@pytest.fixture
def control(scene, viewer):
    return scene.model.viewer_control


@pytest.fixture
def actions(control):
    return control._actions


def test_the_photo_lies_over_the_head_in_its_own_view_only(scene, control, nerfstudio_camera):
    own, other = nerfstudio_camera(scene.photo_camera, 80, 60), nerfstudio_camera(orbit(-0.5, 0.0), 80, 60)
    bare = control.picture(own)["rgb"]
    control._panel.overlay.value = 0.5
    half, elsewhere = control.picture(own)["rgb"], control.picture(other)["rgb"]
    blue = torch.tensor([0.0, 0.0, 1.0])
    middle = (slice(None), slice(10, 70))
    torch.testing.assert_close(half[middle], bare[middle].lerp(blue.expand(60, 60, 3), 0.5), atol=1e-3, rtol=0)
    torch.testing.assert_close(half[:, :10], bare[:, :10], msg="beyond the photo nothing changes")
    control._panel.overlay.value = 0.0
    torch.testing.assert_close(control.picture(other)["rgb"], elsewhere)


def test_the_head_before_tuning_comes_from_the_untuned_generator(scene, control, nerfstudio_camera):
    camera = nerfstudio_camera(orbit(0.0, 0.0))
    tuned = control.picture(camera)["accumulation"]
    smaller = type(scene.head.generator)()
    smaller.superresolution = scene.head.generator.superresolution
    planes = smaller.planes
    smaller.planes = lambda ws: planes(0.5 * ws)
    scene.head.untuned = smaller
    control._panel.untuned.value = True
    assert float(control.picture(camera)["accumulation"].mean()) < 0.5 * float(tuned.mean())
    control._panel.untuned.value = False
    assert torch.equal(control.picture(camera)["accumulation"], tuned)


def test_photo_views_follow_each_other(scene, actions, monkeypatch):
    shown = []
    monkeypatch.setattr(actions, "_show", lambda client, camera: shown.append(camera))
    cameras = orbit(torch.tensor([0.5, -0.2]), torch.zeros(2))
    scene.head.pose = lambda: cameras
    for _ in range(3):
        actions.look_from_photo(None)
    torch.testing.assert_close(torch.cat(shown), cameras[[0, 1, 0]])


def test_a_turntable_goes_once_around_and_stops_when_asked(actions, monkeypatch):
    monkeypatch.setattr(gan3dinv_view_actions, "_TURN_SECONDS", 0.4)
    monkeypatch.setattr(gan3dinv_view_actions, "_STEPS_PER_SECOND", 20)
    shown, browser = [], _Browser()
    monkeypatch.setattr(actions, "_show", lambda client, camera: shown.append(float(yaw_pitch(camera[:, :3, 3])[0])))
    actions.turn(browser)
    while actions._turning:
        time.sleep(0.02)
    assert len(shown) == 8 and shown[-1] == pytest.approx(0.0, abs=1e-5)
    monkeypatch.setattr(gan3dinv_view_actions, "_TURN_SECONDS", 60.0)
    actions.turn(browser)
    actions.turn(browser)
    assert not actions._turning
    actions.turn(browser)
    actions.forget(browser)
    assert not actions._turning


def test_a_picture_of_what_is_seen_goes_to_the_browser(actions, monkeypatch):
    browser = _Browser()
    monkeypatch.setattr(gan3dinv_view_actions, "_PICTURE_HEIGHT", 96)
    front = to_nerfstudio(orbit(0.0, 0.0))[0].double().numpy()
    browser.camera.position = front[:, 3] * VISER_NERFSTUDIO_SCALE_RATIO
    browser.camera.wxyz = (SO3.from_matrix(front[:, :3]) @ SO3.from_x_radians(math.pi)).wxyz
    actions.save_picture(browser)
    with Image.open(io.BytesIO(browser.files["head.png"])) as picture:
        pixels = np.asarray(picture.convert("RGB"))
    assert pixels.shape == (96, 96, 3) and pixels[0, 0].min() > 250
    assert np.ptp(pixels[48, 48].astype(int)) > 50, "the ball is in the middle"


def test_a_mesh_goes_to_the_browser(actions, monkeypatch):
    monkeypatch.setattr(gan3dinv_view_actions, "_MESH_RESOLUTION", 64)
    browser, said = _Browser(), []
    actions.save_mesh(browser, said.append)
    for _ in range(300):
        if said and (said[-1].endswith("sent.") or said[-1].startswith("No mesh")):
            break
        time.sleep(0.1)
    assert said[-1].endswith("sent."), said[-1]
    mesh = trimesh.load(io.BytesIO(browser.files["head.glb"]), file_type="glb", force="mesh")
    assert len(mesh.vertices) > 500 and 0.3 < mesh.extents.max() < 0.42


def test_a_mesh_that_cannot_be_made_is_told(actions, monkeypatch):
    def broken(*args):
        raise ValueError("no surface")

    monkeypatch.setattr(gan3dinv_view_actions, "mesh_from_head", broken)
    said = []
    actions._save_mesh(_Browser(), said.append)
    actions._save_mesh(_Browser(), said.append)
    assert said == ["No mesh: no surface"] * 2


def test_sliders_move_the_photos_camera_by_how_far_they_go_and_hold_the_training_meanwhile(scene, viewer, control):
    held = []

    class Lock:
        def __enter__(self) -> None:
            held.append("taken")

        def __exit__(self, *_: object) -> None:
            held.append("left")

    viewer.trainer = SimpleNamespace(train_lock=Lock(), training_state="training")
    panel = control._panel
    assert "roll_rad" not in panel._nudges, "the camera of this head cannot roll"
    for value, yaw in ((0.1, 0.6), (0.25, 0.75), (0.0, 0.5)):
        panel._nudges["yaw_rad"].value = value
        panel._nudge("yaw_rad", None)
        assert scene.head.pose.yaw_pitch() == pytest.approx((yaw, 0.1), abs=1e-5)
    panel._nudges["right_box"].value = 0.05
    panel._nudge("right_box", None)
    assert scene.head.pose.translation[0].tolist() == pytest.approx([0.05, 0.0], abs=1e-5)
    assert held == ["taken", "left"] * 4


def test_the_comparison_shows_photo_head_and_difference(scene, viewer, control):
    viewer.render_statemachines[0] = SimpleNamespace(running=True, action=lambda action: None, client=None)
    viewer.get_camera_state = lambda client: None
    control.push(3, "project: step 3", last=True, phase="project", metrics={"psnr": 20.0})
    content = control._panel._comparison.content
    assert "Photo, head and difference: " in content
    path = content.split("](")[1].split(")")[0]
    with Image.open(path) as strip:
        assert strip.size == (3 * 64, 64)
        assert strip.getpixel((10, 10))[2] > 240 > 20 > strip.getpixel((10, 10))[0], "the photo is blue"
    assert control._panel._curves.psnr == {"project": [(3, 20.0)]}


def test_a_loaded_run_is_compared_once_for_each_head_and_camera(control, actions, monkeypatch):
    shown = []
    monkeypatch.setattr(control._panel, "show_comparison", lambda picture, caption: shown.append(caption))

    def rest() -> int:
        control._compare_at_rest()
        control._comparing.join()
        return len(shown)

    assert (rest(), rest()) == (1, 1)
    control._panel._edits["size"].value = -1.0
    assert (rest(), rest()) == (2, 2)
    actions.nudge({"yaw_rad": 0.1})
    assert (rest(), rest()) == (3, 3)


def test_the_panel_moves_the_camera_only_of_the_photo_that_was_looked_from(scene, actions):
    cameras = orbit(torch.tensor([0.5, -0.2]), torch.zeros(2))
    placed = []

    class Pose:
        def __call__(self) -> torch.Tensor:
            return cameras

        def place(self, moved: torch.Tensor) -> None:
            placed.append(moved)

    scene.head.pose = Pose()
    actions.photo = 1
    actions.nudge({"pitch_rad": 0.1})
    torch.testing.assert_close(placed[0][0], cameras[0])
    torch.testing.assert_close(yaw_pitch(placed[0][1:, :3, 3]), (torch.tensor([-0.2]), torch.tensor([0.1])))


def test_sliders_edit_the_head_and_go_back(control, nerfstudio_camera):
    camera = nerfstudio_camera(orbit(0.0, 0.0))
    found = control.picture(camera)["accumulation"]
    assert set(control._panel._edits) == {"size", "skin-tone"}
    control._panel._edits["size"].value = -2.0
    smaller = float(control.picture(camera)["accumulation"].mean())
    assert smaller < 0.6 * float(found.mean()) and control._panel.strengths == {"size": -2.0}
    control._panel._reset_edits()
    assert torch.equal(control.picture(camera)["accumulation"], found)


def test_an_edit_is_kept_in_the_folder_of_the_run(viewer, control, actions, monkeypatch):
    control._panel._edits["size"].value = 1.0
    said = []
    actions.save_edit(said.append)
    folder = viewer.log_filename.parent / "edits" / "size+1"
    assert said == [f"Saved in {folder}"]
    assert {path.name for path in folder.iterdir()} == {"edited.safetensors", "edited.png"}

    def full(*args):
        raise OSError("the disk is full")

    monkeypatch.setattr(gan3dinv_view_actions, "write_edited_head", full)
    actions.save_edit(said.append)
    assert said[-1] == "Not saved: the disk is full"
