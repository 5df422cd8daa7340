"""The networks that inversions work with, and the device that they are on. Importing this needs no torch, so that
command lines answer at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from gan3dinv_ns.eg3d import Discriminator, Generator
    from gan3dinv_ns.encoders import Initialisers


def resolve_device(name: str) -> torch.device:
    """The device of a ``DeviceName``; "auto" is CUDA if there is one, else the CPU.

    Raises:
        ValueError: CUDA is asked for, but there is none.
    """
    import torch

    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise ValueError("device cuda: this machine has no usable CUDA device; choose auto or cpu")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def load_networks(source: str, device: torch.device) -> tuple[Generator, Discriminator, Initialisers | None]:
    """A generator with the fastest decoder, the discriminator that came with it, and its initialisers if there are any.

    Args:
        source: a name, a .pkl with both or its URL, or NAME.safetensors with NAME.discriminator.safetensors beside it.
        device: where all go.

    Raises:
        ValueError: one of them is missing, damaged, or cannot be downloaded.
    """
    from gan3dinv_ns.eg3d import load_discriminator, load_generator
    from gan3dinv_ns.eg3d.backends.choice import with_fastest_backend
    from gan3dinv_ns.eg3d.registry import network_file
    from gan3dinv_ns.encoders import find_initialisers

    generator = with_fastest_backend(load_generator(source, device))
    discriminator = load_discriminator(network_file(source, "discriminator"), device)
    return generator, discriminator, find_initialisers(source, device)
