from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from gan3dinv_ns.eg3d import Generator, GeneratorConfig, RenderingOptions, renderer


@pytest.fixture
def ws(small_generator, frontal):
    with torch.no_grad():
        return small_generator.mapping(torch.randn(1, 16), frontal)


@pytest.mark.parametrize(("resolution", "num_ws"), [(64, 10), (128, 12), (256, 14)])
def test_resolution_of_the_planes_is_a_switch(small_config, frontal, resolution, num_ws):
    generator = Generator(replace(small_config, plane_resolution=resolution))
    assert generator.num_ws == num_ws
    planes = generator.planes(generator.mapping(torch.randn(1, 16), frontal))
    assert planes.shape == (1, 3, 32, resolution, resolution)


def test_synthesis_gives_image_raw_depth_and_opacity(small_generator, ws, frontal):
    seen = small_generator.synthesis(ws, frontal)
    assert {name: tuple(value.shape[1:]) for name, value in seen.items()} == {
        "image": (3, 128, 128), "image_raw": (3, 8, 8), "image_depth": (1, 8, 8), "image_weights": (1, 8, 8),
    }  # fmt: skip
    assert seen["image_weights"].min() >= 0 and seen["image_weights"].max() <= 1
    assert small_generator.synthesis(ws, frontal, neural_rendering_resolution=5)["image_raw"].shape[-1] == 5


def test_midpoint_is_reproducible_and_stratified_is_not(small_generator, ws, frontal):
    fixed = [small_generator.synthesis(ws, frontal, sampling="midpoint")["image"] for _ in range(2)]
    drawn = [small_generator.synthesis(ws, frontal)["image"] for _ in range(2)]
    assert torch.equal(*fixed) and not torch.equal(*drawn)
    with pytest.raises(ValueError, match="sampling 'middle'"):
        small_generator.synthesis(ws, frontal, sampling="middle")


def test_given_planes_are_used_again(small_generator, ws, frontal):
    planes = small_generator.planes(ws)
    whole = small_generator.synthesis(ws, frontal, sampling="midpoint")
    reused = small_generator.synthesis(ws, frontal, sampling="midpoint", planes=planes)
    assert torch.equal(whole["image"], reused["image"])


def test_field_is_the_same_from_latents_and_planes(small_generator, ws):
    points = torch.rand(1, 20, 3) - 0.5
    field = small_generator.sample_mixed(points, torch.zeros_like(points), ws)
    assert field["rgb"].shape == (1, 20, 32) and field["sigma"].shape == (1, 20, 1)
    again = small_generator.sample_planes(small_generator.planes(ws), points)
    assert torch.equal(field["sigma"], again["sigma"])


def test_chunks_change_nothing(small_generator, ws, frontal, monkeypatch):
    with torch.no_grad():
        whole = small_generator.synthesis(ws, frontal, sampling="midpoint")
        monkeypatch.setattr(renderer, "POINTS_PER_CHUNK", 40)
        cut = small_generator.synthesis(ws, frontal, sampling="midpoint")
    for name in whole:
        torch.testing.assert_close(whole[name], cut[name])


def test_second_pass_can_be_left_out(small_generator, ws, frontal):
    both = small_generator.synthesis(ws, frontal, sampling="midpoint")["image_depth"]
    small_generator.set_rendering(depth_resolution_importance=0, depth_resolution=12)
    one = small_generator.synthesis(ws, frontal, sampling="midpoint")["image_depth"]
    assert one.isfinite().all() and not torch.equal(one, both)


def test_background_is_white_or_black_where_nothing_is(small_generator, ws, frontal):
    with torch.no_grad():
        small_generator.decoder.net[2].bias[0] = -1e4
    for white, colour in ((True, 1.0), (False, -1.0)):
        small_generator.set_rendering(white_back=white)
        seen = small_generator.synthesis(ws, frontal, sampling="midpoint")
        torch.testing.assert_close(seen["image_raw"], torch.full((1, 3, 8, 8), colour))
        assert seen["image_weights"].max() < 1e-6
        assert torch.equal(seen["image_depth"], seen["image_depth"].max().expand(1, 1, 8, 8))


def test_depth_limits_can_come_from_the_box(small_generator, ws, frontal):
    small_generator.set_rendering(ray_start=None, ray_end=None)
    depth = small_generator.synthesis(ws, frontal, sampling="midpoint")["image_depth"]
    assert depth.min() > 2.1 and depth.max() < 3.5
    away = frontal.clone()
    away[:, 8:11] = -away[:, 8:11]
    away[:, 2], away[:, 6], away[:, 10] = 0, 0, 1
    assert small_generator.synthesis(ws, away)["image_depth"].isfinite().all()


def test_noise_is_constant_random_or_none(small_generator, ws):
    constant = [small_generator.planes(ws, "const") for _ in range(2)]
    random = [small_generator.planes(ws, "random") for _ in range(2)]
    assert torch.equal(*constant) and not torch.equal(*random)
    assert torch.equal(small_generator.planes(ws, "none"), small_generator.planes(ws, "none"))
    assert not torch.equal(small_generator.planes(ws, "none"), constant[0])


def test_noise_images_can_be_optimised(small_generator, ws):
    noises = [value for name, value in small_generator.backbone.named_buffers() if name.endswith("noise_const")]
    assert len(noises) == 5
    for noise in noises:
        noise.requires_grad_()
    small_generator.planes(ws).square().mean().backward()
    assert all(noise.grad is not None and noise.grad.abs().sum() > 0 for noise in noises)


def test_raw_image_carries_the_correction_only_where_asked(small_config, frontal):
    generator = Generator(replace(small_config, neural_rendering_resolution=64)).eval()
    ws = generator.mapping(torch.randn(1, 16), frontal)
    plain = generator.synthesis(ws, frontal, sampling="midpoint")
    generator.set_rendering(raw_is_refined=True)
    refined = generator.synthesis(ws, frontal, sampling="midpoint")
    assert torch.equal(plain["image"], refined["image"])
    assert not torch.equal(plain["image_raw"], refined["image_raw"])


def test_mapping_may_ignore_or_scale_the_camera(small_generator, frontal):
    z, other = torch.randn(1, 16), frontal + torch.rand(1, 25)
    assert not torch.equal(small_generator.mapping(z, frontal), small_generator.mapping(z, other))
    for options in ({"c_gen_conditioning_zero": True}, {"c_gen_conditioning_zero": False, "c_scale": 0.0}):
        small_generator.set_rendering(**options)
        assert torch.equal(small_generator.mapping(z, frontal), small_generator.mapping(z, other))


def test_plane_order_changes_the_picture(small_generator, ws, frontal):
    quirk = small_generator.synthesis(ws, frontal, sampling="midpoint")["image"]
    small_generator.set_rendering(plane_axes="yz")
    assert not torch.allclose(quirk, small_generator.synthesis(ws, frontal, sampling="midpoint")["image"])


def test_building_twice_with_one_seed_gives_the_same_network(small_config):
    networks = []
    for _ in range(2):
        torch.manual_seed(3)
        networks.append(Generator(small_config).state_dict())
    assert all(torch.equal(networks[0][key], networks[1][key]) for key in networks[0])


def test_a_camera_batch_sees_one_latent_each(small_generator, frontal):
    c = torch.cat([frontal, frontal])
    ws = small_generator.mapping(torch.randn(2, 16), c)
    both = small_generator.synthesis(ws, c, sampling="midpoint")["image"]
    alone = small_generator.synthesis(ws[1:], frontal, sampling="midpoint")["image"]
    torch.testing.assert_close(both[1:], alone, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ray_start": 4.0}, "ray_start 4.0"),
        ({"ray_end": None}, "give both or none"),
        ({"depth_resolution": 2}, "depth_resolution 2"),
        ({"depth_resolution_importance": -1}, "depth_resolution_importance -1"),
        ({"box_warp": 0.0}, "box_warp 0.0"),
        ({"plane_axes": "zy"}, "plane_axes 'zy'"),
        ({"superresolution_noise_mode": "loud"}, "superresolution_noise_mode 'loud'"),
        ({"white_back": "yes"}, "white_back 'yes'"),
        ({"depth_resolution": 7.5}, "depth_resolution 7.5"),
    ],
)
def test_bad_rendering_options_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        RenderingOptions(**options)


def test_configuration_survives_json(small_config):
    assert GeneratorConfig.from_dict(small_config.to_dict()) == small_config


def test_chunks_that_are_computed_again_have_the_same_gradients(small_generator, ws, frontal, monkeypatch):
    def gradients():
        planes = small_generator.planes(ws).detach().requires_grad_()
        label = frontal.clone().requires_grad_()
        seen = small_generator.synthesis(ws, label, planes=planes, sampling="midpoint")
        total = seen["image_raw"].square().sum() + seen["image_depth"].sum() + seen["image_weights"].sum()
        return torch.autograd.grad(total, (planes, label, *small_generator.decoder.parameters()))

    whole = gradients()
    monkeypatch.setattr(renderer, "POINTS_PER_CHUNK", 50)
    for one, other in zip(gradients(), whole, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)
