"""Pickles of published networks, read as plain data.

A pickle is a program that may call anything it can name. This reader knows a short list of names; each stands for
inert code of this file, never for the thing of that name, so that nothing from the file (nor the source code that
published files embed) runs. Any other name ends the reading. The tensors' bytes lie in nested pickles of torch's old
format, which are read in the same way.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_NUMBERS = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "b1": "?"}
_MODULE_PREFIXES = ("training.", "torch.nn.modules.")
_DEEPEST = 32


class StoredModule:
    """A module of a pickle: the attributes it was saved with, under the name of its class."""

    class_name = ""

    attributes: dict[str, Any]

    def __new__(cls, *_: Any) -> StoredModule:
        stored = super().__new__(cls)
        stored.attributes = {}
        return stored

    def __init__(self, *_: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError(f"the state of {self.class_name} is a {type(state).__name__}")
        self.attributes = dict(state)

    def state_dict(self) -> dict[str, Tensor]:
        """Parameters and persistent buffers of the module and all modules below, by their dotted names.

        Raises:
            ValueError: an entry has the wrong type, or the modules are nested without end.
        """
        found: dict[str, Tensor] = {}
        self._collect("", found, 0)
        return found

    def _collect(self, prefix: str, found: dict[str, Tensor], depth: int) -> None:
        if depth > _DEEPEST:
            raise ValueError(f"modules are nested more than {_DEEPEST} deep at {prefix}")
        transient = self.attributes.get("_non_persistent_buffers_set") or ()
        for kind in ("_parameters", "_buffers"):
            for name, value in self._entries(kind, prefix):
                if value is None or name in transient:
                    continue
                if not isinstance(value, Tensor):
                    raise ValueError(f"{prefix}{name} is a {type(value).__name__}, must be a tensor")
                found[prefix + name] = value
        for name, module in self._entries("_modules", prefix):
            if isinstance(module, StoredModule):
                module._collect(f"{prefix}{name}.", found, depth + 1)

    def _entries(self, kind: str, prefix: str) -> list[tuple[str, Any]]:
        entries = self.attributes.get(kind) or {}
        if not isinstance(entries, dict):
            raise ValueError(f"{kind} of {prefix or 'the network'} is a {type(entries).__name__}, must be a dict")
        return [(str(name), value) for name, value in entries.items()]


def read_pickle(path: Path) -> Any:
    """The content of a pickle file; modules become `StoredModule`, tensors tensors.

    Raises:
        ValueError: the file is truncated or no pickle, or it names what is not allowed.
    """
    try:
        with path.open("rb") as file:
            if file.peek(2)[:2] == b"PK":
                raise pickle.UnpicklingError("an archive as torch.save writes it; give EG3D's own .pkl")
            return _Reader(file).load()
    except pickle.UnpicklingError as error:
        raise ValueError(f"{path}: not a readable network pickle ({error})") from error
    except (EOFError, struct.error) as error:
        raise ValueError(f"{path}: the pickle is truncated ({error})") from error
    except OSError as error:
        raise ValueError(f"{path}: cannot be read ({error.strerror})") from error
    except Exception as error:
        raise ValueError(f"{path}: not a network pickle ({type(error).__name__}: {error})") from error


class _Function:
    """A callable for the pickle machine that it cannot alter."""

    __slots__ = ("_call",)

    def __init__(self, call: Callable[..., Any]) -> None:
        self._call = call

    def __call__(self, *arguments: Any) -> Any:
        return self._call(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("it tries to alter a function")


class _PlainDict(dict):
    """A dict in place of a subclass of dict."""

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, dict):
            raise pickle.UnpicklingError("the state of a dict is not a dict")
        self.update(state)


class _NumberType:
    """In place of numpy's dtype; remembers its name."""

    def __init__(self, name: str = "", *_: Any) -> None:
        self.name = name

    def __setstate__(self, state: Any) -> None:
        pass


class _Reader(pickle.Unpickler):
    """The pickle machine with the allowed names."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _TYPES:
            return _TYPES[module, name]
        if (module, name) in _FUNCTIONS:
            return _Function(_FUNCTIONS[module, name])
        if module == "dnnlib.util" and name == "EasyDict":
            return type(name, (_PlainDict,), {})
        if module.startswith(_MODULE_PREFIXES):
            return type(name, (StoredModule,), {"class_name": name})
        if module == "torch" and isinstance(getattr(torch, name, None), torch.dtype):
            return getattr(torch, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which a network does not need")

    def persistent_load(self, pid: Any) -> Any:
        raise pickle.UnpicklingError("it refers to data outside of the file")


class _StorageReader(pickle.Unpickler):
    """The pickle machine for the few small pickles of a storage's bytes: knows the storages' names only."""

    def find_class(self, module: str, name: str) -> Any:
        if module == "torch" and name in _STORAGES:
            return _STORAGES[name]
        raise pickle.UnpicklingError(f"a tensor's storage asks for {module}.{name}")

    def persistent_load(self, pid: Any) -> Any:
        if not (isinstance(pid, tuple) and len(pid) >= 5 and pid[0] == "storage"):
            raise pickle.UnpicklingError("a tensor's storage has an unknown layout")
        return pid


def _read_storage(payload: bytes) -> Tensor:
    """A flat tensor of the bytes that `torch.save` writes for a storage (the format before torch 1.6).

    They are: magic number, protocol and system as pickles, the storage's description, the list of keys, then the
    number of elements (8 bytes) and the elements.
    """
    file = io.BytesIO(payload)
    magic, protocol, system, described, keys = (_StorageReader(file).load() for _ in range(5))
    if magic != _MAGIC or protocol != _PROTOCOL or not system.get("little_endian"):
        raise pickle.UnpicklingError("a tensor's storage is of another format")
    _, dtype, key, _, count = described[:5]
    if keys != [key] or not isinstance(dtype, torch.dtype) or not isinstance(count, int):
        raise pickle.UnpicklingError("a tensor's storage has an unknown layout")
    stored_count = struct.unpack("<q", file.read(8))[0]
    size = count * torch.empty((), dtype=dtype).element_size()
    data = file.read()
    if stored_count != count or len(data) != size:
        raise pickle.UnpicklingError(f"a tensor's storage has {len(data)} bytes, must have {size}")
    return torch.frombuffer(bytearray(data), dtype=dtype) if count else torch.empty(0, dtype=dtype)


def _rebuild_tensor(storage: Any, offset: int, size: tuple[int, ...], stride: tuple[int, ...], *_: Any) -> Tensor:
    """A view of the storage, which must lie inside of it."""
    if not isinstance(storage, Tensor) or len(size) != len(stride):
        raise pickle.UnpicklingError("a tensor has an unknown layout")
    if offset < 0 or min((*size, *stride, 0)) < 0:
        raise pickle.UnpicklingError("a tensor lies outside of its storage")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    count = 1
    for n in size:
        count *= n
    if count and (last >= storage.numel() or count > storage.numel()):
        raise pickle.UnpicklingError("a tensor lies outside of its storage")
    return storage.as_strided(size, stride, offset)


def _rebuild_parameter(data: Any, *_: Any) -> Any:
    return data


def _rebuild_number(number_type: Any, data: Any) -> float | None:
    """A numpy scalar as a Python number; None for kinds that networks do not hold."""
    code = _NUMBERS.get(getattr(number_type, "name", ""))
    return struct.unpack(f"<{code}", data)[0] if code and isinstance(data, bytes) else None


def _rebuild_module(description: Any) -> StoredModule:
    """A module that was saved with its source code, which is ignored."""
    if not isinstance(description, dict) or description.get("type") != "class":
        raise pickle.UnpicklingError("a module is stored in an unknown layout")
    name = str(description.get("class_name"))
    module: StoredModule = type(name, (StoredModule,), {"class_name": name})()
    module.__setstate__(description.get("state"))
    return module


_TYPES: dict[tuple[str, str], type] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
    ("numpy", "dtype"): _NumberType,
}
_FUNCTIONS: dict[tuple[str, str], Callable[..., Any]] = {
    ("torch_utils.persistence", "_reconstruct_persistent_obj"): _rebuild_module,
    ("torch._utils", "_rebuild_tensor"): _rebuild_tensor,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
    ("torch.storage", "_load_from_bytes"): _read_storage,
    ("numpy.core.multiarray", "scalar"): _rebuild_number,
    ("numpy._core.multiarray", "scalar"): _rebuild_number,
}
