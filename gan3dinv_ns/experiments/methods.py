"""The compared methods by name: each a recipe in ``configs/``, over the settings of a generator's own recipe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gan3dinv_ns.experiments.bases import BASES, BaseName
from gan3dinv_ns.inversion.settings import InversionSettings, ScheduleSettings
from gan3dinv_ns.ops.recipes import apply_recipe, read_recipe, recipe_path

OURS = "ours"
"""The package's own method, the reference of all comparisons."""


@dataclass(frozen=True)
class CompiledMethod:
    """A method that photos can be inverted by.

    Attributes:
        name: for folders and command lines.
        title: for tables.
        settings: all choices; a known camera is still to be filled in.
        marks: of the ablation's table (Ko et al., supplement, table 2); empty outside of it.
        compared: whether it is one of the seven methods, not only an ablation.
    """

    name: str
    title: str
    settings: InversionSettings
    marks: dict[str, bool]
    compared: bool

    @property
    def knows_camera(self) -> bool:
        """Whether the photo's camera is given to it (Algorithm 2)."""
        return self.settings.start.pose == "label"


COMPARED = {
    "sg2": "SG2",
    "sg2-wplus": "SG2 W+",
    "pti": "PTI",
    "sg2-gd": "SG2†",
    "sg2-wplus-gd": "SG2† W+",
    "pti-gd": "PTI†",
}
"""Titles of the recipes in ``configs/compared``; a dagger marks an unknown camera that is found by gradient descent."""

ABLATIONS = {
    "none": "no E and P, no warp",
    "initialisers": "E and P, no warp",
    "warp": "warp, no E and P",
    "initialisers-warp": "no depth smoothness",
    "no-translation": "no translation",
    "warp-rendering": "warp to the rendering",
    "half-steps": "half the steps",
    "double-steps": "twice the steps",
}
"""Titles of the recipes in ``configs/ablations``."""

_PARTS = ("E and P", "warp loss", "depth smoothness")
_TABLE = {
    "none": (False, False, False),
    "initialisers": (True, False, False),
    "warp": (False, True, False),
    "initialisers-warp": (True, True, False),
    OURS: (True, True, True),
}

GROUPS = {"compared": (*COMPARED, OURS), "ablations": (*(name for name in _TABLE if name != OURS), OURS)}
"""Names that stand for several methods; "all" stands for every method there is."""

_EVERY_PHASE = replace(ScheduleSettings(), warmup_steps=1)
"""Steps from which a recipe's own show which phases it leaves out."""


def find_methods(
    names: Sequence[str], base: BaseName = "default", steps: tuple[int, int, int] | None = None
) -> list[CompiledMethod]:
    """The methods of these names, each once, in the order of the tables.

    Args:
        names: of methods, or of ``GROUPS``, or "all".
        base: the recipe whose losses, samples and steps all of them share.
        steps: of warm-up, projection and tuning, in the stead of the base's.

    Raises:
        ValueError: a name is not known, or there is none.
    """
    known = (*COMPARED, OURS, *ABLATIONS)
    asked = {one for name in names for one in GROUPS.get(name, known if name == "all" else (name,))}
    unknown = sorted(asked - set(known))
    if unknown:
        raise ValueError(f"method {unknown[0]!r} is not known; take {', '.join((*known, *GROUPS))} or all")
    if not asked:
        raise ValueError("no method is given; take ours, compared, ablations or all")
    settings = base_settings(base, steps)
    return [_compiled(name, settings) for name in known if name in asked]


def base_settings(base: BaseName, steps: tuple[int, int, int] | None = None) -> InversionSettings:
    """The settings that every method of a comparison starts from.

    Raises:
        ValueError: the base is not known, or a number of steps is negative or all are 0.
    """
    if base not in BASES:
        raise ValueError(f"base {base!r} is not known; take {', '.join(BASES)}")
    settings = InversionSettings()
    if base != "default":
        settings = _applied(settings, _changes(f"{base}.yaml"))
    if steps is None:
        return settings
    if min(steps) < 0 or not any(steps):
        raise ValueError(f"steps {steps} cannot be taken; give three numbers for warm-up, projection and tuning")
    warmup, project, tune = steps
    lengths = replace(
        settings.schedule, warmup_steps=warmup, project_steps=project, tune_steps=tune, fewest_tune_steps=tune
    )
    return replace(settings, schedule=lengths)


def _compiled(name: str, base: InversionSettings) -> CompiledMethod:
    marks = dict(zip(_PARTS, _TABLE[name], strict=True)) if name in _TABLE else {}
    if name == OURS:
        return CompiledMethod(name, "ours", base, marks, True)
    folder, titles = ("compared", COMPARED) if name in COMPARED else ("ablations", ABLATIONS)
    changes = _changes(f"{folder}/{name}.yaml")
    settings = _applied(base, changes)
    settings = replace(settings, schedule=_rescaled(settings.schedule, changes, base.schedule))
    return CompiledMethod(name, titles[name], settings, marks, name in COMPARED)


def _changes(file: str) -> dict[str, Any]:
    """What a recipe says of the inversion."""
    return read_recipe(recipe_path(file))["pipeline"]["model"]["inversion"]


def _applied(settings: InversionSettings, changes: dict[str, Any]) -> InversionSettings:
    return apply_recipe(settings, changes, "pipeline.model.inversion")


def _rescaled(lengths: ScheduleSettings, changes: dict[str, Any], base: ScheduleSettings) -> ScheduleSettings:
    """A recipe's phases at the length of the base's.

    Recipes name steps for the default schedule. What they say by it is which phases there are and how long all of them
    are together; a phase that is missing gives its steps to the projection.

    Args:
        lengths: the recipe over the base, with everything but the steps right.
        changes: the recipe.
        base: the base.
    """
    ratio = _total(_applied(InversionSettings(), changes).schedule) / _total(ScheduleSettings())
    phases = _applied(InversionSettings(schedule=_EVERY_PHASE), changes).schedule
    tune = round(base.tune_steps * ratio) if phases.tune_steps else 0
    warmup = round(base.warmup_steps * ratio) if phases.warmup_steps else 0
    project = round(_total(base) * ratio) - tune - warmup
    fewest = round(base.fewest_tune_steps * ratio)
    return replace(lengths, warmup_steps=warmup, project_steps=project, tune_steps=tune, fewest_tune_steps=fewest)


def _total(lengths: ScheduleSettings) -> int:
    return lengths.warmup_steps + lengths.project_steps + lengths.tune_steps
