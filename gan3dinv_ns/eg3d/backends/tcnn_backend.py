"""The decoder on tiny-cuda-nn's fully fused MLP: half precision, with the module's float32 weights as masters.

Letters: x features, W and b the equalised weights and biases of the two layers, s softplus with slope 1:

    y = W2 s(W1 x + b1) + b2.

tiny-cuda-nn has no biases, and its softplus is s10(a) = log(1 + exp(10 a)) / 10 = s(10 a) / 10. So b1 becomes the
weight of an input that is always one, W1 and b1 are divided by 10, W2 is multiplied by 10, and b2 is added afterwards.

Gradients are in half precision too, whose smallest number is 6e-8: a point's share of a mean over a picture would
vanish. They are scaled by a power of two that is found in each backward pass.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from gan3dinv_ns.eg3d.backends.backend import TORCH, PointEvaluator, RaySamples, RaySums
from gan3dinv_ns.eg3d.decoder import HIDDEN, Decode, OSGDecoder
from gan3dinv_ns.eg3d.triplanes import PlaneAxes, PlaneReader

_SLOPE = 10.0
_BLOCK = 16
# Largest gradient of a point, and largest sum of one output's magnitudes over all points, which bounds the weights'.
_LARGEST, _LARGEST_SUM = 64.0, 512.0


class TcnnBackend:
    """Decodes with tiny-cuda-nn, composites with torch.

    Raises:
        ImportError, OSError: tiny-cuda-nn is missing, or does not fit the GPU.
    """

    name = "tcnn"
    tolerance = 3e-2

    def __init__(self) -> None:
        self._tinycudann: Any = importlib.import_module("tinycudann")
        self._networks: dict[tuple[int, int], nn.Module] = {}
        # The viewer renders beside training steps, and a network holds only one set of weights at a time.
        self._lock = threading.Lock()

    def __deepcopy__(self, memo: object) -> TcnnBackend:
        return self

    def evaluator(self, planes: Tensor, decoder: Decode, box_warp: float, plane_axes: PlaneAxes) -> PointEvaluator:
        """See `backend.DecoderBackend`."""
        assert isinstance(decoder, OSGDecoder)
        reader = PlaneReader(planes, box_warp, plane_axes)
        packed, last_bias = pack_weights(decoder)

        def evaluate(points: Tensor) -> tuple[Tensor, Tensor]:
            features = reader(points)
            output = self._run(features.flatten(0, 1), packed, len(last_bias)) + last_bias
            output = output.reshape(*points.shape[:-1], -1)
            return torch.sigmoid(output[..., 1:]) * 1.002 - 0.001, output[..., :1]

        return evaluate

    def composite(self, passes: Sequence[RaySamples]) -> RaySums:
        """See `backend.DecoderBackend`."""
        return TORCH.composite(passes)

    def _run(self, features: Tensor, packed: Tensor, outputs: int) -> Tensor:
        """W2 s(W1 x + b1) [P, out] of features [P, in]."""
        scale = _GradientScale()
        features, packed = _Unscaled.apply(features.float(), packed, scale)
        inputs = F.pad(features, (0, 1), value=1.0)
        with self._lock:
            network = self._network(inputs.shape[1], outputs)
            result = torch.func.functional_call(network, {"params": packed}, (inputs,))
        return _Scaled.apply(result, scale)

    def _network(self, inputs: int, outputs: int) -> nn.Module:
        if (inputs, outputs) not in self._networks:
            layers = {
                "otype": "FullyFusedMLP",
                "activation": "Softplus",
                "output_activation": "None",
                "n_neurons": HIDDEN,
                "n_hidden_layers": 1,
            }
            network = self._tinycudann.Network(inputs, outputs, layers)
            network.loss_scale = 1.0
            self._networks[inputs, outputs] = network
        return self._networks[inputs, outputs]


def pack_weights(decoder: OSGDecoder) -> tuple[Tensor, Tensor]:
    """The decoder's weights in tiny-cuda-nn's layout, and the bias that is added after it; differentiable.

    Returns:
        Row-major matrices of both layers, flat, sides padded to multiples of 16 (inputs beyond the constant
        one have weight zero); the second layer's bias [1 + out].
    """
    inner, inner_bias, outer, outer_bias = decoder.scaled_weights()
    inner = torch.cat([inner, inner_bias[:, None]], dim=1) / _SLOPE
    outer = outer * _SLOPE
    inner = F.pad(inner, (0, -inner.shape[1] % _BLOCK))
    outer = F.pad(outer, (0, 0, 0, -outer.shape[0] % _BLOCK))
    return torch.cat([inner.flatten(), outer.flatten()]), outer_bias


class _GradientScale:
    """What gradients are multiplied by between the end of a network and its beginning, on their way back."""

    factor: Tensor

    def find(self, gradient: Tensor) -> None:
        """Takes the power of two that brings a gradient [P, out] near the largest magnitudes that are safe."""
        magnitudes = gradient.abs()
        room = torch.minimum(_LARGEST / magnitudes.max(), _LARGEST_SUM / magnitudes.sum(dim=0).max())
        self.factor = torch.where(torch.isfinite(room), room.log2().floor().clamp(-60, 60).exp2(), 1.0)


class _Scaled(torch.autograd.Function):
    """To float32; scales the gradient that comes."""

    @staticmethod
    def forward(ctx: Any, result: Tensor, scale: _GradientScale) -> Tensor:
        ctx.scale, ctx.dtype = scale, result.dtype
        return result.float()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        ctx.scale.find(gradient)
        return (gradient * ctx.scale.factor).to(ctx.dtype), None


class _Unscaled(torch.autograd.Function):
    """Leaves features and weights as they are; takes the scale out of their gradients."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, packed: Tensor, scale: _GradientScale) -> tuple[Tensor, Tensor]:
        ctx.scale = scale
        ctx.set_materialize_grads(False)
        return features.view_as(features), packed.view_as(packed)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        return *(None if one is None else one / ctx.scale.factor for one in gradients), None
