"""`mesh` beside the stock subcommands of nerfstudio's `ns-export`.

nerfstudio's exporter builds a fixed union `Commands` and hands it to `tyro.cli`; it has no registry. Plugins are
imported while the exporter itself is being imported, when that union does not exist yet. `install`, called by the
plugin's configuration module, therefore wraps `tyro.cli` and `tyro.extras.get_parser`. The wrappers act only when they
are handed the exporter's own `Commands`: they put the union with one more member back on the module, so that several
plugins can do the same one after the other, and pass everything else on untouched.

Importing this module is cheap; whatever is heavy is imported when the command runs.
"""

from __future__ import annotations

import errno
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from operator import getitem
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Union, get_args

from gan3dinv_ns.export.settings import MeshSettings
from gan3dinv_ns.ops.user_errors import one_line_errors

if TYPE_CHECKING:
    from gan3dinv_ns.export.head import Head
    from gan3dinv_ns.inversion.state import Inversion

_EXPORTER = "nerfstudio.scripts.exporter"
_MARK = "_offers_gan3dinv_mesh"
_NAMES = ("mesh", "gan3dinv-mesh")


@dataclass(frozen=True, kw_only=True)
class ExportMesh(MeshSettings):
    """Export the head of a gan3dinv run as a closed, coloured mesh."""

    load_config: Path
    """Path to the config YAML file."""
    output_dir: Path
    """Path to the output directory."""

    def main(self) -> None:
        """Loads the run and writes its mesh.

        Raises:
            SystemExit: with one line, if the run cannot be loaded or the mesh not be made or written.
        """
        with one_line_errors():
            self.check()
            export_run(self.load_config, self.output_dir, self)


def export_run(load_config: Path, output_dir: Path, settings: MeshSettings) -> None:
    """Writes the mesh of a run to `output_dir`; see `gan3dinv_ns.export.job.export_mesh`.

    Raises:
        ValueError: the run cannot be loaded, or the mesh cannot be made.
        FileWriteError: the disk is full or the place is not writable.
    """
    _check_is_config(load_config)
    from rich.console import Console

    from gan3dinv_ns.export.job import export_mesh, prepare_folder

    prepare_folder(output_dir)
    export_mesh(_head_of(load_inversion(load_config)), output_dir, settings, Console())


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
            f"{load_config} is a run of {method}; mesh works on runs of gan3dinv, for others see ns-export --help"
        )
    return inversion


def install() -> None:
    """Makes `ns-export` offer `mesh`, or `gan3dinv-mesh` where that name is taken. Never raises; may be repeated."""
    try:
        import tyro
        import tyro.extras

        for owner, name in ((tyro, "cli"), (tyro.extras, "get_parser")):
            if not getattr(getattr(owner, name), _MARK, False):
                setattr(owner, name, _offering_mesh(getattr(owner, name)))
    except Exception as error:
        _say_not_offered(error)


def _offering_mesh(parse: Callable[..., Any]) -> Callable[..., Any]:
    """`tyro.cli` or `tyro.extras.get_parser`, extended for the exporter's own union."""

    @functools.wraps(parse)
    def wrapped(f: Any, *args: Any, **kwargs: Any) -> Any:
        return parse(_extended_if_exporter(f), *args, **kwargs)

    setattr(wrapped, _MARK, True)
    return wrapped


def _extended_if_exporter(commands: Any) -> Any:
    """The union with `mesh` if `commands` is the exporter's, else `commands` itself."""
    try:
        module = _exporter_owning(commands)
        if module is None:
            return commands
        extended = _with_mesh(commands)
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


def _with_mesh(commands: Any) -> Any:
    """Annotated[Union[...], markers...] with one more member."""
    import tyro

    union, *markers = get_args(commands)
    members = get_args(union)
    if len(members) < 2:
        raise TypeError("its subcommands have an unknown form")
    if any(get_args(member)[:1] == (ExportMesh,) for member in members):
        return commands
    taken = {getattr(marker, "name", None) for member in members for marker in get_args(member)[1:]}
    name = next(name for name in _NAMES if name not in taken)
    added = Annotated[ExportMesh, tyro.conf.subcommand(name=name)]
    extended = getitem(Union, (*members, added))
    return getitem(Annotated, (extended, *markers)) if markers else extended


def _head_of(inversion: Inversion) -> Head:
    """The inversion's head."""
    from gan3dinv_ns.export.head import head_of_photo

    return head_of_photo(inversion.generator, inversion.latent.detach(), inversion.planes(), inversion.label)


def _say_not_offered(error: Exception) -> None:
    reason = _first_line(error)
    print(f"warning: ns-export offers no mesh ({reason}); use `gan3dinv export mesh` instead", file=sys.stderr)


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
