"""A data set of synthetic heads on disk: generated in parallel, resumable, and packed into one file.

Layout of the folder, for heads in chunks of 50:

``images/00012/img00012_07_2.webp``
    view 2 of the seventh head of chunk 12, on white.
``chunks/00012.npz``
    ``seeds`` [n], ``attributes`` [n, K] (see ``attribute_names``), ``label`` [n, V, 25], ``yaw_pitch`` [n, V, 2],
    ``depth`` uint16 [n, V, R, R] (1 / 20000 box units along the unit ray, 0: background), ``alpha`` uint8.
    Written after its images: a chunk that exists is complete.
``images/dataset.json``
    EG3D's format: {"labels": [["00012/img00012_07_2.webp", [25 numbers]], ...]}, paths below ``images``.
``attributes.json``
    all attributes of every head by name.
"""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from gan3dinv_ns.cameras.conventions import camera_label
from gan3dinv_ns.cameras.intrinsics import intrinsics_matrix
from gan3dinv_ns.cameras.rotations import orbit, rolled
from gan3dinv_ns.heads.attributes import attribute_names, attribute_vector, draw_attributes
from gan3dinv_ns.heads.geometry import build_geometry
from gan3dinv_ns.heads.packed import PackedHead, encode_rgb, encode_shape, write_packed
from gan3dinv_ns.heads.render import Pictures, render_geometry
from gan3dinv_ns.heads.template import HeadTemplate, load_template
from gan3dinv_ns.ops.array_files import write_arrays
from gan3dinv_ns.ops.atomic_files import atomic_path

CHUNK = 50
DEPTH_STEPS = 20000
YAW_SPREAD, YAW_LIMIT = 0.30, 0.60
PITCH_SPREAD, PITCH_LIMIT = 0.15, 0.30
SIDE_YAW_SPREAD, SIDE_YAW_LIMIT = 1.0, 3.1
_POSE_STREAM, _ROLL_STREAM = 1, 3


@dataclass(frozen=True)
class HeadSettings:
    """What a data set of heads is made of.

    Attributes:
        first_seed: seed of the first head; the others follow.
        count: number of heads.
        views: pictures of each head.
        resolution: side of a picture in pixels.
        supersample: rays along each side of a pixel at edges.
        quality: of the WebP pictures, 1 to 100.
        roll: cameras are turned around their viewing axis by up to this to both sides, radians; 0: upright heads.
    """

    first_seed: int = 0
    count: int = 30_000
    views: int = 4
    resolution: int = 128
    supersample: int = 3
    quality: int = 88
    roll: float = 0.0


def draw_poses(seed: int, views: int) -> np.ndarray:
    """Yaw and pitch [views, 2] of a head's pictures, in radians: normal, redrawn outside the limits.

    Of four or more views, the last is taken from any side: photos show faces, but heads are turned afterwards, and
    what no view has seen could be anything there.
    """
    random = np.random.Generator(np.random.PCG64([seed, _POSE_STREAM]))
    poses = [_draw_pose(random, YAW_SPREAD, YAW_LIMIT) for _ in range(views)]
    if views >= 4:
        poses[-1] = _draw_pose(random, SIDE_YAW_SPREAD, SIDE_YAW_LIMIT)
    return np.stack(poses).astype(np.float32)


def _draw_pose(random: np.random.Generator, yaw_spread: float, yaw_limit: float) -> np.ndarray:
    while True:
        pose = random.standard_normal(2) * (yaw_spread, PITCH_SPREAD)
        if abs(pose[0]) <= yaw_limit and abs(pose[1]) <= PITCH_LIMIT:
            return pose


def draw_cameras(seed: int, views: int, roll: float = 0.0) -> torch.Tensor:
    """``camera_to_world [views, 4, 4]`` of a head's pictures: `draw_poses`, rolled by up to ``roll`` radians."""
    yaw, pitch = torch.from_numpy(draw_poses(seed, views)).unbind(1)
    random = np.random.Generator(np.random.PCG64([seed, _ROLL_STREAM]))
    return rolled(orbit(yaw, pitch), torch.from_numpy(random.uniform(-roll, roll, views).astype(np.float32)))


def generate_dataset(
    source: str | Path | None,
    output: str | Path,
    settings: HeadSettings | None = None,
    processes: int = 2,
    report: Callable[[int, int], None] | None = None,
    cache_dir: str | Path | None = None,
) -> Path:
    """Render heads into a folder; chunks that are there already are kept.

    Args:
        source: MakeHuman's data, folder or archive; None takes the template that the package ships.
        output: the folder; see the module for its layout.
        report: called with (heads done, heads in all) after each chunk.

    Raises:
        ValueError: MakeHuman's data is incomplete, or the folder holds another data set.
    """
    settings = settings or HeadSettings()
    folder = Path(output)
    _check_settings(folder, settings)
    load_template(source, cache_dir)
    chunks = range(-(-settings.count // CHUNK))
    missing = [chunk for chunk in chunks if not _chunk_path(folder, chunk).is_file()]
    done = settings.count - sum(len(_seeds_of(settings, chunk)) for chunk in missing)
    for chunk in _in_parallel(missing, (source, folder, settings, cache_dir), processes):
        done += len(_seeds_of(settings, chunk))
        if report is not None:
            report(done, settings.count)
    _write_tables(folder, settings, len(chunks))
    return folder


def pack_dataset(output: str | Path, path: str | Path, heads_per_file: int | None = None) -> dict[Path, int]:
    """Pack the chunks of a folder for training (see :mod:`gan3dinv_ns.heads.packed`).

    Args:
        path: of the packed file; with ``heads_per_file``, NAME.safetensors becomes NAME-0.safetensors and so on.
        heads_per_file: at most so many heads in a file, in whole chunks; None packs all into one.

    Returns:
        The files written, with their sizes in bytes.

    Raises:
        ValueError: there are no chunks in the folder.
    """
    folder, path = Path(output), Path(path)
    stored = sorted((folder / "chunks").glob("[0-9]*.npz"))
    if not stored:
        raise ValueError(f"no heads in {folder}: generate them first")
    with np.load(stored[0]) as arrays:
        resolution = arrays["alpha"].shape[-1]
    step = len(stored) if heads_per_file is None else max(heads_per_file // CHUNK, 1)
    sizes = {}
    for part, first in enumerate(range(0, len(stored), step)):
        file = path if heads_per_file is None else path.with_stem(f"{path.stem}-{part}")
        heads = [head for chunk in stored[first : first + step] for head in _packed_heads(folder, chunk)]
        sizes[file] = write_packed(file, heads, attribute_names(), resolution)
    return sizes


def make_chunk(template: HeadTemplate, folder: Path, settings: HeadSettings, chunk: int) -> None:
    """Render one chunk: first its images, then its arrays."""
    heads: list[dict[str, np.ndarray]] = []
    for place, seed in enumerate(_seeds_of(settings, chunk)):
        attributes = draw_attributes(seed)
        camera_to_world = draw_cameras(seed, settings.views, settings.roll)
        pictures = render_geometry(
            build_geometry(template, attributes), attributes, camera_to_world.numpy(), settings.resolution,
            settings.supersample,
        )  # fmt: skip
        _write_images(folder, chunk, place, pictures, settings.quality)
        heads.append(
            {
                "seeds": np.array(seed, np.int64),
                "attributes": attribute_vector(attributes),
                "label": camera_label(camera_to_world, intrinsics_matrix()).numpy(),
                "yaw_pitch": draw_poses(seed, settings.views),
                "depth": np.round(pictures.depth * DEPTH_STEPS).astype(np.uint16),
                "alpha": np.round(pictures.alpha * 255).astype(np.uint8),
            }
        )
    write_arrays(_chunk_path(folder, chunk), {key: np.stack([head[key] for head in heads]) for key in heads[0]})


def _write_images(folder: Path, chunk: int, place: int, pictures: Pictures, quality: int) -> None:
    for view, rgb in enumerate(pictures.rgb):
        path = folder / "images" / _image_name(chunk, place, view)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_rgb(np.round(rgb * 255).astype(np.uint8), quality))


def _image_name(chunk: int, place: int, view: int) -> str:
    return f"{chunk:05d}/img{chunk:05d}_{place:02d}_{view}.webp"


def _chunk_path(folder: Path, chunk: int) -> Path:
    return folder / "chunks" / f"{chunk:05d}.npz"


def _seeds_of(settings: HeadSettings, chunk: int) -> range:
    end = min((chunk + 1) * CHUNK, settings.count)
    return range(settings.first_seed + chunk * CHUNK, settings.first_seed + end)


def _check_settings(folder: Path, settings: HeadSettings) -> None:
    """Keep the settings beside the heads; a folder made with others is refused, growing it is allowed."""
    path = folder / "settings.json"
    wanted = asdict(settings) | {"attributes": attribute_names()}
    if path.is_file():
        found = json.loads(path.read_text())
        assumed = {"roll": HeadSettings.roll}
        differing = [key for key in wanted if key != "count" and found.get(key, assumed.get(key)) != wanted[key]]
        if differing:
            raise ValueError(f"{folder} holds heads with another {differing[0]}; choose an empty folder")
        if found["count"] > settings.count or (found["count"] % CHUNK and found["count"] != settings.count):
            raise ValueError(f"{folder} holds {found['count']} heads, not {settings.count}; choose an empty folder")
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(wanted))


_Job = tuple[str | Path | None, Path, HeadSettings, str | Path | None]


def _in_parallel(chunks: list[int], job: _Job, processes: int) -> Iterator[int]:
    if processes <= 1 or len(chunks) <= 1:
        for chunk in chunks:
            yield _make_chunk_of(job, chunk)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(processes, len(chunks)), context) as pool:
        try:
            for future in as_completed([pool.submit(_make_chunk_of, job, chunk) for chunk in chunks]):
                yield future.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _make_chunk_of(job: _Job, chunk: int) -> int:
    source, folder, settings, cache_dir = job
    threads = torch.get_num_threads()
    # One thread each: processes would hinder one another, and sums would depend on how many there are.
    torch.set_num_threads(1)
    try:
        make_chunk(load_template(source, cache_dir), folder, settings, chunk)
    finally:
        torch.set_num_threads(threads)
    return chunk


def _write_tables(folder: Path, settings: HeadSettings, chunks: int) -> None:
    labels, attributes = [], []
    for chunk in range(chunks):
        with np.load(_chunk_path(folder, chunk)) as arrays:
            table = arrays["label"]
        for place, seed in enumerate(_seeds_of(settings, chunk)):
            attributes.append(draw_attributes(seed).as_labels())
            for view in range(settings.views):
                labels.append([_image_name(chunk, place, view), [round(float(x), 6) for x in table[place, view]]])
    for path, content in (
        (folder / "images" / "dataset.json", {"labels": labels}),
        (folder / "attributes.json", {"names": attribute_names(), "heads": attributes}),
    ):
        with atomic_path(path) as temporary:
            temporary.write_text(json.dumps(content))


def _packed_heads(folder: Path, file: Path) -> Iterator[PackedHead]:
    chunk = int(file.stem)
    with np.load(file) as stored:
        arrays = dict(stored)
    for place, seed in enumerate(arrays["seeds"]):
        depth = arrays["depth"][place].astype(np.float32) / DEPTH_STEPS
        alpha = arrays["alpha"][place].astype(np.float32) / 255
        views = range(len(depth))
        yield PackedHead(
            int(seed), arrays["attributes"][place], arrays["label"][place], arrays["yaw_pitch"][place],
            [(folder / "images" / _image_name(chunk, place, view)).read_bytes() for view in views],
            [encode_shape(depth[view], alpha[view]) for view in views],
        )  # fmt: skip
