"""Functions that several Triton kernels call. Importing this needs Triton."""

from __future__ import annotations

import triton
import triton.language as tl


@triton.jit
def softplus(x):
    """log(1 + exp(x)), to the relative rounding of float32 also where it is small."""
    u = tl.exp(-tl.abs(x))
    series = u * (1.0 - u * (0.5 - u * (0.33333333 - u * (0.25 - u * 0.2))))
    return tl.maximum(x, 0.0) + tl.where(u < 0.05, series, tl.log(1.0 + u))


@triton.jit
def sigmoid(x):
    """1 / (1 + exp(-x)), without overflow."""
    u = tl.exp(-tl.abs(x))
    return tl.where(x >= 0.0, 1.0, u) / (1.0 + u)


@triton.jit
def absorbed(tau):
    """1 - exp(-tau) of tau >= 0, to the relative rounding of float32 also where it is small."""
    series = tau * (1.0 - tau / 2.0 * (1.0 - tau / 3.0 * (1.0 - tau / 4.0 * (1.0 - tau / 5.0 * (1.0 - tau / 6.0)))))
    return tl.where(tau < 0.1, series, 1.0 - tl.exp(-tau))
