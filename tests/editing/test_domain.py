"""Claims about leaving the domain."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan3dinv_ns.editing.directions import Direction, Edit, apply_edits
from gan3dinv_ns.editing.domain import Domain
from gan3dinv_ns.editing.ganspace import PrincipalComponents
from gan3dinv_ns.eg3d import Generator, load_generator


@pytest.fixture(scope="module")
def generator(tiny_generator_file: Path) -> Generator:
    return load_generator(tiny_generator_file)


@pytest.fixture(scope="module")
def domain(generator: Generator) -> Domain:
    return Domain.of(generator, 1500)


@pytest.fixture(scope="module")
def direction(domain: Domain, generator: Generator) -> Direction:
    return PrincipalComponents.of(domain.samples).direction(0, 0, generator.num_ws - 1)


def _complaints(domain: Domain, generator: Generator, before: torch.Tensor, edit: Edit) -> list[str]:
    ws = before.expand(1, generator.num_ws, -1)
    return domain.complaints(ws, apply_edits(ws, [edit]), [edit])


def test_samples_lie_about_one_deviation_from_the_mean(domain: Domain) -> None:
    distances = [domain.distance(w) for w in domain.samples[:50]]
    assert 0.7 < sum(distances) / 50 < 1.2 and max(distances) <= domain.farthest * 1.0001


def test_places_along_a_component_are_standard_deviations(domain: Domain, direction: Direction) -> None:
    places = domain.along(domain.samples, direction.vector)
    assert float(places.std()) == pytest.approx(1, rel=0.02) and float(places.mean()) == pytest.approx(0, abs=0.02)


def test_a_small_step_is_fine_and_a_large_one_is_told(domain: Domain, generator: Generator, direction) -> None:
    mean = domain.prior.mean
    assert _complaints(domain, generator, mean, Edit(direction, 1.0)) == []
    (told,) = _complaints(domain, generator, mean, Edit(direction, 6.0))
    assert told.startswith("component-0 +6 leads to +6.0 deviations, samples reach -")


def test_a_step_far_beyond_all_samples_is_told_for_the_whole_head(domain: Domain, generator, direction) -> None:
    told = _complaints(domain, generator, domain.prior.mean, Edit(direction, -200.0))
    assert len(told) == 2 and "the farthest sample" in told[1]


def test_coming_back_is_no_leaving(domain: Domain, generator: Generator, direction: Direction) -> None:
    outside = domain.prior.mean + 12 * direction.offset(1 + direction.last)[0]
    assert _complaints(domain, generator, outside, Edit(direction, -4.0)) == []


def test_one_layer_alone_counts(domain: Domain, generator: Generator, direction: Direction) -> None:
    last = generator.num_ws - 1
    single = Direction.along("one", direction.vector * direction.unit, last, last)
    assert _complaints(domain, generator, domain.prior.mean, Edit(single, 7.0))
