"""Networks that measure and are given by the paths of their published weights, none of which ships."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from gan3dinv_ns.evaluation.age_estimator import load_age_estimator
from gan3dinv_ns.evaluation.comparison.experiment import weights_digest
from gan3dinv_ns.evaluation.identity_network import load_identity_network
from gan3dinv_ns.evaluation.inception import load_inception
from gan3dinv_ns.evaluation.smile_estimator import load_smile_estimator

_LOADERS: dict[str, Callable[[Path], nn.Module]] = {
    "identity_network": load_identity_network,
    "inception": load_inception,
    "age_estimator": load_age_estimator,
    "smile_estimator": load_smile_estimator,
}
_MEASURES = {
    "identity_network": {"identity", "edits"},
    "inception": {"fid"},
    "age_estimator": {"edits"},
    "smile_estimator": {"edits"},
}


@dataclass(frozen=True)
class GivenNetworks:
    """Paths; None where there is no such network.

    Attributes:
        identity_network: see :mod:`~gan3dinv_ns.evaluation.identity_network`; without it the generator's own reader of
            faces is taken.
        inception: see :mod:`~gan3dinv_ns.evaluation.inception`; without it there is no FID.
        age_estimator: see :mod:`~gan3dinv_ns.evaluation.age_estimator`; without it the generator's own reader is taken.
        smile_estimator: see :mod:`~gan3dinv_ns.evaluation.smile_estimator`; as with ages.
    """

    identity_network: Path | None = None
    inception: Path | None = None
    age_estimator: Path | None = None
    smile_estimator: Path | None = None

    def digests(self, wanted: Collection[str]) -> dict[str, str]:
        """Digests of the weights of the given networks that measure any of the wanted figures and sets.

        Raises:
            ValueError: a given file cannot be used.
        """
        paths = {name: path for name, path in vars(self).items() if path is not None}
        return {
            name: weights_digest(_LOADERS[name](path))
            for name, path in paths.items()
            if not _MEASURES[name].isdisjoint(wanted)
        }


NO_NETWORKS = GivenNetworks()
