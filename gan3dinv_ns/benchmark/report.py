"""What a benchmark found, as plain data and as tables."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from gan3dinv_ns.benchmark.growth import Growth
from gan3dinv_ns.benchmark.machine import Roofline
from gan3dinv_ns.benchmark.measurement import Measurement
from gan3dinv_ns.benchmark.steps import InversionTime
from gan3dinv_ns.eg3d import Generator


@dataclass
class Results:
    """What was measured with one decoder backend.

    Attributes:
        backend: its name.
        stages, steps: see :mod:`~gan3dinv_ns.benchmark.stages` and ``steps``.
        growth: see :mod:`~gan3dinv_ns.benchmark.growth`.
        inversion: None if it was not asked for.
    """

    backend: str
    stages: list[Measurement] = field(default_factory=list)
    steps: list[Measurement] = field(default_factory=list)
    growth: list[Growth] = field(default_factory=list)
    inversion: InversionTime | None = None

    def to_json(self, roofline: Roofline) -> dict[str, Any]:
        """Plain data under the attributes' names, with the shares of the roofline and the exponents of growth."""
        content = asdict(self)
        for key, rows in (("stages", self.stages), ("steps", self.steps)):
            for record, row in zip(content[key], rows, strict=True):
                record["share_of_roofline"] = round(row.share_of(roofline), 4)
        for record, one in zip(content["growth"], self.growth, strict=True):
            record["exponents"] = [round(value, 3) for value in one.exponents]
        return content


@dataclass(frozen=True)
class BenchmarkReport:
    """Everything that was measured.

    Attributes:
        machine: see :func:`~gan3dinv_ns.benchmark.machine.describe_machine`.
        roofline: of the machine.
        generator: its name and sizes.
        results: one for each decoder backend.
    """

    machine: dict[str, Any]
    roofline: Roofline
    generator: dict[str, Any]
    results: tuple[Results, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain data under the attributes' names."""
        results = [one.to_json(self.roofline) for one in self.results]
        return {
            "machine": self.machine,
            "roofline": asdict(self.roofline),
            "generator": self.generator,
            "results": results,
        }


def describe_generator(source: str, generator: Generator) -> dict[str, Any]:
    """Name and sizes."""
    options = generator.rendering
    return {
        "source": source,
        "parameters": sum(parameter.numel() for parameter in generator.parameters()),
        "image_side": generator.img_resolution,
        "rendering_side": generator.neural_rendering_resolution,
        "plane_side": generator.plane_resolution,
        "samples_per_ray": options.depth_resolution + options.depth_resolution_importance,
    }


def measurement_rows(rows: list[Measurement], roofline: Roofline) -> list[tuple[str, ...]]:
    """Cells of a table, see ``MEASUREMENT_HEADINGS``."""
    return [
        (
            row.name,
            f"{row.ms:.1f} ms",
            f"{row.peak_mb:.0f} MB",
            f"{row.flops_per_s / 1e9:.0f}",
            f"{row.bytes_per_s / 1e9:.1f}",
            f"{row.share_of(roofline):.0%}",
        )
        for row in rows
    ]


MEASUREMENT_HEADINGS = ("what", "time", "peak", "GFLOP/s", "GB/s", "of roof")


def growth_rows(growth: list[Growth]) -> list[tuple[str, ...]]:
    """Cells of a table, see ``GROWTH_HEADINGS``."""
    return [
        (
            one.measurements[0].name,
            one.by,
            " / ".join(map(str, one.sizes)),
            " / ".join(f"{row.ms:.0f}" for row in one.measurements) + " ms",
            " / ".join(f"{value:.2f}" for value in one.exponents),
        )
        for one in growth
    ]


GROWTH_HEADINGS = ("what", "by", "sizes", "times", "exponents")
