"""What a network is made of and how it renders, as plain data that is stored beside the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

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
        check_plane_axes(self.plane_axes)
        object.__setattr__(self, "avg_camera_pivot", tuple(self.avg_camera_pivot))
        if (self.ray_start is None) != (self.ray_end is None):
            raise ValueError("ray_start and ray_end: give both or none")
        if self.ray_start is not None and self.ray_end is not None and not 0 < self.ray_start < self.ray_end:
            raise ValueError(f"ray_start {self.ray_start}: must lie between 0 and ray_end {self.ray_end}")
        if self.depth_resolution < 4:
            raise ValueError(f"depth_resolution {self.depth_resolution}: must be 4 or more")
        if self.depth_resolution_importance < 0:
            raise ValueError(
                f"depth_resolution_importance {self.depth_resolution_importance}: must not be negative"
            )
        if self.box_warp <= 0:
            raise ValueError(f"box_warp {self.box_warp}: must be positive")
        if self.superresolution_noise_mode not in ("none", "const", "random"):
            raise ValueError(
                f'superresolution_noise_mode {self.superresolution_noise_mode!r}: must be "none", "const" or "random"'
            )

    @classmethod
    def from_published(cls, rendering_kwargs: Mapping[str, Any]) -> RenderingOptions:
        """The options that a published checkpoint stores; what concerns its training only is left out.

        Raises: ValueError for an option that this renderer does not have.
        """
        clamp_mode = rendering_kwargs.get("clamp_mode", "softplus")
        if clamp_mode != "softplus":
            raise ValueError(f'clamp_mode {clamp_mode!r}: only "softplus" is known')
        known = {item.name for item in fields(cls)}
        values = {key: value for key, value in rendering_kwargs.items() if key in known}
        if values.get("ray_start") == values.get("ray_end") == "auto":
            values.update(ray_start=None, ray_end=None)
        return cls(**{"c_scale": 0.0, "raw_is_refined": True, **values})


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
    def from_published(
        cls,
        init_kwargs: Mapping[str, Any],
        rendering_kwargs: Mapping[str, Any],
        neural_rendering_resolution: int = 64,
    ) -> GeneratorConfig:
        """The configuration of a published network, from the arguments stored in its checkpoint.

        Raises: ValueError for what this package does not have.
        """
        module = str(rendering_kwargs.get("superresolution_module", "")).rpartition(".")[2]
        name = module.removeprefix("SuperresolutionHybrid").removesuffix("Deepfp32")
        keep = {item.name for item in fields(cls)} - {"rendering", "superresolution", "mapping_layers"}
        values = {key: value for key, value in init_kwargs.items() if key in keep}
        return cls(
            **values,
            superresolution=name,
            mapping_layers=init_kwargs.get("mapping_kwargs", {}).get("num_layers", 8),
            neural_rendering_resolution=neural_rendering_resolution,
            rendering=RenderingOptions.from_published(rendering_kwargs),
        )

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

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> DiscriminatorConfig:
        """The reverse of to_dict. Raises: ValueError for unknown keys."""
        return _build(cls, values)


def _build(cls: type[T], values: Mapping[str, Any]) -> T:
    known = {item.name for item in fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(values) - known)
    if unknown:
        raise ValueError(
            f"unknown {cls.__name__} keys {', '.join(unknown)}: known are {', '.join(sorted(known))}"
        )
    try:
        return cls(**values)
    except TypeError as error:
        raise ValueError(f"{cls.__name__}: {error}") from error
