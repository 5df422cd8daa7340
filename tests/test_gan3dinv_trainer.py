"""`ns-train` inside this process: what a run leaves, how it resumes, how it refuses."""

from __future__ import annotations

import errno
import json
import os
import shutil

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from gan3dinv_ns import gan3dinv_trainer
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Generator, GeneratorConfig, save_generator
from gan3dinv_ns.gan3dinv_run import latest_checkpoint, read_checkpoint

SCHEDULE = "--pipeline.model.inversion.schedule"
START = "--pipeline.model.inversion.start"
FRAMING = "--pipeline.datamanager.framing"


def run_folder(outputs):
    return next(outputs.glob("*/gan3dinv/*"))


def final_latent(run):
    return np.load(run / "inversion" / "latent.npz")["w"]


def test_run_folder_holds_nerfstudios_files_and_the_results(finished_run):
    names = {path.name for path in finished_run.iterdir()}
    assert {"config.yml", "photo.png", "dataparser_transforms.json", "nerfstudio_models", "inversion"} <= names
    assert any(name.startswith("events.out.tfevents") for name in names)
    results = {path.name for path in (finished_run / "inversion").iterdir()}
    pictures = {"reconstruction.png", "comparison.png", "whole_photo.png"}
    assert results == pictures | {"camera.json", "framing.json", "head.safetensors", "latent.npz", "metrics.json"}
    assert len(json.loads((finished_run / "inversion" / "camera.json").read_text())["label"]) == 25
    assert finished_run.parents[1].name == "my face"


def test_saved_paths_are_absolute_and_name_the_copy_of_the_photo(finished_run, photo_file, tiny_generator_file):
    config = yaml.load((finished_run / "config.yml").read_text(), Loader=yaml.Loader)
    assert config.pipeline.datamanager.data == finished_run / "photo.png" and config.data is None
    assert config.get_base_dir() == finished_run and config.pipeline.model.generator == str(tiny_generator_file)
    assert (finished_run / "photo.png").read_bytes() == photo_file.read_bytes()
    assert [path.name for path in photo_file.parent.iterdir()] == [photo_file.name]


def test_checkpoint_is_small_and_plain(finished_run):
    state = read_checkpoint(latest_checkpoint(finished_run))
    assert state["step"] == 4 and set(state["optimizers"]) == {"latent", "camera_pose", "generator"}
    assert not [key for key in state["pipeline"] if "discriminator" in key or "perceptual" in key]
    rates = [group["lr"] for each in state["optimizers"].values() for group in each["param_groups"]]
    assert all(type(rate) is float for rate in rates)


def test_untuned_generator_is_not_saved_and_resuming_repeats_the_uninterrupted_run(
    tmp_path, ns_train, photo_file, short_options, finished_run, capsys
):
    ns_train("--data", photo_file, "--output-dir", tmp_path / "a", *short_options, "--max-num-iterations", 2)
    half = run_folder(tmp_path / "a")
    state = read_checkpoint(latest_checkpoint(half))
    assert state["step"] == 1 and not [key for key in state["pipeline"] if "generator" in key]
    assert latest_checkpoint(half).stat().st_size < 100_000
    ns_train("--load-dir", half / "nerfstudio_models", "--output-dir", tmp_path / "b", *short_options)
    resumed = run_folder(tmp_path / "b")
    assert "Resuming after step 2 of 5" in capsys.readouterr().out
    assert resumed.parents[1].name == "my face" and read_checkpoint(latest_checkpoint(resumed))["step"] == 4
    np.testing.assert_allclose(final_latent(resumed), final_latent(finished_run), atol=1e-5)


def test_finished_run_resumes_without_a_step_and_ends_alike(ns_train, finished_run, monkeypatch):
    before = final_latent(finished_run)
    monkeypatch.setattr(gan3dinv_trainer, "optimisation_step", None)
    ns_train("--load-config", finished_run / "config.yml")
    np.testing.assert_array_equal(final_latent(finished_run), before)
    assert len(list((finished_run / "nerfstudio_models").iterdir())) == 1


def test_tuning_ends_once_the_photo_is_near_enough(tmp_path, ns_train, photo_file, short_options, monkeypatch):
    taken = []
    step = gan3dinv_trainer.optimisation_step
    monkeypatch.setattr(gan3dinv_trainer, "optimisation_step", lambda *args: taken.append(args[2]) or step(*args))
    options = (*short_options, f"{SCHEDULE}.tune-steps", 50, f"{SCHEDULE}.stop-below", 1000)
    ns_train("--data", photo_file, "--output-dir", tmp_path, *options)
    assert taken == [0, 1, 2, 3] and (run_folder(tmp_path) / "inversion" / "metrics.json").is_file()
    assert read_checkpoint(latest_checkpoint(run_folder(tmp_path)))["step"] == 3


def test_a_photo_that_is_good_ends_the_run_with_falling_rates_and_for_good(
    tmp_path, ns_train, photo_file, short_options, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    lengths = ("tune-steps", 12), ("fewest-tune-steps", 4), ("enough-psnr", 0)
    options = [one for name, value in lengths for one in (f"{SCHEDULE}.{name}", value)]
    ns_train("--data", photo_file, "--output-dir", tmp_path, *short_options, *options)
    assert "step 7 of 7" in capsys.readouterr().out
    checkpoint = latest_checkpoint(run_folder(tmp_path))
    assert read_checkpoint(checkpoint)["step"] == 6
    ns_train("--load-config", run_folder(tmp_path) / "config.yml")
    assert "Resuming after step 7 of 7" in capsys.readouterr().out


def full_disk(*args, **kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_full_disk_on_the_way_does_not_end_the_run(tmp_path, ns_train, photo_file, short_options, monkeypatch, capsys):
    save, calls = torch.save, []

    def full_once(*args, **kwargs):
        calls.append(args)
        return full_disk() if len(calls) == 1 else save(*args, **kwargs)

    monkeypatch.setattr(torch, "save", full_once)
    ns_train("--data", photo_file, "--output-dir", tmp_path, *short_options, "--steps-per-save", 3)
    assert "the disk is full" in capsys.readouterr().out
    assert latest_checkpoint(run_folder(tmp_path)).name == "step-000000004.ckpt"


def test_full_disk_at_the_end_is_one_line_and_keeps_the_last_checkpoint(
    tmp_path, ns_train, photo_file, short_options, monkeypatch
):
    save = torch.save
    monkeypatch.setattr(torch, "save", lambda state, path: full_disk() if state["step"] > 2 else save(state, path))
    with pytest.raises(SystemExit) as caught:
        ns_train("--data", photo_file, "--output-dir", tmp_path, *short_options, "--steps-per-save", 3)
    assert str(caught.value.code).startswith("error: cannot write") and "the disk is full" in caught.value.code
    assert [path.name for path in (run_folder(tmp_path) / "nerfstudio_models").iterdir()] == ["step-000000002.ckpt"]
    assert (run_folder(tmp_path) / "inversion" / "metrics.json").is_file()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--data", "missing.png"], "does not exist"),
        (["--data", "empty"], "holds no pictures"),
        (["--data", "text.png"], "is not a picture"),
        (["--data", "dot.png"], "at least 16x16"),
        ([], "add --data PHOTO"),
        (["--data", "good.png", "--pipeline.model.generator", "gone.pkl"], "no such file"),
        (["--data", "good.png", "--pipeline.model.generator", "text.png"], "must be a .pkl or a .safetensors"),
        (["--data", "good.png", "--load-dir", "."], "no checkpoint"),
        (["--data", "good.png", "--load-checkpoint", "text.png"], "cannot be read"),
        (["--data", "good.png", "--load-checkpoint", "gone.ckpt"], "does not exist"),
        (["--data", "good.png", "--output-dir", "text.png"], "a file stands where"),
        (["--data", "good.png", f"{SCHEDULE}.project-steps", "-3"], "-3 steps"),
        (["--data", "good.png", f"{SCHEDULE}.project-betas", "1.5", "0.9"], "project_betas 1.5 cannot be taken"),
        (
            ["--data", "good.png", "--pipeline.model.decoder-backend", "tcnn"],
            "decoder backend tcnn",
        ),
        (
            ["--data", "good.png", "--pipeline.model.cuda-graphs", "True", "--machine.device-type", "cpu"],
            "CUDA graphs need a CUDA device, not cpu; do without the option cuda-graphs",
        ),
        (["--data", "good.png", f"{START}.pose", "label"], "dataset.json: no such file"),
        (["--data", "good.png", f"{FRAMING}.face", "3"], "face 3 is asked for"),
        (["--data", "good.png", f"{FRAMING}.crop", "0", "0", "-5"], "give LEFT TOP SIDE in pixels"),
    ],
)
def test_bad_input_is_one_line(tmp_path, ns_train, short_options, monkeypatch, options, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.png").write_text("not a picture")
    Image.new("RGB", (1, 1)).save("dot.png")
    Image.new("RGB", (64, 64)).save("good.png")
    with pytest.raises(SystemExit) as caught:
        ns_train("--output-dir", "outputs", *short_options, *options)
    message = caught.value.code
    assert message.startswith("error: ") and words in message and "\n" not in message


def test_checkpoint_of_another_generator_is_explained(
    tmp_path, ns_train, photo_file, short_options, finished_run, tiny_generator_file
):
    other = tmp_path / "other.safetensors"
    save_generator(Generator(GeneratorConfig(plane_resolution=16, channel_base=512, channel_max=8)), other)
    options = ("--data", photo_file, *short_options, "--pipeline.model.generator", other, "--output-dir", tmp_path)
    with pytest.raises(SystemExit, match="error: no discriminator at"):
        ns_train(*options)
    discriminator = "discriminator.safetensors"
    shutil.copy(tiny_generator_file.with_suffix(f".{discriminator}"), other.with_suffix(f".{discriminator}"))
    with pytest.raises(SystemExit, match="error: the checkpoint does not fit"):
        ns_train(*options, "--load-dir", finished_run)


def test_a_label_beside_the_photo_is_where_the_camera_begins(tmp_path, ns_train, photo_file, short_options):
    label = [*orbit(0.3, -0.1).flatten().tolist(), 4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1]
    photo = tmp_path / photo_file.name
    shutil.copyfile(photo_file, photo)
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": [[photo.name, label]]}))
    pose = "--pipeline.model.inversion.pose"
    still = (f"{pose}.warp-weight", 0, f"{pose}.reconstruction-weight", 0)
    ns_train("--data", photo, "--output-dir", tmp_path, *short_options, f"{START}.pose", "label", *still)
    run = run_folder(tmp_path)
    found = json.loads((run / "inversion" / "camera.json").read_text())["label"]
    assert found == pytest.approx(label, abs=1e-4)
    config = yaml.load((run / "config.yml").read_text(), Loader=yaml.Loader)
    assert config.pipeline.model.inversion.start.label == pytest.approx(label), "kept with the run"
