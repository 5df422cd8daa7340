"""A whole experiment: every photo inverted by every method, kept as it comes; what is there already is not repeated."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from PIL import Image

from gan3dinv_ns.eg3d import Generator, load_generator
from gan3dinv_ns.encoders import find_initialisers
from gan3dinv_ns.evaluation.comparison.experiment import Experiment, Method, weights_digest
from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.store import ExperimentFolder
from gan3dinv_ns.evaluation.frechet import RANDOM_CONVOLUTIONS
from gan3dinv_ns.experiments.edit_reading import edit_units
from gan3dinv_ns.experiments.engine import Engine, Outcome
from gan3dinv_ns.experiments.face_reader import FaceReader
from gan3dinv_ns.experiments.given_networks import NO_NETWORKS, GivenNetworks
from gan3dinv_ns.experiments.laboratory import Job, Laboratory
from gan3dinv_ns.experiments.methods import CompiledMethod
from gan3dinv_ns.experiments.photos import DrawnHead, PhotoFile, PhotoSource, find_photos
from gan3dinv_ns.experiments.readings import METRICS, SETS, unavailable
from gan3dinv_ns.heads.heldout import check_choice
from gan3dinv_ns.ops.compute_choices import PrecisionName

HEADS = ("heads", "heads-out-of-family")

Watch = Callable[[Row, int, int], None]
"""Told each new row, how many are done and how many there are in all."""


@dataclass(frozen=True)
class Plan:
    """What is to be done.

    Attributes:
        dataset: one of ``HEADS``, a folder of photos, or its dataset.json.
        methods: at least one.
        generator: a name, a URL, or the path of a .pkl or .safetensors file.
        device: that each process works on: "cpu", "cuda", or "auto", which each decides for itself.
        count: of photos; None takes all of a folder.
        seed: of the first drawn head.
        roll: largest roll of the cameras of drawn heads, radians.
        photos: of each drawn head, inverted together.
        metrics: names of figures and of ``SETS``, or "all" for those that can be had.
        makehuman: MakeHuman's data; None takes what ships.
        networks: that are given by their paths.
        precision: of the generator; with "float32" rows of different machines can be compared.
    """

    dataset: str
    methods: tuple[CompiledMethod, ...]
    generator: str
    device: str
    count: int | None = None
    seed: int = 900_000
    roll: float = 0.0
    photos: int = 1
    metrics: tuple[str, ...] = ("all",)
    makehuman: Path | None = None
    networks: GivenNetworks = NO_NETWORKS
    precision: PrecisionName = "float32"

    def sources(self) -> Sequence[PhotoSource]:
        """The photos.

        Raises:
            ValueError: there are none, or a number is out of range.
        """
        if self.dataset in HEADS:
            count = 10 if self.count is None else self.count
            check_choice(self.seed, count, self.roll, self.photos)
            seeds = range(self.seed, self.seed + count)
            return [DrawnHead(self.dataset, seed, self.roll, self.photos) for seed in seeds]  # type: ignore[arg-type]
        if self.roll or self.photos != 1:
            raise ValueError("roll and several photos are for drawn heads; leave them out for photos from files")
        found = find_photos(Path(self.dataset).expanduser())
        if self.count is not None and self.count < 1:
            raise ValueError(f"count {self.count} is too small; give 1 or more")
        return found[: self.count]


def run_experiment(
    plan: Plan, folder: Path, engine: Engine, watch: Watch | None = None, retry: bool = False
) -> ExperimentFolder:
    """Inverts and measures what is missing in a folder.

    Args:
        plan: must agree with what the folder holds; methods and photos may be added.
        folder: made if it is missing.
        engine: carries the work.
        watch: see ``Watch``.
        retry: also do again what has failed.

    Raises:
        ValueError: the plan cannot be followed, or the folder holds another experiment.
        FileWriteError: the disk is full or the place is not writable.
    """
    sources = plan.sources()
    experiment = experiment_of(plan, sources)
    store = ExperimentFolder.opened(folder, experiment)
    if retry:
        store.forget_failed()
    jobs = _missing(plan, sources, store)
    wanted = tuple(metric.name for metric in experiment.metrics)
    extras = tuple(name for name in SETS if name not in experiment.left_out)
    laboratory = Laboratory(
        plan.generator,
        plan.device,
        (*wanted, *extras),
        plan.roll > 0,
        plan.makehuman,
        plan.networks,
        plan.precision,
    )
    total = len(sources) * len(plan.methods)
    done = total - len(jobs)
    for outcome in engine.run(laboratory, jobs) if jobs else ():
        row, strip = _kept(outcome)
        store.add(row, strip)
        done += 1
        if watch is not None:
            watch(row, done, total)
    return store


def experiment_of(plan: Plan, sources: Sequence[PhotoSource]) -> Experiment:
    """What a plan's rows depend on, and what can be measured of them.

    Raises:
        ValueError: a metric is not known, or the generator cannot be used.
    """
    generator = load_generator(plan.generator)
    titles = {metric.name: metric.title for metric in METRICS} | SETS
    unknown = sorted(set(plan.metrics) - set(titles) - {"all"})
    if unknown:
        raise ValueError(f"metric {unknown[0]!r} is not known; take all, or some of {', '.join(titles)}")
    wanted = [name for name in titles if "all" in plan.metrics or name in plan.metrics]
    left_out = unavailable(wanted, generator, plan.generator, _known(sources), plan.networks)
    left_out |= {name: "not asked for" for name in SETS if name not in wanted}
    measured = {name for name in wanted if name not in left_out}
    return Experiment(
        dataset=_dataset(plan),
        generator=_networks(plan, generator, measured),
        methods={one.name: _method(one) for one in plan.methods},
        metrics=tuple(metric for metric in METRICS if metric.name in measured),
        left_out=left_out,
        features=RANDOM_CONVOLUTIONS if "frechet" in measured else "",
        edit_units=edit_units(plan.networks) if "edits" in measured else {},
    )


def _known(sources: Sequence[PhotoSource]) -> set[str]:
    known = set()
    if any(isinstance(source, DrawnHead) for source in sources):
        known |= {"camera", "head"}
    if any(isinstance(source, PhotoFile) and source.label is not None for source in sources):
        known.add("camera")
    return known


def _dataset(plan: Plan) -> dict[str, object]:
    if plan.dataset not in HEADS:
        return {"photos": str(Path(plan.dataset).expanduser().resolve())}
    makehuman = None if plan.makehuman is None else str(plan.makehuman)
    return {"set": plan.dataset, "roll": plan.roll, "photos": plan.photos, "makehuman": makehuman}


def _networks(plan: Plan, generator: Generator, measured: Collection[str]) -> dict[str, object]:
    initialisers = find_initialisers(plan.generator)
    readable = FaceReader.is_there(plan.generator)
    return {
        "name": plan.generator,
        "weights": weights_digest(generator),
        "initialisers": None if initialisers is None else weights_digest(initialisers),
        "reader": weights_digest(FaceReader.of(plan.generator).regressor) if readable else None,
        "identity_network": None,
        **plan.networks.digests(measured),
        # Rows from before there was a choice are of float32.
        **({} if plan.precision == "float32" else {"precision": plan.precision}),
        "device": plan.device,
    }


def _method(method: CompiledMethod) -> Method:
    return Method(method.title, asdict(method.settings), method.marks, method.compared)


def _missing(plan: Plan, sources: Sequence[PhotoSource], store: ExperimentFolder) -> list[Job]:
    """All methods of a photo before the next photo, so that what is there can be compared at any time."""
    names = [source.name for source in sources]
    missing = {method.name: set(store.missing(method.name, names)) for method in plan.methods}
    return [Job(method, source) for source in sources for method in plan.methods if source.name in missing[method.name]]


def _kept(outcome: Outcome[Job, tuple[Row, Image.Image]]) -> tuple[Row, Image.Image | None]:
    if outcome.result is not None:
        return outcome.result
    job = outcome.task
    return Row(job.method.name, job.source.name, "", {}, error=outcome.error), None
