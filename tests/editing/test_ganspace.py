"""Claims about principal components of latents."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gan3dinv_ns.editing.ganspace import FFHQ_PRESETS, PrincipalComponents
from gan3dinv_ns.editing.samples import mapped_samples
from gan3dinv_ns.eg3d import Generator, load_generator


@pytest.fixture(scope="module")
def tiny(tiny_generator_file: Path) -> Generator:
    return load_generator(tiny_generator_file)


def test_planted_axes_are_found_with_their_deviations() -> None:
    random = torch.Generator().manual_seed(0)
    axes = torch.linalg.qr(torch.randn(20, 20, generator=random))[0].T
    deviations = torch.tensor([9.0, 5.0, 3.0, *([0.1] * 17)])
    samples = 4 + torch.randn(20_000, 20, generator=random) * deviations @ axes
    found = PrincipalComponents.of(samples)
    cosines = (found.vectors[:3] * axes[:3]).sum(dim=1).abs()
    assert float(cosines.min()) > 0.999
    torch.testing.assert_close(found.deviations[:3], deviations[:3], rtol=0.03, atol=0)
    torch.testing.assert_close(found.vectors @ found.vectors.T, torch.eye(20), atol=1e-4, rtol=0)


def test_the_largest_entry_of_a_component_is_positive() -> None:
    vectors = PrincipalComponents.of(torch.randn(500, 12, generator=torch.Generator().manual_seed(1))).vectors
    assert bool((vectors.gather(1, vectors.abs().argmax(dim=1, keepdim=True)) > 0).all())


def test_a_strength_of_one_is_a_standard_deviation_and_presets_are_multiples(tiny: Generator) -> None:
    components = PrincipalComponents.of(mapped_samples(tiny, 600, seed=1))
    assert components.direction(3, 1, 2).unit == pytest.approx(float(components.deviations[3]), rel=1e-4)
    smile = components.preset("smile")
    assert (smile.first, smile.last) == (0, 5)
    assert smile.unit == pytest.approx(2 * float(components.deviations[12]), rel=1e-4)


def test_samples_are_those_of_their_seed(tiny: Generator) -> None:
    samples = mapped_samples(tiny, 1500, seed=3)
    assert samples.shape == (1500, tiny.w_dim)
    assert torch.equal(samples, mapped_samples(tiny, 1500, seed=3))
    assert not torch.equal(samples, mapped_samples(tiny, 1500, seed=4))


def test_the_published_presets_are_kept() -> None:
    table = {name: (one.component, one.first, one.last, one.strength) for name, one in FFHQ_PRESETS.items()}
    assert table == {
        "smile": (12, 0, 5, 2),
        "age": (5, 0, 5, 3.5),
        "glasses": (4, 0, 5, 4),
        "gender": (0, 0, 5, 4),
        "bright-hair": (2, 7, 7, 4),
        "short-hair": (2, 0, 5, 4),
    }


def test_what_does_not_exist_is_named(tiny: Generator) -> None:
    components = PrincipalComponents.of(mapped_samples(tiny, 8))
    assert components.vectors.shape == (7, tiny.w_dim)
    with pytest.raises(ValueError, match="component 7 does not exist; give 0 to 6"):
        components.direction(7, 0, 1)
    with pytest.raises(ValueError, match="preset 'beard' does not exist; choose one of smile, age"):
        components.preset("beard")
    with pytest.raises(ValueError, match=r"1 samples .* too few"):
        mapped_samples(tiny, 1)
