"""The layout of EG3D's published checkpoints: a pickled dict with the networks "G", "D" and "G_ema".

A network stores the arguments it was made with; from them follows its configuration.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from gan3dinv_ns.eg3d.config import DiscriminatorConfig, GeneratorConfig, RenderingOptions
from gan3dinv_ns.eg3d.safe_unpickler import StoredModule, read_pickle

_KEYS = {"generator": "G_ema", "discriminator": "D"}
_CLASSES = {"generator": "TriPlaneGenerator", "discriminator": "DualDiscriminator"}
_POSITIONAL = {
    "generator": ("z_dim", "c_dim", "w_dim", "img_resolution", "img_channels"),
    "discriminator": ("c_dim", "img_resolution", "img_channels"),
}
# What EG3D's constructors assume where an argument is not given.
_PUBLISHED_DEFAULTS = {"num_fp16_res": 4, "conv_clamp": 256}
_TRAINING_ONLY = {"disc_c_noise", "block_kwargs", "num_fp16_res"}


def read_published(path: Path, role: str) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Configuration and state of the network that plays the role "generator" or "discriminator".

    Raises:
        ValueError: the file holds something else, or a network that this package does not have.
    """
    content = read_pickle(path)
    key = _KEYS[role]
    module = content.get(key) if isinstance(content, dict) else None
    if not isinstance(module, StoredModule):
        raise ValueError(f'{path}: not a published checkpoint, it has no network "{key}"')
    if module.class_name != _CLASSES[role]:
        raise ValueError(f"{path}: {key} is a {module.class_name}, must be a {_CLASSES[role]}")
    try:
        state = module.state_dict()
        arguments = _init_arguments(module.attributes, role)
        config = _discriminator(arguments) if role == "discriminator" else _generator(arguments, module.attributes)
        return config.to_dict(), state
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{path}: {key}: {error}") from error


def generator_config(
    init_kwargs: Mapping[str, Any], rendering_kwargs: Mapping[str, Any], neural_rendering_resolution: int = 64
) -> GeneratorConfig:
    """The configuration of a published generator.

    Args:
        init_kwargs: arguments of EG3D's TriPlaneGenerator.
        rendering_kwargs: its rendering options; those that concern its training are left out.
        neural_rendering_resolution: width of the volume rendering.

    Raises:
        ValueError: for what this package does not have.
    """
    module = str(rendering_kwargs.get("superresolution_module", "")).rpartition(".")[2]
    plain = ("z_dim", "c_dim", "w_dim", "channel_base", "channel_max", "sr_num_fp16_res")
    config = GeneratorConfig(
        **{key: init_kwargs[key] for key in plain if key in init_kwargs},
        **{key: init_kwargs.get(key, value) for key, value in _PUBLISHED_DEFAULTS.items()},
        superresolution=module.removeprefix("SuperresolutionHybrid"),
        mapping_layers=_mapping_layers(init_kwargs),
        neural_rendering_resolution=neural_rendering_resolution,
        rendering=_rendering_options(rendering_kwargs),
    )
    asked = init_kwargs.get("img_resolution", config.img_resolution)
    if asked != config.img_resolution:
        raise ValueError(f"img_resolution {asked}: {module} makes {config.img_resolution}")
    return config


def _init_arguments(attributes: Mapping[str, Any], role: str) -> dict[str, Any]:
    positional = dict(zip(_POSITIONAL[role], attributes.get("_init_args") or (), strict=False))
    return {**positional, **(attributes.get("_init_kwargs") or {})}


def _generator(arguments: Mapping[str, Any], attributes: Mapping[str, Any]) -> GeneratorConfig:
    rendering = attributes.get("rendering_kwargs") or arguments.get("rendering_kwargs") or {}
    return generator_config(arguments, rendering, attributes.get("neural_rendering_resolution", 64))


def _discriminator(arguments: Mapping[str, Any]) -> DiscriminatorConfig:
    values = {key: value for key, value in arguments.items() if key not in _TRAINING_ONLY}
    values["mapping_layers"] = _mapping_layers(values)
    values.pop("mapping_kwargs", None)
    values.update(values.pop("epilogue_kwargs", None) or {})
    for key, only in (("img_channels", 3), ("architecture", "resnet")):
        if values.pop(key, only) != only:
            raise ValueError(f"{key} must be {only!r}")
    return DiscriminatorConfig.from_dict(values)


def _mapping_layers(arguments: Mapping[str, Any]) -> int:
    options = dict(arguments.get("mapping_kwargs") or {})
    layers = options.pop("num_layers", 8)
    if options:
        raise ValueError(f"mapping option {', '.join(options)} is not known")
    return layers


def _rendering_options(rendering_kwargs: Mapping[str, Any]) -> RenderingOptions:
    clamp_mode = rendering_kwargs.get("clamp_mode", "softplus")
    if clamp_mode != "softplus":
        raise ValueError(f'clamp_mode {clamp_mode!r}: only "softplus" is known')
    values = {key: value for key, value in rendering_kwargs.items() if key in RenderingOptions.names()}
    if values.get("ray_start") == values.get("ray_end") == "auto":
        values.update(ray_start=None, ray_end=None)
    return RenderingOptions(**{"c_scale": 0.0, "raw_is_refined": True, **values})
