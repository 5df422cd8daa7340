from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.ops.resampling import setup_filter, upfirdn2d, upsample2d


def naive_upfirdn2d(x: Tensor, f: Tensor, up: int, down: int, padding: tuple[int, ...], gain: float) -> Tensor:
    """The definition, pixel by pixel."""
    batch, channels, height, width = x.shape
    large = x.new_zeros(batch, channels, height * up, width * up)
    large[:, :, ::up, ::up] = x
    left, right, top, bottom = padding
    padded = x.new_zeros(batch, channels, height * up + top + bottom, width * up + left + right)
    for row in range(height * up):
        for column in range(width * up):
            if 0 <= row + top < padded.shape[2] and 0 <= column + left < padded.shape[3]:
                padded[:, :, row + top, column + left] = large[:, :, row, column]
    rows, columns = (padded.shape[2] - len(f)) // down + 1, (padded.shape[3] - f.shape[1]) // down + 1
    result = x.new_zeros(batch, channels, rows, columns)
    for row in range(rows):
        for column in range(columns):
            patch = padded[:, :, row * down :, column * down :][:, :, : len(f), : f.shape[1]]
            result[:, :, row, column] = gain * (patch * f.flip((0, 1))).sum(dim=(2, 3))
    return result


@pytest.mark.parametrize("up", [1, 2, 3])
@pytest.mark.parametrize("down", [1, 2])
@pytest.mark.parametrize("padding", [(0, 0, 0, 0), (2, 1, 3, 0), (-1, 2, 0, -1)])
def test_upfirdn_is_its_definition(up, down, padding):
    torch.manual_seed(0)
    x, f = torch.randn(2, 3, 6, 5), torch.randn(3, 4)
    found = upfirdn2d(x, f, up, down, padding, gain=1.7)
    torch.testing.assert_close(found, naive_upfirdn2d(x, f, up, down, padding, 1.7))


def test_filter_sums_to_one():
    assert setup_filter([1, 3, 3, 1]).sum() == pytest.approx(1.0)
    with pytest.raises(ValueError, match="filter taps"):
        setup_filter([])


def test_upsampling_doubles_the_size_and_keeps_the_brightness():
    enlarged = upsample2d(torch.ones(1, 2, 8, 6), setup_filter())
    assert enlarged.shape == (1, 2, 16, 12)
    torch.testing.assert_close(enlarged[:, :, 2:-2, 2:-2], torch.ones(1, 2, 12, 8))


def test_gradients_are_those_of_finite_differences():
    torch.manual_seed(0)
    x = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    f = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: upfirdn2d(a, b, 2, 1, (2, 1, 2, 1), 4.0), (x, f))
