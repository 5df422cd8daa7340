"""How precisely a generator computes: in float32, or in half as long numbers where that is faster.

A CPU with bfloat16 products (AVX-512's or AMX's) does twice as many of them in a second. Super-resolution, most of
what is convolved, is multiplied so: its pictures differ from float32's by less than their rounding to eight bits does.
So are the gradients of all convolutions, as those of a step vary more with the points that it samples. On a GPU the
blocks that EG3D trained in float16 may be computed in it.
"""

from __future__ import annotations

from functools import cache

import torch

from gan3dinv_ns.eg3d.generator import Generator
from gan3dinv_ns.ops.compute_choices import PrecisionName

_PRODUCTS = ("avx512_bf16", "amx_bf16")


def use_precision(generator: Generator, name: PrecisionName) -> None:
    """Gives a generator its precision.

    Args:
        generator: on its device.
        name: "auto" takes "half" on a CPU with bfloat16 products, else "float32".

    Raises:
        ValueError: see :func:`check_precision`.
    """
    device = next(generator.parameters()).device
    check_precision(name, device)
    generator.set_half(name == "half" or (name == "auto" and device.type == "cpu" and multiplies_bfloat16()))


def check_precision(name: PrecisionName, device: torch.device) -> None:
    """Refuses a precision that a device does not gain from.

    Raises:
        ValueError: one line with the reason and the fix.
    """
    if not precision_can_be_had(name, device):
        raise ValueError("precision half: this CPU has no bfloat16 products; choose auto or float32")


def precision_can_be_had(name: PrecisionName, device: torch.device) -> bool:
    """Whether a precision may be asked for on a device; only half on a CPU without bfloat16 products may not."""
    return name != "half" or device.type != "cpu" or multiplies_bfloat16()


@cache
def multiplies_bfloat16() -> bool:
    """Whether this CPU has instructions for bfloat16 products, as far as torch can tell."""
    tell = getattr(torch.cpu, "get_capabilities", None)
    capabilities = tell() if tell is not None else {}
    return any(capabilities.get(name, False) for name in _PRODUCTS)
