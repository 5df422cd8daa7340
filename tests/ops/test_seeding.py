from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from gan3dinv_ns.ops.seeding import seed_everything


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def test_same_seed_gives_same_numbers_everywhere():
    seed_everything(7)
    first = draw()
    seed_everything(7)
    assert draw() == first


def test_seed_out_of_range_is_refused():
    with pytest.raises(ValueError, match="-1"):
        seed_everything(-1)
