"""Claims about the compared methods."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from gan3dinv_ns.experiments.bases import BASES
from gan3dinv_ns.experiments.methods import ABLATIONS, COMPARED, OURS, base_settings, find_methods
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.ops.recipes import recipe_path


def _steps(settings: InversionSettings) -> tuple[int, ...]:
    return tuple(phase.steps for phase in settings.build_schedule().phases)


def _changed(settings: InversionSettings, stock: InversionSettings) -> dict[str, Any]:
    """What differs, under dotted names."""

    def flat(content: dict[str, Any], before: str = "") -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in content.items():
            values |= flat(value, f"{before}{name}.") if isinstance(value, dict) else {before + name: value}
        return values

    there, here = flat(asdict(stock)), flat(asdict(settings))
    return {name: value for name, value in here.items() if there[name] != value}


def test_every_method_has_a_recipe_and_every_recipe_is_a_method() -> None:
    for folder, names in (("compared", COMPARED), ("ablations", ABLATIONS)):
        files = {path.stem for path in recipe_path(f"{folder}/{next(iter(names))}.yaml").parent.glob("*.yaml")}
        assert files == set(names)


def test_all_methods_take_as_many_steps() -> None:
    methods = {one.name: one for one in find_methods(["compared"])}
    assert len(methods) == 7
    assert {sum(_steps(one.settings)) for one in methods.values()} == {270}
    assert _steps(methods["sg2"].settings) == (0, 270, 0) and _steps(methods["pti-gd"].settings) == (0, 30, 240)


@pytest.mark.parametrize("base", BASES)
def test_over_another_recipe_they_take_its_steps_losses_and_samples(base: str) -> None:
    stock = base_settings(base)
    for method in find_methods(["compared"], base):
        assert sum(_steps(method.settings)) == sum(_steps(stock))
        assert method.settings.reconstruction == stock.reconstruction
        assert method.settings.perceptual == stock.perceptual
        assert method.settings.depth_samples == stock.depth_samples
        if method.settings.schedule.tune_steps:
            assert method.settings.schedule.tune_steps == stock.schedule.tune_steps


def test_steps_that_are_asked_for_are_shared_out() -> None:
    steps = {one.name: _steps(one.settings) for one in find_methods(["all"], steps=(2, 4, 6))}
    assert steps["ours"] == steps["warp"] == (2, 4, 6)
    assert steps["sg2-gd"] == (0, 12, 0) and steps["pti"] == (0, 6, 6)
    assert steps["half-steps"] == (1, 2, 3) and steps["double-steps"] == (4, 8, 12)


def test_known_cameras_stand_still_and_others_descend_the_reconstruction() -> None:
    methods = {one.name: one for one in find_methods(["compared"])}
    assert {name for name, one in methods.items() if one.knows_camera} == {"sg2", "sg2-wplus", "pti"}
    for name, one in methods.items():
        phases = [phase for phase in one.settings.build_schedule().phases if phase.steps]
        groups = {plan.group: plan.losses for phase in phases for plan in phase.plans}
        if one.knows_camera:
            assert "camera_pose" not in groups
        elif name != OURS:
            assert groups["camera_pose"] == ("reconstruction", "translation", "estimate")
            assert one.settings.start.latent == "mean", "without E and P there is no estimate to hold to"
        assert ("generator" in groups) == (name in ("pti", "pti-gd", OURS))
        assert (one.settings.latent_space == "w+") == ("wplus" in name)


def test_the_marks_of_the_table_are_what_the_recipes_do() -> None:
    stock = InversionSettings()
    table = find_methods(["ablations"])
    assert len(table) == 5
    for one in table:
        assert one.marks["E and P"] == (one.settings.start == stock.start)
        assert one.marks["warp loss"] == (one.settings.pose.warp_weight > 0)
        assert one.marks["depth smoothness"] == (one.settings.smoothness_weight > 0)


def test_single_ablations_change_one_thing() -> None:
    stock = InversionSettings()
    changes = {one.name: _changed(one.settings, stock) for one in find_methods(["no-translation", "warp-rendering"])}
    assert changes == {
        "no-translation": {"pose.translate": False},
        "warp-rendering": {"pose.warp_target": "rendering"},
    }


def test_methods_come_once_and_in_the_order_of_the_tables() -> None:
    names = [one.name for one in find_methods(["warp", "ablations", OURS, "pti"])]
    assert names == ["pti", OURS, "none", "initialisers", "warp", "initialisers-warp"]


@pytest.mark.parametrize(
    ("names", "base", "steps", "told"),
    [
        (["sg3"], "default", None, "method 'sg3' is not known; take sg2, "),
        ([], "default", None, "no method is given"),
        (["ours"], "celeba", None, "base 'celeba' is not known; take default, "),
        (["ours"], "default", (1, -1, 2), r"steps \(1, -1, 2\) cannot be taken"),
        (["ours"], "default", (0, 0, 0), "cannot be taken"),
    ],
)
def test_what_is_not_known_is_told_in_one_line(names, base, steps, told) -> None:
    with pytest.raises(ValueError, match=told) as caught:
        find_methods(names, base, steps)
    assert "\n" not in str(caught.value)
