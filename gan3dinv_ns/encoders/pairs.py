"""What the initialisers are trained on: pictures, each with its latent and camera, in shards.

A folder holds ``pairs.json``, what the pairs are made of, and shards ``pairs-00003.zip``. A shard is a data set in
EG3D's format, ``dataset.json`` = {"labels": [["00003/img00000042.png", [25 numbers]], ...]} and its pictures, with the
latents in the same order as ``latents.npy``, float32 [n, w_dim]. It is written whole or not at all.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from tqdm import tqdm

from gan3dinv_ns.encoders.residual import shrink_photo
from gan3dinv_ns.ops.atomic_files import atomic_path

_ABOUT = "pairs.json"
_LABELS, _LATENTS = "dataset.json", "latents.npy"
_SHARD = re.compile(r"pairs-(\d{5})\.zip")


@dataclass(frozen=True)
class Pairs:
    """Pictures with what they were made from.

    Attributes:
        photo: [N, 3, S, S] in [-1, 1], or uint8 in 0 to 255 where they are stored.
        w: [N, w_dim] latents.
        label: [N, 25] cameras.
    """

    photo: Tensor
    w: Tensor
    label: Tensor

    def __len__(self) -> int:
        return len(self.w)

    def take(self, chosen: Tensor | slice, device: torch.device | str = "cpu") -> Pairs:
        """Some of the stored pairs, as floats on a device."""
        photo = self.photo[chosen].to(device, torch.float32) / 127.5 - 1
        return Pairs(photo, self.w[chosen].to(device), self.label[chosen].to(device))


def shard_file(folder: Path, index: int) -> Path:
    """Where a shard is, or would be."""
    return folder / f"pairs-{index:05d}.zip"


def pairs_in(shard: Path) -> int:
    """Number of pairs in a shard; 0 if it is missing or cut short."""
    try:
        with zipfile.ZipFile(shard) as archive:
            return sum(name.endswith(".png") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return 0


def begin_pairs(folder: Path, about: dict[str, Any]) -> None:
    """Note what the pairs of a folder are made of, or see that it is the same as before.

    Args:
        folder: made if it is not there.
        about: plain data, with at least "generator".

    Raises:
        ValueError: the folder holds pairs that are made otherwise.
    """
    path = folder / _ABOUT
    if path.is_file():
        before = read_about(folder)
        for name, value in about.items():
            if before.get(name) != value:
                raise ValueError(
                    f"{folder}: holds pairs of {name} {before.get(name)}, not {value}; give another folder"
                )
        return
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(about, indent=2))


def read_about(folder: Path) -> dict[str, Any]:
    """What the pairs of a folder are made of.

    Raises:
        ValueError: it is not a folder of pairs.
    """
    try:
        about = json.loads((folder / _ABOUT).read_text())
        return {"generator": str(about.pop("generator")), **about}
    except (OSError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{folder}: no folder of pairs; make them with `gan3dinv pretrain data`") from error


def write_shard(folder: Path, index: int, first: int, photos: Tensor, w: Tensor, labels: Tensor) -> None:
    """Write one shard.

    Args:
        folder: of :func:`begin_pairs`.
        index: of the shard.
        first: number of its first picture.
        photos: [n, 3, R, R] in [-1, 1].
        w: [n, w_dim].
        labels: [n, 25].

    Raises:
        FileWriteError: the disk is full or the place is not writable.
    """
    pixels = (photos * 127.5 + 128).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()
    names = [f"{index:05d}/img{first + number:08d}.png" for number in range(len(pixels))]
    entries = [[name, label] for name, label in zip(names, labels.tolist(), strict=True)]
    with atomic_path(shard_file(folder, index)) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, picture in zip(names, pixels, strict=True):
            archive.writestr(name, _png(picture))
        archive.writestr(_LATENTS, _npy(w.float().numpy()))
        archive.writestr(_LABELS, json.dumps({"labels": entries}))


def load_pairs(folder: Path, side: int) -> Pairs:
    """All pairs of a folder, their pictures shrunk to ``side`` and kept as uint8.

    Raises:
        ValueError: there are none, one is cut short or damaged, or they have latents of different lengths.
    """
    read_about(folder)
    paths = sorted(path for path in folder.iterdir() if _SHARD.fullmatch(path.name))
    if not paths:
        raise ValueError(f"{folder}: no pairs yet; make them with `gan3dinv pretrain data`")
    shards = [_read_shard(path, side) for path in tqdm(paths, desc="reading pairs", leave=False, disable=None)]
    for path, shard in zip(paths, shards, strict=True):
        if shard.w.shape[1] != shards[0].w.shape[1]:
            lengths = f"{shard.w.shape[1]} numbers, those of {paths[0].name} {shards[0].w.shape[1]}"
            raise ValueError(f"{path}: its latents have {lengths}; keep pairs of one generator in a folder")
    return Pairs(*(torch.cat([getattr(shard, name) for shard in shards]) for name in ("photo", "w", "label")))


def _read_shard(path: Path, side: int) -> Pairs:
    try:
        with zipfile.ZipFile(path) as archive:
            entries = json.loads(archive.read(_LABELS))["labels"]
            w = np.load(io.BytesIO(archive.read(_LATENTS)), allow_pickle=False)
            photos = [_pixels(archive.read(name)) for name, _ in entries]
        label = torch.tensor([values for _, values in entries], dtype=torch.float32)
        if label.shape != (len(w), 25) or w.ndim != 2:
            raise ValueError(f"{len(w)} latents and labels of shape {list(label.shape)}")
        return Pairs(_shrunk(photos, side), torch.from_numpy(w).float(), label)
    except (OSError, ValueError, TypeError, KeyError, zlib.error, zipfile.BadZipFile) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path}: cut short or damaged ({reason}); delete it and make the pairs again") from error


def _shrunk(photos: Sequence[np.ndarray], side: int) -> Tensor:
    """Pictures [n, 3, side, side], uint8."""
    pixels = torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2)
    return shrink_photo(pixels.float(), side).round().to(torch.uint8)


def _pixels(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image.convert("RGB"))


def _png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=3)
    return buffer.getvalue()


def _npy(values: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, values, allow_pickle=False)
    return buffer.getvalue()
