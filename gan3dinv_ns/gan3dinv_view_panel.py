"""What stands in the panel of nerfstudio's viewer for a head: how it is shown, how the inversion goes, what is taken.

The panel only holds the controls and what they say; what they do is the business of :class:`PanelActions`.
"""

from __future__ import annotations

import io
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from PIL import Image

from gan3dinv_ns.gan3dinv_view_curves import LOSSES, PSNR, RunCurves

if TYPE_CHECKING:
    import viser
    from nerfstudio.viewer.viewer import Viewer

_STRONGEST = 3.0
_NUDGES = {
    "yaw_rad": ("Yaw", 0.5, "Carries the photo's camera around the head, radians."),
    "pitch_rad": ("Pitch", 0.5, "Carries the photo's camera above the head, radians."),
    "roll_rad": ("Roll", 0.5, "Turns the photo's camera around its view direction, radians."),
    "right_box": ("Right", 0.1, "Shifts the photo's camera in its picture, box units."),
    "down_box": ("Down", 0.1, "Shifts the photo's camera in its picture, box units."),
}


class PanelActions(Protocol):
    """What the panel's controls do."""

    def rerender(self) -> None:
        """Shows the head again."""

    def look_from_front(self, client: viser.ClientHandle | None) -> None:
        """Moves the camera of a browser, or of all, before the face."""

    def look_from_photo(self, client: viser.ClientHandle | None) -> None:
        """Moves the camera of a browser, or of all, to where a photo was taken from; each time to the next photo's."""

    def turn(self, client: viser.ClientHandle | None) -> None:
        """Carries the camera of a browser once around the head; asked again it stops."""

    def save_picture(self, client: viser.ClientHandle | None) -> None:
        """Sends a browser what it sees, as a picture."""

    def save_mesh(self, client: viser.ClientHandle | None, say: Callable[[str], None]) -> None:
        """Sends a browser the head as a mesh, and says how far it is."""

    def save_edit(self, say: Callable[[str], None]) -> None:
        """Keeps the edited head in the run's folder, and says where."""

    def nudge(self, change: Mapping[str, float]) -> None:
        """Moves the photo's camera, see :func:`~gan3dinv_ns.cameras.nudges.nudged`."""


class HeadPanel:
    """The controls of one viewer.

    Args:
        viewer: nerfstudio's viewer.
        actions: what buttons do.
        samples: number of samples per ray that the slider starts with.
        rolls: whether the photo's camera can roll.
        directions: names of what can be edited.
    """

    def __init__(
        self, viewer: Viewer, actions: PanelActions, samples: int, rolls: bool, directions: Sequence[str] = ()
    ) -> None:
        self._actions = actions
        self._gui = viewer.viser_server.gui
        self._training = viewer.trainer is not None
        self._curves = RunCurves()
        self._pictures = tempfile.TemporaryDirectory(prefix="gan3dinv-")
        with self._gui.add_folder("Head", order=viewer.stats_markdown.order + 0.5):
            self.status = self._gui.add_markdown("Starting" if self._training else "Loaded run")
            tabs = self._gui.add_tab_group()
            with tabs.add_tab("Look"):
                self._add_look(samples)
            self._edits: dict[str, Any] = {}
            if directions:
                with tabs.add_tab("Edit"):
                    self._add_edit(directions)
            with tabs.add_tab("Fit"):
                self._add_fit()
            with tabs.add_tab("Camera"):
                self._add_camera(rolls)
            with tabs.add_tab("Take"):
                self._add_take()

    # Look: what is shown.

    def _add_look(self, samples: int) -> None:
        gui = self._gui
        self.identity = gui.add_slider(
            "Identity", min=0.0, max=1.5, step=0.05, initial_value=1.0, marks=((0.0, "mean"), (1.0, "photo")),
            hint="0 is the mean head, 1 the photo's, above 1 exaggerates.",
        )  # fmt: skip
        self.samples = gui.add_slider(
            "Samples per ray", min=8, max=max(96, samples), step=1, initial_value=samples,
            hint="More are finer and slower; for pictures at rest.",
        )  # fmt: skip
        self.untuned = gui.add_checkbox(
            "Before tuning", False, hint="The head in the generator as it was, before its weights were tuned."
        )
        self.overlay = gui.add_slider(
            "Photo over it", min=0.0, max=1.0, step=0.05, initial_value=0.0,
            hint="Lays the photo over the head, seen from the photo's view.",
        )  # fmt: skip
        reset = gui.add_button("Reset view", hint="The head from the front.")
        photo = gui.add_button(
            "Photo's view", hint="Through the camera that was found for the photo; of several photos for the next one."
        )
        turn = gui.add_button("Turntable", hint="Once around the head; again to stop.")
        for control in (self.identity, self.samples, self.untuned, self.overlay):
            control.on_update(lambda _: self._actions.rerender())
        reset.on_click(lambda event: self._actions.look_from_front(event.client))
        photo.on_click(lambda event: self._actions.look_from_photo(event.client))
        turn.on_click(lambda event: self._actions.turn(event.client))

    # Edit: another age, another smile.

    @property
    def strengths(self) -> dict[str, float]:
        """How far the head is edited along each direction, without those that are at rest."""
        return {name: float(slider.value) for name, slider in self._edits.items() if slider.value}

    def _add_edit(self, directions: Sequence[str]) -> None:
        for name in directions:
            slider = self._gui.add_slider(
                name.replace("-", " ").capitalize(), min=-_STRONGEST, max=_STRONGEST, step=0.1, initial_value=0.0,
                hint="Standard deviations of the attribute.",
            )  # fmt: skip
            slider.on_update(lambda _: self._actions.rerender())
            self._edits[name] = slider
        reset = self._gui.add_button("Reset edits", hint="The head as it was found.")
        save = self._gui.add_button("Save edit", hint="The edited head, in the run's folder, for every other command.")
        said = self._gui.add_markdown("")
        reset.on_click(lambda _: self._reset_edits())

        def say(line: str) -> None:
            said.content = line

        save.on_click(lambda _: self._actions.save_edit(say))

    def _reset_edits(self) -> None:
        for slider in self._edits.values():
            slider.value = 0.0
        self._actions.rerender()

    # Fit: how the inversion goes.

    def _add_fit(self) -> None:
        self._comparison = self._gui.add_markdown("Photo, head and difference appear here.")
        if not self._training:
            return
        self._curve = self._gui.add_dropdown("Curve", (PSNR, LOSSES), hint="Over the steps of the run.")
        self._plot = self._gui.add_markdown("")
        self._curve.on_update(lambda _: self.draw())

    def record(self, step: int, phase: str, metrics: Mapping[str, float]) -> None:
        """Notes a step's figures for the plot."""
        self._curves.record(step, phase, metrics)

    def draw(self) -> None:
        """Brings the plot up to date."""
        if self._training:
            shown = self._curve.value
            self._plot.content = self._shown_as("curve.png", self._curves.picture(shown), f"{shown} over the steps")

    def show_comparison(self, picture: Image.Image, caption: str) -> None:
        """Shows photo, head and difference."""
        self._comparison.content = f"{self._shown_as('comparison.jpg', picture, caption)}\n\n{caption}"

    def _shown_as(self, name: str, picture: Image.Image, caption: str) -> str:
        """A picture in the language of the panel's texts, which read it from a file."""
        path = Path(self._pictures.name) / name
        content = io.BytesIO()
        picture.save(content, format="PNG" if path.suffix == ".png" else "JPEG", quality=90)
        path.write_bytes(content.getvalue())
        return f"![{caption}]({path})"

    # Camera: the photo's, moved by hand.

    def _add_camera(self, rolls: bool) -> None:
        self._gui.add_markdown(
            "Moves the photo's camera; a training goes on from there. *Photo over it* shows how well it fits."
        )
        self._nudging = threading.Lock()
        self._nudged = {name: 0.0 for name in _NUDGES if rolls or name != "roll_rad"}
        self._nudges: dict[str, Any] = {}
        for name in self._nudged:
            label, limit, hint = _NUDGES[name]
            slider = self._gui.add_slider(label, min=-limit, max=limit, step=limit / 100, initial_value=0.0, hint=hint)
            slider.on_update(partial(self._nudge, name))
            self._nudges[name] = slider

    def _nudge(self, name: str, event: object) -> None:
        """Sliders tell where they are, the camera is moved by how far they went."""
        # A slider calls from several threads: none may go another's way again, nor return before it is gone.
        with self._nudging:
            value = float(self._nudges[name].value)
            change, self._nudged[name] = value - self._nudged[name], value
            if change:
                self._actions.nudge({name: change})

    # Take: what goes to the browser's machine.

    def _add_take(self) -> None:
        picture = self._gui.add_button("Save picture", hint="What is seen, as a PNG.")
        mesh = self._gui.add_button("Save mesh", hint="The head as a closed, coloured .glb.")
        self._taken = self._gui.add_markdown("Files go to the browser's downloads.")
        picture.on_click(lambda event: self._actions.save_picture(event.client))
        mesh.on_click(lambda event: self._actions.save_mesh(event.client, self._say_taken))

    def _say_taken(self, line: str) -> None:
        self._taken.content = line
