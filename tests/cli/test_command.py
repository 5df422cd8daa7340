"""The `gan3dinv` command: helps, wiring, and what it says to bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

from gan3dinv_ns.cli import main
from gan3dinv_ns.eg3d import (
    Discriminator,
    DiscriminatorConfig,
    Generator,
    GeneratorConfig,
    RenderingOptions,
    save_discriminator,
    save_generator,
)
from gan3dinv_ns.experiments.photos import DrawnHead

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "",
    "edit",
    "export",
    "export mesh",
    "export splat",
    "render",
    "benchmark",
    "evaluate",
    "cost",
    "heads",
    "heads generate",
    "heads pack",
    "heads train",
    "heads pairs",
    "heads report",
    "heads directions",
    "heads edits",
    "pretrain",
    "pretrain data",
    "pretrain encoder",
    "pretrain pose",
    "pretrain report",
)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random generator, with its discriminator beside it."""
    folder = tmp_path_factory.mktemp("tiny")
    torch.manual_seed(0)
    rendering = RenderingOptions(white_back=True, depth_resolution=4, depth_resolution_importance=4)
    small = {"channel_base": 512, "channel_max": 16}
    config = GeneratorConfig(plane_resolution=32, neural_rendering_resolution=8, rendering=rendering, **small)
    generator = Generator(config)
    save_generator(generator, folder / "tiny.safetensors")
    discriminator = Discriminator(DiscriminatorConfig(img_resolution=generator.img_resolution, **small))
    save_discriminator(discriminator, folder / "tiny.discriminator.safetensors")
    return folder / "tiny.safetensors"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_is_shown(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command.split(), "--help"])
    assert ended.value.code == 0
    assert f"usage: gan3dinv {command}".strip() in capsys.readouterr().out


def test_help_needs_no_heavy_imports():
    code = (
        "import sys\nfrom gan3dinv_ns.cli import main\ntry:\n    main(['export', 'mesh', '--help'])\n"
        "except SystemExit:\n    pass\n"
        "print({'torch', 'nerfstudio', 'open3d', 'trimesh', 'skimage', 'scipy'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")


def test_bad_input_ends_a_process_with_one_line_and_status_1(tmp_path):
    code = "from gan3dinv_ns.cli import main; main()"
    arguments = ["export", "mesh", "--load-config", str(tmp_path / "no.yml"), "--output-dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == f"error: {tmp_path / 'no.yml'} does not exist; give the config.yml in the folder of a run\n"


def test_a_sample_becomes_a_mesh(tiny, tmp_path, capsys):
    options = ["--resolution", "32", "--density-level", "0", "--formats", "obj", "mrc"]
    main(["export", "mesh", "--generator", str(tiny), "--seed", "3", "--output-dir", str(tmp_path), *options])
    shown = capsys.readouterr().out
    report = json.loads((tmp_path / "mesh.json").read_text())
    assert report["watertight"] and report["files"] == ["mesh.obj", "mesh.mrc"]
    for name in ("mesh.obj", "mesh.mrc", "mesh.json"):
        assert f"wrote {tmp_path / name}" in shown


def test_a_sample_becomes_a_solid_with_a_texture(tiny, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "open3d", None)
    options = ["--resolution", "32", "--density-level", "0", "--formats", "obj", "--printable", "--height-cm", "10"]
    texture = ["--texture", "atlas", "--texture-size", "64", "--faces", "500"]
    main(["export", "mesh", "--generator", str(tiny), "--seed", "3", "--output-dir", str(tmp_path), *options, *texture])
    report = json.loads((tmp_path / "mesh.json").read_text())
    assert report["files"] == ["mesh.png", "mesh.mtl", "mesh.obj", "mesh.stl"]
    assert report["faces"] <= 500 and report["texture_size"] == 64 and report["unit"] == "m"
    assert report["manifold"] and report["size_cm"][1] == 10
    shown = capsys.readouterr().out
    assert "64 x 64 texels" in shown and f"wrote {tmp_path / 'mesh.png'}" in shown and "printable" in shown


def test_a_sample_becomes_gaussians(tiny, tmp_path, capsys):
    options = ["--gaussians", "200", "--steps", "3", "--density-level", "0", "--metric"]
    main(["export", "splat", "--generator", str(tiny), "--seed", "3", "--output-dir", str(tmp_path), *options])
    shown = capsys.readouterr().out
    report = json.loads((tmp_path / "splat.json").read_text())
    assert 100 < report["gaussians"] <= 200 and report["fitted_views"] == 30 and report["unit"] == "m"
    assert [view["yaw_rad"] for view in report["held_out_views"]] == [-0.5, 0, 0.5]
    assert report["bytes"] == (tmp_path / "splat.ply").stat().st_size
    with Image.open(tmp_path / "splat.png") as picture:
        assert picture.size == (3 * 128, 3 * 128)
    for name in ("splat.ply", "splat.png", "splat.json"):
        assert f"wrote {tmp_path / name}" in shown


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "either --load-config"),
        (["--seed", "1", "--gaussians", "3"], "gaussians 3 is outside 100 to"),
        (["--seed", "1", "--steps", "-1"], "steps -1 is negative"),
        (["--seed", "1", "--metres-per-unit", "0"], "metres-per-unit 0.0 is not positive"),
        (["--seed", "1", "--density-level", "1000"], "nowhere exceeds 1000"),
    ],
)
def test_export_of_gaussians_names_what_is_wrong(tiny, tmp_path, options, reason):
    with pytest.raises(SystemExit, match=reason) as ended:
        main(["export", "splat", "--output-dir", str(tmp_path), "--generator", str(tiny), *options])
    assert "\n" not in str(ended.value) and not (tmp_path / "splat.ply").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ([], "either --load-config .* or --head .* or --seed"),
        (["--head", "h.safetensors", "--seed", "1"], "either --load-config"),
        (["--head", "h.safetensors"], "h.safetensors: no such file"),
        (["--seed", "1", "--load-config", "config.yml"], "either --load-config"),
        (["--seed", "-1"], "seed -1 is outside"),
        (["--seed", "1", "--resolution", "100"], "resolution 100 .* multiple of 8"),
        (["--seed", "1", "--faces", "50"], "faces 50 are too few .* at least 100"),
        (["--seed", "1", "--smooth", "-1"], "smooth -1 is outside 0 to 100"),
        (["--seed", "1", "--texture-size", "1000"], "texture-size 1000 .* power of two from 64 to 8192"),
        (["--seed", "1", "--height-cm", "0"], "height-cm 0.0 is not a positive number"),
        (["--seed", "1", "--density-level", "1000", "--resolution", "16"], "nowhere exceeds 1000"),
        (["--seed", "1", "--generator", "no.pkl"], "no.pkl: no such file"),
        (["--load-config", "photo.png"], "photo.png does not exist"),
    ],
)
def test_export_names_what_is_wrong(tiny, tmp_path, options, reason):
    generator = [] if "--generator" in options else ["--generator", str(tiny)]
    with pytest.raises(SystemExit, match=reason) as ended:
        main(["export", "mesh", "--output-dir", str(tmp_path / "out"), *generator, *options])
    assert "\n" not in str(ended.value)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_missing_device_is_named(tiny, tmp_path):
    with pytest.raises(SystemExit, match="no usable CUDA device"):
        main(["benchmark", "--generator", str(tiny), "--device", "cuda", "--output", str(tmp_path / "b.json")])


def test_benchmark_prints_tables_and_writes_json(tiny, tmp_path, capsys):
    path = tmp_path / "deep" / "benchmark.json"
    options = ["--generator", str(tiny), "--repeats", "1", "--device", "cpu", "--output", str(path)]
    main(["benchmark", *options])
    shown = capsys.readouterr().out
    assert "super-resolution" in shown and "of roof" in shown and "wrote" in shown
    figures = json.loads(path.read_text())
    assert figures["generator"]["source"] == str(tiny) and len(figures["results"][0]["stages"]) == 10
    main(["benchmark", *options, "--json", "--backend", "all"])
    figures = json.loads(capsys.readouterr().out)
    assert figures["roofline"]["bytes_per_s"] > 0 and [one["backend"] for one in figures["results"]] == ["torch"]


@pytest.fixture
def unseen(monkeypatch):
    """A stand-in for what inverts and measures; the jobs that it was given, with their laboratories."""
    from gan3dinv_ns.evaluation.comparison.row import Row

    asked = []

    class StandIn:
        def __init__(self, laboratory):
            self.laboratory = laboratory

        def __call__(self, job):
            asked.append((self.laboratory, job))
            figures = {"seconds": 36.0} | dict.fromkeys(("psnr", "novel_psnr_0.6"), 20.0 + len(asked))
            return Row(job.method.name, job.source.name, "grey", figures), Image.new("RGB", (256, 144))

    monkeypatch.setattr("gan3dinv_ns.experiments.laboratory.Experimenter", StandIn)
    return asked


def test_evaluate_writes_figures_and_pictures(tiny, tmp_path, unseen, capsys):
    options = ["--generator", str(tiny), "--device", "cpu", "--output-dir", str(tmp_path)]
    main(["evaluate", *options, "--count", "2"])
    assert [(job.method.name, job.source) for _, job in unseen] == [
        ("ours", DrawnHead("heads", 900_000)),
        ("ours", DrawnHead("heads", 900_001)),
    ]
    figures = json.loads((tmp_path / "summary.json").read_text())["comparison"]["metrics"]["psnr"]
    assert figures["methods"]["ours"]["median"] == 21.5
    shown = capsys.readouterr().out
    assert "900001, ours: 22.00 dB" in shown and "novel views" in shown and "median" in shown
    for name in ("rows.csv", "summary.json", "report.md", "tables.tex", "sheet.png"):
        assert (tmp_path / name).is_file() and f"wrote {tmp_path / name}" in shown


def test_evaluate_goes_on_where_it_was_stopped(tiny, tmp_path, unseen):
    options = ["--generator", str(tiny), "--device", "cpu", "--output-dir", str(tmp_path), "--roll", "0.3"]
    options += ["--dataset", "heads-out-of-family", "--makehuman", "m", "--seed", "900004"]
    main(["evaluate", *options, "--count", "1"])
    main(["evaluate", *options, "--count", "2", "--methods", "ours", "sg2"])
    done = [(job.method.name, job.source.seed) for _, job in unseen]
    assert done == [("ours", 900_004), ("sg2", 900_004), ("sg2", 900_005), ("ours", 900_005)]
    assert unseen[0][1].source == DrawnHead("heads-out-of-family", 900_004, 0.3)
    assert (unseen[0][0].roll, unseen[0][0].makehuman) == (True, Path("m"))
    with pytest.raises(SystemExit, match=r"roll 0\.3, not 0\.0; choose another --output-dir"):
        main(["evaluate", *options, "--roll", "0"])


def test_cost_tells_what_many_photos_take(tiny, tmp_path, unseen, capsys):
    options = ["--generator", str(tiny), "--device", "cpu", "--output-dir", str(tmp_path)]
    main(["evaluate", *options, "--count", "2"])
    main(["cost", str(tmp_path), "--photos", "3600", "--workers", "2", "--kind", "core", "--price", "1"])
    # The stand-in says 36 seconds: 36 core hours on two cores.
    assert "3,600 photos by ours on 2 cores: 18.0 hours, 36" in capsys.readouterr().out
    with pytest.raises(SystemExit, match=r"experiment\.json does not exist"):
        main(["cost", str(tmp_path / "nowhere")])


def test_evaluate_shows_the_means_of_several_methods(tiny, tmp_path, unseen, capsys):
    options = ["--generator", str(tiny), "--device", "cpu", "--output-dir", str(tmp_path), "--count", "1"]
    main(["evaluate", *options, "--methods", "sg2", "pti-gd"])
    shown = capsys.readouterr().out
    assert "SG2" in shown and "PTI\u2020" in shown and "21.00" in shown and "22.00" in shown


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--count", "0"], "count 0"),
        (["--seed", "-1"], "seed -1"),
        (["--roll", "4"], "roll 4.0 is outside"),
        (["--methods", "sg3"], "method 'sg3' is not known"),
        (["--metrics", "beauty"], "metric 'beauty' is not known"),
        (["--steps", "0", "0", "0"], "steps .* cannot be taken"),
        (["--dataset", "no-such-folder"], "no-such-folder is no folder of photos"),
        (["--reference", "pti"], "reference 'pti' is not among the methods"),
    ],
)
def test_evaluate_names_what_is_wrong(tmp_path, options, reason):
    with pytest.raises(SystemExit, match=reason) as ended:
        main(["evaluate", "--output-dir", str(tmp_path / "out"), *options])
    assert "\n" not in str(ended.value) and not (tmp_path / "out").exists()


def test_evaluate_refuses_a_base_that_is_not_known(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["evaluate", "--output-dir", str(tmp_path / "out"), "--base", "celeba"])
    assert ended.value.code == 2 and "celeba" in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_evaluate_warns_of_heads_that_may_have_been_trained_on(tiny, tmp_path, unseen, capsys):
    main(["evaluate", "--generator", str(tiny), "--seed", "3", "--count", "1", "--output-dir", str(tmp_path)])
    assert "warning: the generator may have been trained on heads with seeds below 900000" in capsys.readouterr().out


def test_heads_commands_hand_their_options_on(tmp_path, monkeypatch, capsys):
    asked = {}

    def generate(source, output, settings, processes, report):
        asked["generate"] = (source, settings.first_seed, settings.count, processes)
        report(settings.count, settings.count)
        return output

    monkeypatch.setattr("gan3dinv_ns.heads.dataset.generate_dataset", generate)
    options = ["--makehuman", "m", "--first-seed", "7", "--count", "9", "--processes", "1"]
    main(["heads", "generate", *options, "--output-dir", str(tmp_path)])
    assert asked["generate"] == (Path("m"), 7, 9, 1)

    def train(data, folder, settings):
        asked["train"] = (data, folder, settings.minutes)

    def train_adversarially(data, regression, folder, settings):
        asked["adversarial"] = (regression, folder, settings.minutes, settings.alone_share)

    monkeypatch.setattr("gan3dinv_ns.heads.train.train_generator", train)
    monkeypatch.setattr("gan3dinv_ns.heads.train_adversarial.train_adversarially", train_adversarially)

    times = ["--minutes", "3", "--adversarial-minutes", "2", "--alone-share", "1"]
    main(["heads", "train", "--data", "d.safetensors", "e.safetensors", "--output-dir", str(tmp_path), *times])
    assert asked["train"] == ((Path("d.safetensors"), Path("e.safetensors")), tmp_path / "regression", 3.0)
    assert asked["adversarial"] == (tmp_path / "regression", tmp_path, 2.0, 1.0)
    assert capsys.readouterr().out.count(str(tmp_path)) == 2


def test_the_variant_with_roll_is_one_option_away(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "gan3dinv_ns.heads.dataset.generate_dataset", lambda *given, **_: asked.append(given) or tmp_path
    )
    main(["heads", "generate", "--roll", "0.3", "--output-dir", str(tmp_path)])
    source, _, settings, _ = asked[0]
    assert source is None and settings.roll == 0.3 and settings.count == 30_000


def test_packing_a_folder_without_heads_is_refused(tmp_path):
    with pytest.raises(SystemExit, match="no heads in"):
        main(["heads", "pack", "--data", str(tmp_path), "--output", str(tmp_path / "packed.safetensors")])
