"""Density volumes as MRC2014 files (Cheng et al. 2015, https://www.ccpem.ac.uk/mrc_format/mrc2014.php), which
ChimeraX opens.

Axes are those of EG3D's own script: the volume is indexed [-x, y, z] in world axes (the first axis flipped,
which keeps it right-handed), so that in the viewer X is the head's front, Y is up and Z its right.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np

from gan3dinv_ns.ops.atomic_files import atomic_path

HEADER_BYTES = 1024
_FLOAT32 = 2
_VERSION = 20141
_LITTLE_ENDIAN = b"\x44\x44\x00\x00"


def write_mrc(path: str | Path, density: np.ndarray, label: str = "raw density of an EG3D head") -> None:
    """Writes a cube of raw densities.

    Args:
        path: the `.mrc` file.
        density: [R, R, R] float32, indexed [x, y, z] in world axes.
        label: at most 80 ASCII characters for the header.

    Raises:
        ValueError: the suffix is not `.mrc` or the volume has not three axes.
        FileWriteError: the disk is full or the place is not writable.
    """
    path = Path(path)
    if path.suffix.lower() != ".mrc":
        raise ValueError(f"{path}: a density volume has the suffix .mrc, not {path.suffix!r}")
    if density.ndim != 3:
        raise ValueError(f"a density volume has shape [R, R, R], not {list(density.shape)}")
    volume = density[::-1]
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.write(_header(volume, label))
        for section in volume:
            file.write(np.ascontiguousarray(section, dtype="<f4").tobytes())


def _header(volume: np.ndarray, label: str) -> bytes:
    """The 1024 bytes before the data; one voxel counts as 1 angstrom, as EG3D's files do."""
    sections, rows, columns = volume.shape
    mean = float(np.mean(volume, dtype=np.float64))
    deviation = float(np.sqrt(np.mean([np.mean((s.astype(np.float64) - mean) ** 2) for s in volume])))
    header = bytearray(HEADER_BYTES)
    struct.pack_into("<10i", header, 0, columns, rows, sections, _FLOAT32, 0, 0, 0, columns, rows, sections)
    struct.pack_into("<6f", header, 40, columns, rows, sections, 90, 90, 90)
    struct.pack_into("<3i", header, 64, 1, 2, 3)
    struct.pack_into("<3f", header, 76, float(volume.min()), float(volume.max()), mean)
    struct.pack_into("<2i", header, 88, 1, 0)
    struct.pack_into("<i", header, 108, _VERSION)
    struct.pack_into("<4s4sf", header, 208, b"MAP ", _LITTLE_ENDIAN, deviation)
    struct.pack_into("<i80s", header, 220, 1, label.encode("ascii", "replace")[:80].ljust(80))
    return bytes(header)
