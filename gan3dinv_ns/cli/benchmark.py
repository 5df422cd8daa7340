"""`gan3dinv benchmark`."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gan3dinv_ns.experiments.bases import BaseName
from gan3dinv_ns.inversion.networks import load_networks, resolve_device
from gan3dinv_ns.ops.compute_choices import BackendName, DeviceName, PrecisionName

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import Console
    from rich.table import Table

    from gan3dinv_ns.benchmark.report import BenchmarkReport, Results
    from gan3dinv_ns.benchmark.steps import Networks


@dataclass(frozen=True)
class Benchmark:
    """Measure time, memory and arithmetic on this machine: of a rendering's stages, of optimisation steps, of a whole
    inversion; against what the machine reaches at best."""

    suite: tuple[Literal["render", "step", "inversion"], ...] = ("render",)
    """render: the stages of one image; step: a step of each phase; inversion: a whole one, of a sample of the generator
    itself."""
    grow: bool = False
    """Also tell how the time of renderings and steps grows with batch, resolution, samples and photos."""
    generator: str = "makehuman128-64"
    """A name, a URL, or the path of a .pkl or .safetensors file."""
    untrained: bool = False
    """Random weights in the architecture of a published name, LPIPS's too: as fast, and without a download."""
    base: BaseName = "default"
    """Settings of steps and inversions: a recipe of configs/."""
    device: DeviceName = "auto"
    """auto is CUDA if there is one, else the CPU."""
    backend: Literal[BackendName, "all"] = "auto"
    """Of the decoder; all measures those that can be had, one after the other."""
    precision: PrecisionName = "auto"
    """What super-resolution is multiplied in, see ns-train's."""
    compile: bool = False
    """Compile backbone and super-resolution by torch.compile."""
    cuda_graphs: bool = False
    """Replay optimisation steps as CUDA graphs."""
    repeats: int = 5
    """Timed calls of each kind; the median counts."""
    json: bool = False
    """Print the figures as JSON and nothing else."""
    output: Path = Path("outputs/benchmark.json")
    """File for the figures."""

    def main(self) -> None:
        """Prints tables and writes the figures.

        Raises:
            ValueError: the generator, device or number of repeats cannot be used.
            FileWriteError: the disk is full or the place is not writable.
        """
        from rich.console import Console

        from gan3dinv_ns.benchmark.steps import Networks
        from gan3dinv_ns.eg3d.compilation import check_compilation, compile_networks
        from gan3dinv_ns.eg3d.precision import use_precision
        from gan3dinv_ns.experiments.methods import base_settings
        from gan3dinv_ns.ops.atomic_files import atomic_path
        from gan3dinv_ns.ops.cuda_graphs import check_cuda_graphs

        if self.repeats < 1:
            raise ValueError(f"--repeats {self.repeats} is too small; give 1 or more")
        device, settings = resolve_device(self.device), base_settings(self.base)
        if self.untrained:
            networks = Networks.untrained(self.generator, settings, device)
        else:
            networks = Networks(*load_networks(self.generator, device), settings)
        use_precision(networks.generator, self.precision)
        if self.cuda_graphs:
            check_cuda_graphs(device)
            networks = replace(networks, replayed=True)
        if self.compile:
            networks = replace(networks, compiled=True)
            check_compilation(networks.generator)
            compile_networks(networks.generator)
        told = Console(stderr=self.json)
        with told.status("measuring") as status:
            report = self._measure(networks, lambda what: status.update(f"measuring {what}"))
        content = json.dumps(report.to_json(), indent=2) + "\n"
        with atomic_path(self.output) as temporary:
            temporary.write_text(content, encoding="utf-8")
        if self.json:
            print(content, end="")
        else:
            _show(report, told)
        told.print(f"wrote {self.output.resolve()}", soft_wrap=True, highlight=False)

    def _measure(self, networks: Networks, tell: Callable[[str], None]) -> BenchmarkReport:
        from gan3dinv_ns.benchmark.machine import describe_machine, measure_roofline
        from gan3dinv_ns.benchmark.report import BenchmarkReport, describe_generator
        from gan3dinv_ns.eg3d.backends.choice import usable_backends

        device = next(networks.generator.parameters()).device
        tell("the machine")
        roofline = measure_roofline(device)
        names = usable_backends(device) if self.backend == "all" else (self.backend,)
        results = tuple(self._results(networks, name, tell) for name in names)
        sizes = describe_generator(self.generator, networks.generator)
        return BenchmarkReport(describe_machine(device), roofline, sizes, results)

    def _results(self, networks: Networks, backend: BackendName, tell: Callable[[str], None]) -> Results:
        from gan3dinv_ns.benchmark.growth import render_growth, step_growth
        from gan3dinv_ns.benchmark.report import Results
        from gan3dinv_ns.benchmark.stages import render_suite
        from gan3dinv_ns.benchmark.steps import inversion_suite, step_suite
        from gan3dinv_ns.eg3d.backends.choice import use_backend

        generator = networks.generator
        use_backend(generator, backend)
        results = Results(generator.backend.name)
        if "render" in self.suite:
            results.stages = render_suite(generator, self.repeats, tell)
            results.growth += render_growth(generator, self.repeats, tell) if self.grow else []
        if "step" in self.suite:
            results.steps = step_suite(networks, self.repeats, tell)
            results.growth += step_growth(networks, self.repeats, tell) if self.grow else []
        if "inversion" in self.suite:
            results.inversion = inversion_suite(networks, tell)
        return results


def _show(report: BenchmarkReport, console: Console) -> None:
    from gan3dinv_ns.benchmark.report import GROWTH_HEADINGS, MEASUREMENT_HEADINGS, growth_rows, measurement_rows

    machine, sizes, roofline = report.machine, report.generator, report.roofline
    roofs = ", ".join(f"{value / 1e9:.0f} GFLOP/s in {name}" for name, value in roofline.flops_per_s.items())
    console.print(
        f"{sizes['source']} on {machine['device']} ({machine['threads']} threads): {sizes['rendering_side']} -> "
        f"{sizes['image_side']} pixels, {sizes['parameters'] / 1e6:.1f} million weights. At best the machine does "
        f"{roofs} and moves {roofline.bytes_per_s / 1e9:.1f} GB/s.",
        highlight=False,
    )
    for results in report.results:
        if len(report.results) > 1:
            console.print(f"decoder backend {results.backend}:")
        rows = measurement_rows([*results.stages, *results.steps], roofline)
        if rows:
            console.print(_table(MEASUREMENT_HEADINGS, rows))
        if results.growth:
            console.print(_table(GROWTH_HEADINGS, growth_rows(results.growth)))
        if results.inversion is not None:
            parts = ", ".join(f"{name} {value:.1f} s" for name, value in results.inversion.seconds.items())
            console.print(f"inversion of {results.inversion.steps} steps, {results.inversion.psnr:.1f} dB: {parts}")


def _table(headings: Sequence[str], rows: Sequence[tuple[str, ...]]) -> Table:
    from rich.box import SIMPLE
    from rich.table import Table

    table = Table(box=SIMPLE)
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="left" if number == 0 else "right", no_wrap=number == 0)
    for row in rows:
        table.add_row(*row)
    return table
