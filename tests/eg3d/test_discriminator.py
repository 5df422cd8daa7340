from __future__ import annotations

import pytest
import torch

from gan3dinv_ns.eg3d import Discriminator, DiscriminatorConfig
from gan3dinv_ns.eg3d.discriminator import minibatch_standard_deviation


@pytest.fixture
def discriminator() -> Discriminator:
    torch.manual_seed(0)
    return Discriminator(DiscriminatorConfig(img_resolution=32, channel_base=256, channel_max=16))


def pictures(count=2, requires_grad=False):
    torch.manual_seed(0)
    return {
        "image": torch.randn(count, 3, 32, 32, requires_grad=requires_grad),
        "image_raw": torch.randn(count, 3, 16, 16, requires_grad=requires_grad),
    }


@pytest.mark.parametrize("count", [1, 2, 5, 8])
def test_one_logit_for_each_image(discriminator, count):
    assert discriminator(pictures(count), torch.randn(count, 25)).shape == (count, 1)


def test_image_raw_image_and_camera_matter(discriminator):
    seen, c = pictures(), torch.randn(2, 25)
    logits = discriminator(seen, c)
    for changed in ({**seen, "image": -seen["image"]}, {**seen, "image_raw": -seen["image_raw"]}):
        assert not torch.allclose(discriminator(changed, c), logits)
    assert not torch.allclose(discriminator(seen, -c), logits)


def test_features_are_the_maps_of_the_blocks(discriminator):
    maps = discriminator.features(pictures(), torch.randn(2, 25))
    assert [tuple(x.shape[1:]) for x in maps] == [(16, 16, 16), (16, 8, 8), (16, 4, 4)]


def test_features_pass_gradients_to_the_images(discriminator):
    seen = pictures(requires_grad=True)
    sum(x.square().mean() for x in discriminator.features(seen)).backward()
    assert all(x.grad.isfinite().all() and x.grad.abs().sum() > 0 for x in seen.values())


def test_gradient_penalty_can_be_differentiated(discriminator):
    seen = pictures(requires_grad=True)
    logits = discriminator(seen, torch.randn(2, 25))
    gradient = torch.autograd.grad(logits.sum(), seen["image"], create_graph=True)[0]
    gradient.square().sum().backward()
    weight = discriminator.get_submodule("b32.conv0").weight
    assert weight.grad.isfinite().all() and weight.grad.abs().sum() > 0


def test_images_of_another_size_are_refused(discriminator):
    with pytest.raises(ValueError, match="must be 32 pixels"):
        discriminator({**pictures(), "image": torch.zeros(2, 3, 64, 64)}, torch.zeros(2, 25))


def test_discriminator_without_camera():
    plain = Discriminator(DiscriminatorConfig(c_dim=0, img_resolution=32, channel_base=256, channel_max=16))
    assert plain(pictures(), None).shape == (2, 1)


def test_standard_deviation_is_zero_for_equal_images():
    x = torch.randn(1, 4, 3, 3).expand(4, -1, -1, -1)
    assert minibatch_standard_deviation(x, 4)[:, 4].abs().max() < 1e-3


def test_standard_deviation_is_that_of_the_group():
    x = torch.tensor([-3.0, 3.0]).reshape(2, 1, 1, 1).expand(2, 4, 2, 2)
    torch.testing.assert_close(minibatch_standard_deviation(x, 4)[:, 4], torch.full((2, 2, 2), 3.0))


def test_resolution_must_be_a_power_of_two():
    with pytest.raises(ValueError, match="img_resolution 100"):
        Discriminator(DiscriminatorConfig(img_resolution=100))
