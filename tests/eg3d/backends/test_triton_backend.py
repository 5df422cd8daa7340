from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
has_triton = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")

COMPILE = """
from triton import compile
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from gan3dinv_ns.eg3d.backends.triton_composite import _backward, _forward
from gan3dinv_ns.eg3d.backends.triton_point_kernels import points_backward, points_forward
from gan3dinv_ns.eg3d.backends.triton_points import _LAUNCH

numbers = ["count", "count_per_entry", "resolution", "channels", "outputs", "first", "samples"]
types = dict.fromkeys(numbers, "i32") | {"scale": "fp32", "order": "*i64"}
points = dict(HIDDEN=64, BLOCK=32, BLOCK_C=32, BLOCK_O=32, YZ=False, PRECISION="ieee")
rays = dict(BLOCK_S=128, BLOCK_C=32)
kernels = [
    (points_forward, points, _LAUNCH),
    (points_backward, points | dict(POINTS=True, PLANES=True, WEIGHTS=True), _LAUNCH),
    (_forward, rays, {}),
    (_backward, rays, {}),
]
for kernel, constants, options in kernels:
    names = kernel.arg_names
    signature = {name: "constexpr" if name in constants else types.get(name, "*fp32") for name in names}
    constexprs = {(names.index(name),): value for name, value in constants.items()}
    source = ASTSource(fn=kernel, signature=signature, constexprs=constexprs)
    shared = compile(source, target=GPUTarget("cuda", 80, 32), options=options).metadata.shared
    # What a program may have before Ampere.
    assert shared <= 64 * 1024, (kernel, shared)
"""


def run(*arguments: str, **environment: str) -> None:
    environment = {**os.environ, **environment}
    done = subprocess.run([sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@has_triton
def test_kernels_agree_with_torch_in_the_interpreter():
    options = ("-q", "-p", "no:cacheprovider", str(HERE / "interpreted_triton.py"))
    run("-m", "pytest", *options, TRITON_INTERPRET="1", PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")


@has_triton
def test_kernels_compile_for_a_gpu_and_fit_its_shared_memory(tmp_path):
    run("-c", COMPILE, TRITON_CACHE_DIR=str(tmp_path))
