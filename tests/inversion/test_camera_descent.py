"""The camera of a drawn head is found together with its latent, by the gradient of the reconstruction."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gan3dinv_ns.eg3d import load_discriminator, load_generator
from gan3dinv_ns.eg3d.registry import network_file
from gan3dinv_ns.encoders import find_initialisers
from gan3dinv_ns.evaluation.metrics import rotation_error_deg
from gan3dinv_ns.heads.heldout import photograph
from gan3dinv_ns.heads.template import load_template
from gan3dinv_ns.inversion.run import invert
from gan3dinv_ns.inversion.settings import InversionSettings

EMBEDDED = "makehuman128-64"


@pytest.mark.parametrize("seed", [930000, 930002])
def test_a_searched_camera_comes_nearer_to_the_true_one(seed: int) -> None:
    head = photograph(load_template(), "heads", seed, 128)
    stock = InversionSettings()
    settings = replace(
        stock,
        start=replace(stock.start, pose="search"),
        schedule=replace(stock.schedule, project_steps=20, tune_steps=0),
    )
    discriminator = load_discriminator(network_file(EMBEDDED, "discriminator"), "cpu")
    initialisers = find_initialisers(EMBEDDED, "cpu")
    found = invert(load_generator(EMBEDDED, "cpu"), discriminator, head.photo, settings, initialisers=initialisers)
    first = torch.cat([found.guesses[0].camera_to_world.flatten(1), head.label[:, 16:]], dim=1)
    assert rotation_error_deg(found.label.detach(), head.label) < 0.7 * rotation_error_deg(first, head.label)
