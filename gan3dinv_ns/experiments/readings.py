"""What networks read from an inversion's pictures: perceptual distance, likeness, features, and what edits change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import torch
from torch import Tensor

from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.evaluation.comparison.metric import Metric
from gan3dinv_ns.evaluation.edit_table import EditRow
from gan3dinv_ns.evaluation.frechet import RandomConvolutions
from gan3dinv_ns.evaluation.half_vectors import packed
from gan3dinv_ns.evaluation.identity_network import IdentityNetwork, aligned, load_identity_network
from gan3dinv_ns.evaluation.inception import WEIGHTS_FILES, load_inception
from gan3dinv_ns.evaluation.photo_figures import NOVEL_YAWS_RAD
from gan3dinv_ns.experiments.edit_reading import EditReading, missing_edits
from gan3dinv_ns.experiments.face_reader import FaceReader
from gan3dinv_ns.experiments.given_networks import GivenNetworks
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.losses.perceptual import build_perceptual
from gan3dinv_ns.photo import find_faces

T = TypeVar("T")

METRICS = (
    Metric("lpips", "LPIPS", "", "lower", 4),
    Metric("psnr", "PSNR", "dB", "higher", 2),
    Metric("mse", "MSE", "", "lower", 5),
    Metric("ms_ssim", "MS-SSIM", "", "higher", 4),
    Metric("identity", "identity similarity", "", "higher", 3),
    Metric("rotation_deg", "rotation error", "degrees", "lower", 2),
    Metric("translation_box", "translation error", "box units", "lower", 4),
    *(Metric(f"novel_psnr_{yaw}", f"novel views ±{yaw} rad", "dB", "higher", 2) for yaw in NOVEL_YAWS_RAD),
    Metric("depth_mae_box", "depth error", "box units", "lower", 4),
    Metric("seconds", "time", "s", "lower", 1),
    Metric("peak_memory_mb", "peak memory", "MB", "lower", 0),
)
"""All figures of a photo."""

SETS = {"edits": "edits", "frechet": "Frechet distance", "fid": "FID"}
"""Titles of what is measured beside figures: changes by edits, and features for the distances of sets of pictures."""

_NO_FID = (
    f"its Inception network is not part of this package; give the weights {WEIGHTS_FILES[1]} by --inception, or have "
    "them in torch's hub folder"
)


@dataclass(frozen=True)
class Read:
    """What was read of one inversion.

    Attributes:
        figures: "lpips" and "identity", as far as they are wanted.
        edits: rows, if they are wanted.
        features: "photo" and "result", if they are wanted.
        inception: the same for FID, in half precision.
    """

    figures: dict[str, float] = field(default_factory=dict)
    edits: tuple[EditRow, ...] = ()
    features: dict[str, list[float]] = field(default_factory=dict)
    inception: dict[str, bytes] = field(default_factory=dict)


def unavailable(
    wanted: Collection[str], generator: Generator, source: str, known: Collection[str], networks: GivenNetworks
) -> dict[str, str]:
    """Those of the wanted figures and ``SETS``, or parts of them, that cannot be measured here, each with the reason.

    Args:
        wanted: names.
        generator, source: the generator and what it was loaded from.
        known: what is known of the photos: "camera", "head".
        networks: that are given.
    """
    attempts: dict[str, Callable[[], object]] = {"lpips": lambda: build_perceptual("lpips-alex", None)}
    if networks.identity_network is None:
        attempts["identity"] = lambda: FaceReader.of(source)
    reasons = {}
    for name in wanted:
        if name in ("rotation_deg", "translation_box") and "camera" not in known:
            reasons[name] = "the photos' cameras are not known; a dataset.json beside them tells them"
        elif (name.startswith("novel_psnr") or name == "depth_mae_box") and "head" not in known:
            reasons[name] = "the heads' true looks are not known"
        elif name == "edits":
            reasons |= missing_edits(generator, source, networks)
        elif name == "fid" and networks.inception is None:
            reasons[name] = _NO_FID
        elif name in attempts:
            try:
                attempts[name]()
            except ValueError as error:
                reasons[name] = str(error).splitlines()[0]
    return reasons


class Readings:
    """The networks that read.

    Args:
        generator, source: the generator and what it was loaded from: its own reader of faces and directions are taken.
        wanted: names of figures and of ``SETS``.
        device: of LPIPS and the given networks; all else is on the CPU.
        networks: that are given.

    Raises:
        ValueError: one of them cannot be had, see :func:`unavailable`.
    """

    def __init__(
        self, generator: Generator, source: str, wanted: tuple[str, ...], device: torch.device, networks: GivenNetworks
    ) -> None:
        self._wanted, self._device = wanted, device
        self._identity: IdentityNetwork | None = None
        if networks.identity_network is not None and "identity" in wanted:
            self._identity = load_identity_network(networks.identity_network, device)
        self._lpips = build_perceptual("lpips-alex", None, device) if "lpips" in wanted else None
        read = "identity" in wanted and self._identity is None
        self._reader = FaceReader.of(source) if read else None
        self._convolutions = RandomConvolutions() if "frechet" in wanted else None
        given = networks.inception if "fid" in wanted else None
        self._inception = None if given is None else load_inception(given, device)
        self._edits = EditReading.of(generator, source, networks, device) if "edits" in wanted else None

    @torch.no_grad()
    def __call__(self, inversion: Inversion, pictures: Mapping[str, Tensor]) -> Read:
        """What is wanted.

        Args:
            inversion: finished.
            pictures: "photo" and "reconstruction", ``[1, 3, R, R]`` in [-1, 1].
        """
        pair = torch.cat([pictures["photo"], pictures["reconstruction"]])
        figures: dict[str, float] = {}
        if self._lpips is not None:
            features = self._lpips.features({"image": pair.to(self._device)})
            first, second = ([one[index : index + 1] for one in features] for index in range(2))
            figures["lpips"] = float(self._lpips.compare(first, second))
        persons = self._persons(pair)
        if persons is not None:
            figures["identity"] = float(torch.cosine_similarity(persons[0], persons[1], dim=0))
        vectors: dict[str, list[float]] = {}
        if self._convolutions is not None:
            vectors = _of_each(self._convolutions(pair).tolist())
        halves: dict[str, bytes] = {}
        if self._inception is not None:
            halves = _of_each(map(packed, self._inception(pair.to(self._device))))
        return Read(figures, () if self._edits is None else self._edits(inversion), vectors, halves)

    def _persons(self, pair: Tensor) -> Tensor | None:
        """Vectors ``[2, F]`` of photo and reconstruction, or None if they are not wanted or no face is found."""
        if "identity" not in self._wanted:
            return None
        if self._identity is None:
            return None if self._reader is None else self._reader(pair)[1]
        # Where the photo has its face the reconstruction has it too: a likeness is not to depend on the detector.
        faces = find_faces(pair[:1])
        return self._identity(aligned(pair.to(self._device), faces[0])) if faces else None


def _of_each(values: Iterable[T]) -> dict[str, T]:
    return dict(zip(("photo", "result"), values, strict=True))
