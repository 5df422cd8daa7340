"""The registered methods."""

from __future__ import annotations

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from gan3dinv_ns.gan3dinv_config import RECIPES, build_method, recipe_path

CONFIGS = Path(__file__).parents[1] / "configs"


@pytest.mark.parametrize("name", RECIPES)
def test_every_method_builds_under_its_own_name(name: str) -> None:
    method = build_method(name)
    assert method.config.method_name == name
    assert method.config.pipeline.model.inversion.build_schedule().total_steps > 0


def test_every_recipe_file_is_a_method() -> None:
    assert {path.name for path in CONFIGS.glob("*.yaml")} == {file for file in RECIPES.values() if file}
    assert all(recipe_path(path.name) == path for path in CONFIGS.glob("*.yaml"))


def test_recipes_change_only_what_they_name() -> None:
    stock, fast = (build_method(name).config.pipeline.model.inversion for name in ("gan3dinv", "gan3dinv-fast"))
    assert fast.schedule.project_steps < stock.schedule.project_steps
    assert fast.pose == stock.pose and fast.schedule.latent_rate == stock.schedule.latent_rate


def test_nerfstudio_finds_every_method() -> None:
    registered = {entry.name for entry in entry_points(group="nerfstudio.method_configs")}
    if "gan3dinv" not in registered:
        pytest.skip("the package is not installed here")
    assert set(RECIPES) <= registered
