"""The registered methods."""

from __future__ import annotations

import socket
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from gan3dinv_ns.eg3d.registry import PUBLISHED
from gan3dinv_ns.gan3dinv_config import RECIPES, build_method
from gan3dinv_ns.ops.recipes import recipe_path

CONFIGS = Path(__file__).parents[1] / "configs"


@pytest.mark.parametrize("name", RECIPES)
def test_every_method_builds_under_its_own_name(name: str) -> None:
    method = build_method(name)
    assert method.config.method_name == name
    assert method.config.pipeline.model.inversion.build_schedule().total_steps > 0


def test_every_recipe_file_but_the_ablations_is_a_method() -> None:
    registered = [path for path in CONFIGS.rglob("*.yaml") if path.parent.name != "ablations"]
    assert {str(path.relative_to(CONFIGS)) for path in registered} == {file for file in RECIPES.values() if file}
    assert all(recipe_path(str(path.relative_to(CONFIGS))) == path for path in registered)


def test_recipes_change_only_what_they_name() -> None:
    stock, fast = (build_method(name).config.pipeline.model.inversion for name in ("gan3dinv", "gan3dinv-fast"))
    assert fast.schedule.project_steps < stock.schedule.project_steps
    assert fast.pose == stock.pose and fast.schedule.latent_rate == stock.schedule.latent_rate


@pytest.mark.parametrize(
    ("name", "generator", "kind"),
    [("gan3dinv-ffhq", "ffhqrebalanced512-128", "euler"), ("gan3dinv-cats", "afhqcats512-128", "sixd")],
)
def test_methods_for_published_generators_take_the_published_steps_and_losses(name, generator, kind) -> None:
    model = build_method(name).config.pipeline.model
    inversion, lengths = model.inversion, model.inversion.schedule
    assert model.generator == generator and generator in PUBLISHED and inversion.pose.kind == kind
    assert (lengths.warmup_steps, lengths.project_steps, lengths.tune_steps) == (50, 350, 400)
    assert (lengths.tune_optimizer, lengths.tune_rate) == ("adam", 3e-4)
    assert inversion.perceptual == "lpips-vgg" and inversion.pose.warp_target == "photo"
    latent, tuning = inversion.build_schedule().phases[1].plans[0], inversion.build_schedule().phases[2].plans[0]
    assert latent.losses == ("reconstruction",) and tuning.losses == ("reconstruction", "depth_smoothness")


def test_registering_a_method_asks_no_server(monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert all(build_method(name) for name in RECIPES)


def test_nerfstudio_finds_every_method() -> None:
    registered = {entry.name for entry in entry_points(group="nerfstudio.method_configs")}
    if "gan3dinv" not in registered:
        pytest.skip("the package is not installed here")
    assert set(RECIPES) <= registered
