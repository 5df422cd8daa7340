"""The installed commands themselves, as a user starts them: interrupted, resumed, judged from another folder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

BIN = Path(sys.executable).parent
SCHEDULE = "--pipeline.model.inversion.schedule"


def command(name: str, *options: object, cwd: Path) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        [str(BIN / name), *map(str, options)],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(process: subprocess.Popen[str], words: str) -> list[str]:
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        lines.append(line)
        if words in line:
            return lines
    raise AssertionError(f"{words!r} never came:\n{''.join(lines)}\n{process.stderr and process.stderr.read()}")


@pytest.fixture(scope="module")
def interrupted_run(tmp_path_factory, photo_file, short_options) -> tuple[Path, int, str, str]:
    """A long run with the viewer that gets ctrl-C while it projects: folder, status, output, errors."""
    folder = tmp_path_factory.mktemp("interrupted")
    options = (*short_options, f"{SCHEDULE}.project-steps", 5000, "--vis", "viewer", "--viewer.websocket-port", 7907)
    process = command("ns-train", "gan3dinv", "--data", photo_file, *options, cwd=folder)
    lines = wait_for(process, "project: step")
    process.send_signal(signal.SIGINT)
    rest, errors = process.communicate(timeout=900)
    return folder, process.returncode, "".join(lines) + rest, errors


def test_interrupted_run_keeps_its_state_and_says_how_to_go_on(interrupted_run):
    folder, status, output, errors = interrupted_run
    assert status == 130 and "Traceback" not in output + errors
    checkpoints = list(folder.glob("outputs/my face/gan3dinv/*/nerfstudio_models/*"))
    assert len(checkpoints) == 1 and re.fullmatch(r"step-\d{9}\.ckpt", checkpoints[0].name)
    assert "Interrupted after step" in output and f"--load-config {checkpoints[0].parents[1] / 'config.yml'}" in output


def test_output_in_a_pipe_is_plain_and_says_what_happens(interrupted_run):
    _, _, output, _ = interrupted_run
    assert "\x1b" not in output
    assert "features of the generator's own discriminator" in output
    assert "warmup: step 1 of 5003" in output and "localhost:7907" in output


def test_interrupted_run_is_resumed_to_its_end_and_judged_from_elsewhere(interrupted_run, short_options, tmp_path):
    folder = interrupted_run[0]
    checkpoint = next(folder.glob("outputs/my face/gan3dinv/*/nerfstudio_models/*"))
    done = int(checkpoint.stem.split("-")[1]) + 1
    steps = (f"{SCHEDULE}.project-steps", done + 1, f"{SCHEDULE}.tune-steps", 1)
    options = ("--load-dir", checkpoint.parent, *short_options, *steps, "--output-dir", tmp_path)
    process = command("ns-train", "gan3dinv", *options, cwd=tmp_path)
    output, errors = process.communicate(timeout=900)
    assert process.returncode == 0, errors
    assert f"Resuming after step {done} of {done + 3}" in output
    run = next(tmp_path.glob("my face/gan3dinv/*"))
    assert (run / "nerfstudio_models" / f"step-{done + 2:09d}.ckpt").is_file()
    judge = command("ns-eval", "--load-config", run / "config.yml", "--output-path", tmp_path / "eval.json", cwd=folder)
    _, errors = judge.communicate(timeout=900)
    assert judge.returncode == 0, errors
    report = json.loads((tmp_path / "eval.json").read_text())["results"]
    assert report["psnr"] == pytest.approx(
        json.loads((run / "inversion" / "metrics.json").read_text())["psnr"], abs=0.05
    )


def test_bad_input_ends_with_one_line_and_status_one(tmp_path):
    process = command("ns-train", "gan3dinv", "--data", tmp_path / "gone.png", cwd=tmp_path)
    output, errors = process.communicate(timeout=900)
    complaints = [line for line in errors.splitlines() if line.startswith("error: ")]
    assert process.returncode == 1 and "Traceback" not in output + errors
    assert complaints == [
        f"error: {tmp_path / 'gone.png'} does not exist; give the path of a picture (a PNG, JPEG or WebP file)"
    ]
    assert not list(tmp_path.iterdir())
