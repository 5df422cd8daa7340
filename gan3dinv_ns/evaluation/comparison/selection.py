"""Which photos are compared: those that all methods have finished."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from gan3dinv_ns.evaluation.comparison.row import Row
from gan3dinv_ns.evaluation.comparison.store import natural_order


@dataclass(frozen=True)
class Selection:
    """Finished rows of several methods and the same photos.

    Attributes:
        methods: that have finished any photo.
        photos: that all of ``methods`` have finished.
        rows: by method, in the order of ``photos``.
    """

    methods: tuple[str, ...]
    photos: tuple[str, ...]
    rows: Mapping[str, tuple[Row, ...]]

    @classmethod
    def of(cls, rows: Mapping[str, Mapping[str, Row]]) -> Selection:
        """Choose among all rows, given by method and photo; failed ones count as not finished."""
        finished = {
            method: {photo: row for photo, row in of_method.items() if not row.failed}
            for method, of_method in rows.items()
        }
        finished = {method: of_method for method, of_method in finished.items() if of_method}
        shared = set.intersection(*(set(of_method) for of_method in finished.values())) if finished else set()
        photos = tuple(sorted(shared, key=natural_order))
        chosen = {method: tuple(of_method[photo] for photo in photos) for method, of_method in finished.items()}
        return cls(tuple(finished), photos, chosen)

    @property
    def kinds(self) -> dict[str, int]:
        """How many photos there are of each kind."""
        names = [row.kind for row in self.rows[self.methods[0]]] if self.methods else []
        return {name: names.count(name) for name in dict.fromkeys(names)}

    def of_kind(self, kind: str) -> Selection:
        """The photos of one kind."""
        places = [i for i, row in enumerate(self.rows[self.methods[0]]) if row.kind == kind]
        rows = {method: tuple(of_method[i] for i in places) for method, of_method in self.rows.items()}
        return Selection(self.methods, tuple(self.photos[i] for i in places), rows)

    def values(self, figure: str) -> dict[str, np.ndarray]:
        """A figure ``[N]`` by method, over the N photos of which all methods that have it at all have it.

        Methods that have it of no photo are left out.
        """
        having = {
            method: [row.figures.get(figure) for row in rows]
            for method, rows in self.rows.items()
            if any(figure in row.figures for row in rows)
        }
        whole = [column for column in zip(*having.values(), strict=True) if None not in column]
        columns = zip(*whole, strict=True)
        return {method: np.array(values, dtype=np.float64) for method, values in zip(having, columns, strict=False)}
