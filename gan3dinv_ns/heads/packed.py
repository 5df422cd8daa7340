"""Heads packed into one file that training reads with numpy and Pillow only.

A safetensors file with these tensors, for N heads with V views each (view i of head n is number n * V + i):

``seeds`` int64 [N]; ``attributes`` float16 [N, K]; ``label`` float32 [N, V, 25];
``yaw_pitch`` float32 [N, V, 2];
``rgb`` uint8 [bytes] and ``rgb_at`` int64 [N * V + 1]: WebP files one after another and where each begins;
``shape`` and ``shape_at``: the same for WebP files with alpha whose colour is the depth, (depth - near) / (far -
near) * 255, extended beyond the head, and whose alpha is the coverage.

Metadata: ``format`` = "gan3dinv-heads", ``names`` (JSON list of the K attributes), ``depth_near``, ``depth_far``,
``resolution``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from PIL import Image

from gan3dinv_ns.ops.atomic_files import atomic_path

FORMAT = "gan3dinv-heads"
DEPTH_NEAR = 2.2
DEPTH_FAR = 3.1


@dataclass(frozen=True)
class PackedHead:
    """One head to be packed: ``rgb`` and ``shape`` are encoded files, one for each view."""

    seed: int
    attributes: np.ndarray
    label: np.ndarray
    yaw_pitch: np.ndarray
    rgb: list[bytes]
    shape: list[bytes]


def encode_rgb(rgb: np.ndarray, quality: int = 88) -> bytes:
    """[R, R, 3] uint8 as a lossy WebP file."""
    return _webp(Image.fromarray(rgb), quality=quality)


def decode_rgb(data: bytes) -> np.ndarray:
    """[R, R, 3] uint8."""
    with Image.open(io.BytesIO(data)) as image:
        return np.array(image.convert("RGB"))


def encode_shape(depth: np.ndarray, alpha: np.ndarray, quality: int = 75) -> bytes:
    """Depth [R, R] (box units, 0: none) and coverage [R, R] in [0, 1] as one WebP file with alpha."""
    level = np.clip((depth - DEPTH_NEAR) / (DEPTH_FAR - DEPTH_NEAR) * 255, 0, 255)
    level = np.round(_extend(level, depth > 0)).astype(np.uint8)
    cover = np.round(alpha * 255).astype(np.uint8)
    # Depth exists where a pixel's centre hits; its code must survive there even if little is covered.
    cover = np.where(depth > 0, np.maximum(cover, 1), cover)
    pixels = np.dstack([level, level, level, cover])
    return _webp(Image.fromarray(pixels, "RGBA"), quality=quality, alpha_quality=100, exact=True)


def decode_shape(data: bytes, near: float = DEPTH_NEAR, far: float = DEPTH_FAR) -> tuple[np.ndarray, np.ndarray]:
    """Depth [R, R] float32 (0 where less than half a pixel is covered) and coverage [R, R] float32."""
    with Image.open(io.BytesIO(data)) as image:
        pixels = np.array(image.convert("RGBA"))
    alpha = pixels[..., 3].astype(np.float32) / 255
    depth = near + pixels[..., 1].astype(np.float32) * ((far - near) / 255)
    return np.where(alpha >= 0.5, depth, 0).astype(np.float32), alpha


def _webp(image: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", method=4, **options)
    return buffer.getvalue()


def _extend(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Fill unknown places of [R, R] from the nearest known ones around, so that edges stay sharp when compressed."""
    from_left = _nearest_known(values, known)
    filled, has = from_left
    down, has_down = _nearest_known(filled.T, has.T)
    return np.where(has, filled, np.where(has_down.T, down.T, 255.0))


def _nearest_known(values: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fill each row from its nearest known pixel; rows without one stay unknown."""
    columns = np.arange(values.shape[1])
    before = np.maximum.accumulate(np.where(known, columns, -1), axis=1)
    after = np.minimum.accumulate(np.where(known, columns, 10**6)[:, ::-1], axis=1)[:, ::-1]
    use_before = (before >= 0) & ((columns - before <= after - columns) | (after == 10**6))
    source = np.clip(np.where(use_before, before, after), 0, values.shape[1] - 1)
    return np.take_along_axis(values, source, axis=1), np.broadcast_to(known.any(axis=1, keepdims=True), known.shape)


def write_packed(path: str | Path, heads: Iterable[PackedHead], names: list[str], resolution: int) -> int:
    """Write a packed file; returns its size in bytes.

    Raises:
        ValueError: there are no heads.
    """
    from safetensors.numpy import save_file

    heads = list(heads)
    if not heads:
        raise ValueError(f"no heads to pack into {path}; generate some first")
    tensors: dict[str, np.ndarray] = {
        "seeds": np.array([head.seed for head in heads], np.int64),
        "attributes": np.stack([head.attributes for head in heads]).astype(np.float16),
        "label": np.stack([head.label for head in heads]).astype(np.float32),
        "yaw_pitch": np.stack([head.yaw_pitch for head in heads]).astype(np.float32),
    }
    for key in ("rgb", "shape"):
        files = [data for head in heads for data in getattr(head, key)]
        tensors[key] = np.frombuffer(b"".join(files), np.uint8)
        tensors[f"{key}_at"] = np.cumsum([0] + [len(data) for data in files], dtype=np.int64)
    metadata = {"format": FORMAT, "names": json.dumps(names), "resolution": str(resolution)}
    metadata |= {"depth_near": str(DEPTH_NEAR), "depth_far": str(DEPTH_FAR)}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata)
    return Path(path).stat().st_size


class PackedHeads:
    """Reads a packed file; pictures are decoded when asked for.

    Attributes:
        names: the K attributes.
        seeds: [N] int64.
        attributes: [N, K] float32.
        label: [N, V, 25] float32 EG3D camera labels.
        yaw_pitch: [N, V, 2] float32 radians.
        resolution: side of the pictures in pixels.
    """

    def __init__(self, path: str | Path) -> None:
        """Open a packed file.

        Raises:
            ValueError: no such file, or not a file of packed heads.
        """
        from safetensors import SafetensorError, safe_open

        self.path = Path(path)
        if not self.path.is_file():
            raise ValueError(f"no packed heads at {path}: make them with `gan3dinv heads`, or give another path")
        try:
            with safe_open(self.path, "numpy") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != FORMAT:
                    raise ValueError(f"{path} is not a file of packed heads")
                self._tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        except SafetensorError as error:
            raise ValueError(f"cannot read {path} as packed heads: {error}") from error
        self.names: list[str] = json.loads(metadata["names"])
        self.resolution = int(metadata["resolution"])
        self._near, self._far = float(metadata["depth_near"]), float(metadata["depth_far"])
        self.seeds: np.ndarray = self._tensors["seeds"]
        self.label: np.ndarray = self._tensors["label"]
        self.yaw_pitch: np.ndarray = self._tensors["yaw_pitch"]

    @cached_property
    def attributes(self) -> np.ndarray:
        """[N, K] float32."""
        return self._tensors["attributes"].astype(np.float32)

    def __len__(self) -> int:
        return len(self.seeds)

    @property
    def views(self) -> int:
        """V, the number of views of each head."""
        return self.label.shape[1]

    def rgb(self, head: int, view: int) -> np.ndarray:
        """[R, R, 3] uint8 on white."""
        return decode_rgb(self._file("rgb", head, view))

    def shape(self, head: int, view: int) -> tuple[np.ndarray, np.ndarray]:
        """Depth [R, R] float32 (distance along the unit ray in box units; 0: background) and coverage [R, R]."""
        return decode_shape(self._file("shape", head, view), self._near, self._far)

    def decode(self, head: int, view: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """rgb [R, R, 3] uint8, depth [R, R], alpha [R, R] and label [25] of one view."""
        return (self.rgb(head, view), *self.shape(head, view), self.label[head, view])

    def _file(self, key: str, head: int, view: int) -> bytes:
        number = head * self.views + view
        start, end = self._tensors[f"{key}_at"][number : number + 2]
        return self._tensors[key][start:end].tobytes()
