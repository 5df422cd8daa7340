"""Pictures in and out: any file that Pillow reads becomes a tensor [1, 3, H, W] in [-1, 1], and back."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from gan3dinv_ns.ops.atomic_files import atomic_path

MINIMUM_SIDE = 16
MAXIMUM_PIXELS = 178_000_000
LONGEST_SIDE = 4096
"""Larger pictures are reduced to this while they are read: a 12,000-pixel one would need 1.7 GB as floats."""


HEIC_SUFFIXES = (".heic", ".heif")
"""What telephones write; read where the extra "heic" is installed."""


def read_image(path: str | Path, minimum_side: int = MINIMUM_SIDE, longest_side: int = LONGEST_SIDE) -> Tensor:
    """Reads a picture as an upright colour image.

    EXIF orientation is applied, grey becomes colour, transparency is laid over white, 16 bits are scaled,
    of an animation the first frame is taken. A picture whose longer side exceeds `longest_side` is reduced
    by a whole factor (box filter).

    Returns:
        [1, 3, H, W] float32 in [-1, 1].

    Raises:
        ValueError: one line naming file and fix: missing, a directory, no picture, damaged, too small, too
            large.
    """
    path = Path(path)
    _check_is_file(path)
    _open_heic(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as opened:
                _check_size(path, opened.size, minimum_side)
                opened.draft(None, (longest_side, longest_side))
                values = _rgb01(_reduced(ImageOps.exif_transpose(opened), longest_side))
    except UnidentifiedImageError:
        raise ValueError(f"{path} is not a picture of a known kind; give a PNG, JPEG or WebP file") from None
    except Image.DecompressionBombError:
        raise ValueError(
            f"{path} has more than {MAXIMUM_PIXELS // 10**6} million pixels; scale it down first"
        ) from None
    except PermissionError:
        raise ValueError(f"{path} cannot be read: permission denied; make the file readable") from None
    except (OSError, SyntaxError, EOFError) as error:
        raise ValueError(f"{path} is damaged ({error}); give a complete PNG, JPEG or WebP file") from None
    return torch.from_numpy(values).permute(2, 0, 1)[None].contiguous() * 2 - 1


def pixels_of(image: Tensor) -> np.ndarray:
    """The levels of a picture, as Pillow and OpenCV take them (OpenCV in the order of RGB).

    Args:
        image: [1, C, H, W] in [-1, 1]; values outside are clamped.

    Returns:
        [H, W, C] uint8.
    """
    values = ((image[0].detach().float().cpu().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return values.permute(1, 2, 0).contiguous().numpy()


def write_image(path: str | Path, image: Tensor) -> None:
    """Writes a picture, complete or not at all; the suffix of `path` chooses the format.

    Args:
        path: `.png`, `.jpg` or `.webp`.
        image: [1, 3, H, W] or [1, 1, H, W] in [-1, 1]; values outside are clamped.

    Raises:
        ValueError: wrong shape or an unknown suffix.
        FileWriteError: the disk is full or the place is not writable.
    """
    path = Path(path)
    if image.ndim != 4 or image.shape[0] != 1 or image.shape[1] not in (1, 3):
        raise ValueError(f"an image to write has shape [1, 3, H, W] or [1, 1, H, W], not {list(image.shape)}")
    if path.suffix.lower() not in Image.registered_extensions():
        raise ValueError(f"{path}: unknown kind of picture {path.suffix!r}; use .png, .jpg or .webp")
    picture = Image.fromarray(pixels_of(image.expand(-1, 3, -1, -1)))
    with atomic_path(path) as temporary:
        picture.save(temporary)


def _check_is_file(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give one picture (a PNG, JPEG or WebP file)")
    if not path.exists():
        raise ValueError(f"{path} does not exist; give the path of a picture (a PNG, JPEG or WebP file)")


def _open_heic(path: Path) -> None:
    """Teaches Pillow to read HEIC pictures, if it is one and the plugin is there."""
    if path.suffix.lower() not in HEIC_SUFFIXES:
        return
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise ValueError(
            f'{path}: HEIC pictures need pillow-heif (pip install pillow-heif, or the extra "heic"); or save it as JPEG'
        ) from None
    register_heif_opener()


def _check_size(path: Path, size: tuple[int, int], minimum_side: int) -> None:
    width, height = size
    if min(size) < minimum_side:
        raise ValueError(
            f"{path} is too small ({width}x{height} pixels); at least {minimum_side}x{minimum_side} is needed"
        )
    if width * height > MAXIMUM_PIXELS:
        raise ValueError(
            f"{path} is too large ({width}x{height} pixels; at most {MAXIMUM_PIXELS // 10**6} million fit);"
            " scale it down first"
        )


def _reduced(image: Image.Image, longest_side: int) -> Image.Image:
    factor = -(-max(image.size) // longest_side)
    if factor <= 1:
        return image
    if image.mode in ("P", "1"):
        image = image.convert("RGBA" if "transparency" in image.info else "RGB")
    return image.reduce(factor)


def _rgb01(image: Image.Image) -> np.ndarray:
    """[H, W, 3] float32 in [0, 1]; transparency over white."""
    if image.mode == "F":
        raise OSError("floating point pixels")
    if image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.float32) / 65535
        return np.repeat(grey.clip(0, 1)[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = np.asarray(image.convert("RGBA")).astype(np.float32) / 255
        return rgba[..., :3] * rgba[..., 3:] + (1 - rgba[..., 3:])
    return np.asarray(image.convert("RGB")).astype(np.float32) / 255
