"""`mesh` and `head-splat` beside the stock subcommands of nerfstudio's `ns-export`.

nerfstudio's exporter builds a fixed union `Commands` and hands it to `tyro.cli`; it has no registry. Plugins are
imported while the exporter itself is being imported, when that union does not exist yet. `install`, called by the
plugin's configuration module, therefore wraps `tyro.cli` and `tyro.extras.get_parser`. The wrappers act only when they
are handed the exporter's own `Commands`: they put the union with these members more back on the module, so that several
plugins can do the same one after the other, and pass everything else on untouched. (nerfstudio's own `gaussian-splat`
is for its own gaussian models.)

Importing this module is cheap; whatever is heavy is imported when the command runs.
"""

from __future__ import annotations

import errno
import functools
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from operator import getitem
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args

from gan3dinv_ns.export.settings import MeshSettings, SplatSettings
from gan3dinv_ns.ops.user_errors import one_line_errors

if TYPE_CHECKING:
    from gan3dinv_ns.export.head import Head
    from gan3dinv_ns.inversion.state import Inversion

_EXPORTER = "nerfstudio.scripts.exporter"
_MARK = "_offers_gan3dinv_exports"


@dataclass(frozen=True, kw_only=True)
class _RunToExport(ABC):
    """Which run's head is exported, and where to."""

    load_config: Path
    """Path to the config YAML file."""
    output_dir: Path
    """Path to the output directory."""

    @abstractmethod
    def check(self) -> None:
        """Raises `ValueError` with one line if a setting cannot be used."""

    @abstractmethod
    def write(self, head: Head) -> None:
        """Writes the files of a head."""

    def main(self) -> None:
        """Loads the run and has its head written.

        Raises:
            SystemExit: with one line, if the run cannot be loaded or the files not be made or written.
        """
        with one_line_errors():
            self.check()
            export_run(self.load_config, self.output_dir, self.write)


@dataclass(frozen=True, kw_only=True)
class ExportMesh(MeshSettings, _RunToExport):
    """Export the head of a gan3dinv run as a closed, coloured mesh."""

    def write(self, head: Head) -> None:
        """Writes the mesh of a head; see `gan3dinv_ns.export.job.export_mesh`."""
        from rich.console import Console

        from gan3dinv_ns.export.job import export_mesh

        export_mesh(head, self.output_dir, self, Console())


@dataclass(frozen=True, kw_only=True)
class ExportSplat(SplatSettings, _RunToExport):
    """Export the head of a gan3dinv run as 3D gaussians, for splat viewers; y down, the face along +z, as they want."""

    def write(self, head: Head) -> None:
        """Writes the gaussians of a head; see `gan3dinv_ns.export.splats.job.export_splat`."""
        from rich.console import Console

        from gan3dinv_ns.export.splats.job import export_splat

        export_splat(head, self.output_dir, self, Console())


_OFFERED: dict[type, tuple[str, str]] = {
    ExportMesh: ("mesh", "gan3dinv-mesh"),
    ExportSplat: ("head-splat", "gan3dinv-head-splat"),
}
"""Subcommands, with their names and those that they get where these are taken."""


def export_run(load_config: Path, output_dir: Path, export: Callable[[Head], None]) -> None:
    """Exports the head of a run.

    Args:
        load_config: the run's `config.yml`.
        output_dir: seen to be writable before the run is loaded.
        export: what shall happen to the head.

    Raises:
        ValueError: the run cannot be loaded, or its head not be exported.
        FileWriteError: the disk is full or the place is not writable.
    """
    _check_is_config(load_config)
    from gan3dinv_ns.export.head import head_of_photo
    from gan3dinv_ns.export.output import prepare_folder

    prepare_folder(output_dir)
    found = load_inversion(load_config)
    export(head_of_photo(found.generator, found.latent.detach(), found.planes(), found.label))


def load_inversion(load_config: Path) -> Inversion:
    """The inversion that a run's last checkpoint holds.

    Args:
        load_config: the run's `config.yml`.

    Raises:
        ValueError: there is no such file, it is no nerfstudio configuration, it has no checkpoint, the checkpoint
            is damaged, or the run is one of another method.
    """
    method = _method_of(load_config)
    import pickle

    from nerfstudio.utils.eval_utils import eval_setup

    try:
        _, pipeline, _, _ = eval_setup(load_config, test_mode="inference", update_config_callback=_with_checkpoint)
    except (RuntimeError, pickle.UnpicklingError, EOFError, OSError) as error:
        # torch seeks before the beginning of some truncated files; other system errors name their own file.
        if isinstance(error, OSError) and error.errno != errno.EINVAL:
            raise
        raise ValueError(f"the last checkpoint of {load_config} cannot be read: {_first_line(error)}") from error
    inversion = getattr(pipeline.model, "inversion", None)
    if inversion is None:
        raise ValueError(
            f"{load_config} is a run of {method}, not one of gan3dinv; for what exports others see ns-export --help"
        )
    return inversion


def install() -> None:
    """Makes `ns-export` offer `mesh` and `head-splat`, with `gan3dinv-` before a name that is taken.

    Never raises; may be repeated.
    """
    try:
        import tyro
        import tyro.extras

        for owner, name in ((tyro, "cli"), (tyro.extras, "get_parser")):
            if not getattr(getattr(owner, name), _MARK, False):
                setattr(owner, name, _offering_ours(getattr(owner, name)))
    except Exception as error:
        _say_not_offered(error)


def _offering_ours(parse: Callable[..., Any]) -> Callable[..., Any]:
    """`tyro.cli` or `tyro.extras.get_parser`, extended for the exporter's own union."""

    @functools.wraps(parse)
    def wrapped(f: Any, *args: Any, **kwargs: Any) -> Any:
        return parse(_extended_if_exporter(f), *args, **kwargs)

    setattr(wrapped, _MARK, True)
    return wrapped


def _extended_if_exporter(commands: Any) -> Any:
    """The union with our members if `commands` is the exporter's, else `commands` itself."""
    try:
        module = _exporter_owning(commands)
        if module is None:
            return commands
        extended = _with_ours(commands)
        module.Commands = extended  # type: ignore[attr-defined]
        return extended
    except Exception as error:
        _say_not_offered(error)
        return commands


def _exporter_owning(commands: Any) -> ModuleType | None:
    """The exporter's module (`__main__` under `python -m`) if `commands` is what it offers."""
    main = sys.modules.get("__main__")
    started_as = getattr(getattr(main, "__spec__", None), "name", None)
    for module in (sys.modules.get(_EXPORTER), main if started_as == _EXPORTER else None):
        if module is not None and getattr(module, "Commands", None) is commands:
            return module
    return None


def _with_ours(commands: Any) -> Any:
    """Annotated[Union[...], markers...] with those of our members that are not in it yet."""
    import tyro

    union, *markers = get_args(commands)
    members = get_args(union)
    if len(members) < 2:
        raise TypeError("its subcommands have an unknown form")
    present = {get_args(member)[0] for member in members if get_args(member)}
    taken = {getattr(marker, "name", None) for member in members for marker in get_args(member)[1:]}
    added = tuple(
        Annotated[command, tyro.conf.subcommand(name=next(name for name in names if name not in taken))]
        for command, names in _OFFERED.items()
        if command not in present
    )
    if not added:
        return commands
    extended = getitem(Union, (*members, *added))
    return getitem(Annotated, (extended, *markers)) if markers else extended


def _say_not_offered(error: Exception) -> None:
    reason = _first_line(error)
    print(f"warning: ns-export offers no mesh and no head-splat ({reason}); use `gan3dinv export`", file=sys.stderr)


def _check_is_config(path: Path) -> None:
    if path.is_dir():
        raise ValueError(f"{path} is a folder; give the config.yml in it, or in a folder of one of its runs")
    if not path.is_file():
        raise ValueError(f"{path} does not exist; give the config.yml in the folder of a run")
    if path.suffix not in (".yml", ".yaml"):
        raise ValueError(f"{path} is not a configuration; give the config.yml in the folder of a run")


def _method_of(load_config: Path) -> str:
    """Name of the method whose run it is, once the file is known to be a nerfstudio configuration."""
    _check_is_config(load_config)
    import yaml
    from nerfstudio.configs.method_configs import all_methods
    from nerfstudio.engine.trainer import TrainerConfig

    try:
        config = yaml.load(load_config.read_text(encoding="utf-8"), Loader=yaml.Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{load_config} cannot be read as a configuration: {_first_line(error)}") from error
    if not isinstance(config, TrainerConfig):
        raise ValueError(f"{load_config} is no configuration of nerfstudio; give the config.yml of a run")
    if config.method_name not in all_methods:
        raise ValueError(f"{load_config} is a run of {config.method_name}, which is not installed here")
    return config.method_name


def _with_checkpoint(config: Any) -> Any:
    """The run's configuration, once it is known to have a checkpoint."""
    from gan3dinv_ns.gan3dinv_run import check_one_head

    check_one_head(config.pipeline.datamanager.data)
    folder = config.get_checkpoint_dir()
    if not any(folder.glob("step-*.ckpt")):
        raise ValueError(f"{folder} holds no checkpoint; let the run reach its first one, or start it again")
    return config


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
