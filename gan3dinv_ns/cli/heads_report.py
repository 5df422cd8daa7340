"""`gan3dinv heads report`: what a generator of heads is worth, in figures and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan3dinv_ns.inversion.networks import load_networks, resolve_device
from gan3dinv_ns.ops.compute_choices import DeviceName

if TYPE_CHECKING:
    from gan3dinv_ns.eg3d import Generator
    from gan3dinv_ns.evaluation.generator_report import TrueHeads
    from gan3dinv_ns.evaluation.labelled import Step

LARGEST_SIDE = 128
"""Pictures of larger generators are compared at this size."""


@dataclass(frozen=True)
class ReportGenerator:
    """Measure a generator: samples against true renders, readable attributes, views, depth, size and speed."""

    generator: str = "makehuman128-64"
    """A name, a URL, or the path of a .pkl or .safetensors file."""
    makehuman: Path | None = None
    """MakeHuman's CC0 data: a folder or .tar.xz archive in its layout; None takes what the package ships."""
    data: Path | None = None
    """Packed heads (`gan3dinv heads pack`) that the attribute regressor is trained on; None renders as many heads as
    there are samples, on which it learns less."""
    output_dir: Path = Path("outputs/heads-report")
    """Folder for report.json, report.md and pictures."""
    samples: int = 500
    """Samples for the Frechet distance and the regressions; twice as many held-out heads are rendered."""
    inverted: int = 4
    """Held-out heads that are inverted for the depth agreement, two to three minutes each; 0 leaves it out."""
    seed: int = 950_000
    """Seed of the first held-out head; training uses seeds below 900000."""
    device: DeviceName = "auto"
    """auto is CUDA if there is one, else the CPU."""

    def main(self) -> None:
        """Measures, writes the page and its pictures, and prints the table.

        Raises:
            ValueError: the generator, MakeHuman's data or the packed heads cannot be used, or a number is too small.
            FileWriteError: the disk is full or the place is not writable.
        """
        from rich.progress import MofNCompleteColumn, Progress, TaskID

        from gan3dinv_ns.evaluation.generator_page import text_table, write_generator_report
        from gan3dinv_ns.evaluation.generator_report import measure_generator
        from gan3dinv_ns.inversion.run import invert

        self._check()
        generator, discriminator, initialisers = load_networks(self.generator, resolve_device(self.device))
        with Progress(*Progress.get_default_columns(), MofNCompleteColumn()) as bars:
            tasks: dict[str, TaskID] = {}

            def show(name: str, done: int, total: int) -> None:
                if name not in tasks:
                    tasks[name] = bars.add_task(name)
                bars.update(tasks[name], completed=done, total=total)

            heads = self._heads(generator, show)
            report, views = measure_generator(
                self.generator,
                generator,
                discriminator,
                heads,
                lambda photo: invert(generator, discriminator, photo, initialisers=initialisers),
                progress=show,
            )
        print(text_table(report))
        for path in write_generator_report(report, views, self.output_dir):
            print(f"wrote {path.resolve()}")

    def _check(self) -> None:
        from gan3dinv_ns.evaluation.generator_report import FEWEST

        if self.samples < FEWEST:
            raise ValueError(f"--samples {self.samples} is too small; give {FEWEST} or more")
        if self.inverted < 0 or self.seed < 0:
            raise ValueError(f"--inverted {self.inverted} and --seed {self.seed} must not be negative; give 0 or more")

    def _heads(self, generator: Generator, show: Step) -> TrueHeads:
        """True heads: held-out ones for comparison, then others for training if no packed file is given."""
        from functools import partial

        from gan3dinv_ns.evaluation.attribute_regressor import SIDE
        from gan3dinv_ns.evaluation.depth_agreement import KnownHead
        from gan3dinv_ns.evaluation.generator_report import TrueHeads
        from gan3dinv_ns.evaluation.labelled import LabelledPictures
        from gan3dinv_ns.heads import labelled_pictures as heads
        from gan3dinv_ns.heads.template import load_template

        template = load_template(self.makehuman)
        first, count = self.seed, self.samples
        held_out = range(first, first + max(2 * count, self.inverted))
        others = range(held_out.stop, held_out.stop + count)
        show_training = partial(show, "pictures to train on")
        if self.data is not None:
            training = heads.packed_pictures(self.data, held_out, SIDE, show_training)
        else:
            training = heads.rendered_pictures(template, others, SIDE, heads.MOST_VIEWS, show_training)
        side, small = generator.img_resolution, generator.neural_rendering_resolution
        renders = heads.rendered_pictures(
            template, held_out[: 2 * count], min(side, LARGEST_SIDE), count=partial(show, "held-out renders")
        )
        known = [KnownHead(*heads.photo_with_depth(template, seed, side, small)) for seed in held_out[: self.inverted]]
        return TrueHeads(LabelledPictures(*training), LabelledPictures(*renders), heads.photo_cameras(others), known)
