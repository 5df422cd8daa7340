"""The floors of the package: imports go strictly downwards, and only the upper floors know nerfstudio."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "gan3dinv_ns"
FLOORS = {
    "ops": 0,
    "cameras": 1,
    "eg3d": 2,
    "losses": 3,
    "photo": 3,
    "encoders": 3,
    "inversion": 4,
    "pretrain": 4,
    "editing": 4,
    "evaluation": 4,
    "export": 4,
    "heads": 4,
    "benchmark": 5,
    "experiments": 5,
    "gan3dinv_config": 6,
    "cli": 7,
}
NERFSTUDIO_FLOOR = 5
"""Floor of the single files beside the rooms, and the lowest that may import nerfstudio."""
PLAIN_ROOMS = {room for room, floor in FLOORS.items() if floor < NERFSTUDIO_FLOOR} | {"benchmark", "experiments"}
"""Those that know neither nerfstudio nor the single files; the last two stand beside these without knowing them."""


def floor_of(room: str) -> int:
    return FLOORS.get(room, NERFSTUDIO_FLOOR)


def imported_modules(path: Path) -> set[str]:
    """Dotted names of all modules that a file imports, inside functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


def room_of(path: Path) -> str:
    inside = path.relative_to(PACKAGE)
    return inside.parts[0] if len(inside.parts) > 1 else inside.stem


FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_strictly_downwards(path: Path) -> None:
    room = room_of(path)
    for name in imported_modules(path):
        parts = name.split(".")
        if parts[0] != "gan3dinv_ns" or len(parts) == 1 or parts[1] == room or parts[1].startswith("__"):
            continue
        lower = floor_of(parts[1]) < floor_of(room)
        beside = room not in PLAIN_ROOMS and parts[1] not in PLAIN_ROOMS and floor_of(room) == floor_of(parts[1])
        assert lower or beside, f"{room} (floor {floor_of(room)}) imports {name} (floor {floor_of(parts[1])})"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_upper_floors_know_nerfstudio(path: Path) -> None:
    if room_of(path) in PLAIN_ROOMS:
        assert not any(name.split(".")[0] in ("nerfstudio", "viser") for name in imported_modules(path))
