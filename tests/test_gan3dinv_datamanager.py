from __future__ import annotations

import pytest
import torch
from nerfstudio.cameras.cameras import Cameras
from nerfstudio.cameras.rays import RayBundle
from nerfstudio.data.datamanagers.base_datamanager import VanillaDataManager

from gan3dinv_ns.cameras.conventions import from_nerfstudio
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.gan3dinv_datamanager import GAN3DInvDataManager, GAN3DInvDataManagerConfig
from gan3dinv_ns.gan3dinv_dataparser import ORBIT_CAMERAS


def manager(photo, test_mode: str) -> GAN3DInvDataManager:
    return GAN3DInvDataManagerConfig(data=photo).setup(device="cpu", test_mode=test_mode, resolution=32)


def test_training_gets_the_whole_photo_and_its_camera(photo_file):
    data = manager(photo_file, "val")
    camera, batch = data.next_train(0)
    assert isinstance(data, VanillaDataManager) and isinstance(camera, Cameras) and len(camera) == 1
    assert batch["image"].shape == (32, 32, 3) and batch["image"].min() >= 0 and batch["image"].max() <= 1
    assert torch.allclose(batch["image"] * 2 - 1, data.photos[0].permute(1, 2, 0), atol=1e-6)
    assert len(data.train_dataset) == len(data.train_dataset.cameras) == 1


def test_exporters_get_one_image_an_orbit_and_rays_from_all_around(photo_file):
    data = manager(photo_file, "test")
    outputs = data.train_dataset._dataparser_outputs
    assert len(data.train_dataset) == 1 and len(data.eval_dataset.cameras) == ORBIT_CAMERAS
    assert len(outputs.cameras) == len(outputs.image_filenames) == ORBIT_CAMERAS
    assert data.train_dataset.cameras[0:1].metadata is not None
    data.train_pixel_sampler.num_rays_per_batch = 500
    rays, _ = data.next_train(0)
    assert isinstance(rays, RayBundle) and len(rays) == 500
    assert torch.allclose(rays.directions.norm(dim=-1), torch.ones(500), atol=1e-5)
    assert torch.allclose(rays.origins.norm(dim=-1), torch.full((500,), 2.7), atol=1e-4)
    assert len(rays.camera_indices.unique()) > ORBIT_CAMERAS // 2


@pytest.mark.parametrize("test_mode", ["val", "test", "inference"])
def test_all_cameras_follow_the_found_pose(photo_file, test_mode):
    data, found = manager(photo_file, test_mode), orbit(0.4, -0.2)
    data.move_photo_cameras(found)
    for dataset in (data.train_dataset, data.eval_dataset):
        for cameras in (dataset.cameras, dataset._dataparser_outputs.cameras):
            assert torch.allclose(from_nerfstudio(cameras.camera_to_worlds)[:1], found, atol=1e-5)
    if test_mode == "test":
        assert torch.allclose(data.eval_dataloader.cameras.camera_to_worlds[:1], data.next_eval(0)[0].camera_to_worlds)


def test_orbit_starts_beside_the_photo_and_stays_upright(photo_file):
    data = manager(photo_file, "test")
    data.move_photo_cameras(orbit(0.4, 0.0))
    poses = data.train_dataset.cameras.camera_to_worlds
    assert (poses[:, 2, 1] > 0.9).all() and (poses[:, 2, 0].abs() < 1e-5).all()
    assert (poses[1, :, 3] - poses[0, :, 3]).norm() < 1.5


def test_missing_photo_is_named():
    with pytest.raises(ValueError, match="does not exist"):
        GAN3DInvDataManagerConfig(data="nowhere.png").setup(device="cpu", test_mode="val", resolution=32)


def test_cameras_have_the_focal_length_of_the_inversion(photo_file):
    data = GAN3DInvDataManagerConfig(data=photo_file).setup(device="cpu", test_mode="test", resolution=32, focal=2.0)
    focal = data.train_dataset.cameras.fx[:, 0]
    assert float(focal[0]) == 64 and (focal[1:] < 64).all()


@pytest.mark.parametrize(
    ("background", "white_back", "white"),
    [("auto", True, True), ("auto", False, False), ("keep", True, False), ("white", False, True)],
)
def test_heads_are_cut_out_for_generators_that_draw_them_before_white(photo_file, background, white_back, white):
    config = GAN3DInvDataManagerConfig(data=photo_file, background=background)
    data = config.setup(device="cpu", test_mode="val", resolution=32, white_back=white_back)
    assert data.config.dataparser.white is white
