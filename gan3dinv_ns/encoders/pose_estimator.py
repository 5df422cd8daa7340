"""The pose estimator P: a first guess of the camera from a photo (Ko et al., section 3.1)."""

from __future__ import annotations

from torch import Tensor, nn

from gan3dinv_ns.encoders.config import InitialiserConfig
from gan3dinv_ns.encoders.residual import ResidualTrunk, shrink_photo

_HIDDEN = 128


class PoseEstimator(nn.Module):
    """Photo [N, 3, R, R] in [-1, 1] -> yaw and pitch [N, 2] in radians: upright crops have no roll."""

    def __init__(self, config: InitialiserConfig) -> None:
        super().__init__()
        self.side = config.side
        self.trunk = ResidualTrunk(config.pose_channels)
        features = config.pose_channels[-1] * (config.side // 16) ** 2
        self.head = nn.Sequential(nn.Flatten(), nn.Linear(features, _HIDDEN), nn.ReLU(), nn.Linear(_HIDDEN, 2))

    def forward(self, photo: Tensor) -> Tensor:
        return self.head(self.trunk(shrink_photo(photo, self.side)))
