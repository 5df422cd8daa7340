"""What the controls in the viewer's panel do: look, turn, take away, keep edits, move the photo's camera."""

from __future__ import annotations

import io
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from nerfstudio.viewer.utils import get_camera
from PIL import Image
from torch import Tensor

from gan3dinv_ns.cameras.conventions import image_from_hwc01
from gan3dinv_ns.cameras.nudges import nudged
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.editing.directions import EDITS_FOLDER, Edit, name_of_edits
from gan3dinv_ns.export.camera_paths import turntable
from gan3dinv_ns.export.files import write_mesh
from gan3dinv_ns.export.head import head_of_photo
from gan3dinv_ns.export.mesh import mesh_from_head
from gan3dinv_ns.export.settings import MeshSettings
from gan3dinv_ns.gan3dinv_view_photo import ShownHead, photo_cameras
from gan3dinv_ns.gan3dinv_view_renderer import HeadSnapshot, ViewRenderer
from gan3dinv_ns.inversion.head_file import EDITED_FILE, FoundHead, write_edited_head
from gan3dinv_ns.ops.image_files import pixels_of, write_image

if TYPE_CHECKING:
    import viser
    from nerfstudio.viewer.viewer import Viewer

_TURN_SECONDS = 12.0
_STEPS_PER_SECOND = 4
_PICTURE_HEIGHT = 1024
_MESH_RESOLUTION = 192


class HeadActions:
    """The :class:`~gan3dinv_ns.gan3dinv_view_panel.PanelActions` of one viewer.

    Args:
        viewer: nerfstudio's viewer.
        shown: the head, whose camera can be moved.
        show: moves the camera of a browser, or of all, to a camera [1, 4, 4].
        current: what is rendered now, and with what.
        edits: that are in it.

    Attributes:
        photo: the number of the photo that is talked of: the one that was last looked from.
    """

    def __init__(
        self,
        viewer: Viewer,
        shown: ShownHead,
        show: Callable[[viser.ClientHandle | None, Tensor], None],
        current: Callable[[], tuple[ViewRenderer, HeadSnapshot]],
        edits: Callable[[], Sequence[Edit]] = tuple,
    ) -> None:
        self._viewer, self._shown, self._show, self._current, self._edits = viewer, shown, show, current, edits
        self._looked = False
        self._turning: set[int] = set()
        self._meshing = threading.Lock()
        self.photo = 0

    def rerender(self) -> None:
        """Shows the head again."""
        self._viewer._trigger_rerender()

    def look_from_front(self, client: viser.ClientHandle | None) -> None:
        """The head from the front."""
        self._show(client, orbit(0.0, 0.0))

    def look_from_photo(self, client: viser.ClientHandle | None) -> None:
        """From the camera of a photo, of the next one each time."""
        cameras = photo_cameras(self._shown)
        if self._looked:
            self.photo = (self.photo + 1) % len(cameras)
        self._looked = True
        self._show(client, cameras[self.photo, None])

    def turn(self, client: viser.ClientHandle | None) -> None:
        """Once around the head, in a thread of its own; asked again it stops."""
        if client is None:
            return
        if client.client_id in self._turning:
            self._turning.discard(client.client_id)
            return
        self._turning.add(client.client_id)
        threading.Thread(target=self._turn, args=(client,), daemon=True).start()

    def _turn(self, client: viser.ClientHandle) -> None:
        path = turntable(orbit(0.0, 0.0), round(_TURN_SECONDS * _STEPS_PER_SECOND))
        for camera in path.roll(-1, 0).split(1):
            if client.client_id not in self._turning:
                return
            self._show(client, camera)
            time.sleep(1.0 / _STEPS_PER_SECOND)
        self._turning.discard(client.client_id)

    def forget(self, client: viser.ClientHandle) -> None:
        """Nothing turns for a browser that is gone."""
        self._turning.discard(client.client_id)

    def save_picture(self, client: viser.ClientHandle | None) -> None:
        """What a browser sees, in full quality, to its downloads."""
        if client is None:
            return
        renderer, head = self._current()
        camera = get_camera(self._viewer.get_camera_state(client), _PICTURE_HEIGHT)
        rgb = renderer.render(camera, head)["rgb"]
        content = io.BytesIO()
        Image.fromarray(pixels_of(image_from_hwc01(rgb))).save(content, format="PNG")
        client.send_file_download("head.png", content.getvalue())

    def save_mesh(self, client: viser.ClientHandle | None, say: Callable[[str], None]) -> None:
        """The head as a mesh to a browser's downloads; takes a thread of its own and some seconds."""
        if client is not None:
            threading.Thread(target=self._save_mesh, args=(client, say), daemon=True).start()

    def _save_mesh(self, client: viser.ClientHandle, say: Callable[[str], None]) -> None:
        if not self._meshing.acquire(blocking=False):
            return
        try:
            renderer, snapshot = self._current()
            head = head_of_photo(renderer.generator, snapshot.ws, snapshot.planes, self._shown.label)
            settings = MeshSettings(resolution=_MESH_RESOLUTION)
            mesh, _ = mesh_from_head(head, settings, lambda stage, part: say(f"Mesh: {stage} {part:.0%}"))
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "head.glb"
                write_mesh(path, mesh)
                client.send_file_download(path.name, path.read_bytes())
            say(f"Mesh of {len(mesh.vertices):,} vertices sent.")
        except Exception as error:
            say(f"No mesh: {error}")
        finally:
            self._meshing.release()

    def save_edit(self, say: Callable[[str], None]) -> None:
        """The head as it is shown, in the run's folder, with a picture from the front."""
        renderer, snapshot = self._current()
        folder = Path(self._viewer.log_filename).parent / EDITS_FOLDER / name_of_edits(self._edits())
        label = self._shown.label.detach()
        found = FoundHead(
            renderer.generator, self._shown.latent[0].mean(dim=0).detach(), snapshot.ws, label, snapshot.planes
        )
        try:
            write_edited_head(found, folder / EDITED_FILE)
            write_image(folder / "edited.png", found.view())
            say(f"Saved in {folder}")
        except OSError as error:
            say(f"Not saved: {error}")

    def nudge(self, change: Mapping[str, float]) -> None:
        """Moves the camera of the photo that is talked of; a training goes on from there."""
        trainer = self._viewer.trainer
        with trainer.train_lock if trainer is not None else nullcontext():
            cameras = photo_cameras(self._shown).clone()
            cameras[self.photo] = nudged(cameras[self.photo, None], **change)[0]
            self._shown.pose.place(cameras)
        self._show(None, cameras[self.photo, None])
        self.rerender()
