"""What the rows of one experiment have in common: data, generator, methods with their settings, and metrics."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from torch import nn

from gan3dinv_ns.evaluation.comparison.metric import Metric

_METHOD_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")


@dataclass(frozen=True)
class Method:
    """One of the compared methods.

    Attributes:
        title: as tables and plots show it, such as "SG2† W+".
        settings: everything its figures depend on, as plain data.
        marks: for the table of the ablation, which parts it has, such as {"E and P": True, "warp": False}; empty if
            it does not belong there.
        compared: whether it belongs to the comparison of methods; False of one that is only an ablation.
    """

    title: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    marks: Mapping[str, bool] = field(default_factory=dict)
    compared: bool = True


@dataclass(frozen=True)
class Experiment:
    """What is compared with what.

    Attributes:
        dataset: what the photos are, as plain data.
        generator: its name, digest of the weights and the like, as plain data.
        methods: by name, which is also a folder's name; in the order of the tables.
        metrics: that are measured, in the order of the tables.
        left_out: metrics that are not measured, by title, with the reason.
        features: name of the features of the Frechet distance; "" without one.
        edit_units: units of the changes of edited attributes that are not in standard deviations, by attribute.

    Raises:
        ValueError: there is no method, a method's name is no plain name, or two metrics have the same name.
    """

    dataset: Mapping[str, Any]
    generator: Mapping[str, Any]
    methods: Mapping[str, Method]
    metrics: tuple[Metric, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    features: str = ""
    edit_units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.methods:
            raise ValueError("an experiment without methods; give at least one")
        for name in self.methods:
            if not _METHOD_NAME.fullmatch(name):
                raise ValueError(f"method {name!r} is no plain name; take up to 64 letters, digits, and any of . _ + -")
        names = [metric.name for metric in self.metrics]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"metric {twice!r} is given twice")

    def metric(self, name: str) -> Metric:
        """The metric of this name; one without title and unit for a figure that is none of the metrics."""
        known = {metric.name: metric for metric in self.metrics}
        return known.get(name, Metric(name, name, "", "lower", 3))

    def edit_unit(self, attribute: str) -> str:
        """In what the changes of an edited attribute are given."""
        return self.edit_units.get(attribute, "standard deviations")

    def to_json(self) -> dict[str, Any]:
        """Plain data under the attributes' names."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Experiment:
        """What :meth:`to_json` gave.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is something else.
        """
        methods = {name: Method(**method) for name, method in content["methods"].items()}
        metrics = tuple(Metric(**metric) for metric in content["metrics"])
        return cls(**{**content, "methods": methods, "metrics": metrics})

    def difference(self, other: Experiment) -> str | None:
        """The first thing that makes rows of ``other`` unlike those of this experiment, in words; None without one.

        Methods that only one of them has, titles, marks, units and reasons make no difference.
        """
        there, wanted = _decisive(self), _decisive(other)
        shared = self.methods.keys() & other.methods.keys()
        for name in [*wanted, *(name for name in there if name not in wanted)]:
            subject, *rest = name.split("/", 2)
            if subject == "methods" and rest[0] not in shared:
                continue
            old, new = there.get(name, _NOTHING), wanted.get(name, _NOTHING)
            if old != new:
                return f"{name.replace('/', '.')} {old!r}, not {new!r}"
        return None

    def merged(self, newer: Experiment) -> Experiment:
        """``newer``, with the methods of both: those of this one come first, in the order they have here."""
        return replace(newer, methods={**self.methods, **newer.methods})


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


_NOTHING = _Nothing()


def _decisive(experiment: Experiment) -> dict[str, Any]:
    """All that rows depend on, flat; lists and tuples, which JSON does not tell apart, are the same."""
    content = {
        "dataset": experiment.dataset,
        "generator": experiment.generator,
        "metrics": sorted(metric.name for metric in experiment.metrics),
        "features": experiment.features,
        "methods": {name: method.settings for name, method in experiment.methods.items()},
    }
    return _flat(json.loads(json.dumps(content)))


def _flat(content: Mapping[str, Any], before: str = "", between: str = "/") -> dict[str, Any]:
    """Nested values under joined names."""
    flat: dict[str, Any] = {}
    for name, value in content.items():
        nested = isinstance(value, dict) and value
        flat |= _flat(value, f"{before}{name}{between}", between) if nested else {f"{before}{name}": value}
    return flat


def told_settings(content: Mapping[str, Any]) -> dict[str, Any]:
    """Nested values under dotted names."""
    return _flat(json.loads(json.dumps(content)), between=".")


def weights_digest(module: nn.Module) -> str:
    """16 hexadecimal digits that change with any weight: names stay when a generator is trained again."""
    digest = hashlib.sha256()
    for name, value in module.state_dict().items():
        digest.update(name.encode())
        digest.update(value.detach().float().cpu().contiguous().numpy().reshape(-1).data)
    return digest.hexdigest()[:16]
