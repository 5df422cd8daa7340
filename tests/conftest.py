"""What tests share: a generator that takes a fraction of a second, a photo, runs, and a web server."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gan3dinv_ns.eg3d import (
    Discriminator,
    DiscriminatorConfig,
    Generator,
    GeneratorConfig,
    RenderingOptions,
    save_discriminator,
    save_generator,
)
from gan3dinv_ns.ops.image_files import write_image


@pytest.fixture(autouse=True)
def same_threads() -> Iterator[None]:
    """No test may leave torch another number of threads: what a run computes depends on it, in its last digits."""
    before = torch.get_num_threads()
    yield
    assert torch.get_num_threads() == before


@pytest.fixture(scope="session")
def tiny_generator_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random 64 -> 128 generator, dense enough that rays hit something, with its discriminator beside it."""
    folder = tmp_path_factory.mktemp("networks")
    torch.manual_seed(0)
    rendering = RenderingOptions(white_back=True, depth_resolution=8, depth_resolution_importance=8)
    config = GeneratorConfig(plane_resolution=32, channel_base=1024, channel_max=16, rendering=rendering)
    generator = Generator(config)
    with torch.no_grad():
        generator.decoder.net[2].bias[0] = 4.0
    save_generator(generator, folder / "tiny.safetensors")
    discriminator = Discriminator(DiscriminatorConfig(channel_base=1024, channel_max=16))
    save_discriminator(discriminator, folder / "tiny.discriminator.safetensors")
    return folder / "tiny.safetensors"


@pytest.fixture(scope="session")
def multiplied_in() -> Callable[[Generator], set[torch.dtype | None]]:
    """What a generator's styled layers are multiplied in; None is the type of what goes in."""
    return lambda generator: {module.products for module in generator.modules() if hasattr(module, "products")}


@pytest.fixture(scope="session")
def read_mp4() -> Callable[[Path], np.ndarray]:
    """Reads all frames [N, H, W, 3] uint8 of an .mp4, whose colours are meant as BT.709 (older PyAV takes BT.601)."""
    import av

    def read(path: Path) -> np.ndarray:
        with av.open(str(path)) as container:
            frames = [frame.reformat(format="yuv444p").to_ndarray() for frame in container.decode(video=0)]
        luma, blue, red = np.moveaxis(
            (np.stack(frames) - [[[16]], [[128]], [[128]]]) / [[[219]], [[224]], [[224]]], 1, 0
        )
        green = luma - 0.1873 * blue - 0.4681 * red
        levels = np.stack([luma + 1.5748 * red, green, luma + 1.8556 * blue], axis=-1)
        return (levels * 255).round().clip(0, 255).astype(np.uint8)

    return read


@pytest.fixture(scope="session")
def photo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An oblong photo with smooth colours."""
    across, down = torch.linspace(-1, 1, 150), torch.linspace(-1, 1, 130)
    red, green = across.expand(130, 150), down[:, None].expand(130, 150)
    path = tmp_path_factory.mktemp("photos") / "my face.png"
    write_image(path, torch.stack([red, green, red * green])[None])
    return path


SCHEDULE = "--pipeline.model.inversion.schedule"
START = "--pipeline.model.inversion.start"
SHORT = (
    *(f"{SCHEDULE}.warmup-steps", "1", f"{SCHEDULE}.project-steps", "2", f"{SCHEDULE}.tune-steps", "2"),
    *(f"{START}.yaw-count", "3", f"{START}.pitch-count", "1", f"{START}.refinements", "0", f"{START}.candidates", "1"),
    *("--vis", "tensorboard"),
)
"""Options of a run with five steps and no viewer."""


@pytest.fixture(scope="session")
def short_options(tiny_generator_file: Path) -> tuple[str, ...]:
    """Options of a run that takes seconds: five steps, a tiny generator, no viewer."""
    return ("--pipeline.model.generator", str(tiny_generator_file), *SHORT)


@pytest.fixture(scope="session")
def ns_train() -> Callable[..., None]:
    """`ns-train gan3dinv OPTIONS` inside this process, which spares importing nerfstudio once more."""

    def run(*options: object) -> None:
        from nerfstudio.scripts.train import entrypoint
        from nerfstudio.utils import writer

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["ns-train", "gan3dinv", *map(str, options)])
            try:
                entrypoint()
            finally:
                writer.EVENT_WRITERS.clear()

    return run


@pytest.fixture(scope="session")
def finished_run(
    tmp_path_factory: pytest.TempPathFactory, ns_train: Callable[..., None], photo_file: Path, short_options: tuple[str]
) -> Path:
    """Folder of a finished run, started with relative paths from another folder."""
    folder = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(photo_file.parent)
        ns_train("--data", photo_file.name, "--output-dir", os.path.relpath(folder), *short_options)
    return next(folder.glob("*/gan3dinv/*"))


@pytest.fixture(scope="session")
def loaded(finished_run: Path) -> Any:
    """The pipeline of the finished run, as the stock commands load it."""
    from nerfstudio.utils.eval_utils import eval_setup

    return eval_setup(finished_run / "config.yml", test_mode="test")[1]


@dataclass
class Served:
    """One file, and what the server does with it."""

    content: bytes
    ranges: bool
    cut_at: int | None
    told_size: int
    silent_seconds: float


class FileServer:
    """Serves bytes on 127.0.0.1.

    Attributes:
        ranges: the "Range" of every request that came, None for one without.
    """

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.ranges: list[str | None] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def url(self, name: str) -> str:
        """The address of a file, whether it is there or not."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/{name}"

    def serve(
        self,
        name: str,
        content: bytes,
        ranges: bool = True,
        cut_at: int | None = None,
        told_size: int | None = None,
        silent_seconds: float = 0.0,
    ) -> str:
        """Puts up a file; its address.

        Args:
            name: in the address.
            content: its bytes.
            ranges: honour a request for a part.
            cut_at: close the first connection after so many bytes.
            told_size: size of the whole in the answer to a request for a part, if not the true one.
            silent_seconds: wait before any answer.
        """
        size = len(content) if told_size is None else told_size
        self.files[name] = Served(content, ranges, cut_at, size, silent_seconds)
        return self.url(name)

    def close(self) -> None:
        """Ends the server; its port is closed afterwards."""
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        return Handler

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        """Answers one request."""
        asked = request.headers.get("Range")
        self.ranges.append(asked)
        file = self.files.get(request.path.split("?")[0].lstrip("/"))
        if file is None:
            request.send_error(404)
            return
        time.sleep(file.silent_seconds)
        first = int(asked.removeprefix("bytes=").rstrip("-")) if asked and file.ranges else None
        if first is not None and first >= len(file.content):
            request.send_error(416)
            return
        body = file.content[first or 0 :]
        request.send_response(200 if first is None else 206)
        request.send_header("Content-Length", str(len(body)))
        if first is not None:
            request.send_header("Content-Range", f"bytes {first}-{len(file.content) - 1}/{file.told_size}")
        request.end_headers()
        cut, file.cut_at = file.cut_at, None
        with suppress(ConnectionError):
            request.wfile.write(body[:cut])


@pytest.fixture
def file_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    """A web server without files."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = FileServer()
    yield server
    server.close()
