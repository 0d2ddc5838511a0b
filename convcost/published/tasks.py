"""Published accuracies on tasks of their own, in specs/published/tasks.csv: each of one data set, by the metric of its task."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from convcost.core.errors import UsageError, did_you_mean
from convcost.core.patterns import plain
from convcost.core.tasks import TASKS
from convcost.published.choices import LANDSCAPES, METRICS_OF_TASKS
from convcost.published.data import NO_KNOBS, Measured, per_cent, sources
from convcost.published.rows import key_values, one_of, published_file, read_rows


class OnTask(NamedTuple):
    """An accuracy as printed."""

    at: str
    """Its file and line, for messages."""
    task: str
    dataset: str
    """The data set, and which part of it."""
    metric: str
    """`accuracy`, `map` or `miou`."""
    family: str
    item: str
    """The name of the row in print."""
    model: str = ""
    """Name in the zoo; empty if the zoo does not have the network."""
    knobs: Mapping[str, str] = NO_KNOBS
    input: str = ""
    """Size of the pictures: 640, or height and width, 1024x2048; empty if it is not printed."""
    value: str = ""
    """In per cent."""
    bound: str = ""
    """`at least` where a network has to reach so much, as a benchmark demands; empty where it was measured."""
    params: str = ""
    """As printed, in millions."""
    macs: str = ""
    """As printed, in millions, whatever the source counts."""
    convention: str = ""
    """How it counts them; empty if that is not known."""
    year: int = 0
    source: str = ""
    locator: str = ""
    recipe: str = ""
    note: str = ""

    @property
    def citation(self) -> str:
        """Who prints it, where."""
        one = sources()[self.source]
        return ", ".join(filter(None, (f"{one.title} ({one.where})", self.locator, self.note)))

    @property
    def measured(self) -> Measured:
        """The same as a point of a landscape has it."""
        height, _, width = self.input.partition("x")
        return Measured(
            at=self.at,
            family=self.family,
            item=self.item,
            model=self.model,
            knobs=self.knobs,
            resolution=int(height or 0),
            params=self.params,
            macs=self.macs,
            convention=self.convention,
            year=self.year,
            tier=sources()[self.source].kind,
            source=self.source,
            locator=self.locator,
            recipe=self.recipe,
            note=self.note,
            score=self.value,
            dataset=self.dataset,
            width=int(width or 0),
        )


_NEEDED = ("task", "dataset", "metric", "family", "item", "value", "source")
_MILLIONS = (r"([0-9]{1,9}(\.[0-9]{1,6})?)?", "a number of millions")
_CELLS = {
    "input": (r"([0-9]{1,5}(x[0-9]{1,5})?)?", "a size, 640 or 1024x2048"),
    "year": (r"[0-9]{4}", "a year"),
    "bound": ("(at least)?", "'at least' or empty"),
    "params": _MILLIONS,
    "macs": _MILLIONS,
}


@lru_cache(maxsize=1)
def on_tasks() -> tuple[OnTask, ...]:
    """Every accuracy on a task of its own, in the order of the file.

    >>> [(one.value, one.dataset) for one in on_tasks() if one.item == "YOLOv8n"]
    [('37.3', 'COCO val2017')]
    """
    return tuple(read_on_tasks(published_file("tasks.csv")))


def read_on_tasks(path: str) -> list[OnTask]:
    """The rows of a file; raises `UsageError` with the file and line of everything that does not fit."""

    def row(at: str, cells: dict[str, str]) -> OnTask:
        for column in _NEEDED:
            if not cells[column]:
                raise UsageError(f"{column} is empty")
        one_of("task", cells["task"], TASKS)
        one_of("metric", cells["metric"], METRICS_OF_TASKS)
        one_of("source", cells["source"], sources())
        for column, (pattern, need) in _CELLS.items():
            if not re.fullmatch(pattern, cells[column], re.ASCII):
                raise UsageError(f"{column} must be {need}, got {cells[column]!r}")
        per_cent(cells["value"], "value")
        knobs = key_values(cells.pop("knobs"), "knobs", "classes=19")
        return OnTask(at, knobs=knobs, year=int(cells.pop("year")), **cells)

    return read_rows(path, OnTask._fields[1:], _NEEDED, row)


def accuracy_on_task() -> dict[str, OnTask]:
    """Each network of the zoo with an accuracy, as it stands, on another data set than ImageNet's full one, or on it alone.

    >>> accuracy_on_task()["resnet20"].value, accuracy_on_task()["resnet20"].dataset
    ('91.25', 'CIFAR-10')
    """
    return {one.model: one for one in on_tasks() if one.model and one.metric == "accuracy"}


def landscape(task: str, dataset: str = "") -> tuple[str, list[Measured]]:
    """The accuracies on one data set of a task, as it is called; without a name, that of which most is printed.

    Raises `UsageError` for a task without a landscape, and for a data set that there is not.
    """
    if task not in LANDSCAPES:
        raise UsageError(f"there is no landscape of {task!r}{did_you_mean(task, LANDSCAPES)}")
    known = datasets(task)
    chosen = _dataset(dataset, known) if dataset else next(iter(known))
    rows = (one for one in on_tasks() if one.metric == LANDSCAPES[task] and one.dataset == chosen)
    return chosen, [one.measured for one in rows]


def datasets(task: str) -> dict[str, int]:
    """Each data set of a landscape, and how many accuracies on it are printed; most first."""
    return dict(Counter(one.dataset for one in on_tasks() if one.metric == LANDSCAPES[task]).most_common())


def _dataset(asked: str, known: Mapping[str, int]) -> str:
    """The data set that is meant, however it is spelled; raises `UsageError`, also where a word fits several."""
    spelled = {name: plain(name) for name in known if isinstance(asked, str)}
    exact = [name for name, word in spelled.items() if word == plain(asked)]
    found = exact or [name for name, word in spelled.items() if plain(asked) in word]
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(f"{asked!r} may be each of these data sets: {', '.join(found)}")
    raise UsageError(f"there is no data set {asked!r}. Known: {', '.join(known)}")
