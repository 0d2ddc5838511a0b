"""Published accuracies of small networks on tasks of their own, in specs/published/tasks.csv."""

from __future__ import annotations

import csv
import io
import os
from functools import lru_cache
from typing import NamedTuple

from convcost.core.places import zoo_directory
from convcost.published.data import sources
from convcost.spec.tree import read_text


class OnTask(NamedTuple):
    """An accuracy as printed, of a network of the zoo as it stands."""

    model: str
    task: str
    """The data set."""
    accuracy: str
    """In per cent."""
    bound: str
    """`at least` where a network has to reach so much, as a benchmark demands; empty where it was measured."""
    source: str
    locator: str
    note: str

    @property
    def citation(self) -> str:
        """Who prints it, where."""
        one = sources()[self.source]
        return ", ".join(filter(None, (f"{one.title} ({one.where})", self.locator, self.note)))


@lru_cache(maxsize=1)
def on_tasks() -> dict[str, OnTask]:
    """Every network of the zoo with an accuracy on a task of its own.

    >>> on_tasks()["resnet20"].accuracy, on_tasks()["resnet20"].task
    ('91.25', 'CIFAR-10')
    """
    text = read_text(os.path.join(zoo_directory(), "published", "tasks.csv"))
    return {row["model"]: OnTask(**row) for row in csv.DictReader(io.StringIO(text, newline=""), strict=True)}
