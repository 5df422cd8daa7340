"""A network that reads drawn heads on the labelled scale, and tells one from another.

It has learned from true pictures and their labels alone: it knows neither a generator nor the networks that inversions
start from, so it favours no method that is compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gan3dinv_ns.eg3d.registry import network_file
from gan3dinv_ns.evaluation.attribute_regressor import SIDE, AttributeRegressor, train_attribute_regressor
from gan3dinv_ns.evaluation.edit_table import likeness_of_strangers
from gan3dinv_ns.evaluation.labelled import LabelledPictures, Step
from gan3dinv_ns.evaluation.readability import Reading, judge
from gan3dinv_ns.heads.drawn_heads import drawn_vectors
from gan3dinv_ns.heads.face_scale import EDITABLE, HELD, SCALE_LABELS, face_values
from gan3dinv_ns.heads.labelled_pictures import rendered_pictures
from gan3dinv_ns.heads.template import load_template
from gan3dinv_ns.ops.network_files import read_network_file, write_network_file

ROLE = "reader"
_VALUES = (*EDITABLE, *HELD)


def reader_file(generator: str | Path) -> Path:
    """Where the reader of a generator's heads is, or would be: beside it."""
    return network_file(generator, ROLE)


@dataclass(frozen=True)
class FaceReader:
    """Reads pictures.

    Attributes:
        regressor: of the labels of ``SCALE_LABELS`` (:mod:`~gan3dinv_ns.heads.face_scale`).
    """

    regressor: AttributeRegressor

    @staticmethod
    def is_there(generator: str) -> bool:
        """Whether a generator has one beside it."""
        return reader_file(generator).is_file()

    @classmethod
    def of(cls, generator: str) -> FaceReader:
        """That of a generator's heads, on the CPU.

        Raises:
            ValueError: it is missing or damaged.
        """
        path = reader_file(generator)
        if not cls.is_there(generator):
            raise ValueError(f"generator {generator}: has no reader of its heads beside it; train one, or take another")
        return cls.load(path)

    @classmethod
    def load(cls, path: Path) -> FaceReader:
        """Read what :meth:`save` wrote.

        Raises:
            ValueError: the file is missing, damaged, or of other attributes than today's.
        """
        config, state = read_network_file(path, ROLE)
        if config.get("labels") != list(SCALE_LABELS):
            raise ValueError(f"{path}: reads other attributes than today's; train it anew")
        regressor = AttributeRegressor({name: torch.zeros(2) for name in config["labels"]})
        try:
            regressor.load_state_dict({name: value.float() for name, value in state.items()})
        except RuntimeError as error:
            raise ValueError(f"{path}: not the weights of a reader of faces") from error
        return cls(regressor.eval().requires_grad_(False))

    @classmethod
    def train(
        cls, data: LabelledPictures, pictures_seen: int, device: torch.device | str, progress: Step | None
    ) -> FaceReader:
        """See :func:`~gan3dinv_ns.evaluation.attribute_regressor.train_attribute_regressor`."""
        return cls(train_attribute_regressor(data, pictures_seen, device=device, progress=progress).cpu())

    def save(self, path: Path) -> None:
        """Write a .safetensors file, whole or not at all; the weights as float16.

        Raises:
            FileWriteError: the disk is full or the place is not writable.
        """
        state = self.regressor.state_dict()
        stored = {
            name: (value.half() if value.is_floating_point() and value.ndim > 1 else value).contiguous()
            for name, value in state.items()
        }
        write_network_file(path, ROLE, {"labels": self.regressor.names}, stored)

    @torch.no_grad()
    def __call__(self, pictures: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """Values ``[N]`` by name and shapes of the face ``[N, 34]`` of pictures ``[N, 3, R, R]`` in [-1, 1].

        The shape holds the weights of all morph targets of the face, in units of their spread among drawn heads; where
        a picture does not tell one, the answer is about 0.
        """
        standardised = self.regressor(pictures.float().cpu())
        shapes = standardised[:, len(_VALUES) :]
        columns = (standardised * self.regressor.spread + self.regressor.centre).unbind(1)
        return dict(zip(_VALUES, columns[: len(_VALUES)], strict=True)), shapes


def judged(reader: FaceReader, seeds: Sequence[int]) -> tuple[list[Reading], float]:
    """How well a reader reads true pictures of heads, and how alike it finds two of them on average (a cosine)."""
    pictures = rendered_pictures(load_template(), seeds, SIDE)[0]
    (read, persons), true = reader(pictures / 127.5 - 1), face_values(drawn_vectors(seeds))
    return judge({name: true[name] for name in EDITABLE}, read), likeness_of_strangers(persons)
