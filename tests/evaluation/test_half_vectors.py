"""Claims about vectors in half precision."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from gan3dinv_ns.evaluation.frechet import frechet_distance
from gan3dinv_ns.evaluation.half_vectors import packed, unpacked


def test_vectors_come_back_to_three_digits_and_take_two_bytes_for_a_number() -> None:
    vector = torch.rand(2048, generator=torch.Generator().manual_seed(0)) * 8
    content = packed(vector)
    assert len(content) == 4096 and content == packed(vector.tolist())
    np.testing.assert_allclose(unpacked(content), vector.numpy(), rtol=5e-4)
    assert np.isinf(unpacked(packed([1e6]))).all()


def test_the_frechet_distance_does_not_mind_half_precision() -> None:
    random = torch.Generator().manual_seed(1)
    # As Inception's: not negative, skewed, small.
    first, second = (torch.rand(60, 256, generator=random) ** 2 * scale for scale in (1.0, 1.1))
    halves = [torch.from_numpy(np.stack([unpacked(packed(row)) for row in one])) for one in (first, second)]
    assert frechet_distance(*halves) == pytest.approx(frechet_distance(first, second), rel=1e-3)
