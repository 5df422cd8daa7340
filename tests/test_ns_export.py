"""`mesh` and `head-splat` in nerfstudio's `ns-export`: what install() does to tyro, and the real command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Union

import pytest
import torch
import tyro
import tyro.extras
from PIL import Image
from plyfile import PlyData

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
from gan3dinv_ns.ns_export import ExportMesh, ExportSplat, install

ROOT = Path(__file__).resolve().parent.parent
RUN_ARGUMENTS = ["--load-config", "c.yml", "--output-dir", "out"]


@dataclass
class Cloud:
    """A stock subcommand."""

    count: int = 3
    """Points."""


@dataclass
class Cameras:
    """Another stock subcommand."""


def union_of(**members: type) -> Any:
    """What nerfstudio's exporter builds."""
    named = tuple(Annotated[kind, tyro.conf.subcommand(name=name)] for name, kind in members.items())
    return tyro.conf.FlagConversionOff[Union[named]]  # noqa: UP007


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module in the place of nerfstudio's exporter, and an unwrapped tyro that is put back afterwards."""
    module = ModuleType("nerfstudio.scripts.exporter")
    module.Commands = union_of(cloud=Cloud, cameras=Cameras)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setattr(tyro, "cli", getattr(tyro.cli, "__wrapped__", tyro.cli))
    monkeypatch.setattr(
        tyro.extras, "get_parser", getattr(tyro.extras.get_parser, "__wrapped__", tyro.extras.get_parser)
    )
    return module


def test_mesh_and_head_splat_are_offered_beside_the_stock_commands(exporter):
    install()
    parsed = tyro.cli(exporter.Commands, args=["mesh", *RUN_ARGUMENTS, "--metric", "True"])
    assert parsed == ExportMesh(load_config=Path("c.yml"), output_dir=Path("out"), metric=True)
    parsed = tyro.cli(exporter.Commands, args=["head-splat", *RUN_ARGUMENTS, "--gaussians", "500"])
    assert parsed == ExportSplat(load_config=Path("c.yml"), output_dir=Path("out"), gaussians=500)
    assert tyro.cli(exporter.Commands, args=["cloud", "--count", "5"]) == Cloud(5)
    shown = tyro.extras.get_parser(exporter.Commands).format_help()
    assert "mesh" in shown and "head-splat" in shown


def test_installing_twice_adds_them_once(exporter, capsys):
    install()
    once = tyro.cli
    install()
    assert tyro.cli is once
    with pytest.raises(SystemExit):
        tyro.cli(exporter.Commands, args=["--help"])
    shown = capsys.readouterr().out
    assert shown.count("• mesh") == 1 and shown.count("• head-splat") == 1


def test_other_calls_of_tyro_pass_unchanged(exporter):
    install()
    other = union_of(cloud=Cloud, cameras=Cameras)
    assert tyro.cli(other, args=["cloud"]) == Cloud()
    with pytest.raises(SystemExit):
        tyro.cli(other, args=["mesh", *RUN_ARGUMENTS], console_outputs=False)


def test_a_taken_name_is_left_to_its_owner(exporter):
    exporter.Commands = union_of(mesh=Cloud, cameras=Cameras)
    install()
    assert tyro.cli(exporter.Commands, args=["mesh"]) == Cloud()
    assert isinstance(tyro.cli(exporter.Commands, args=["gan3dinv-mesh", *RUN_ARGUMENTS]), ExportMesh)
    assert isinstance(tyro.cli(exporter.Commands, args=["head-splat", *RUN_ARGUMENTS]), ExportSplat)


@pytest.mark.parametrize("ours_first", [True, False])
def test_two_plugins_can_do_it(exporter, ours_first):
    def install_other():
        inner = tyro.cli

        def wrapped(f: Any, *args: Any, **kwargs: Any) -> Any:
            if f is exporter.Commands:
                union, *markers = f.__origin__, *f.__metadata__
                f = exporter.Commands = Annotated[(Union[(*union.__args__, OTHER)], *markers)]
            return inner(f, *args, **kwargs)

        tyro.cli = wrapped

    OTHER = Annotated[Cameras, tyro.conf.subcommand(name="other")]
    for step in (install, install_other) if ours_first else (install_other, install):
        step()
    assert tyro.cli(exporter.Commands, args=["other"]) == Cameras()
    assert isinstance(tyro.cli(exporter.Commands, args=["mesh", *RUN_ARGUMENTS]), ExportMesh)


def test_on_a_surprise_the_stock_command_line_stays_and_a_line_says_so(exporter, capsys):
    exporter.Commands = Cloud
    install()
    assert tyro.cli(exporter.Commands, args=["--count", "4"]) == Cloud(4)
    assert "ns-export offers no mesh" in capsys.readouterr().err


def test_install_never_raises(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tyro", None)
    install()
    assert "use `gan3dinv export`" in capsys.readouterr().err


@pytest.fixture(scope="module")
def run_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The config.yml of a run whose checkpoint holds an inversion that has not begun."""
    from gan3dinv_ns.gan3dinv_run import write_checkpoint
    from gan3dinv_ns.gan3dinv_trainer import GAN3DInvTrainerConfig

    folder = tmp_path_factory.mktemp("run")
    torch.manual_seed(0)
    rendering = RenderingOptions(white_back=True, depth_resolution=8, depth_resolution_importance=8)
    small = {"channel_base": 512, "channel_max": 16}
    generator = Generator(
        GeneratorConfig(plane_resolution=32, neural_rendering_resolution=16, rendering=rendering, **small)
    )
    save_generator(generator, folder / "tiny.safetensors")
    discriminator = Discriminator(DiscriminatorConfig(img_resolution=generator.img_resolution, **small))
    save_discriminator(discriminator, folder / "tiny.discriminator.safetensors")
    Image.new("RGB", (64, 64), (200, 150, 130)).save(folder / "photo.png")
    config = GAN3DInvTrainerConfig(output_dir=folder / "runs", timestamp="t")
    config.pipeline.datamanager.data = folder / "photo.png"
    config.pipeline.model.generator = str(folder / "tiny.safetensors")
    config.set_timestamp()
    config.save_config()
    pipeline = config.pipeline.setup(device="cpu", test_mode="val")
    state = {"step": 0, "pipeline": pipeline.state_dict(), "optimizers": {}, "schedulers": {}, "scalers": {}}
    write_checkpoint(state, config.get_checkpoint_dir(), only_latest=True)
    return config.get_base_dir() / "config.yml"


@pytest.fixture(scope="module")
def ns_export() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the installed `ns-export` as a process; this package is announced to it if it is not installed."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore", "COLUMNS": "100"}
    if "gan3dinv" not in entry_points(group="nerfstudio.method_configs").names:
        environment["NERFSTUDIO_METHOD_CONFIGS"] = "gan3dinv=gan3dinv_ns.gan3dinv_config:gan3dinv_method"

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = Path(sys.executable).parent / "ns-export"
        return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True, check=False)

    return run


def test_real_help_lists_ours_and_the_stock_commands(ns_export):
    done = ns_export("--help")
    assert done.returncode == 0, done.stderr
    stock = ("pointcloud", "tsdf", "poisson", "marching-cubes", "cameras", "gaussian-splat")
    for name in (*stock, "mesh", "head-splat"):
        assert f"• {name} " in done.stdout


def test_real_export_of_a_run_writes_closed_meshes(ns_export, run_config, tmp_path):
    small = ["--resolution", "32", "--density-level", "0", "--metric", "True"]
    done = ns_export("mesh", "--load-config", str(run_config), "--output-dir", str(tmp_path / "out"), *small)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out" / "mesh.json").read_text())
    assert report["watertight"] and report["unit"] == "m"
    for name in report["files"]:
        assert str(tmp_path / "out" / name) in done.stdout
        assert (tmp_path / "out" / name).stat().st_size > 1000


@pytest.fixture
def announced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets nerfstudio in this process know the method where the package is not installed."""
    from nerfstudio.configs.method_configs import all_methods

    from gan3dinv_ns.gan3dinv_config import build_method

    if "gan3dinv" not in all_methods:
        monkeypatch.setitem(all_methods, "gan3dinv", build_method().config)


@pytest.mark.usefixtures("announced")
def test_the_same_without_open3d(run_config, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "open3d", None)
    arguments = ["--load-config", str(run_config), "--output-dir", str(tmp_path), "--resolution", "32"]
    main(["export", "mesh", *arguments, "--density-level", "0", "--formats", "mrc"])
    assert (tmp_path / "mesh.mrc").stat().st_size == 1024 + 4 * 32**3


@pytest.mark.usefixtures("announced")
def test_a_run_becomes_gaussians_that_are_fitted_to_the_photos_camera_too(run_config, tmp_path):
    small = {"gaussians": 200, "steps": 2, "density_level": 0.0}
    ExportSplat(load_config=run_config, output_dir=tmp_path, **small).main()
    report = json.loads((tmp_path / "splat.json").read_text())
    assert report["fitted_views"] == 30 + 1
    assert PlyData.read(str(tmp_path / "splat.ply"))["vertex"].count == report["gaussians"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "cannot be read as a configuration"),
        ("a: 1", "no configuration of nerfstudio"),
        (None, "does not exist"),
    ],
)
def test_a_wrong_config_is_told_in_one_line(tmp_path, content, reason):
    path = tmp_path / "config.yml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SystemExit, match=reason) as ended:
        ExportMesh(load_config=path, output_dir=tmp_path / "out").main()
    assert "\n" not in str(ended.value) and str(path) in str(ended.value)


@pytest.mark.usefixtures("announced")
def test_a_run_without_checkpoint_is_told_in_one_line(run_config, tmp_path):
    checkpoint = next((run_config.parent / "nerfstudio_models").glob("*.ckpt"))
    kept = checkpoint.rename(tmp_path / checkpoint.name)
    try:
        with pytest.raises(SystemExit, match="holds no checkpoint"):
            ExportMesh(load_config=run_config, output_dir=tmp_path / "out").main()
        checkpoint.write_bytes(kept.read_bytes()[:5000])
        with pytest.raises(SystemExit, match=r"last checkpoint of .* cannot be read"):
            ExportMesh(load_config=run_config, output_dir=tmp_path / "out").main()
    finally:
        kept.rename(checkpoint)


def test_an_unwritable_folder_is_told_before_the_run_is_loaded(run_config, tmp_path):
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(SystemExit, match="taken"):
        ExportMesh(load_config=run_config, output_dir=tmp_path / "taken" / "out").main()
