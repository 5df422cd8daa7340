"""The camera of a drawn head is found together with its latent, by the gradient of the reconstruction."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gan3dinv_ns.evaluation.metrics import rotation_error_deg
from gan3dinv_ns.heads.heldout import photograph
from gan3dinv_ns.heads.template import load_template
from gan3dinv_ns.inversion.networks import load_networks
from gan3dinv_ns.inversion.run import invert
from gan3dinv_ns.inversion.settings import InversionSettings


@pytest.mark.parametrize("seed", [930000, 930002])
def test_a_searched_camera_comes_nearer_to_the_true_one(seed: int) -> None:
    head = photograph(load_template(), "heads", seed, 128)
    stock = InversionSettings()
    settings = replace(
        stock,
        start=replace(stock.start, pose="search"),
        schedule=replace(stock.schedule, project_steps=20, tune_steps=0),
    )
    generator, discriminator, initialisers = load_networks("makehuman128-64", torch.device("cpu"))
    found = invert(generator, discriminator, head.photo, settings, initialisers=initialisers)
    first = found.label_of(found.guesses[0].camera_to_world)
    assert rotation_error_deg(found.label.detach(), head.label) < 0.7 * rotation_error_deg(first, head.label)
