"""How time grows with the work: larger batches and renderings, more samples on a ray, more photos of a head."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gan3dinv_ns.benchmark.measurement import Measurement
from gan3dinv_ns.benchmark.stages import Tell, both_ways, whole_image
from gan3dinv_ns.benchmark.steps import Networks, step_suite
from gan3dinv_ns.eg3d import Generator

_COUNTS = (1, 2, 4)
_PIXEL_FACTORS = (0.5, 1.0, 2.0)


@dataclass(frozen=True)
class Growth:
    """Measurements of the same call with more and more work.

    Attributes:
        by: what grows.
        sizes: how much of it there is.
        measurements: one for each size.
    """

    by: str
    sizes: tuple[int, ...]
    measurements: tuple[Measurement, ...]

    @property
    def exponents(self) -> list[float]:
        """p between neighbours where time grows as size to the power of p: 1 is in proportion, 0 not at all."""
        pairs = pairwise(zip(self.sizes, self.measurements, strict=True))
        return [math.log(second.ms / first.ms) / math.log(more / less) for (less, first), (more, second) in pairs]


def render_growth(generator: Generator, repeats: int, tell: Tell) -> list[Growth]:
    """Whole images, forward and with gradients, by batch, by pixels of the rendering, and by samples on a ray."""
    side, options = generator.neural_rendering_resolution, generator.rendering
    coarse, fine = options.depth_resolution, options.depth_resolution_importance

    def batches(count: int) -> list[Measurement]:
        return both_ways(generator, "image", whole_image(generator, count), repeats)

    def pixels(count: int) -> list[Measurement]:
        return both_ways(generator, "image", whole_image(generator, side=math.isqrt(count)), repeats)

    def samples(count: int) -> list[Measurement]:
        times = count // (coarse + fine)
        finer = copy.copy(generator)
        finer.set_rendering(depth_resolution=coarse * times, depth_resolution_importance=fine * times)
        return both_ways(finer, "image", whole_image(finer), repeats)

    return [
        *_grown("batch", _COUNTS, batches, tell),
        *_grown("rendered pixels", [round(side * factor) ** 2 for factor in _PIXEL_FACTORS], pixels, tell),
        *_grown("samples on a ray", [(coarse + fine) * count for count in _COUNTS], samples, tell),
    ]


def step_growth(networks: Networks, repeats: int, tell: Tell) -> list[Growth]:
    """A step of each phase by the number of photos that are inverted together."""
    return _grown("photos", _COUNTS, lambda count: step_suite(networks, repeats, tell, count), tell)


def _grown(by: str, sizes: Sequence[int], measure: Callable[[int], list[Measurement]], tell: Tell) -> list[Growth]:
    rows = []
    for size in sizes:
        tell(f"{size} {by}")
        rows.append(measure(size))
    return [Growth(by, tuple(sizes), tuple(column)) for column in zip(*rows, strict=True)]
