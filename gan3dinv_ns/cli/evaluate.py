"""`gan3dinv evaluate`: methods compared on photos, as in the paper's tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gan3dinv_ns.experiments.bases import BaseName
from gan3dinv_ns.inversion.networks import resolve_device
from gan3dinv_ns.ops.compute_choices import DeviceName, PrecisionName

if TYPE_CHECKING:
    from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder
    from gan3dinv_ns.experiments.engine import Engine
    from gan3dinv_ns.experiments.experiment import Plan

_SHOWN = (
    ("psnr", 2, "dB"),
    ("rotation_deg", 1, "degrees"),
    ("novel_psnr_0.4", 2, "dB at 0.4 rad"),
    ("seconds", 0, "s"),
)
"""What is told of each photo, with its digits and unit."""


@dataclass(frozen=True)
class Evaluate:
    """Invert photos by one or several methods and compare results, cameras and, of synthetic heads, the truth; goes on
    where it was stopped."""

    dataset: str = "heads"
    """heads are synthetic, unseen and drawn as for training; heads-out-of-family have glasses, a hat, moles, a hair
    style or a light that training never shows, in turns; or a folder of photos, or its dataset.json with cameras."""
    methods: tuple[str, ...] = ("ours",)
    """ours; sg2, sg2-wplus, pti (camera known); sg2-gd, sg2-wplus-gd, pti-gd (camera by gradient descent); or groups:
    compared (these seven), ablations, all."""
    metrics: tuple[str, ...] = ("all",)
    """all that can be had, or some of psnr, lpips, ms_ssim, mse, identity, rotation_deg, translation_box,
    novel_psnr_0.4, depth_mae_box, edits, frechet, fid, seconds, peak_memory_mb."""
    count: int | None = None
    """Number of photos; None takes 10 heads, or all photos of a folder."""
    seed: int = 900_000
    """Seed of the first head, the others follow; training uses seeds below 900000."""
    output_dir: Path = Path("outputs/evaluation")
    """Folder for report.md, rows.csv, tables.tex, summary.json, plots, sheets, and a row and a strip of pictures for
    each photo and method."""
    generator: str = "makehuman128-64"
    """A name, a URL, or the path of a .pkl or .safetensors file."""
    base: BaseName = "default"
    """Recipe of configs/ whose losses, samples and steps all methods share."""
    steps: tuple[int, int, int] | None = None
    """Steps of warm-up, projection and tuning in its stead; methods without one of them project for longer."""
    precision: PrecisionName = "float32"
    """What super-resolution is multiplied in, see ns-train's; auto and half depend on the machine."""
    device: DeviceName = "auto"
    """auto is CUDA if there is one, else the CPU; with ray, of each worker."""
    makehuman: Path | None = None
    """MakeHuman's CC0 data: a folder or .tar.xz archive in its layout; None takes what the package ships."""
    identity_network: Path | None = None
    """Weights of a network of face recognition (.pth or .safetensors), in the layout of ArcFace's IR-SE-50 or
    CurricularFace's IR-101; None takes the reader of drawn heads beside the generator, where there is one."""
    inception: Path | None = None
    """Weights of FID's network, pt_inception-2015-12-05-6726825d.pth; None looks into torch's hub folder, where other
    programs keep them, and leaves FID out if they are not there."""
    age_estimator: Path | None = None
    """Weights of DEX, a VGG-16 that tells years from 0 to 100 (SAM's dex_age_classifier.pth, or the one converted from
    Caffe): reads what edits of age change; None takes the reader of drawn heads beside the generator."""
    smile_estimator: Path | None = None
    """Weights of Anycost GAN's attribute predictor, a ResNet-50 (attribute_predictor.pt): reads what edits of a smile
    change; None takes the reader of drawn heads beside the generator."""
    roll: float = 0.0
    """Photos of heads are rolled by up to this to both sides, radians; above 0 the inversion searches the roll too."""
    photos: int = 1
    """How many photos of each head are inverted together, as with --same-person; figures are those of the first."""
    reference: str | None = None
    """The method that the others are tested against; None takes ours, or the first without it."""
    retry: bool = False
    """Also do again what has failed."""
    engine: Literal["local", "ray"] = "local"
    """local does one photo after the other here; ray spreads them over processes and machines (extra: cluster)."""
    address: str | None = None
    """Of a running Ray cluster, auto finds it; None starts one on this machine."""
    workers: int | None = None
    """Ray's workers; None takes one for each GPU, or for each group of cores."""
    cores: int = 1
    """Cores of each of Ray's workers."""

    def main(self) -> None:
        """Prints a line for each photo and method, and the table; writes figures and pictures.

        Raises:
            ValueError: an option or the generator cannot be used, or the folder holds another experiment.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.evaluation.comparison.report import write_report
        from gan3dinv_ns.experiments.methods import OURS, find_methods

        methods = find_methods(self.methods, self.base, self.steps)
        names = [method.name for method in methods]
        reference = self.reference or (OURS if OURS in names else names[0])
        if reference not in names:
            raise ValueError(
                f"reference {reference!r} is not among the methods {', '.join(names)}; add it to --methods"
            )
        folder = fill(self._plan(tuple(methods)), self.output_dir, self._engine(), self.retry)
        written = write_report(folder, reference)
        _print_overview(folder)
        for path in written:
            print(f"wrote {path.resolve()}")

    def _plan(self, methods: tuple) -> Plan:
        from gan3dinv_ns.evaluation.inception import downloaded_inception
        from gan3dinv_ns.experiments.experiment import Plan
        from gan3dinv_ns.experiments.given_networks import GivenNetworks
        from gan3dinv_ns.heads.heldout import FIRST_UNSEEN_SEED

        if self.seed < FIRST_UNSEEN_SEED:
            print(f"warning: the generator may have been trained on heads with seeds below {FIRST_UNSEEN_SEED}")
        return Plan(
            self.dataset,
            methods,
            self.generator,
            self.device if self.engine == "ray" else resolve_device(self.device).type,
            self.count,
            self.seed,
            self.roll,
            self.photos,
            self.metrics,
            self.makehuman,
            GivenNetworks(
                self.identity_network,
                self.inception or downloaded_inception(),
                self.age_estimator,
                self.smile_estimator,
            ),
            self.precision,
        )

    def _engine(self) -> Engine:
        if self.engine == "local":
            from gan3dinv_ns.experiments.local_engine import LocalEngine

            return LocalEngine()
        from gan3dinv_ns.experiments.ray_engine import RayEngine

        return RayEngine(self.address, self.workers, self.cores)


def _print_overview(folder: ExperimentFolder) -> None:
    from rich.console import Console
    from rich.table import Table

    from gan3dinv_ns.evaluation.comparison.overview import overview

    heading, *lines = overview(folder)
    table = Table(box=None)
    for number, title in enumerate(heading):
        table.add_column(title, justify="right" if number else "left", no_wrap=True)
    for line in lines:
        table.add_row(*line)
    Console(highlight=False, markup=False).print(table)


def fill(plan: Plan, folder: Path, engine: Engine, retry: bool = False) -> ExperimentFolder:
    """An experiment's folder with all its rows, done before the eyes of the user.

    Raises:
        ValueError, FileWriteError: see :meth:`Evaluate.main`.
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress

    from gan3dinv_ns.evaluation.comparison.row import Row
    from gan3dinv_ns.experiments.experiment import run_experiment

    console = Console(soft_wrap=True, highlight=False, markup=False)
    console.print(engine.describe())
    with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console) as bar:
        task = bar.add_task("photos", total=None)

        def watch(row: Row, done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)
            figures = row.figures
            shown = [f"{figures[name]:.{digits}f} {unit}" for name, digits, unit in _SHOWN if name in figures]
            console.print(f"{row.photo}, {row.method}: {row.error or ', '.join(shown)}")

        return run_experiment(plan, folder, engine, watch, retry)
