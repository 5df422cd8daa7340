"""Claims about counted work and about rooflines."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from gan3dinv_ns.benchmark.machine import Roofline, describe_machine, measure_roofline
from gan3dinv_ns.benchmark.measurement import Measurement
from gan3dinv_ns.benchmark.work import count_work


def test_a_matrix_product_is_two_operations_for_each_multiplication() -> None:
    a, b = torch.rand(8, 4), torch.rand(4, 5)
    work = count_work(lambda: a @ b)
    assert work.flops == {"float32": 2 * 8 * 4 * 5} and work.moved == 4 * (8 * 4 + 4 * 5 + 8 * 5)


def test_a_convolution_with_its_backward_pass_is_three_times_as_much() -> None:
    x, kernel = torch.rand(1, 4, 8, 8, requires_grad=True), torch.rand(6, 4, 3, 3, requires_grad=True)
    forward = count_work(lambda: F.conv2d(x, kernel, padding=1)).flops.total()
    assert forward == 2 * 6 * 4 * 9 * 64
    assert count_work(lambda: F.conv2d(x, kernel, padding=1).sum().backward()).flops.total() == 3 * forward


def test_number_formats_are_told_apart() -> None:
    a, b = torch.rand(4, 4), torch.rand(4, 4, dtype=torch.float64)
    assert count_work(lambda: (a @ a, b @ b)).flops == {"float32": 128, "float64": 128}


def test_views_move_nothing_and_reading_rows_moves_the_rows() -> None:
    table, rows = torch.rand(1000, 8), torch.tensor([[1, 2], [3, 4], [5, 6]])
    assert count_work(lambda: table.t()[:3]).moved == 0
    work = count_work(lambda: F.embedding_bag(rows, table, mode="sum"))
    assert work.flops.total() == 2 * 6 * 8
    assert work.moved < table.nbytes / 8, "not the whole table"


def test_the_least_time_is_that_of_what_takes_longer() -> None:
    roofline = Roofline({"float32": 100.0, "float16": 400.0}, 10.0)
    assert roofline.seconds({"float32": 200.0}, 5.0) == 2.0
    assert roofline.seconds({"float32": 100.0, "float16": 400.0}, 5.0) == 2.0
    assert roofline.seconds({"float32": 10.0}, 50.0) == 5.0
    assert roofline.seconds({"float64": 400.0}, 0.0) == 1.0, "an unknown format counts as the fastest"
    assert Measurement("x", 4000.0, 1.0, {"float32": 200.0}, 5.0).share_of(roofline) == pytest.approx(0.5)


@pytest.mark.parametrize("formats", [{"float32"}, {"float32", "bfloat16"}])
def test_a_machine_has_a_name_and_a_roof_for_each_format_it_computes_in(
    formats: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gan3dinv_ns.benchmark.machine.multiplies_bfloat16", lambda: "bfloat16" in formats)
    monkeypatch.setattr("gan3dinv_ns.benchmark.machine._SIDE", {"cpu": 64})
    monkeypatch.setattr("gan3dinv_ns.benchmark.machine._COPIED_BYTES", {"cpu": 2**16})
    roofline = measure_roofline(torch.device("cpu"))
    assert set(roofline.flops_per_s) == formats and min(*roofline.flops_per_s.values(), roofline.bytes_per_s) > 0
    assert describe_machine(torch.device("cpu"))["device"]
