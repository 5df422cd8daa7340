"""The folder of a run: the photo in it, its configuration, its checkpoints."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch
import yaml

from gan3dinv_ns.eg3d.downloaded import ensure_downloaded
from gan3dinv_ns.eg3d.registry import KINDS, REGISTERED, is_downloaded
from gan3dinv_ns.ops.atomic_files import atomic_path
from gan3dinv_ns.ops.image_files import read_image

PHOTO_STEM = "photo"
CHECKPOINT_FOLDER = "nerfstudio_models"
CONFIG_NAME = "config.yml"

_PARTS = ("step", "pipeline", "optimizers", "scalers")


def resolve_photo(data: Path | None, resumed: Path | None) -> Path:
    """The absolute path of the photo of a run, known to be readable.

    Args:
        data: what the user gave, or None.
        resumed: checkpoint that is resumed from; without `data` the photo of its run is taken.

    Raises:
        ValueError: none is given, or it is missing, no picture, damaged, too small or too large.
    """
    if data is None:
        found = sorted(resumed.parent.parent.glob(f"{PHOTO_STEM}.*")) if resumed is not None else []
        if not found:
            raise ValueError("no photo is given; add --data PHOTO (a PNG, JPEG or WebP file)")
        data = found[0]
    photo = data.expanduser().resolve()
    read_image(photo)
    return photo


def name_of(photo: Path) -> str:
    """What a run of the photo is called: the file's stem, or for the photo in a run's folder that run's name."""
    in_run = photo.stem == PHOTO_STEM and (photo.parent / CONFIG_NAME).is_file()
    return photo.parents[2].name if in_run else photo.stem


def copy_photo(photo: Path, run_folder: Path) -> Path:
    """Copies the photo into the run's folder, once, and returns where it is there.

    Raises:
        FileWriteError: the disk is full or the folder is not writable.
    """
    copy = run_folder / f"{PHOTO_STEM}{photo.suffix.lower()}"
    if photo != copy:
        with atomic_path(copy) as temporary:
            shutil.copyfile(photo, temporary)
    return copy


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
    """The device, or "cpu" where a configuration names a GPU that this machine does not have."""
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
