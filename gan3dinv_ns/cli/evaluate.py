"""`gan3dinv evaluate`: the benchmark on synthetic heads that no generator has seen."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gan3dinv_ns.cli.networks import DeviceName, load_networks, resolve_device

if TYPE_CHECKING:
    from torch import Tensor

    from gan3dinv_ns.evaluation.heldout import HeldoutHead, HeldoutReport
    from gan3dinv_ns.heads.template import HeadTemplate
    from gan3dinv_ns.inversion.state import Inversion

YAW_LIMIT_RAD = 0.5
PITCH_LIMIT_RAD = 0.25
_POSE_STREAM = 2
_CAPTIONS = ("photo", "reconstruction", "true, left", "found, left", "true, right", "found, right")


@dataclass(frozen=True)
class Evaluate:
    """Invert photos of held-out synthetic heads and compare with their true cameras and views."""

    makehuman: Path
    """MakeHuman's CC0 data: a folder or .tar.xz archive in its layout."""
    output_dir: Path = Path("outputs/evaluation")
    """Folder for heldout.json and heldout.png."""
    heads: int = 10
    """Number of heads."""
    first_seed: int = 900_000
    """Seed of the first head; training uses seeds below 900000."""
    generator: str = "makehuman128-64"
    """A registered name, or the path of a .pkl or .safetensors file."""
    device: DeviceName = "auto"
    """auto is CUDA if there is one, else the CPU."""

    def main(self) -> None:
        """Prints a table, writes the figures and a sheet of pictures.

        Raises:
            ValueError: MakeHuman's data or the generator cannot be used, or there are no heads.
            FileWriteError: the disk is full or the place is not writable.
        """
        from gan3dinv_ns.evaluation.heldout import evaluate_heldout
        from gan3dinv_ns.heads.template import load_template
        from gan3dinv_ns.inversion.run import invert

        generator, discriminator = load_networks(self.generator, resolve_device(self.device))
        template = load_template(self.makehuman)
        seeds = range(self.first_seed, self.first_seed + self.heads)
        heads = [heldout_head(template, seed, generator.img_resolution) for seed in seeds]
        found: list[Inversion] = []

        def run(photo: Tensor) -> Inversion:
            found.append(invert(generator, discriminator, photo))
            return found[-1]

        report = evaluate_heldout(
            heads, run, lambda row: print(f"{row.name}: {row.photo_psnr:.2f} dB in {row.seconds:.0f} s", flush=True)
        )
        print(report.table())
        _write(report, heads, found, self.output_dir)


def heldout_head(template: HeadTemplate, seed: int, resolution: int) -> HeldoutHead:
    """The head of a seed, photographed from a camera that the seed chooses too: uniform in yaw and pitch."""
    import numpy as np

    from gan3dinv_ns.cameras.conventions import camera_label, split_label
    from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
    from gan3dinv_ns.cameras.rotations import orbit
    from gan3dinv_ns.evaluation.heldout import HeldoutHead
    from gan3dinv_ns.heads.render import render_head

    def render(labels: Tensor) -> Tensor:
        return render_head(template, seed, split_label(labels.cpu())[0], resolution)[0]

    random = np.random.Generator(np.random.PCG64([seed, _POSE_STREAM]))
    yaw, pitch = random.uniform(-1, 1, 2) * (YAW_LIMIT_RAD, PITCH_LIMIT_RAD)
    label = camera_label(orbit(float(yaw), float(pitch)), intrinsics_matrix())
    return HeldoutHead(str(seed), render(label), label, render)


def _write(report: HeldoutReport, heads: list[HeldoutHead], found: list[Inversion], output_dir: Path) -> None:
    from gan3dinv_ns.evaluation.contact_sheet import contact_sheet
    from gan3dinv_ns.ops.atomic_files import atomic_path

    figures, pictures = output_dir / "heldout.json", output_dir / "heldout.png"
    with atomic_path(figures) as temporary:
        temporary.write_text(json.dumps(report.to_json(), indent=2) + "\n", encoding="utf-8")
    rows = [_row(head, inversion) for head, inversion in zip(heads, found, strict=True)]
    with atomic_path(pictures) as temporary:
        contact_sheet(_CAPTIONS, rows).save(temporary)
    print(f"wrote {figures.resolve()}\nwrote {pictures.resolve()}")


def _row(head: HeldoutHead, inversion: Inversion) -> list[Tensor]:
    """Photo and reconstruction, then truth and result of the two novel views."""
    from gan3dinv_ns.evaluation.heldout import novel_labels

    label = inversion.label.detach()
    around = novel_labels(label)
    true, shown = head.render(around).split(1), inversion.novel_view(around).split(1)
    return [head.photo, inversion.novel_view(label), true[0], shown[0], true[1], shown[1]]
