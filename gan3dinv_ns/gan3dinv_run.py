"""The folder of a run: the photos in it, its configuration, its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml

from gan3dinv_ns.eg3d.downloaded import ensure_downloaded
from gan3dinv_ns.eg3d.registry import KINDS, REGISTERED, is_downloaded
from gan3dinv_ns.ops.atomic_files import atomic_path
from gan3dinv_ns.ops.image_files import read_image
from gan3dinv_ns.photo import photos_of

PHOTO_STEM = "photo"
PHOTOS_FOLDER = "photos"
HEADS_FOLDER = "heads"
"""In the run of several heads: the folder of their own runs."""

CHECKPOINT_FOLDER = "nerfstudio_models"
CONFIG_NAME = "config.yml"

_PARTS = ("step", "pipeline", "optimizers", "scalers")


def resolve_photos(data: Path | Sequence[Path] | None, resumed: Path | None) -> list[Path]:
    """The absolute paths of the photos of a run, ordered by name.

    Args:
        data: the files and folders that the user gave, or None.
        resumed: checkpoint that is resumed from; without `data` the photos of its run are taken.

    Raises:
        ValueError: none are given, a folder holds none, or two have the same name.
    """
    given = [data] if isinstance(data, Path) else list(data or [])
    if not given and resumed is not None:
        run = resumed.parent.parent
        given = sorted(run.glob(f"{PHOTO_STEM}.*"))[:1] or [one for one in [run / PHOTOS_FOLDER] if one.is_dir()]
    if not given:
        raise ValueError("no photo is given; add --data PHOTO (PNG, JPEG or WebP files, or a folder of them)")
    return photos_of([path.expanduser().resolve() for path in given])


def check_exist(photos: Sequence[Path]) -> None:
    """Looks whether the photos are there, without reading them.

    Raises:
        ValueError: one is missing.
    """
    for photo in photos:
        if not photo.is_file():
            raise ValueError(f"{photo}: no such photo; give PNG, JPEG or WebP files, or a folder of them")


def check_photos(photos: Sequence[Path]) -> None:
    """Reads the photos.

    Raises:
        ValueError: one is missing, no picture, damaged, too small or too large.
    """
    for photo in photos:
        read_image(photo)


def name_of(photos: Sequence[Path]) -> str:
    """What a run of the photos is called: the file's stem, or that of their folder; photos that are in a run's folder
    already give that run's name."""
    photo = photos[0]
    place = photo.parent if len(photos) == 1 else photo.parents[1]
    if (place / CONFIG_NAME).is_file():
        return place.name if place.parent.name == HEADS_FOLDER else place.parents[1].name
    return photo.stem if len(photos) == 1 else photo.parent.name


def copy_photos(photos: Sequence[Path], run_folder: Path, many_heads: bool = False) -> Path:
    """Copies the photos into the run's folder, once.

    Args:
        many_heads: the run is that of several heads, be it in one photo.

    Returns:
        the copy of the one, or the folder of the copies of several, and of those of several heads.

    Raises:
        ValueError: a photo is missing or cannot be read.
        FileWriteError: the disk is full or the folder is not writable.
    """
    if len(photos) == 1 and not many_heads:
        return _copied(photos[0], run_folder / f"{PHOTO_STEM}{photos[0].suffix.lower()}")
    for photo in photos:
        _copied(photo, run_folder / PHOTOS_FOLDER / photo.name)
    return run_folder / PHOTOS_FOLDER


def _copied(photo: Path, copy: Path) -> Path:
    if photo == copy:
        return copy
    try:
        content = photo.read_bytes()
    except OSError as error:
        raise ValueError(f"{photo} cannot be read ({error.strerror}); give a PNG, JPEG or WebP file") from None
    with atomic_path(copy) as temporary:
        temporary.write_bytes(content)
    return copy


def command_to_go_on(method_name: str | None, run_folder: Path) -> str:
    """What to type so that a run goes on where it was left."""
    return f"ns-train {method_name} --load-config {run_folder / CONFIG_NAME}"


def check_one_head(data: Path | None) -> None:
    """Refuses to load the run of several heads as if it were one's.

    Args:
        data: the photo of the run, or the folder of its photos.

    Raises:
        ValueError: names one of the heads, which can be loaded.
    """
    heads = sorted(data.parent.glob(f"{HEADS_FOLDER}/*/{CONFIG_NAME}")) if data is not None else []
    if heads:
        raise ValueError(f"this is a run of {len(heads)} heads; load one of them, for example {heads[0]}")


def resolve_generator(source: str) -> str:
    """A name or a URL as it is, a path made absolute; what has to be downloaded is, before a run begins.

    Raises:
        ValueError: there is no such file, or it cannot be downloaded.
        FileWriteError: there is no room for a download.
    """
    if source in REGISTERED:
        return source
    if is_downloaded(source):
        ensure_downloaded(source)
        return source
    path = Path(source).expanduser().resolve()
    if not path.is_file():
        raise ValueError(f"generator {source}: no such file; give {KINDS}")
    return str(path)


def usable_device(wanted: str) -> str:
    """The device, or "cpu" where a configuration names a GPU that this machine does not have, or Apple's, which lacks
    float64 and eigenvalues; one line says so."""
    if wanted == "mps":
        print("device mps: Apple's GPU lacks float64, which the latents' prior needs; running on the CPU")
        return "cpu"
    return "cpu" if wanted == "cuda" and not torch.cuda.is_available() else wanted


def latest_checkpoint(folder: Path, step: int | None = None) -> Path:
    """The checkpoint of a step, or the last one.

    Args:
        folder: the `nerfstudio_models` of a run, or the run's folder.
        step: None for the last.

    Raises:
        ValueError: there is none.
    """
    folder = folder.expanduser().resolve()
    if (folder / CHECKPOINT_FOLDER).is_dir():
        folder = folder / CHECKPOINT_FOLDER
    name = "step-*.ckpt" if step is None else f"step-{step:09d}.ckpt"
    found = sorted(folder.glob(name))
    if not found:
        raise ValueError(f"no checkpoint {name} in {folder}; give the {CHECKPOINT_FOLDER} folder of a run")
    return found[-1]


def has_checkpoint(folder: Path) -> bool:
    """Whether a run left a checkpoint in its `nerfstudio_models`."""
    return any(folder.glob("step-*.ckpt"))


def read_checkpoint(path: Path) -> dict[str, Any]:
    """A checkpoint's content on the CPU; nothing in it is executed.

    Raises:
        ValueError: it is missing, damaged or of another kind.
    """
    if not path.is_file():
        raise ValueError(f"checkpoint {path} does not exist; give a step-*.ckpt file of a run")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"checkpoint {path} cannot be read ({reason}); give another one") from None
    if not isinstance(state, dict) or any(part not in state for part in _PARTS):
        raise ValueError(f"checkpoint {path} is not one of nerfstudio's; give a step-*.ckpt file of a run")
    return state


def write_checkpoint(state: dict[str, Any], folder: Path, only_latest: bool) -> Path:
    """Writes a checkpoint whole or not at all.

    The file is written in the folder above first: nerfstudio takes every name in `folder` for a checkpoint's.

    Args:
        state: with its "step".
        folder: the run's `nerfstudio_models`.
        only_latest: remove the other ones once this one is complete.

    Raises:
        FileWriteError: the disk is full or the folder is not writable; earlier checkpoints are still there.
    """
    path = folder / f"step-{state['step']:09d}.ckpt"
    with atomic_path(path, temporary_folder=folder.parent) as temporary:
        torch.save(state, temporary)
    if only_latest:
        for other in folder.glob("*.ckpt"):
            if other != path:
                other.unlink()
    return path


def write_config(config: Any, run_folder: Path) -> Path:
    """Writes `config.yml`, from which nerfstudio's commands load the run.

    Raises:
        FileWriteError: the disk is full or the folder is not writable.
    """
    path = run_folder / CONFIG_NAME
    with atomic_path(path) as temporary:
        temporary.write_text(yaml.dump(config), encoding="utf-8")
    return path
