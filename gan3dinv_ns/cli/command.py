"""The tree of subcommands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from gan3dinv_ns.cli.align import Align
from gan3dinv_ns.cli.benchmark import Benchmark
from gan3dinv_ns.cli.cost import EstimateCost
from gan3dinv_ns.cli.edit import EditHead
from gan3dinv_ns.cli.evaluate import Evaluate
from gan3dinv_ns.cli.export import ExportMesh, ExportSplat
from gan3dinv_ns.cli.heads import GenerateHeads, PackHeads, PairHeads, TrainGenerator
from gan3dinv_ns.cli.heads_directions import MakeDirections, MeasureEdits
from gan3dinv_ns.cli.heads_reader import TrainReader
from gan3dinv_ns.cli.heads_report import ReportGenerator
from gan3dinv_ns.cli.pretrain import RenderPairs, ReportStarts, TrainEncoder, TrainPose
from gan3dinv_ns.cli.render import Render
from gan3dinv_ns.ops.user_errors import one_line_errors


@dataclass(frozen=True)
class Export:
    """Take a head away: as a mesh, a density volume or 3D gaussians."""

    command: (
        Annotated[ExportMesh, tyro.conf.subcommand(name="mesh")]
        | Annotated[ExportSplat, tyro.conf.subcommand(name="splat")]
    )

    def main(self) -> None:
        """Runs the chosen export."""
        self.command.main()


@dataclass(frozen=True)
class Heads:
    """Make the synthetic heads, train the embedded generator on them, and measure it."""

    command: (
        Annotated[GenerateHeads, tyro.conf.subcommand(name="generate")]
        | Annotated[PackHeads, tyro.conf.subcommand(name="pack")]
        | Annotated[TrainGenerator, tyro.conf.subcommand(name="train")]
        | Annotated[PairHeads, tyro.conf.subcommand(name="pairs")]
        | Annotated[ReportGenerator, tyro.conf.subcommand(name="report")]
        | Annotated[TrainReader, tyro.conf.subcommand(name="reader")]
        | Annotated[MakeDirections, tyro.conf.subcommand(name="directions")]
        | Annotated[MeasureEdits, tyro.conf.subcommand(name="edits")]
    )

    def main(self) -> None:
        """Runs the chosen step."""
        self.command.main()


@dataclass(frozen=True)
class Pretrain:
    """Train the networks that an inversion starts from: a latent encoder and a pose estimator."""

    command: (
        Annotated[RenderPairs, tyro.conf.subcommand(name="data")]
        | Annotated[TrainEncoder, tyro.conf.subcommand(name="encoder")]
        | Annotated[TrainPose, tyro.conf.subcommand(name="pose")]
        | Annotated[ReportStarts, tyro.conf.subcommand(name="report")]
    )

    def main(self) -> None:
        """Runs the chosen step."""
        self.command.main()


Command = (
    Annotated[Align, tyro.conf.subcommand(name="align")]
    | Annotated[EditHead, tyro.conf.subcommand(name="edit")]
    | Annotated[Export, tyro.conf.subcommand(name="export")]
    | Annotated[Render, tyro.conf.subcommand(name="render")]
    | Annotated[Benchmark, tyro.conf.subcommand(name="benchmark")]
    | Annotated[Evaluate, tyro.conf.subcommand(name="evaluate")]
    | Annotated[EstimateCost, tyro.conf.subcommand(name="cost")]
    | Annotated[Heads, tyro.conf.subcommand(name="heads")]
    | Annotated[Pretrain, tyro.conf.subcommand(name="pretrain")]
)

DESCRIPTION = """One photo becomes a 3D head. Inversions run in nerfstudio (ns-train gan3dinv --data PHOTO); this
command cuts photos, edits heads, takes results away, makes videos of them, measures, and makes the embedded generator
and what inversions start from."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of `gan3dinv`; what is wrong on the user's side is told in one line, with status 1."""
    plain = (tyro.conf.OmitArgPrefixes, tyro.conf.OmitSubcommandPrefixes)
    command: Align | EditHead | Export | Render | Benchmark | Evaluate | EstimateCost | Heads | Pretrain = tyro.cli(
        Command,
        prog="gan3dinv",
        description=DESCRIPTION,
        args=arguments,
        config=plain,
    )
    with one_line_errors():
        command.main()
