"""One photo inverted by one method and measured: the work that engines hand out."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from gan3dinv_ns.eg3d.precision import use_precision
from gan3dinv_ns.evaluation.comparison.pictures import depth_picture, depth_span, method_strip
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.metrics import rotation_error_deg
from gan3dinv_ns.evaluation.photo_figures import PhotoFigures, measure_photo
from gan3dinv_ns.experiments.given_networks import NO_NETWORKS, GivenNetworks
from gan3dinv_ns.experiments.methods import CompiledMethod
from gan3dinv_ns.experiments.photos import KnownPhoto, PhotoSource, Studio
from gan3dinv_ns.experiments.readings import Readings
from gan3dinv_ns.inversion.networks import load_networks, resolve_device
from gan3dinv_ns.inversion.run import optimise
from gan3dinv_ns.inversion.settings import InversionSettings
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.ops.compute_choices import PrecisionName
from gan3dinv_ns.ops.peak_memory import peak_memory_mb, reset_peak_memory

GIVEN = ("rotation_deg", "translation_box")
"""Figures that say nothing of a method that is given the camera."""


@dataclass(frozen=True)
class Job:
    """A photo for a method.

    Attributes:
        method, source: plain data.
    """

    method: CompiledMethod
    source: PhotoSource


@dataclass(frozen=True)
class Laboratory:
    """Loads what a process needs, there; can be sent to it.

    Attributes:
        generator: a name, a URL, or the path of a .pkl or .safetensors file.
        device: "cpu", "cuda", or "auto" for CUDA where the process has one.
        metrics: names of those that are wanted, of ``Readings`` too.
        roll: whether photos may be rolled, and the camera must be able to follow.
        makehuman: see :class:`~gan3dinv_ns.experiments.photos.Studio`.
        networks: that are given by their paths, which each process must find.
        precision: of the generator.
    """

    generator: str
    device: str
    metrics: tuple[str, ...]
    roll: bool = False
    makehuman: Path | None = None
    networks: GivenNetworks = NO_NETWORKS
    precision: PrecisionName = "float32"

    def __call__(self) -> Experimenter:
        """The networks, loaded.

        Raises:
            ValueError: one of them is missing or damaged, or the device does not gain from the precision.
        """
        return Experimenter(self)


class Experimenter:
    """Inverts and measures photos, one after the other."""

    def __init__(self, laboratory: Laboratory) -> None:
        self._laboratory, self._device = laboratory, resolve_device(laboratory.device)
        source = laboratory.generator
        self._generator, self._discriminator, self._initialisers = load_networks(source, self._device)
        use_precision(self._generator, laboratory.precision)
        self._readings = Readings(self._generator, source, laboratory.metrics, self._device, laboratory.networks)
        self._studio = Studio(self._generator, laboratory.makehuman)

    def __call__(self, task: Job) -> tuple[Row, Image.Image]:
        """The row of a job, and the strip of its pictures.

        Raises:
            ValueError: the photo cannot be taken, or its camera is not known to a method that needs it.
        """
        photo = task.source.take(self._studio)
        settings = self._settings(task, photo)
        reset_peak_memory(self._device)
        begin = time.perf_counter()
        inversion = Inversion(self._generator, self._discriminator, photo.photos, settings, self._initialisers)
        curves = _watched(inversion, photo, task.method.knows_camera)
        figures = {"seconds": time.perf_counter() - begin, "peak_memory_mb": peak_memory_mb(self._device)}
        measured = measure_photo(photo.photos[:1], inversion, photo.label, photo.truth)
        figures |= measured.figures
        readings = self._readings(inversion, measured.pictures)
        figures |= readings.figures
        given = GIVEN if task.method.knows_camera else ()
        wanted = {name: one for name, one in figures.items() if name in self._laboratory.metrics and name not in given}
        vectors = readings.features, readings.inception
        row = Row(task.method.name, task.source.name, photo.kind, wanted, curves, readings.edits, *vectors)
        return row, _strip(measured)

    def _settings(self, job: Job, photo: KnownPhoto) -> InversionSettings:
        settings = job.method.settings
        if self._laboratory.roll:
            settings = replace(settings, pose=replace(settings.pose, kind="sixd"))
        if not job.method.knows_camera:
            return settings
        if photo.label is None:
            raise ValueError(f"{job.method.title} needs the camera of {job.source.name}, which is not known")
        if len(photo.photos) > 1:
            raise ValueError(f"{job.method.title} takes one photo of a head, not {len(photo.photos)}")
        label = tuple(photo.label.flatten().tolist())
        return replace(settings, start=replace(settings.start, label=label))


def _watched(inversion: Inversion, photo: KnownPhoto, known: bool) -> dict[str, list[float]]:
    """Takes an inversion to its end; "psnr" of the photo and "rotation_deg" of the camera, where the truth is known but
    not given to the method, at each "step" that renders the photo."""
    curves: dict[str, list[float]] = {"step": [], "psnr": []}
    label = None if known else photo.label
    if label is not None:
        curves["rotation_deg"] = []

    def watch(step: int, phase: str, metrics: Mapping[str, float]) -> None:
        if "psnr" not in metrics:
            return
        curves["step"].append(step)
        curves["psnr"].append(round(metrics["psnr"], 3))
        if label is not None:
            curves["rotation_deg"].append(round(rotation_error_deg(inversion.label[:1], label), 3))

    optimise(inversion, watch)
    return curves


def _strip(measured: PhotoFigures) -> Image.Image:
    first = next(iter(measured.depths.values()))
    span = depth_span(first.depth, first.solid)
    depths = {name: depth_picture(one.depth, one.solid, span) for name, one in measured.depths.items()}
    return method_strip({**measured.pictures, **depths})
