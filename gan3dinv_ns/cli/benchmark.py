"""`gan3dinv benchmark`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan3dinv_ns.inversion.networks import DeviceName, load_networks, resolve_device

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.table import Table

    from gan3dinv_ns.eg3d import Discriminator, Generator
    from gan3dinv_ns.encoders import Initialisers
    from gan3dinv_ns.evaluation.benchmark import BenchmarkReport


@dataclass(frozen=True)
class Benchmark:
    """Measure time and memory of a generator's parts on this machine, and of a whole inversion if asked for."""

    generator: str = "makehuman128-64"
    """A name, a URL, or the path of a .pkl or .safetensors file."""
    device: DeviceName = "auto"
    """auto is CUDA if there is one, else the CPU."""
    repeats: int = 5
    """Timed calls of each kind; the median counts."""
    inversion: bool = False
    """Also run one whole inversion, of a sample of the generator itself, with the default schedule."""
    output: Path = Path("outputs/benchmark.json")
    """File for the figures."""

    def main(self) -> None:
        """Prints a table and writes the figures.

        Raises:
            ValueError: the generator, device or number of repeats cannot be used.
            FileWriteError: the disk is full or the place is not writable.
        """
        from rich.console import Console

        from gan3dinv_ns.evaluation.benchmark import run_benchmark
        from gan3dinv_ns.ops.atomic_files import atomic_path

        console = Console()
        generator, discriminator, initialisers = load_networks(self.generator, resolve_device(self.device))
        inversion = _inversion_of(generator, discriminator, initialisers) if self.inversion else None
        with console.status("measuring") as status:
            report = run_benchmark(generator, self.repeats, inversion, lambda part: status.update(f"measuring {part}"))
        with atomic_path(self.output) as temporary:
            content = {"source": self.generator, **report.to_json()}
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        console.print(_table(report, self.generator))
        if report.inversion_seconds is not None:
            console.print(f"a whole inversion: {report.inversion_seconds:.1f} s")
        console.print(f"wrote {self.output.resolve()}", soft_wrap=True, highlight=False)


def _inversion_of(
    generator: Generator, discriminator: Discriminator, initialisers: Initialisers | None
) -> Callable[[], object]:
    """A whole inversion of a picture that the generator can make."""
    import torch

    from gan3dinv_ns.cameras.conventions import camera_label
    from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
    from gan3dinv_ns.cameras.rotations import orbit
    from gan3dinv_ns.inversion.run import invert

    device = next(generator.parameters()).device
    label = camera_label(orbit(0.3, 0.1), intrinsics_matrix()).to(device)
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(1)).to(device)
    with torch.no_grad():
        photo = generator.synthesis(generator.mapping(z, label, 0.7), label, sampling="midpoint")["image"]
    return lambda: invert(generator, discriminator, photo.clamp(-1, 1), initialisers=initialisers)


def _table(report: BenchmarkReport, source: str) -> Table:
    from rich.table import Table

    machine, sizes = report.machine, report.generator
    table = Table(
        title=f"{source} on {machine['device']} ({machine['threads']} threads): {sizes['rendering_side']} -> "
        f"{sizes['image_side']} pixels, {sizes['parameters'] / 1e6:.1f} million weights"
    )
    table.add_column("part")
    for heading in ("forward", "with backward", "peak forward", "peak backward"):
        table.add_column(heading, justify="right")
    for row in report.parts:
        times = (f"{row.forward_ms:.1f} ms", f"{row.backward_ms:.1f} ms")
        table.add_row(row.part, *times, f"{row.forward_peak_mb:.0f} MB", f"{row.backward_peak_mb:.0f} MB")
    return table
