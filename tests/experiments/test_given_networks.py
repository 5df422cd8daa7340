"""Claims about networks that are given by their paths."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torchvision.models import resnet50

from gan3dinv_ns.experiments.given_networks import NO_NETWORKS, GivenNetworks


def test_only_networks_that_measure_what_is_wanted_are_read(tmp_path: Path) -> None:
    given = GivenNetworks(inception=tmp_path / "no.pth", smile_estimator=tmp_path / "none.pt")
    assert given.digests(["psnr"]) == {} and NO_NETWORKS.digests(["fid", "edits"]) == {}
    with pytest.raises(ValueError, match=r"no\.pth: no such file"):
        given.digests(["fid"])
    with pytest.raises(ValueError, match=r"none\.pt: no such file"):
        given.digests(["edits"])


def test_other_weights_have_another_digest(tmp_path: Path) -> None:
    state = resnet50(num_classes=80).state_dict()
    digests = set()
    for number in range(2):
        state["fc.bias"] = torch.full((80,), float(number))
        torch.save(state, tmp_path / f"{number}.pt")
        digests.add(GivenNetworks(smile_estimator=tmp_path / f"{number}.pt").digests(["edits"])["smile_estimator"])
    assert len(digests) == 2
