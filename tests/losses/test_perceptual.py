"""Claims about perceptual distances, the photo target and the reconstruction loss."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from urllib.error import URLError

import pytest
import torch
from torch import Tensor

from gan3dinv_ns.eg3d import Discriminator, DiscriminatorConfig
from gan3dinv_ns.losses.perceptual import DiscriminatorDistance, build_perceptual, unit_length
from gan3dinv_ns.losses.reconstruction import PhotoTarget, ReconstructionWeights, shrink


@pytest.fixture(scope="module")
def distance() -> DiscriminatorDistance:
    torch.manual_seed(0)
    return DiscriminatorDistance(
        Discriminator(DiscriminatorConfig(img_resolution=32, channel_base=256, channel_max=16))
    )


def _pictures(seed: int, side: int = 32) -> dict[str, Tensor]:
    source = torch.Generator().manual_seed(seed)
    image = torch.rand(1, 3, side, side, generator=source) * 2 - 1
    return {"image": image, "image_raw": shrink(image, side // 2)}


def test_distance_is_zero_for_the_same_picture(distance: DiscriminatorDistance) -> None:
    assert float(distance(_pictures(1), _pictures(1))) == 0


def test_distance_is_positive_for_different_pictures(distance: DiscriminatorDistance) -> None:
    assert float(distance(_pictures(1), _pictures(2))) > 1e-4


def test_distance_is_symmetric(distance: DiscriminatorDistance) -> None:
    torch.testing.assert_close(distance(_pictures(1), _pictures(2)), distance(_pictures(2), _pictures(1)))


def test_distance_grows_with_the_disturbance(distance: DiscriminatorDistance) -> None:
    clean, other = _pictures(1), _pictures(2)
    mixed = [{key: clean[key].lerp(other[key], amount) for key in clean} for amount in (0.05, 0.2, 0.6)]
    values = [float(distance(clean, one)) for one in mixed]
    assert values == sorted(values)


def test_gradient_reaches_the_picture_and_not_the_network(distance: DiscriminatorDistance) -> None:
    pictures = _pictures(1)
    pictures["image"].requires_grad_()
    distance(pictures, _pictures(2)).backward()
    gradient = pictures["image"].grad
    assert gradient is not None and torch.isfinite(gradient).all() and float(gradient.abs().sum()) > 0
    assert all(not parameter.requires_grad for parameter in distance.parameters())


def test_gradient_is_finite_for_equal_pictures(distance: DiscriminatorDistance) -> None:
    pictures = _pictures(1)
    pictures["image"].requires_grad_()
    distance(pictures, _pictures(1)).backward()
    assert pictures["image"].grad is not None and torch.isfinite(pictures["image"].grad).all()


def test_unit_length_keeps_zero() -> None:
    assert torch.equal(unit_length(torch.zeros(1, 4, 2, 2)), torch.zeros(1, 4, 2, 2))
    lengths = unit_length(torch.randn(1, 4, 2, 2)).square().sum(dim=1)
    torch.testing.assert_close(lengths, torch.ones(1, 2, 2), atol=1e-4, rtol=0)


def test_discriminator_distance_needs_a_discriminator() -> None:
    with pytest.raises(ValueError, match="lpips-vgg"):
        build_perceptual("discriminator", None)


def test_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="lpips-squeeze"):
        build_perceptual("ssim", None)  # type: ignore[arg-type]


def test_missing_download_names_the_alternative(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        raise URLError("no route\nto host")

    monkeypatch.setitem(sys.modules, "lpips", SimpleNamespace(LPIPS=refuse))
    with pytest.raises(ValueError, match="discriminator") as caught:
        build_perceptual("lpips-vgg", None)
    assert "\n" not in str(caught.value)


def test_lpips_formula_is_the_packages_own() -> None:
    lpips = pytest.importorskip("lpips")
    from gan3dinv_ns.losses import perceptual

    torch.manual_seed(0)
    network = lpips.LPIPS(net="squeeze", pnet_rand=True, verbose=False).eval()
    ours = perceptual.LpipsDistance.__new__(perceptual.LpipsDistance)
    torch.nn.Module.__init__(ours)
    ours._network = network
    first, second = _pictures(1, 64), _pictures(2, 64)
    with torch.no_grad():
        expected = network(first["image"], second["image"]).reshape(())
        torch.testing.assert_close(ours(first, second), expected, atol=1e-5, rtol=1e-3)


def test_losses_vanish_for_a_perfect_rendering(distance: DiscriminatorDistance) -> None:
    pictures = _pictures(3)
    losses = PhotoTarget(pictures["image"], distance, 16).losses(pictures, ReconstructionWeights())
    assert set(losses) == {"pixels", "raw", "perceptual"}
    assert all(float(value) < 1e-9 for value in losses.values())


def test_weights_scale_and_zero_leaves_out(distance: DiscriminatorDistance) -> None:
    target = PhotoTarget(_pictures(3)["image"], distance, 16)
    once = target.losses(_pictures(4), ReconstructionWeights())
    thrice = target.losses(_pictures(4), ReconstructionWeights(pixels=3.0, raw=0.0))
    torch.testing.assert_close(thrice["pixels"], 3 * once["pixels"])
    assert "raw" not in thrice
