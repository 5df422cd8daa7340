"""Claims about the state of random number generators."""

from __future__ import annotations

import torch

from gan3dinv_ns.ops.seeding import random_state_kept


def test_what_is_seeded_and_drawn_inside_changes_nothing_outside() -> None:
    torch.manual_seed(7)
    expected = torch.rand(2)
    torch.manual_seed(7)
    first = torch.rand(1)
    with random_state_kept(torch.device("cpu")):
        torch.manual_seed(1)
        torch.rand(5)
    assert torch.equal(torch.cat([first, torch.rand(1)]), expected)
