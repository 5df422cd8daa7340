"""What `ns-eval` and the stock exporters do with a finished run."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from nerfstudio.utils.eval_utils import eval_setup
from PIL import Image

from gan3dinv_ns import gan3dinv_pipeline
from gan3dinv_ns.cameras.conventions import from_nerfstudio
from gan3dinv_ns.eg3d import precision
from gan3dinv_ns.eg3d.backends.backend import TORCH


def test_report_of_one_image_is_finite_and_agrees_with_the_run(loaded, finished_run, tmp_path):
    report = loaded.get_average_eval_image_metrics(output_path=tmp_path, get_std=True)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    results = json.loads((finished_run / "inversion" / "metrics.json").read_text())
    assert report["psnr"] == pytest.approx(results["psnr"], abs=0.05) and report["psnr_std"] == 0
    assert report["perceptual"] == pytest.approx(results["perceptual"], rel=0.02)
    assert Image.open(tmp_path / "eval_img_0000.png").size == (256, 128)


def test_cameras_of_a_loaded_run_stand_at_the_found_pose(loaded, finished_run):
    label = json.loads((finished_run / "inversion" / "camera.json").read_text())["label"]
    for dataset in (loaded.datamanager.train_dataset, loaded.datamanager.eval_dataset):
        found = from_nerfstudio(dataset.cameras.camera_to_worlds[:1])
        assert torch.allclose(found.flatten(), torch.tensor(label[:16]), atol=1e-4)


def opened_as_if_made_with(run, test_mode="inference", **choices):
    """The generator of a run whose configuration says so."""

    def chosen(config):
        config.pipeline.model = replace(config.pipeline.model, **choices)
        return config

    pipeline = eval_setup(run / "config.yml", test_mode=test_mode, update_config_callback=chosen)[1]
    return pipeline.model.inversion.generator


def test_a_run_opens_where_its_decoder_backend_cannot_be_had(finished_run):
    assert opened_as_if_made_with(finished_run, decoder_backend="tcnn").backend == TORCH


@pytest.mark.parametrize("has_products", [True, False])
def test_a_run_keeps_its_precision_and_opens_where_that_cannot_be_had(
    finished_run, monkeypatch, multiplied_in, has_products
):
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda: has_products)
    assert multiplied_in(opened_as_if_made_with(finished_run, precision="float32")) == {None}
    assert (torch.bfloat16 in multiplied_in(opened_as_if_made_with(finished_run, precision="half"))) == has_products


def test_networks_are_compiled_to_invert_and_not_to_look_at_a_finished_run(finished_run, monkeypatch):
    compiled = []
    checked = []
    monkeypatch.setattr(gan3dinv_pipeline, "check_compilation", checked.append)
    monkeypatch.setattr(gan3dinv_pipeline, "compile_networks", compiled.append)
    opened_as_if_made_with(finished_run, compile=True)
    assert compiled == []
    generator = opened_as_if_made_with(finished_run, "val", compile=True)
    assert compiled == checked == [generator]


def test_a_run_with_cuda_graphs_opens_where_there_are_none(finished_run):
    assert opened_as_if_made_with(finished_run, cuda_graphs=True).img_resolution == 128


def test_stock_training_queries_answer_for_the_photo(loaded):
    _, losses, _ = loaded.get_eval_loss_dict(0)
    assert losses == {}
    metrics, images = loaded.get_eval_image_metrics_and_images(0)
    assert metrics["num_rays"] == 128 * 128 and images["img"].shape == (128, 256, 3)


def test_point_cloud_export_gets_points_of_the_head(loaded):
    from nerfstudio.exporter.exporter_utils import generate_point_cloud

    loaded.datamanager.train_pixel_sampler.num_rays_per_batch = 300
    cloud = generate_point_cloud(
        loaded, num_points=200, remove_outliers=False, reorient_normals=True, normal_output_name="normals"
    )
    assert len(cloud.points) >= 200 and max(abs(cloud.get_max_bound()).max(), abs(cloud.get_min_bound()).max()) < 0.6


def test_camera_export_names_the_photo_for_each_camera(loaded, finished_run):
    from nerfstudio.exporter.exporter_utils import collect_camera_poses

    train, _ = collect_camera_poses(loaded)
    assert {frame["file_path"] for frame in train} == {str(finished_run / "photo.png")} and len(train) == 24
    expected = loaded.datamanager.train_dataset.cameras.camera_to_worlds[5]
    assert torch.allclose(torch.tensor(train[5]["transform"]), expected, atol=1e-6)


def test_tsdf_export_gets_colours_and_depth(loaded):
    from nerfstudio.exporter.exporter_utils import render_trajectory

    cameras = loaded.datamanager.train_dataset._dataparser_outputs.cameras[0:2]
    images, depths = render_trajectory(loaded, cameras, "rgb", "depth", 0.1, return_rgba_images=True)
    assert images[0].shape == (12, 12, 4) and depths[1].shape == (12, 12, 1)


@pytest.mark.parametrize(("kind", "count"), [("spiral", 3), ("interpolate", 48)])
def test_render_paths_are_upright(loaded, kind, count):
    from nerfstudio.cameras.camera_paths import get_interpolated_camera_path, get_spiral_path

    data = loaded.datamanager
    if kind == "spiral":
        path = get_spiral_path(data.eval_dataloader.get_camera(image_idx=0)[0], steps=3, radius=0.1)
    else:
        path = get_interpolated_camera_path(data.eval_dataset.cameras, steps=2, order_poses=False)
    assert len(path) >= count - 2 and (path.camera_to_worlds[:, 2, 1] > 0.5).all()
    assert loaded.model.get_outputs_for_camera(path[0:1])["rgb"].shape == (128, 128, 3)
