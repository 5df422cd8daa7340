"""The decoder on tiny-cuda-nn's fully fused MLP, beside the torch module that defines its values.

Looking at a head asks the decoder for millions of points and for no gradient; there one fused half-precision
kernel replaces two matrix products and a softplus. Optimisation always uses the torch module.

Letters: x features, W and b the equalised weights and biases of the two layers, s softplus with slope 1:

    y = W2 s(W1 x + b1) + b2.

tiny-cuda-nn has no biases, and its softplus is s10(a) = log(1 + exp(10 a)) / 10 = s(10 a) / 10. So b1
becomes the weight of an input that is always one, W1 and b1 are divided by 10, W2 is multiplied by 10, and
b2 is added afterwards.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from gan3dinv_ns.eg3d.decoder import HIDDEN, Decode, OSGDecoder
from gan3dinv_ns.eg3d.layers import FullyConnected

_SLOPE = 10.0
_BLOCK = 16


def fused_decoder_available(device: torch.device) -> bool:
    """Whether tiny-cuda-nn is installed and `device` is a CUDA device; imports nothing."""
    return device.type == "cuda" and importlib.util.find_spec("tinycudann") is not None


def decoder_for_viewing(decoder: OSGDecoder) -> Decode:
    """The fastest decoder for rendering without gradients: fused where it can be, else the module itself."""
    device = next(decoder.parameters()).device
    return FusedDecoder(decoder) if fused_decoder_available(device) else decoder


class FusedDecoder:
    """Calls tiny-cuda-nn without gradients and the torch module with them; follows changes of the weights.

    Args:
        decoder: on a CUDA device; defines the values (the fused ones agree to half precision).

    Raises:
        ImportError: tiny-cuda-nn is missing.
    """

    def __init__(self, decoder: OSGDecoder) -> None:
        self.decoder = decoder
        first, second = _layers(decoder)
        self.in_features, self.out_features = first.weight.shape[1], second.weight.shape[0]
        tinycudann: Any = importlib.import_module("tinycudann")
        network = {
            "otype": "FullyFusedMLP",
            "activation": "Softplus",
            "output_activation": "None",
            "n_neurons": HIDDEN,
            "n_hidden_layers": 1,
        }
        self.network = tinycudann.Network(self.in_features + 1, self.out_features, network)
        self._version = -1

    def __call__(self, features: Tensor) -> tuple[Tensor, Tensor]:
        if torch.is_grad_enabled():
            return self.decoder(features)
        self._follow_weights()
        flat = features.reshape(-1, self.in_features)
        output = self.network(F.pad(flat, (0, 1), value=1.0)).float() + self._last_bias
        output = output.reshape(*features.shape[:-1], self.out_features)
        return torch.sigmoid(output[..., 1:]) * 1.002 - 0.001, output[..., :1]

    def _follow_weights(self) -> None:
        version = sum(parameter._version for parameter in self.decoder.parameters())
        if version != self._version:
            packed, self._last_bias = pack_weights(self.decoder)
            self.network.params.data.copy_(packed)
            self._version = version


@torch.no_grad()
def pack_weights(decoder: OSGDecoder) -> tuple[Tensor, Tensor]:
    """The decoder's weights in tiny-cuda-nn's layout, and the bias that is added after it.

    Returns:
        Row-major matrices of both layers, flat, sides padded to multiples of 16 (inputs beyond the constant
        one have weight zero); the second layer's bias [out].
    """
    first, second = _layers(decoder)
    inner = torch.cat([first.weight * first.weight_gain, (first.bias * first.bias_gain)[:, None]], dim=1) / _SLOPE
    outer = second.weight * second.weight_gain * _SLOPE
    inner = F.pad(inner, (0, -inner.shape[1] % _BLOCK))
    outer = F.pad(outer, (0, 0, 0, -outer.shape[0] % _BLOCK))
    return torch.cat([inner.flatten(), outer.flatten()]), second.bias * second.bias_gain


def _layers(decoder: OSGDecoder) -> tuple[FullyConnected, FullyConnected]:
    first, second = decoder.net[0], decoder.net[2]
    assert isinstance(first, FullyConnected) and isinstance(second, FullyConnected)
    return first, second
