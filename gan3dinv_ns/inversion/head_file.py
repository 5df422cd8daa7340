"""A finished head in one .safetensors file: latent, cameras and tuned generator, to be opened again anywhere.

The generator's weights are stored in float16, half of what they take in memory. Nothing in a file is ever executed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from gan3dinv_ns.cameras.conventions import camera_label, split_label
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Generator, GeneratorConfig
from gan3dinv_ns.eg3d.backends.choice import with_fastest_backend
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.inversion.views import whole_views
from gan3dinv_ns.ops.network_files import build_network, read_network_file, write_network_file

HEAD_FILE = "head.safetensors"
"""Its name in the results of a run."""

EDITED_FILE = "edited.safetensors"
"""The name of a head whose latent was edited, in the folder of the edit."""

RESULTS_FOLDER = "inversion"
"""The folder of the results in a run's."""

_ROLE = "head"
_WEIGHTS = "generator."


@dataclass(frozen=True)
class FoundHead:
    """A head that was found in one photo or in several.

    Attributes:
        generator: tuned for the photos, in evaluation mode.
        w: the latent ``[w_dim]`` that was found, of those of a head in W+ the mean.
        ws: the latent of every layer ``[1, num_ws, w_dim]``: w in each, unless it was found in W+ or edited.
        label: the photos' cameras ``[K, 25]``.
        planes: tri-planes ``[1, 3, C, R, R]`` of ws, which every view reads.
    """

    generator: Generator
    w: Tensor
    ws: Tensor
    label: Tensor
    planes: Tensor

    @torch.no_grad()
    def with_ws(self, ws: Tensor) -> FoundHead:
        """The same head with other latents ``[1, num_ws, w_dim]``; it keeps the latent that was found."""
        return replace(self, ws=ws, planes=self.generator.planes(ws))

    def render(self, label: Tensor) -> dict[str, Tensor]:
        """Views from cameras ``[N, 25]``, see :func:`~gan3dinv_ns.inversion.views.whole_views`."""
        return whole_views(self.generator, self.ws, self.planes, label)

    def view(self, yaw_rad: float = 0.0, pitch_rad: float = 0.0) -> Tensor:
        """The picture ``[1, 3, R, R]`` in [-1, 1] from a direction; yaw and pitch 0 look at the face from the front."""
        intrinsics = split_label(self.label[:1])[1]
        camera = orbit(yaw_rad, pitch_rad, self.generator.rendering.avg_camera_radius).to(self.w)
        return self.render(camera_label(camera, intrinsics))["image"].clamp(-1, 1)


def write_head(inversion: Inversion, path: str | Path) -> None:
    """Writes a head, whole or not at all.

    Raises:
        FileWriteError: the disk is full or the place is not writable.
    """
    found = {"w": inversion.pivot, "label": inversion.label}
    if inversion.settings.latent_space == "w+":
        found["ws"] = inversion.latent[0]
    _write(path, inversion.generator, found)


def write_edited_head(head: FoundHead, path: str | Path) -> None:
    """Writes a head with its latents of every layer, whole or not at all; :func:`load_head` opens it as any other.

    Raises:
        FileWriteError: the disk is full or the place is not writable.
    """
    _write(path, head.generator, {"w": head.w, "ws": head.ws[0], "label": head.label})


def _write(path: str | Path, generator: Generator, found: dict[str, Tensor]) -> None:
    state = {f"{_WEIGHTS}{key}": value.detach().cpu().half() for key, value in generator.state_dict().items()}
    state |= {key: value.detach().cpu() for key, value in found.items()}
    state = {key: value.contiguous() for key, value in state.items()}
    write_network_file(path, _ROLE, generator.config.to_dict(), state)


def find_head(place: str | Path) -> Path:
    """The file of a head.

    Args:
        place: the file itself, or the folder of a run, of its results or of an edit, or a run's ``config.yml``.

    Raises:
        ValueError: there is none; one line.
    """
    place = Path(place).expanduser()
    if place.suffix == ".safetensors":
        if place.is_file():
            return place
        raise ValueError(f"{place}: no such file; give the {HEAD_FILE} in the results of a run, or the run's folder")
    folder = place.parent if place.suffix in (".yml", ".yaml") else place
    for candidate in (folder / HEAD_FILE, folder / RESULTS_FOLDER / HEAD_FILE, folder / EDITED_FILE):
        if candidate.is_file():
            return candidate
    raise ValueError(f"{place}: holds no {HEAD_FILE}; give the folder of a finished run, or that file")


def run_folder(head: Path) -> Path:
    """The folder of the run that a head's file belongs to, or else the file's own folder."""
    return head.parent.parent if head.parent.name == RESULTS_FOLDER else head.parent


def load_head(path: str | Path, device: str | torch.device = "cpu") -> FoundHead:
    """Opens a head.

    Args:
        path: ``head.safetensors`` in the results of a run, or an edited one.
        device: where it goes.

    Raises:
        ValueError: the file is missing, truncated or of another kind; one line.
    """
    config, state = read_network_file(path, _ROLE)
    weights = {key.removeprefix(_WEIGHTS): value for key, value in state.items() if key.startswith(_WEIGHTS)}
    if "w" not in state or "label" not in state:
        raise ValueError(f"{path}: holds a generator, but no latent and camera; give the head.safetensors of a run")
    generator: Generator = build_network(path, Generator, GeneratorConfig, config, weights)
    generator = with_fastest_backend(generator.to(device))
    w, label = state["w"].to(device), state["label"].to(device)
    ws = state["ws"].to(device) if "ws" in state else w.expand(generator.num_ws, -1)
    shapes = (generator.w_dim,), (generator.num_ws, generator.w_dim)
    if (tuple(w.shape), tuple(ws.shape)) != shapes or label.ndim != 2 or not len(label) or label.shape[1] != 25:
        found = f"latent {list(w.shape)}, those of the layers {list(ws.shape)} or camera {list(label.shape)}"
        raise ValueError(f"{path}: {found} do not fit the generator")
    with torch.no_grad():
        planes = generator.planes(ws[None])
    return FoundHead(generator, w, ws[None], label, planes)
