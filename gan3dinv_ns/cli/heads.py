"""`gan3dinv heads generate`, `pack`, `train` and `pairs`: from MakeHuman's data to the embedded generator."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gan3dinv_ns.cli.progress import counting_bar


@dataclass(frozen=True)
class GenerateHeads:
    """Render synthetic heads from many sides, with depth, cameras and all attributes; goes on where it was stopped."""

    makehuman: Path | None = None
    """MakeHuman's CC0 data (base mesh, targets, eyes, hair): a folder or .tar.xz archive in its layout. None takes what
    the package ships of it."""
    output_dir: Path = Path("outputs/heads")
    """Folder for pictures, depth, dataset.json (EG3D's format) and attributes.json."""
    first_seed: int = 0
    """Seed of the first head; the others follow."""
    count: int = 30_000
    """Number of heads."""
    views: int = 4
    """Pictures of each head."""
    resolution: int = 128
    """Side of a picture in pixels."""
    roll: float = 0.0
    """Heads are rolled in the picture by up to this to both sides, radians: 0.3 is the variant with roll."""
    processes: int = os.cpu_count() or 1
    """Heads rendered at the same time."""

    def main(self) -> None:
        """Renders the heads.

        Raises:
            ValueError: MakeHuman's data is incomplete, or the folder holds other heads.
        """
        from gan3dinv_ns.heads.dataset import HeadSettings, generate_dataset

        settings = HeadSettings(self.first_seed, self.count, self.views, self.resolution, roll=self.roll)
        with counting_bar("heads", self.count) as report:
            folder = generate_dataset(self.makehuman, self.output_dir, settings, self.processes, report=report)
        print(f"wrote {folder.resolve()}")


@dataclass(frozen=True)
class PackHeads:
    """Pack rendered heads for training, about 14 KB each."""

    data: Path = Path("outputs/heads")
    """The folder that `gan3dinv heads generate` wrote."""
    output: Path = Path("outputs/heads.safetensors")
    """The packed file."""
    heads_per_file: int | None = None
    """Cut the heads into files of so many, NAME-0.safetensors and so on; None makes one."""

    def main(self) -> None:
        """Packs the heads.

        Raises:
            ValueError: there are no heads in the folder, or fewer than 1 are to be in a file.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.heads.dataset import pack_dataset

        if self.heads_per_file is not None and self.heads_per_file < 1:
            raise ValueError(f"--heads-per-file {self.heads_per_file} is too small; give 1 or more")
        for path, size in pack_dataset(self.data, self.output, self.heads_per_file).items():
            print(f"wrote {path.resolve()} ({size / 1e6:.1f} MB)")


@dataclass(frozen=True)
class TrainGenerator:
    """Train the generator on packed heads, then with its discriminator; goes on where it was stopped."""

    data: tuple[Path, ...] = (Path("outputs/heads.safetensors"),)
    """The files that `gan3dinv heads pack` wrote."""
    output_dir: Path = Path("outputs/generator")
    """Folder for generator.safetensors, generator.discriminator.safetensors and the states of the trainings."""
    minutes: float = 75.0
    """Time for the regression."""
    adversarial_minutes: float = 25.0
    """Time for generator and discriminator against each other."""
    alone_share: float = 0.4
    """Part of that time for the discriminator alone; 1 leaves the generator as the regression made it."""

    def main(self) -> None:
        """Trains both on CUDA if there is one, else on the CPU.

        Raises:
            ValueError: a packed file is missing or damaged.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.heads.train import TrainSettings, train_generator
        from gan3dinv_ns.heads.train_adversarial import AdversarialSettings, train_adversarially

        regression = self.output_dir / "regression"
        train_generator(self.data, regression, TrainSettings(minutes=self.minutes))
        settings = AdversarialSettings(minutes=self.adversarial_minutes, alone_share=self.alone_share)
        train_adversarially(self.data, regression, self.output_dir, settings)
        print(f"wrote {self.output_dir.resolve()}")


@dataclass(frozen=True)
class PairHeads:
    """Write packed heads as pairs of picture, latent and camera, for `gan3dinv pretrain encoder` and `pose`; goes on
    where it was stopped."""

    data: tuple[Path, ...] = (Path("outputs/heads.safetensors"),)
    """The files that `gan3dinv heads pack` wrote."""
    generator: str = "makehuman128-64"
    """Whose latents they get: a registered name, or a file with its embedding beside it, such as
    outputs/generator/regression/generator.safetensors."""
    output_dir: Path = Path("outputs/pairs")
    """Folder for the pairs."""

    def main(self) -> None:
        """Writes the pairs.

        Raises:
            ValueError: a packed file or the embedding is missing or damaged, or the folder holds other pairs.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.heads.pairs import write_head_pairs

        with counting_bar("heads") as progress:
            folder = write_head_pairs(self.data, self.generator, self.output_dir, progress)
        print(f"wrote {folder.resolve()}")
