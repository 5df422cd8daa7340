"""What a network is made of and how it renders, as plain data that is stored beside the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from types import UnionType
from typing import Any, TypeVar, get_args, get_type_hints

from gan3dinv_ns.eg3d.superresolution import SUPERRESOLUTIONS
from gan3dinv_ns.eg3d.triplanes import PlaneAxes, check_plane_axes

T = TypeVar("T")


@dataclass(frozen=True)
class RenderingOptions:
    """How rays are cast. Lengths are in box units."""

    ray_start: float | None = 2.25
    """Depth of the first sample; None (with ray_end None) takes the limits of the box for each ray."""
    ray_end: float | None = 3.3
    """Depth of the last sample."""
    box_warp: float = 1.0
    """Side of the cube that the planes cover."""
    depth_resolution: int = 48
    """Samples of the first pass."""
    depth_resolution_importance: int = 48
    """Samples of the second pass, placed where the first found something; 0 leaves it out."""
    disparity_space_sampling: bool = False
    """Space the first samples evenly in 1/depth."""
    white_back: bool = False
    """What lies behind is white (else the colour feature 0, which is black)."""
    plane_axes: PlaneAxes = "eg3d"
    """How the third plane is read: "eg3d" at (z, x), as the published networks do, or "yz"."""
    superresolution_noise_mode: str = "none"
    """Noise in the super-resolution: "none", "const" or "random"."""
    raw_is_refined: bool = False
    """image_raw carries the correction of the super-resolution's first block, as in the published 2X and 4X networks
    (whose discriminators were trained so); else it is the volume rendering itself."""
    sr_antialias: bool = True
    """Low-pass when the super-resolution shrinks its input."""
    c_gen_conditioning_zero: bool = False
    """The mapping network sees zeros instead of the camera."""
    c_scale: float = 1.0
    """Factor on the camera label that the mapping network sees."""
    decoder_lr_mul: float = 1.0
    """Learning-rate factor of the decoder."""
    avg_camera_radius: float = 2.7
    """Distance from which the training images were seen."""
    avg_camera_pivot: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Point that the training cameras looked at."""

    def __post_init__(self) -> None:
        _check_types(self)
        check_plane_axes(self.plane_axes)
        pivot = self.avg_camera_pivot
        if not isinstance(pivot, (list, tuple)) or [isinstance(x, (int, float)) for x in pivot] != [True] * 3:
            raise ValueError(f"avg_camera_pivot {pivot!r}: must be three numbers")
        object.__setattr__(self, "avg_camera_pivot", tuple(pivot))
        if (self.ray_start is None) != (self.ray_end is None):
            raise ValueError("ray_start and ray_end: give both or none")
        if self.ray_start is not None and self.ray_end is not None and not 0 < self.ray_start < self.ray_end:
            raise ValueError(f"ray_start {self.ray_start}: must lie between 0 and ray_end {self.ray_end}")
        if self.depth_resolution < 4:
            raise ValueError(f"depth_resolution {self.depth_resolution}: must be 4 or more")
        if self.box_warp == 0:
            raise ValueError(f"box_warp {self.box_warp}: must be positive")
        if self.superresolution_noise_mode not in ("none", "const", "random"):
            raise ValueError(
                f'superresolution_noise_mode {self.superresolution_noise_mode!r}: must be "none", "const" or "random"'
            )

    @classmethod
    def names(cls) -> set[str]:
        """The options there are."""
        return {item.name for item in fields(cls)}


@dataclass(frozen=True)
class GeneratorConfig:
    """Architecture of a generator."""

    z_dim: int = 512
    """Length of the latent z."""
    c_dim: int = 25
    """Length of the camera label."""
    w_dim: int = 512
    """Length of the intermediate latent w."""
    mapping_layers: int = 2
    """Layers of the mapping network."""
    plane_resolution: int = 256
    """Width and height of the planes (published networks: 256)."""
    plane_channels: int = 32
    """Channels of one plane, and of the rendered features."""
    channel_base: int = 32768
    """A backbone block of resolution r has channel_base / r channels,"""
    channel_max: int = 512
    """but no more than these."""
    num_fp16_res: int = 0
    """So many of the backbone's highest resolutions may compute in float16 on a GPU."""
    conv_clamp: float | None = None
    """Largest magnitude of the backbone's features."""
    superresolution: str = "2X"
    """Module behind the renderer: "2X", "4X", "8X" or "8XDC"."""
    sr_num_fp16_res: int = 4
    """Above 0 the super-resolution may compute in float16 on a GPU and clamps its features at 256."""
    neural_rendering_resolution: int = 64
    """Width and height of the volume rendering."""
    rendering: RenderingOptions = field(default_factory=RenderingOptions)
    """How rays are cast."""

    def __post_init__(self) -> None:
        _check_types(self)
        if self.superresolution not in SUPERRESOLUTIONS:
            names = ", ".join(SUPERRESOLUTIONS)
            raise ValueError(f"superresolution {self.superresolution!r}: must be one of {names}")

    @property
    def img_resolution(self) -> int:
        """Width and height of the image."""
        return SUPERRESOLUTIONS[self.superresolution].layout.img_resolution

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> GeneratorConfig:
        """The reverse of to_dict. Raises: ValueError for unknown keys or bad values."""
        plain = dict(values)
        rendering = _build(RenderingOptions, plain.pop("rendering", {}))
        return _build(cls, {**plain, "rendering": rendering})


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Architecture of a dual discriminator."""

    c_dim: int = 25
    """Length of the camera label."""
    img_resolution: int = 128
    """Width and height of the image."""
    channel_base: int = 32768
    """A block of resolution r has channel_base / r channels,"""
    channel_max: int = 512
    """but no more than these."""
    cmap_dim: int | None = None
    """Length of the camera embedding; None takes the channels of the last block."""
    mapping_layers: int = 8
    """Layers of the network that embeds the camera."""
    conv_clamp: float | None = 256.0
    """Largest magnitude of the features."""
    mbstd_group_size: int = 4
    """Images whose standard deviation is taken together."""
    mbstd_num_channels: int = 1
    """Channels that it fills; 0 leaves it out."""

    def __post_init__(self) -> None:
        _check_types(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DiscriminatorConfig:
        """The reverse of to_dict. Raises: ValueError for unknown keys."""
        return _build(cls, values)


def _build(cls: type[T], values: Mapping[str, Any]) -> T:
    if not isinstance(values, Mapping):
        raise ValueError(f"{cls.__name__}: must be a mapping, got {values!r}")
    known = {item.name for item in fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(f"unknown {cls.__name__} keys {', '.join(unknown)}: known are {', '.join(sorted(known))}")
    return cls(**values)


def _check_types(options: Any) -> None:
    """Numbers where numbers belong, none below zero. Raises: ValueError that names the field."""
    for name, hint in get_type_hints(type(options)).items():
        value = getattr(options, name)
        allowed = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        if value is None and type(None) in allowed:
            continue
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if float in allowed and not (number and value >= 0):
            raise ValueError(f"{name} {value!r}: must be a number from 0 on")
        if int in allowed and not (number and isinstance(value, int) and value >= 0):
            raise ValueError(f"{name} {value!r}: must be a whole number from 0 on")
        for kind in (bool, str):
            if kind in allowed and not isinstance(value, kind):
                raise ValueError(f"{name} {value!r}: must be of type {kind.__name__}")
