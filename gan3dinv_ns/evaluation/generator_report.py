"""Everything that is measured of a generator of heads: samples against true renders, latents, views, shape and cost.

The heads themselves are not known here: true pictures with labels, cameras and heads with depth are handed in.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit
from gan3dinv_ns.eg3d import Discriminator, Generator
from gan3dinv_ns.evaluation.attribute_regressor import (
    ATTRIBUTE_FEATURES,
    AttributeRegressor,
    train_attribute_regressor,
)
from gan3dinv_ns.evaluation.consistency import Consistency, FiveViews, measure_consistency, render_five_views
from gan3dinv_ns.evaluation.depth_agreement import DepthAgreement, KnownHead, measure_depth_agreement
from gan3dinv_ns.evaluation.frechet import RANDOM_CONVOLUTIONS, RandomConvolutions, features_of, frechet_distance
from gan3dinv_ns.evaluation.labelled import LabelledPictures, Step, to_bytes
from gan3dinv_ns.evaluation.photo_figures import Inverted
from gan3dinv_ns.evaluation.readability import FOLDS, Reading, judge, linear_readability

GRID_SAMPLES = 6
"""Samples that are shown, and compared with themselves, from five sides."""
FEWEST = 2 * FOLDS
"""So many samples are needed."""

_BATCH = 8
_TIMED = 5


@dataclass(frozen=True)
class FrechetRow:
    """Squared Frechet distances by one kind of features, between sets of the same size.

    Attributes:
        features: name of the features.
        samples_to_renders: samples against one half of the true renders.
        renders_to_renders: the one half against the other: what equal distributions give with so many pictures.
    """

    features: str
    samples_to_renders: float
    renders_to_renders: float


@dataclass(frozen=True)
class Cost:
    """What the networks weigh and take.

    Attributes:
        generator_mb: parameters and buffers in float16, megabytes.
        discriminator_mb: the same of the discriminator.
        seconds_per_image: mapping and synthesis of one image, median of five.
        threads: CPU threads that torch used.
        device: "cpu" or "cuda".
    """

    generator_mb: float
    discriminator_mb: float
    seconds_per_image: float
    threads: int
    device: str


@dataclass(frozen=True)
class GeneratorReport:
    """All figures.

    Attributes:
        generator: its name or path.
        samples: pictures in each set of the Frechet distance, and latents of the regressions.
        training_pictures: true pictures that the attribute regressor was trained on.
        frechet: one row for each kind of features.
        linear: how well each attribute of the samples is read from w.
        regressor: how well the attribute regressor reads each from unseen true pictures; where it fails, its answers
            for samples mean little.
        consistency: of the samples on the grid.
        depth: None if no head was inverted.
        cost: size and speed.
    """

    generator: str
    samples: int
    training_pictures: int
    frechet: tuple[FrechetRow, ...]
    linear: tuple[Reading, ...]
    regressor: tuple[Reading, ...]
    consistency: Consistency
    depth: DepthAgreement | None
    cost: Cost

    def to_json(self) -> dict[str, object]:
        """Plain data under the attributes' names."""
        return asdict(self)


@dataclass(frozen=True)
class TrueHeads:
    """What is known of the heads that a generator should make.

    Attributes:
        training: pictures for the attribute regressor.
        renders: ``2 N`` other pictures, all of different heads, photographed as the cameras.
        cameras: ``[N, 25]`` from which ``N`` samples are rendered.
        with_depth: heads to invert; may be empty.
    """

    training: LabelledPictures
    renders: LabelledPictures
    cameras: Tensor
    with_depth: Iterable[KnownHead] = ()

    def __post_init__(self) -> None:
        count = len(self.cameras)
        if count < FEWEST:
            raise ValueError(f"{count} samples are too few for a report; give {FEWEST} or more.")
        if len(self.renders) != 2 * count:
            raise ValueError(f"{len(self.renders)} renders for {count} samples; give two for each.")


def measure_generator(
    name: str,
    generator: Generator,
    discriminator: Discriminator,
    heads: TrueHeads,
    invert: Callable[[Tensor], Inverted],
    seed: int = 0,
    pictures_seen: int = 64_000,
    progress: Step | None = None,
) -> tuple[GeneratorReport, list[FiveViews]]:
    """Measure everything; on the generator's device.

    Args:
        name: for the report.
        invert: from a photo ``[1, 3, R, R]`` to a finished inversion; called for ``heads.with_depth``.
        seed: of the latents z and of the attribute regressor.
        pictures_seen: in the training of the attribute regressor.
        progress: told of every piece of work.

    Returns:
        the figures, and the five views of each sample on the grid.
    """
    tell = progress or (lambda name, done, total: None)
    device = next(generator.parameters()).device
    side = heads.renders.pictures.shape[-1]
    latents, samples = draw_samples(generator, heads.cameras, side, seed, tell)
    regressor = train_attribute_regressor(heads.training, pictures_seen, seed, device, tell)
    views = _grid(generator, seed, tell)
    report = GeneratorReport(
        generator=name,
        samples=len(samples),
        training_pictures=len(heads.training),
        frechet=_frechet_rows(samples, heads.renders.pictures, regressor, device),
        linear=tuple(linear_readability(latents, regressor.read(samples))),
        regressor=tuple(judge(heads.renders.labels, regressor.read(heads.renders.pictures))),
        consistency=measure_consistency(views),
        depth=measure_depth_agreement(heads.with_depth, invert, tell),
        cost=measure_cost(generator, discriminator),
    )
    return report, views


@torch.no_grad()
def draw_samples(
    generator: Generator, cameras: Tensor, side: int, seed: int = 0, progress: Step | None = None
) -> tuple[Tensor, Tensor]:
    """Random heads, one from each camera ``[N, 25]``, without truncation.

    Returns:
        their latents w ``[N, w_dim]`` and pictures ``[N, 3, side, side]`` uint8, both on the CPU.
    """
    random = torch.Generator().manual_seed(seed)
    device = next(generator.parameters()).device
    latents, pictures = [], []
    for label in cameras.split(_BATCH):
        z = torch.randn(len(label), generator.z_dim, generator=random).to(device)
        ws = generator.mapping(z, label.to(device))
        image = generator.synthesis(ws, label.to(device), sampling="midpoint")["image"]
        latents.append(ws[:, 0].cpu())
        pictures.append(to_bytes(image.cpu(), side))
        if progress is not None:
            progress("samples", sum(len(one) for one in pictures), len(cameras))
    return torch.cat(latents), torch.cat(pictures)


@torch.no_grad()
def measure_cost(generator: Generator, discriminator: Discriminator) -> Cost:
    """Size of both networks, and the time of one image on the generator's device."""
    device = next(generator.parameters()).device
    z = torch.randn(1, generator.z_dim, generator=torch.Generator().manual_seed(0)).to(device)
    label = _frontal(generator)
    times = []
    for _ in range(_TIMED + 1):
        begin = time.perf_counter()
        # What comes back to the CPU has been finished on the device.
        generator(z, label)["image"].cpu()
        times.append(time.perf_counter() - begin)
    return Cost(
        half_megabytes(generator),
        half_megabytes(discriminator),
        statistics.median(times[1:]),
        torch.get_num_threads(),
        device.type,
    )


def half_megabytes(network: nn.Module) -> float:
    """Size of a network's parameters and buffers in float16, in megabytes of a million bytes."""
    return 2e-6 * sum(value.numel() for value in network.state_dict().values())


def _frechet_rows(
    samples: Tensor, renders: Tensor, regressor: AttributeRegressor, device: torch.device
) -> tuple[FrechetRow, ...]:
    rows = []
    kinds: dict[str, Callable[[Tensor], Tensor]] = {
        RANDOM_CONVOLUTIONS: RandomConvolutions().to(device),
        ATTRIBUTE_FEATURES: regressor.features,
    }
    for name, network in kinds.items():
        sampled = features_of(samples, network, device)
        first, second = features_of(renders, network, device).split(len(samples))
        rows.append(FrechetRow(name, frechet_distance(sampled, first), frechet_distance(second, first)))
    return tuple(rows)


@torch.no_grad()
def _grid(generator: Generator, seed: int, progress: Step) -> list[FiveViews]:
    """Five views of samples whose latents are those of a frontal camera."""
    label = _frontal(generator)
    z = torch.randn(GRID_SAMPLES, generator.z_dim, generator=torch.Generator().manual_seed(seed)).to(label.device)
    views = []
    for number, one in enumerate(z.split(1)):
        views.append(render_five_views(generator, generator.mapping(one, label)))
        progress("views", number + 1, GRID_SAMPLES)
    return views


def _frontal(generator: Generator) -> Tensor:
    """Camera ``[1, 25]`` that looks at the face from the front, on the generator's device."""
    label = camera_label(orbit(0.0, 0.0, generator.rendering.avg_camera_radius), intrinsics_matrix())
    return label.to(next(generator.parameters()).device)
