from __future__ import annotations

import io
import os
import signal

import pytest
from rich.console import Console

from gan3dinv_ns.gan3dinv_progress import Interrupt, TrainingProgress, losses_line, readable_time


def test_a_pipe_gets_plain_lines_and_not_too_many():
    text = io.StringIO()
    with TrainingProgress(Console(file=text, width=120), 100) as progress:
        for step in range(100):
            progress.update(step + 1, "project" if step < 50 else "tune", {"latent/pixels": 0.5})
    lines = text.getvalue().splitlines()
    assert len(lines) == 3 and "\x1b" not in text.getvalue()
    assert lines[0].startswith("project: step 1 of 100, pixels 0.5,") and "step 100 of 100" in lines[-1]


def test_a_terminal_gets_a_bar():
    text = io.StringIO()
    with TrainingProgress(Console(file=text, width=120, force_terminal=True), 10) as progress:
        status = progress.update(4, "tune", {"psnr": 25.0, "generator/raw": 0.25})
    assert "4/10" in text.getvalue() and "25.00 dB" in text.getvalue()
    assert status.startswith("tune: step 4 of 10, 25.00 dB, raw 0.25")


def test_a_run_may_become_shorter():
    text = io.StringIO()
    with TrainingProgress(Console(file=text, width=120, force_terminal=True), 270) as progress:
        progress.update(1, "tune", {})
        assert progress.update(90, "tune", {}, 110).startswith("tune: step 90 of 110")
    assert "90/110" in text.getvalue()


def test_time_left_counts_the_steps_of_this_run_only():
    progress = TrainingProgress(Console(file=io.StringIO()), 100, first_step=50)
    progress._began -= 10.0
    assert progress.seconds_left(60) == pytest.approx(40.0, rel=0.05)


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")])
def test_times_are_readable(seconds, text):
    assert readable_time(seconds) == text


def test_a_line_holds_four_figures_at_most():
    metrics = {f"latent/{name}": 1.0 for name in "abcdef"} | {"psnr": 20.0}
    assert losses_line(metrics) == "20.00 dB, a 1, b 1, c 1"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_remembered_and_the_handlers_come_back(number):
    before = signal.getsignal(number)
    with Interrupt() as interrupt:
        assert not interrupt.requested
        os.kill(os.getpid(), number)
        assert interrupt.requested
    assert signal.getsignal(number) is before


@pytest.fixture
def python_handles_ctrl_c():
    """A process started in the background of a shell ignores SIGINT; Python's own handler raises."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_signal_acts_as_usual(python_handles_ctrl_c):
    with pytest.raises(KeyboardInterrupt), Interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
