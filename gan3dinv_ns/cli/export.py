"""`gan3dinv export`: meshes and gaussians."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan3dinv_ns.export.settings import MeshSettings, SplatSettings
from gan3dinv_ns.inversion.networks import resolve_device
from gan3dinv_ns.ops.compute_choices import DeviceName

if TYPE_CHECKING:
    from gan3dinv_ns.export.head import Head


@dataclass(frozen=True, kw_only=True)
class _HeadToExport(ABC):
    """Which head is exported, and where to."""

    load_config: Path | None = None
    """The config.yml of a run; or leave it out and give a head or a seed."""
    head: Path | None = None
    """Instead of a run's configuration take the head.safetensors of its results, which is enough; or its folder."""
    output_dir: Path
    """Folder for the files."""
    seed: int | None = None
    """Instead of a run's head take the generator's sample of this seed."""
    generator: str = "makehuman128-64"
    """The generator of that sample: a name, a URL, or the path of a .pkl or .safetensors file."""
    truncation: float = 0.7
    """How far that sample lies from the mean head: 0 is the mean head itself, 1 the whole variety."""
    device: DeviceName = "auto"
    """Where a file's head or a sample is computed; auto is CUDA if there is one, else the CPU."""

    @abstractmethod
    def check(self) -> None:
        """Raises `ValueError` with one line if a setting cannot be used."""

    @abstractmethod
    def write(self, head: Head) -> None:
        """Writes the files of a head."""

    def main(self) -> None:
        """Finds the head and has it written.

        Raises:
            ValueError: not just one of a run, a head and a seed is given, or it or a setting cannot be used.
            FileWriteError: the disk is full or the place is not writable.
        """
        self.check()
        if sum(given is not None for given in (self.load_config, self.head, self.seed)) != 1:
            raise ValueError(
                "give either --load-config with the config.yml of a run, or --head with its head.safetensors, "
                "or --seed for a sample"
            )
        if self.load_config is not None:
            from gan3dinv_ns.ns_export import export_run

            export_run(self.load_config, self.output_dir, self.write)
        elif self.head is not None:
            self.write(self._of_file(self.head))
        elif self.seed is not None:
            self.write(self._sample(self.seed))

    def _of_file(self, path: Path) -> Head:
        from gan3dinv_ns.export.head import head_of_photo
        from gan3dinv_ns.inversion.head_file import find_head, load_head

        found = load_head(find_head(path), resolve_device(self.device))
        return head_of_photo(found.generator, found.ws, found.planes, found.label)

    def _sample(self, seed: int) -> Head:
        from gan3dinv_ns.eg3d import load_generator
        from gan3dinv_ns.eg3d.backends.choice import with_fastest_backend
        from gan3dinv_ns.export.head import sample_head

        generator = with_fastest_backend(load_generator(self.generator, resolve_device(self.device)))
        return sample_head(generator, seed, self.truncation)


@dataclass(frozen=True, kw_only=True)
class ExportMesh(MeshSettings, _HeadToExport):
    """Write a head as a closed, coloured mesh: that of a run, that of a file, or a random sample of a generator.

    Into the folder go mesh.ply, mesh.obj, mesh.glb (or what --formats says) and mesh.json with the figures.
    """

    def write(self, head: Head) -> None:
        from rich.console import Console

        from gan3dinv_ns.export.job import export_mesh

        export_mesh(head, self.output_dir, self, Console())


@dataclass(frozen=True, kw_only=True)
class ExportSplat(SplatSettings, _HeadToExport):
    """Write a head as 3D gaussians for splat viewers: that of a run, that of a file, or a random sample.

    They are fitted to the generator's views from the front and the sides. Into the folder go splat.ply (the layout of
    3D Gaussian Splatting; y down, the face along +z, as splat viewers expect), splat.png, which compares generator and
    gaussians in views that were not fitted, and splat.json with the figures.
    """

    def write(self, head: Head) -> None:
        from rich.console import Console

        from gan3dinv_ns.export.splats.job import export_splat

        export_splat(head, self.output_dir, self, Console())
