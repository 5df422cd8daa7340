"""The optimisers of an inversion's parameter groups, made anew or as a checkpoint left them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.optim import Adam, Optimizer

from gan3dinv_ns.inversion.estimator_pose import EstimatorPose
from gan3dinv_ns.inversion.state import Inversion
from gan3dinv_ns.ops.allocator import keep_freed_memory
from gan3dinv_ns.ops.muon import Muon

_ADAM_BESIDE_MUON = 0.3
"""Rate of what Muon leaves to Adam, as a share of its own."""


def build_optimizers(inversion: Inversion) -> dict[str, Optimizer]:
    """One optimiser for each parameter group; the rates are set from the schedule at each step.

    Every loop begins here, so this is also where the process is told to keep freed memory.
    """
    keep_freed_memory()
    groups, schedule = inversion.param_groups(), inversion.settings.schedule
    return {
        "latent": Adam(groups["latent"], lr=0.0, betas=schedule.project_betas),
        "camera_pose": Adam(_camera(inversion, groups["camera_pose"]), lr=0.0, betas=schedule.project_betas),
        "generator": _tuning(inversion, groups["generator"]),
    }


def restore_optimizers(optimizers: Mapping[str, Optimizer], states: Mapping[str, dict[str, Any]]) -> None:
    """Give optimisers what they remembered of each parameter.

    Their options are the settings', not the states': those may come from before parameters were grouped as now.

    Args:
        optimizers: as from :func:`build_optimizers`; changed in place.
        states: by the same names, from ``Optimizer.state_dict``.

    Raises:
        ValueError: a state is missing, or of another number of parameters.
    """
    for name, optimizer in optimizers.items():
        state, own = states.get(name, {}), optimizer.state_dict()["param_groups"]
        groups_kept = state.get("param_groups", [])
        kept, needed = (sum(len(group["params"]) for group in groups) for groups in (groups_kept, own))
        if kept != needed:
            raise ValueError(f"the checkpoint's optimiser of {name} has {kept} parameters, this run's {needed}.")
        optimizer.load_state_dict({"state": state["state"], "param_groups": own})


def _camera(inversion: Inversion, parameters: list[Tensor]) -> list[dict[str, Any]]:
    """The camera's parameters as an optimiser's groups, the estimator's weights among them at their own rate."""
    pose = inversion.pose
    if not isinstance(pose, EstimatorPose):
        return [{"params": parameters}]
    weights = list(pose.estimator.parameters())
    others = [parameter for parameter in parameters if not any(parameter is weight for weight in weights)]
    estimator: dict[str, Any] = {"params": weights, "rate_factor": inversion.settings.pose.estimator_rate}
    return [estimator, *({"params": [other]} for other in others)]


def _tuning(inversion: Inversion, parameters: list[Tensor]) -> Optimizer:
    """Muon for convolutions and Adam for all else, or Adam alone.

    The super-resolution's convolutions come after the backbone's, as in the parameters: a checkpoint knows weights by
    their order.
    """
    schedule = inversion.settings.schedule
    if schedule.tune_optimizer == "adam":
        return Adam(parameters, lr=0.0)
    quick = {id(weight) for weight in inversion.generator.superresolution.parameters()}
    convolutions = [weight for weight in parameters if weight.ndim == 4]
    groups: list[dict[str, Any]] = [
        {"params": [weight for weight in convolutions if id(weight) not in quick]},
        {
            "params": [weight for weight in convolutions if id(weight) in quick],
            "rate_factor": schedule.superresolution_rate,
        },
        {
            "params": [weight for weight in parameters if weight.ndim != 4],
            "rate_factor": _ADAM_BESIDE_MUON,
            "adam": True,
        },
    ]
    return Muon(groups, lr=0.0, momentum=schedule.tune_momentum)
