"""What the trainings of both initialisers share: batches, steps, figures, and a state from which a stopped one goes
on."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import torch
from torch import Tensor, nn
from tqdm import tqdm

from gan3dinv_ns.encoders.pairs import Pairs
from gan3dinv_ns.ops.atomic_files import atomic_path
from gan3dinv_ns.pretrain.processes import Processes

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

_HELD_OUT_SHARE, _HELD_OUT_MOST = 0.1, 512

Network = TypeVar("Network", bound=nn.Module)


@dataclass(frozen=True)
class TrainingSettings:
    """The loop.

    Raises:
        ValueError: a number is out of range.
    """

    steps: int = 9000
    """Steps in all."""
    batch: int = 32
    """Pairs in a step, in each process."""
    learning_rate: float = 2e-3
    """AdamW's rate at the start; it falls to nothing along a cosine."""
    weight_decay: float = 0.02
    """AdamW's weight decay."""
    save_steps: int = 500
    """Steps between two saves, each with a validation."""
    seed: int = 0
    """Seed of all random numbers; every step has its own, so a resumed training repeats an uninterrupted one."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "save_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} {getattr(self, name)} is too small; give 1 or more")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate {self.learning_rate} must be positive")


class Training(ABC, Generic[Network]):
    """One run.

    Args:
        network: what is trained; already on the device.
        pairs: all pairs; the last tenth, at most 512, is held out for validation.
        folder: where state, figures and result go.
        name: of this training's files in the folder.
        settings: the loop.
        processes: see :func:`~gan3dinv_ns.pretrain.processes.join_processes`.

    Raises:
        ValueError: there are too few pairs.
    """

    def __init__(
        self, network: Network, pairs: Pairs, folder: Path, name: str, settings: TrainingSettings, processes: Processes
    ) -> None:
        held_out = min(int(len(pairs) * _HELD_OUT_SHARE), _HELD_OUT_MOST)
        if held_out < 1:
            raise ValueError(f"{len(pairs)} pairs are too few to train on; make 10 or more")
        self.network, self.pairs, self.settings, self.processes = network, pairs, settings, processes
        self.folder, self.name = folder, name
        self.training_count = len(pairs) - held_out
        self.optimizer = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.step = 0
        self._resume()
        self.model = processes.wrapped(network)

    @abstractmethod
    def losses(self, pairs: Pairs) -> dict[str, Tensor]:
        """Weighted losses of a batch, by name, of :attr:`model`."""

    @abstractmethod
    def validate(self, pairs: Pairs) -> dict[str, float]:
        """Errors of :attr:`network`, in evaluation mode, on the held-out pairs."""

    @abstractmethod
    def write(self) -> Path:
        """Write the network to its file."""

    def run(self) -> Path:
        """Train to the last step and write the network: its path."""
        settings, first = self.settings, self.processes.first
        log = self._open_log() if first else None
        with tqdm(total=settings.steps, initial=self.step, desc=self.name, disable=None if first else True) as bar:
            while self.step < settings.steps:
                losses = self._train_step()
                bar.update()
                if log is not None and (self.step % settings.save_steps == 0 or self.step == settings.steps):
                    figures = self._validated()
                    for name, value in {**losses, **figures}.items():
                        log.add_scalar(f"{self.name}/{name}", value, self.step)
                    told = ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
                    bar.write(f"step {self.step}: {told}")
                    self._save()
        if log is not None:
            log.close()
        path = self.write() if first else self.folder
        self.processes.wait()
        return path

    def _train_step(self) -> dict[str, float]:
        settings, processes = self.settings, self.processes
        torch.manual_seed((settings.seed * 1_000_003 + self.step) * 1009 + processes.rank)
        self.model.train()
        chosen = torch.randint(self.training_count, (settings.batch,))
        losses = self.losses(self.pairs.take(chosen, processes.device))
        total = torch.stack(list(losses.values())).sum()
        if not math.isfinite(float(total.detach())):
            rate = settings.learning_rate
            raise ValueError(f"the loss is not finite at step {self.step}; lower the learning rate, {rate}")
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * 0.5 * (1 + math.cos(math.pi * self.step / settings.steps))
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        self.optimizer.step()
        self.step += 1
        return {name: float(value.detach()) for name, value in losses.items()}

    @torch.no_grad()
    def _validated(self) -> dict[str, float]:
        self.network.eval()
        return self.validate(self.pairs.take(slice(self.training_count, None), self.processes.device))

    def _open_log(self) -> SummaryWriter:
        """TensorBoard's writer; what a stopped run wrote after its last save is overwritten."""
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self.folder / "tensorboard"), purge_step=self.step + 1)

    @property
    def _state_file(self) -> Path:
        return self.folder / f"{self.name}_state.pt"

    def _save(self) -> None:
        state = {"network": self.network.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step}
        with atomic_path(self._state_file) as temporary:
            torch.save(state, temporary)

    def _resume(self) -> None:
        if not self._state_file.is_file():
            return
        try:
            state = torch.load(self._state_file, map_location=self.processes.device, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step = int(state["step"])
        except Exception as error:
            raise ValueError(
                f"{self._state_file}: not the state of such a training ({' '.join(str(error).split())[:120]}); "
                "delete it to begin anew, or give another folder"
            ) from error
        if self.processes.first:
            print(f"resumed at step {self.step} of {self.settings.steps}")
