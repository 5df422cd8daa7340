"""What users choose to compute with. Importing this needs no torch, so that command lines answer at once."""

from __future__ import annotations

from typing import Literal

DeviceName = Literal["auto", "cpu", "cuda"]
"""auto is CUDA if there is one, else the CPU."""

PrecisionName = Literal["auto", "float32", "half"]
"""See `eg3d.precision`."""

BackendName = Literal["auto", "torch", "tcnn", "triton"]
"""See `eg3d.backends.choice`."""
