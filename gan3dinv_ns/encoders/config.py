"""Sizes of the initialisers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, TypeVar, get_args

LatentTrunk = Literal["small", "ir-se-50"]
PoseTrunk = Literal["small", "resnet-34"]
RotationOutput = Literal["angles", "sixd", "quaternion"]

_Config = TypeVar("_Config", bound="_NetworkConfig")


@dataclass(frozen=True)
class _NetworkConfig:
    """What both have in common: plain data that is checked.

    Raises:
        ValueError: a number is out of range, or a choice is unknown.
    """

    side: int = 64
    """Photos are shrunk to this width and height, pixels; divisible by 16."""

    def __post_init__(self) -> None:
        if self.side < 16 or self.side % 16:
            raise ValueError(f"side {self.side} must be divisible by 16, and not be 0")

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls: type[_Config], values: dict[str, Any]) -> _Config:
        """From plain data. Raises: ValueError for unknown names or bad values."""
        unknown = sorted(set(values) - {one.name for one in fields(cls)})
        if unknown:
            raise ValueError(f"unknown sizes of a network: {', '.join(unknown)}")
        given: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in values.items()}
        return cls(**given)


@dataclass(frozen=True)
class LatentEncoderConfig(_NetworkConfig):
    """How large the latent encoder is."""

    w_dim: int = 512
    """Length of w."""
    trunk: LatentTrunk = "small"
    """"small", or "ir-se-50" for full-size generators (with side 256)."""
    channels: tuple[int, ...] = (24, 64, 128, 192)
    """Channels of the small trunk at 1/2, 1/4, 1/8 and 1/16 of the side."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_choice("trunk", self.trunk, get_args(LatentTrunk))
        _check_channels(self.channels)
        if self.w_dim < 1:
            raise ValueError(f"w_dim {self.w_dim} must be positive")


@dataclass(frozen=True)
class PoseEstimatorConfig(_NetworkConfig):
    """How large the pose estimator is, and how it speaks of rotations."""

    trunk: PoseTrunk = "small"
    """"small", or "resnet-34" for full-size generators (with side 256)."""
    channels: tuple[int, ...] = (16, 32, 64, 96)
    """Channels of the small trunk at 1/2, 1/4, 1/8 and 1/16 of the side."""
    rotation: RotationOutput = "angles"
    """"angles" (yaw and pitch) for upright crops; "sixd" (Zhou et al., CVPR 2019) or "quaternion" where heads may be
    rolled."""

    def __post_init__(self) -> None:
        super().__post_init__()
        _check_choice("trunk", self.trunk, get_args(PoseTrunk))
        _check_choice("rotation", self.rotation, get_args(RotationOutput))
        _check_channels(self.channels)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f'{name} "{value}" is unknown; choose one of {", ".join(choices)}')


def _check_channels(channels: tuple[int, ...]) -> None:
    if len(channels) != 4 or min(channels) < 1:
        raise ValueError(f"channels {list(channels)}: give four positive numbers")
