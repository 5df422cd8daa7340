"""What networks read from an inversion's pictures: perceptual distance, likeness, features, and what edits change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from gan3dinv_ns.editing.named_directions import find_directions
from gan3dinv_ns.eg3d import Generator
from gan3dinv_ns.evaluation.comparison.metric import Metric
from gan3dinv_ns.evaluation.edit_table import EditRow, measure_edit
from gan3dinv_ns.evaluation.frechet import RandomConvolutions
from gan3dinv_ns.evaluation.identity_network import IdentityNetwork, aligned, load_identity_network
from gan3dinv_ns.evaluation.photo_figures import NOVEL_YAWS_RAD
from gan3dinv_ns.experiments.edited_views import edited_views, spread_of_drawn_heads
from gan3dinv_ns.experiments.face_reader import FaceReader
from gan3dinv_ns.inversion.head_file import FoundHead
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.losses.perceptual import build_perceptual
from gan3dinv_ns.photo import find_faces

EDITED = ("age", "smile")
"""The attributes of Ko et al.'s table 1."""

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

SETS = ("edits", "frechet")
"""What is measured beside figures: changes by edits, and features for the distance of sets of pictures."""


@dataclass(frozen=True)
class Read:
    """What was read of one inversion.

    Attributes:
        figures: "lpips" and "identity", as far as they are wanted.
        edits: rows of ``EDITED``, if they are wanted.
        features: "photo" and "result", if they are wanted.
    """

    figures: dict[str, float] = field(default_factory=dict)
    edits: tuple[EditRow, ...] = ()
    features: dict[str, list[float]] = field(default_factory=dict)


def unavailable(
    wanted: Collection[str],
    generator: Generator,
    source: str,
    known: Collection[str],
    identity_network: Path | None = None,
) -> dict[str, str]:
    """Those of the wanted figures and ``SETS`` that cannot be measured here, each with the reason.

    Args:
        wanted: names.
        generator, source: the generator and what it was loaded from.
        known: what is known of the photos: "camera", "head".
        identity_network: see :class:`Readings`.
    """
    attempts: dict[str, Callable[[], object]] = {"edits": lambda: _check_edits(generator, source)}
    attempts["lpips"] = lambda: build_perceptual("lpips-alex", None)
    if identity_network is None:
        attempts["identity"] = lambda: FaceReader.of(source)
    reasons = {}
    for name in wanted:
        if name in ("rotation_deg", "translation_box") and "camera" not in known:
            reasons[name] = "the photos' cameras are not known; a dataset.json beside them tells them"
        elif (name.startswith("novel_psnr") or name == "depth_mae_box") and "head" not in known:
            reasons[name] = "the heads' true looks are not known"
        elif name in attempts:
            try:
                attempts[name]()
            except ValueError as error:
                reasons[name] = str(error).splitlines()[0]
    return reasons


def _check_edits(generator: Generator, source: str) -> None:
    FaceReader.of(source)
    if find_directions(generator) is None:
        raise ValueError("the generator has no named directions; see gan3dinv heads directions")


class Readings:
    """The networks that read.

    Args:
        generator: a name or a file, whose own reader of faces and directions are taken.
        wanted: names of figures and of ``SETS``.
        device: of LPIPS and the identity network; all else is on the CPU.
        identity_network: weights of a network of face recognition, see
            :mod:`~gan3dinv_ns.evaluation.identity_network`; None takes the generator's own reader of faces.

    Raises:
        ValueError: one of them cannot be had, see :func:`unavailable`.
    """

    def __init__(
        self, generator: str, wanted: tuple[str, ...], device: torch.device, identity_network: Path | None = None
    ) -> None:
        self._wanted, self._device = wanted, device
        self._identity: IdentityNetwork | None = None
        if identity_network is not None and "identity" in wanted:
            self._identity = load_identity_network(identity_network, device)
        self._lpips = build_perceptual("lpips-alex", None, device) if "lpips" in wanted else None
        read = "edits" in wanted or ("identity" in wanted and self._identity is None)
        self._reader = FaceReader.of(generator) if read else None
        self._convolutions = RandomConvolutions() if "frechet" in wanted else None
        self._spread = spread_of_drawn_heads() if "edits" in wanted else {}

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
            seen = self._convolutions(pair)
            vectors = {name: one.tolist() for name, one in zip(("photo", "result"), seen, strict=True)}
        return Read(figures, self._edits(inversion) if "edits" in self._wanted else (), vectors)

    def _persons(self, pair: Tensor) -> Tensor | None:
        """Vectors ``[2, F]`` of photo and reconstruction, or None if they are not wanted or no face is found."""
        if "identity" not in self._wanted:
            return None
        if self._identity is None:
            return None if self._reader is None else self._reader(pair)[1]
        # Where the photo has its face the reconstruction has it too: a likeness is not to depend on the detector.
        faces = find_faces(pair[:1])
        return self._identity(aligned(pair.to(self._device), faces[0])) if faces else None

    def _edits(self, inversion: Inversion) -> tuple[EditRow, ...]:
        assert self._reader is not None
        label = inversion.label.detach()
        latent, pivot = inversion.latent.detach(), inversion.pivot.detach()
        head = FoundHead(inversion.generator, pivot, latent, label, inversion.planes())
        named = find_directions(inversion.generator)
        assert named is not None
        rows: list[EditRow] = []
        for name in EDITED:
            seen = edited_views(head, named.directions[name])
            rows += measure_edit(name, seen.__getitem__, self._reader, self._spread)
        return tuple(rows)
