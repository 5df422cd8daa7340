"""The initialisers of an inversion: latent encoder E and pose estimator P (Ko et al., WACV 2023, section 3.1)."""

from gan3dinv_ns.encoders.checkpoint import (
    Initialisers,
    build_initialisers,
    find_initialisers,
    load_initialisers,
    save_initialisers,
)
from gan3dinv_ns.encoders.config import InitialiserConfig

__all__ = [
    "InitialiserConfig",
    "Initialisers",
    "build_initialisers",
    "find_initialisers",
    "load_initialisers",
    "save_initialisers",
]
