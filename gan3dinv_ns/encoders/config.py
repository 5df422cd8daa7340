"""Sizes of the initialisers."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class InitialiserConfig:
    """How large both networks are.

    Raises:
        ValueError: a number is not positive, or there are not four widths.
    """

    w_dim: int = 512
    """Length of w."""
    side: int = 64
    """Photos are shrunk to this width and height, pixels; divisible by 16."""
    latent_channels: tuple[int, ...] = (24, 64, 128, 192)
    """Channels of the latent encoder's trunk at 1/2, 1/4, 1/8 and 1/16 of the side."""
    pose_channels: tuple[int, ...] = (16, 32, 64, 96)
    """The same for the pose estimator's."""

    def __post_init__(self) -> None:
        for name in ("latent_channels", "pose_channels"):
            widths = getattr(self, name)
            if len(widths) != 4 or min(widths) < 1:
                raise ValueError(f"{name} {list(widths)}: give four positive numbers")
        if self.side < 16 or self.side % 16 or self.w_dim < 1:
            raise ValueError(f"side {self.side} must be divisible by 16 and w_dim {self.w_dim} be positive")

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> InitialiserConfig:
        """From plain data. Raises: ValueError for unknown names or bad values."""
        unknown = sorted(set(values) - {one.name for one in fields(cls)})
        if unknown:
            raise ValueError(f"unknown sizes of initialisers: {', '.join(unknown)}")
        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
        return cls(**given)
