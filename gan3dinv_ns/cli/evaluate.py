"""`gan3dinv evaluate`: the benchmark on synthetic heads that no generator has seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gan3dinv_ns.cli.networks import DeviceName, load_networks, resolve_device

if TYPE_CHECKING:
    from torch import Tensor

    from gan3dinv_ns.eg3d import Generator
    from gan3dinv_ns.encoders import Initialisers
    from gan3dinv_ns.evaluation.heldout import HeldoutHead
    from gan3dinv_ns.evaluation.heldout_folder import HeldoutFolder, HeldoutRun
    from gan3dinv_ns.inversion.settings import InversionSettings
    from gan3dinv_ns.inversion.state import Inversion


@dataclass(frozen=True)
class Evaluate:
    """Invert photos of unseen synthetic heads and compare with the truth; goes on where it was stopped."""

    dataset: Literal["heads", "heads-out-of-family"] = "heads"
    """heads are drawn as for training; heads-out-of-family have glasses, a hat, moles, a hair style or a light that
    training never shows, in turns."""
    count: int = 10
    """Number of heads."""
    seed: int = 900_000
    """Seed of the first head, the others follow; training uses seeds below 900000."""
    output_dir: Path = Path("outputs/evaluation")
    """Folder for heads.csv, summary.json, report.md, heads.png and a strip of pictures for each head."""
    generator: str = "makehuman128-64"
    """A name, a URL, or the path of a .pkl or .safetensors file."""
    device: DeviceName = "auto"
    """auto is CUDA if there is one, else the CPU."""
    makehuman: Path | None = None
    """MakeHuman's CC0 data: a folder or .tar.xz archive in its layout; None takes what the package ships."""
    roll: float = 0.0
    """Photos are rolled by up to this to both sides, radians; above 0 the inversion searches the roll too."""

    photos: int = 1
    """How many photos of each head are inverted together, as with --same-person; figures are those of the first."""

    def main(self) -> None:
        """Prints a row for each head and a table, writes figures and pictures.

        Raises:
            ValueError: an option, MakeHuman's data or the generator cannot be used, or the folder holds other heads.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.evaluation.rows import text_summary

        folder = self.fill(self.output_dir, inversion_settings(self.roll))
        print(text_summary(folder.rows))
        for path in folder.finish():
            print(f"wrote {path.resolve()}")

    def fill(self, path: Path, settings: InversionSettings) -> HeldoutFolder:
        """A folder with a row for each head, inverted with these settings.

        Raises:
            ValueError, FileWriteError: see :meth:`main`.
        """
        from rich.console import Console
        from rich.progress import MofNCompleteColumn, Progress

        from gan3dinv_ns.evaluation.heldout import evaluate_heldout
        from gan3dinv_ns.evaluation.heldout_folder import HeldoutFolder
        from gan3dinv_ns.heads.heldout import FIRST_UNSEEN_SEED, check_choice
        from gan3dinv_ns.inversion.run import invert

        check_choice(self.seed, self.count, self.roll, self.photos)
        if self.seed < FIRST_UNSEEN_SEED:
            print(f"warning: the generator may have been trained on heads with seeds below {FIRST_UNSEEN_SEED}")
        console = Console(soft_wrap=True, highlight=False, markup=False)
        generator, discriminator, initialisers = load_networks(self.generator, resolve_device(self.device))
        folder = HeldoutFolder(path, self._run(generator, initialisers, settings))
        missing = [seed for seed in range(self.seed, self.seed + self.count) if str(seed) not in folder.done]

        def run(photos: Tensor) -> Inversion:
            return invert(generator, discriminator, photos, settings, initialisers=initialisers)

        with Progress(*Progress.get_default_columns(), MofNCompleteColumn(), console=console) as bar:
            task = bar.add_task("heads", total=self.count, completed=self.count - len(missing))
            heads = self._heads(missing, generator.img_resolution)
            for head in evaluate_heldout(heads, run, self.photos):
                folder.add(head)
                figures = head.row.figures
                console.print(
                    f"{head.row.name} ({head.row.kind}): {figures['psnr']:.2f} dB, "
                    f"{figures['rotation_deg']:.1f} degrees, {figures['seconds']:.0f} s"
                )
                bar.advance(task)
        return folder

    def _run(self, generator: Generator, initialisers: Initialisers | None, settings: InversionSettings) -> HeldoutRun:
        from gan3dinv_ns.evaluation.heldout_folder import HeldoutRun, weights_digest

        device = next(generator.parameters()).device.type
        made_with = {
            "weights": weights_digest(generator),
            "initialisers": None if initialisers is None else weights_digest(initialisers),
            "device": device,
            "makehuman": None if self.makehuman is None else str(self.makehuman),
            "roll": self.roll,
            "photos": self.photos,
            "inversion": asdict(settings),
        }
        return HeldoutRun(self.generator, self.dataset, self.seed, made_with)

    def _heads(self, seeds: list[int], resolution: int) -> Iterator[HeldoutHead]:
        from gan3dinv_ns.heads.heldout import photograph
        from gan3dinv_ns.heads.template import load_template

        template = load_template(self.makehuman)
        for seed in seeds:
            yield photograph(template, self.dataset, seed, resolution, self.roll)


def inversion_settings(roll: float) -> InversionSettings:
    """The defaults, with a pose that can roll where photos are rolled."""
    from gan3dinv_ns.inversion.settings import InversionSettings, PoseSettings

    return InversionSettings(pose=PoseSettings(kind="sixd")) if roll > 0 else InversionSettings()
