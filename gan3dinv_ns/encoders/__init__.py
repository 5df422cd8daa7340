"""The initialisers of an inversion: latent encoder E and pose estimator P (Ko et al., WACV 2023, section 3.1)."""

from gan3dinv_ns.encoders.checkpoint import load_encoder, load_estimator, save_encoder, save_estimator
from gan3dinv_ns.encoders.config import LatentEncoderConfig, PoseEstimatorConfig
from gan3dinv_ns.encoders.initialisers import Initialisers, find_initialisers
from gan3dinv_ns.encoders.latent_encoder import LatentEncoder
from gan3dinv_ns.encoders.pose_estimator import EstimatedPose, PoseEstimator

__all__ = [
    "EstimatedPose",
    "Initialisers",
    "LatentEncoder",
    "LatentEncoderConfig",
    "PoseEstimator",
    "PoseEstimatorConfig",
    "find_initialisers",
    "load_encoder",
    "load_estimator",
    "save_encoder",
    "save_estimator",
]
