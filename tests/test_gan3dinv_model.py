from __future__ import annotations

import pytest
import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.data.scene_box import OrientedBox

from gan3dinv_ns.cameras.conventions import image_to_hwc01, to_nerfstudio
from gan3dinv_ns.cameras.rotations import orbit


@pytest.fixture
def model(loaded):
    return loaded.model


def camera(width: int = 57, height: int = 40, yaw: float = 0.3) -> Cameras:
    return Cameras(to_nerfstudio(orbit(yaw, 0.1)), fx=150.0, fy=150.0, cx=width / 2, cy=height / 2)


def rays(count: int, **limits: torch.Tensor) -> RayBundle:
    origins = to_nerfstudio(orbit(torch.linspace(-1, 1, count), 0.0))[:, :, 3]
    pixels = torch.ones(count, 1)
    return RayBundle(origins, torch.nn.functional.normalize(-origins, dim=-1), pixel_area=pixels, **limits)


def test_outputs_have_exactly_the_asked_size_and_rgb_comes_first(model):
    outputs = model.get_outputs_for_camera(camera())
    assert next(iter(outputs)) == "rgb"
    channels = {"rgb": 3, "depth": 1, "accumulation": 1, "rgb_raw": 3}
    assert {name: tuple(image.shape) for name, image in outputs.items()} == {
        name: (40, 57, count) for name, count in channels.items()
    }
    for name, image in outputs.items():
        assert torch.isfinite(image).all() and image.min() >= 0 and (name == "depth" or image.max() <= 1)


def test_the_photos_camera_shows_the_reconstruction_itself(model, loaded):
    seen = model.get_outputs_for_camera(loaded.datamanager.eval_dataset.cameras[0:1])["rgb"]
    image = model.inversion.render(model.inversion.label)["image"]
    assert torch.equal(seen, image_to_hwc01(image).clamp(0, 1))


def test_a_box_blanks_what_lies_outside(model):
    view = camera()
    nothing = OrientedBox.from_params((5.0, 5.0, 5.0), (0.0, 0.0, 0.0), (0.1, 0.1, 0.1))
    everything = OrientedBox.from_params((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (9.0, 9.0, 9.0))
    outputs = model.get_outputs_for_camera(view, obb_box=nothing)
    assert torch.all(outputs["rgb"] == 1) and torch.all(outputs["accumulation"] == 0)
    whole = model.get_outputs_for_camera(view)
    assert torch.allclose(model.get_outputs_for_camera(view, obb_box=everything)["rgb"], whole["rgb"])


def test_rays_give_what_the_stock_exporters_ask_for(model):
    outputs = model(rays(9))
    assert {name: tuple(value.shape) for name, value in outputs.items()} == {
        "rgb": (9, 3),
        "depth": (9, 1),
        "accumulation": (9, 1),
        "normals": (9, 3),
    }
    assert outputs["normals"].min() >= 0 and outputs["normals"].max() <= 1
    assert (outputs["accumulation"] > 0.5).all() and ((outputs["depth"] > 2.1) & (outputs["depth"] < 3.3)).all()


def test_limits_of_a_ray_bundle_are_respected(model):
    before = model(rays(3, nears=torch.full((3, 1), 0.5), fars=torch.full((3, 1), 1.0)))
    assert (before["accumulation"] <= model(rays(3))["accumulation"]).all()
    within = model(rays(3, nears=torch.full((3, 1), 2.6), fars=torch.full((3, 1), 2.7)))
    assert ((within["depth"] >= 2.6) & (within["depth"] <= 2.71)).all()


def test_ray_bundles_of_a_camera_keep_its_shape(model):
    bundle = camera(12, 10).generate_rays(camera_indices=0)
    outputs = model.get_outputs_for_camera_ray_bundle(bundle)
    assert outputs["rgb"].shape == (10, 12, 3) and outputs["depth"].shape == (10, 12, 1)
    assert model.get_rgba_image(outputs).shape == (10, 12, 4)


def test_networks_stay_in_evaluation_mode(model):
    model.train()
    assert not any(module.training for module in model.modules())


def test_the_photos_frustum_stands_where_the_pose_was_found(model):
    motion = model.camera_optimizer(torch.tensor([0]))
    assert torch.allclose(motion[0], torch.eye(4)[:3], atol=1e-5)


def test_state_holds_the_generator_once_it_is_changed(model):
    assert model.generator_changed
    keys = set(model.state_dict())
    assert any(key.startswith("inversion.generator.") for key in keys)
    assert not [key for key in keys if "discriminator" in key or "_network" in key]
    model.generator_changed = False
    try:
        assert not [key for key in model.state_dict() if key.startswith("inversion.generator.")]
    finally:
        model.generator_changed = True
