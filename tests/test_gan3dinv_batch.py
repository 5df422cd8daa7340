"""Several photos: each its own head, or all one head; inside this process."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import pytest
import torch
import yaml
from nerfstudio.utils.eval_utils import eval_setup
from PIL import Image

from gan3dinv_ns import gan3dinv_batch, gan3dinv_dataparser, gan3dinv_trainer, ns_export
from gan3dinv_ns.cameras.conventions import from_nerfstudio
from gan3dinv_ns.cameras.rotations import orbit

START = "--pipeline.model.inversion.start"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, photo_file):
    """Two photos, one of them small, and one that is none."""
    folder = tmp_path_factory.mktemp("people") / "people"
    folder.mkdir()
    shutil.copyfile(photo_file, folder / "ada.png")
    Image.open(photo_file).convert("L").resize((90, 70)).save(folder / "bob.jpg")
    (folder / "cut.png").write_bytes(photo_file.read_bytes()[:100])
    (folder / "notes.txt").write_text("no photo")
    return folder


@pytest.fixture(scope="module")
def batch(tmp_path_factory, ns_train, folder, short_options):
    """The folder's run, and how it ended."""
    outputs = tmp_path_factory.mktemp("batch")
    with pytest.raises(SystemExit) as ended:
        ns_train("--data", folder, "--output-dir", outputs, *short_options)
    return next(outputs.glob("people/gan3dinv/*")), ended.value.code


@pytest.fixture(scope="module")
def same(tmp_path_factory, ns_train, folder, short_options):
    """The run of two files that show one head."""
    outputs = tmp_path_factory.mktemp("same")
    files = (folder / "bob.jpg", folder / "ada.png")
    ns_train("--data", *files, "--same-person", True, "--output-dir", outputs, *short_options)
    return next(outputs.glob("people/gan3dinv/*"))


def test_each_photo_gives_a_head_and_a_bad_one_costs_only_itself(batch):
    run, ending = batch
    assert ending == "error: 1 of 3 heads were not found: cut"
    found = json.loads((run / "heads.json").read_text())
    assert found["ada"]["psnr"] > 0 and found["bob"]["psnr"] > 0 and "cut.png is damaged" in found["cut"]["problem"]
    for name in ("ada", "bob"):
        results = {path.name for path in (run / "heads" / name / "inversion").iterdir()}
        assert {"head.safetensors", "reconstruction.png", "metrics.json"} <= results
    with Image.open(run / "heads.png") as page:
        assert page.size == (6 * 192, 2 * 212)


def test_a_head_of_the_run_loads_by_itself_and_the_whole_run_says_so(batch):
    run, _ = batch
    _, pipeline, checkpoint, _ = eval_setup(run / "heads" / "bob" / "config.yml", test_mode="inference")
    assert checkpoint.parent == run / "heads" / "bob" / "nerfstudio_models"
    assert pipeline.datamanager.photos.shape == (1, 3, 128, 128)
    with pytest.raises(ValueError, match=r"run of 2 heads; load one of them, for example .*ada.config\.yml"):
        ns_export.load_inversion(run / "config.yml")
    with pytest.raises(SystemExit, match="run of 2 heads"):
        eval_setup(run / "config.yml", test_mode="inference")


def test_a_run_goes_on_where_it_was_left_and_repeats_nothing(batch, ns_train, monkeypatch):
    run, _ = batch
    taken = []
    step = gan3dinv_trainer.optimisation_step
    monkeypatch.setattr(gan3dinv_trainer, "optimisation_step", lambda *args: taken.append(args[2]) or step(*args))
    untouched = (run / "heads" / "ada" / "inversion" / "metrics.json").stat().st_mtime_ns
    found = json.loads((run / "heads.json").read_text())
    (run / "heads.json").write_text(json.dumps({"ada": found["ada"]}))
    shutil.rmtree(run / "heads" / "bob")
    with pytest.raises(SystemExit, match="1 of 3 heads were not found: cut"):
        ns_train("--load-config", run / "config.yml")
    assert taken == [0, 1, 2, 3, 4], "only the head that was missing"
    assert (run / "heads" / "ada" / "inversion" / "metrics.json").stat().st_mtime_ns == untouched
    assert set(json.loads((run / "heads.json").read_text())) == {"ada", "bob", "cut"}


def test_an_interrupted_run_ends_as_such_and_names_the_whole_run(
    tmp_path, ns_train, folder, short_options, monkeypatch, capsys
):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(gan3dinv_trainer, "optimisation_step", interrupt)
    with pytest.raises(SystemExit) as ended:
        ns_train("--data", folder, "--output-dir", tmp_path, *short_options)
    assert ended.value.code == 130
    run = next(tmp_path.glob("people/gan3dinv/*"))
    assert f"--load-config {run / 'config.yml'}" in capsys.readouterr().out


def test_photos_of_one_person_give_one_head_with_a_camera_each(same):
    metrics = json.loads((same / "inversion" / "metrics.json").read_text())
    assert [record["name"] for record in metrics["photos"]] == ["ada", "bob"]
    names = {path.name for path in (same / "inversion").iterdir()}
    assert names == {"ada", "bob", "comparison.png", "head.safetensors", "latent.npz", "metrics.json"}
    assert {path.name for path in (same / "inversion" / "ada").iterdir()} == {
        "camera.json",
        "framing.json",
        "reconstruction.png",
        "whole_photo.png",
    }
    assert {path.name for path in (same / "photos").iterdir()} == {"ada.png", "bob.jpg"}


def test_the_stock_commands_see_every_photo_of_one_person(same):
    config, pipeline, _, _ = eval_setup(same / "config.yml", test_mode="test")
    assert config.pipeline.datamanager.data == same / "photos"
    data, inversion = pipeline.datamanager, pipeline.model.inversion
    placed = from_nerfstudio(data.train_dataset.cameras.camera_to_worlds[:2])
    torch.testing.assert_close(placed, inversion.camera_pose.detach(), atol=1e-5, rtol=0)
    assert [data.next_eval(step)[1]["image_idx"] for step in range(3)] == [0, 1, 0]
    with torch.no_grad():
        for index in range(2):
            camera, _ = data.next_eval(index)
            seen = pipeline.model.get_outputs_for_camera(camera)["rgb"]
            wanted = inversion.render(inversion.label[index : index + 1])["image"]
            torch.testing.assert_close(seen.permute(2, 0, 1)[None] * 2 - 1, wanted.clamp(-1, 1), atol=1e-4, rtol=0)
    figures = pipeline.get_average_eval_image_metrics(get_std=True)
    assert figures["psnr"] == pytest.approx(
        json.loads((same / "inversion" / "metrics.json").read_text())["psnr"], abs=0.1
    )
    assert figures["psnr_std"] > 0


def test_labels_of_several_photos_stay_with_their_photos(tmp_path, ns_train, folder, short_options):
    mine = tmp_path / "mine"
    mine.mkdir()
    labels = []
    for name, yaw in (("bob.jpg", 0.4), ("ada.png", -0.2)):
        shutil.copyfile(folder / name, mine / name)
        camera = orbit(yaw, 0.0).flatten().tolist()
        labels.append([name, [*camera, 4.2647, 0, 0.5, 0, 4.2647, 0.5, 0, 0, 1]])
    (mine / "dataset.json").write_text(json.dumps({"labels": labels}))
    pose = "--pipeline.model.inversion.pose"
    still = (f"{pose}.warp-weight", 0, f"{pose}.reconstruction-weight", 0)
    ns_train("--data", mine, "--output-dir", tmp_path, *short_options, f"{START}.pose", "label", *still)
    run = next(tmp_path.glob("mine/gan3dinv/*"))
    for name, yaw in (("bob", 0.4), ("ada", -0.2)):
        camera = json.loads((run / "heads" / name / "inversion" / "camera.json").read_text())
        assert camera["yaw_rad"] == pytest.approx(yaw, abs=1e-4)
        config = yaml.load((run / "heads" / name / "config.yml").read_text(), Loader=yaml.Loader)
        assert len(config.pipeline.model.inversion.start.label) == 25


def test_every_face_of_a_photo_gives_a_head(tmp_path, ns_train, folder, short_options, monkeypatch):
    monkeypatch.setattr(gan3dinv_batch, "find_faces", lambda image: [None] * (2 if image.shape[-1] == 150 else 1))
    chosen = []
    prepare = gan3dinv_dataparser.prepare_photo

    def note(path, resolution, frame, settings, white):
        chosen.append((path.parent.name, settings.face))
        return prepare(path, resolution, frame, replace(settings, by="centre", face=0), white)

    monkeypatch.setattr(gan3dinv_dataparser, "prepare_photo", note)
    photos = (folder / "ada.png", folder / "bob.jpg")
    ns_train("--data", *photos, "--every-face", True, "--output-dir", tmp_path, *short_options)
    run = next(tmp_path.glob("people/gan3dinv/*"))
    assert list(json.loads((run / "heads.json").read_text())) == ["ada_0", "ada_1", "bob"]
    assert list(dict.fromkeys(chosen)) == [("ada_0", 0), ("ada_1", 1), ("bob", 0)]


def test_every_face_of_one_photo_is_a_run_of_several_heads(tmp_path, ns_train, folder, short_options):
    ns_train("--data", folder / "ada.png", "--every-face", True, "--output-dir", tmp_path, *short_options)
    run = next(tmp_path.glob("ada/gan3dinv/*"))
    assert list(json.loads((run / "heads.json").read_text())) == ["ada"]
    assert (run / "photos" / "ada.png").is_file()


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["ada.png", "gone.png"], "gone.png: no such photo"),
        (["ada.png", "again/ada.jpg"], "have the same name"),
        (["ada.png", "cut.png", "--same-person", "True"], "cut.png is damaged"),
        (["ada.png", "--same-person", "True", "--every-face", "True"], "exclude each other"),
    ],
)
def test_bad_sets_of_photos_are_one_line(tmp_path, ns_train, folder, short_options, monkeypatch, names, words):
    monkeypatch.chdir(tmp_path)
    for photo in folder.iterdir():
        shutil.copyfile(photo, tmp_path / photo.name)
    (tmp_path / "again").mkdir()
    shutil.copyfile(folder / "bob.jpg", tmp_path / "again" / "ada.jpg")
    with pytest.raises(SystemExit) as caught:
        ns_train("--output-dir", "outputs", *short_options, "--data", *names)
    message = caught.value.code
    assert message.startswith("error: ") and words in message and "\n" not in message
    assert not (tmp_path / "outputs").exists()
