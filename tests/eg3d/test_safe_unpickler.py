"""Nothing that a pickle asks for is ever executed."""

from __future__ import annotations

import builtins
import collections
import functools
import io
import operator
import os
import pickle
import struct
import subprocess

import pytest
import torch

from gan3dinv_ns.eg3d import load_discriminator, load_generator
from gan3dinv_ns.eg3d.safe_unpickler import read_pickle


class Calls:
    """Pickles as the call of a function."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def stored_as(module: str, name: str, *arguments) -> bytes:
    """A protocol-4 pickle that calls module.name with plain arguments."""
    plain = pickle.dumps(arguments, protocol=4)[2:-1]
    plain = plain[9:] if plain[:1] == pickle.FRAME else plain
    head = pickle.PROTO + b"\x04"
    for text in (module, name):
        head += pickle.SHORT_BINUNICODE + bytes([len(text)]) + text.encode()
    return head + pickle.STACK_GLOBAL + plain + pickle.REDUCE + pickle.STOP


def storage_payload(middle: bytes) -> bytes:
    """torch's old storage format with other bytes in place of the storage's description."""
    head = b"".join(pickle.dumps(part, protocol=2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}))
    return head + middle + pickle.dumps(["0"], protocol=2) + struct.pack("<q", 0)


def refuses(tmp_path, content: bytes, *words: str) -> None:
    path = tmp_path / "network.pkl"
    path.write_bytes(content)
    for load in (load_generator, load_discriminator):
        with pytest.raises(ValueError) as caught:
            load(path)
        message = str(caught.value)
        assert str(path) in message and "\n" not in message
        for word in words:
            assert word in message


@pytest.mark.parametrize("protocol", [0, 1, 2, 3, 4, 5])
def test_os_system_is_refused_in_every_protocol(tmp_path, protocol):
    witness = tmp_path / "executed"
    content = pickle.dumps(Calls(os.system, f"touch {witness}"), protocol=protocol)
    refuses(tmp_path, content, "system")
    assert not witness.exists()


@pytest.mark.parametrize(
    "function",
    [
        builtins.eval, builtins.exec, builtins.getattr, builtins.__import__, builtins.open, builtins.compile,
        subprocess.Popen, functools.partial, functools.reduce, operator.attrgetter, pickle.loads, torch.load,
        io.FileIO, collections.namedtuple,
    ],
)  # fmt: skip
def test_other_functions_are_refused(tmp_path, function):
    refuses(tmp_path, pickle.dumps(Calls(function, "1"), protocol=4), function.__name__)


def test_chains_of_getattr_are_refused(tmp_path):
    chain = Calls(getattr, Calls(getattr, Calls(__import__, "os"), "path"), "os")
    refuses(tmp_path, pickle.dumps({"G_ema": Calls(getattr, chain, "system")}, protocol=4), "builtins.getattr")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("collections", "OrderedDict.__init__.__globals__"),
        ("collections", "_sys"),
        ("torch", "load"),
        ("torch", "FloatStorage"),
        ("torch._utils", "_import_dotted_name"),
        ("torch.storage", "torch.load"),
        ("torch.serialization", "load"),
        ("torch_utils.persistence", "exec"),
        ("numpy", "load"),
        ("builtins", "set.__init__"),
    ],
)
def test_neighbours_of_allowed_names_are_refused(tmp_path, module, name):
    refuses(tmp_path, stored_as(module, name), name)


def test_module_names_give_placeholders_that_import_nothing(tmp_path):
    path = tmp_path / "network.pkl"
    path.write_bytes(stored_as("training.os", "system", "touch executed"))
    assert type(read_pickle(path)).__mro__[1].__name__ == "StoredModule"


def test_a_call_inside_of_a_storage_is_refused(tmp_path):
    witness = tmp_path / "executed"
    nested = pickle.dumps(Calls(os.system, f"touch {witness}"), protocol=2)
    refuses(tmp_path, stored_as("torch.storage", "_load_from_bytes", storage_payload(nested)), "system")
    refuses(tmp_path, stored_as("torch.storage", "_load_from_bytes", nested), "system")
    assert not witness.exists()


def test_a_zip_archive_inside_of_a_storage_is_refused(tmp_path):
    archive = io.BytesIO()
    torch.save(torch.zeros(3), archive)
    refuses(tmp_path, stored_as("torch.storage", "_load_from_bytes", archive.getvalue()))


def test_altering_an_allowed_function_is_refused(tmp_path):
    function = stored_as("torch.storage", "_load_from_bytes")[:-3]
    state = pickle.dumps({"__globals__": {}}, protocol=2)[2:-1]
    refuses(tmp_path, function + state + pickle.BUILD + pickle.STOP, "alter")


def test_altering_a_placeholder_class_does_not_outlive_the_reading(tmp_path):
    head = stored_as("training.networks", "Block")[:-3]
    slots = pickle.dumps((None, {"state_dict": 1}), protocol=2)[2:-1]
    path = tmp_path / "network.pkl"
    path.write_bytes(head + slots + pickle.BUILD + pickle.STOP)
    with pytest.raises(ValueError):
        read_pickle(path)


def test_references_to_outside_data_are_refused(tmp_path):
    refuses(tmp_path, pickle.PROTO + b"\x02" + b"K\x01" + pickle.BINPERSID + pickle.STOP, "outside")


def tensor_of(size: tuple[int, ...], stride: tuple[int, ...], offset: int = 0) -> bytes:
    """A pickle of a tensor over a storage of four numbers."""

    storage = Calls(torch.storage._load_from_bytes, four_numbers())
    hooks = collections.OrderedDict()
    view = Calls(torch._utils._rebuild_tensor_v2, storage, offset, size, stride, False, hooks)
    return pickle.dumps(view, protocol=4)


def four_numbers() -> bytes:
    """What torch writes for a storage inside of a pickle."""
    return torch.arange(4.0)._typed_storage().__reduce__()[1][0]


def test_a_tensor_is_read_with_its_strides(tmp_path):
    path = tmp_path / "tensor.pkl"
    path.write_bytes(tensor_of((2, 2), (1, 2)))
    assert torch.equal(read_pickle(path), torch.tensor([[0.0, 2.0], [1.0, 3.0]]))


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [((5,), (1,), 0), ((4,), (1,), 1), ((2, 2), (3, 2), 0), ((10**9,), (0,), 0), ((2,), (1,), -1), ((-1,), (1,), 0)],
)
def test_a_tensor_outside_of_its_storage_is_refused(tmp_path, size, stride, offset):
    refuses(tmp_path, tensor_of(size, stride, offset), "outside of its storage")


def test_a_storage_that_claims_more_than_it_has_is_refused(tmp_path):
    payload = four_numbers()
    refuses(tmp_path, stored_as("torch.storage", "_load_from_bytes", payload[:-4]), "bytes")


def test_endless_nesting_of_modules_is_refused(tmp_path):
    block = (
        b"ctraining.networks\nTriPlaneGenerator\n)\x81q\x00}X\x08\x00\x00\x00_modulesq\x01}X\x01\x00\x00\x00mh\x00ssb"
    )
    content = pickle.PROTO + b"\x02" + b"}X\x05\x00\x00\x00G_ema" + block + b"s" + pickle.STOP
    path = tmp_path / "network.pkl"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="nested more than"):
        load_generator(path)


def test_every_truncation_is_an_error_that_names_the_file(tmp_path, published_pickle):
    content = published_pickle.read_bytes()
    for fraction in (0.0, 0.0001, 0.01, 0.3, 0.9, 0.999999):
        refuses(tmp_path, content[: int(len(content) * fraction)])


@pytest.mark.parametrize(
    "content",
    [[1, 2], {"weights": 3}, {"G_ema": None, "D": None}, "text", {"G_ema": {"a": 1}, "D": torch.zeros(3)}],
)
def test_other_kinds_of_pickle_are_refused(tmp_path, content):
    refuses(tmp_path, pickle.dumps(content, protocol=4))


def test_text_and_archives_are_refused(tmp_path):
    refuses(tmp_path, b"<!DOCTYPE html><html>404</html>")
    archive = io.BytesIO()
    torch.save({"a": torch.zeros(3)}, archive)
    refuses(tmp_path, archive.getvalue())
    refuses(tmp_path, os.urandom(4096))
