"""A metafile of OpenMMLab as a file of figures: what it prints of each model, matched to the zoo by name.

Each repository of OpenMMLab lists its models with operations, parameters and accuracies in `configs/*/metafile.yml`. The
file is read as it is, by the parser of specs, which bounds size and nesting and refuses anchors and tags. Which network a
name stands for is data: specs/published/mmpretrain.csv, the first of whose globs that fits it holds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from convcost.core.errors import ConvcostError, Problem, SpecError, UsageError, one_line
from convcost.core.printed import Printed
from convcost.published.chosen import family_of
from convcost.published.data import NO_KNOBS, Claim, Coefficients, Definition, Measured, claims, sources
from convcost.published.figure import Figure, figure
from convcost.published.rows import key_values, published_file, raise_all, read_rows
from convcost.spec.tree import MappingNode, ScalarNode, SequenceNode, Tree, parse_tree, read_text, shown_path

SUFFIXES = (".yml", ".yaml")
"""What the name of a metafile ends in; files of figures of other names are CSV."""
SOURCE = "mmpretrain"
"""Whose metafiles are read."""
_REPOSITORY = "open-mmlab/mmpretrain "
"""Where the sources stand whose figures in claims.csv show how those of a metafile are counted."""
_QUANTITIES = {"FLOPs": "macs", "Parameters": "params"}
_ACCURACIES = {"Top 1 Accuracy": "top1", "Top 5 Accuracy": "top5"}
_IMAGENET = "imagenet"
_FEWEST_DIGITS = 4
"""Significant ones, of a figure that is explained in a way that nobody states for its family."""
_FEWEST_ZEROS = 3
"""From how many zeros at its end on a whole number is a rounded one: 4,120,000,000 has been 4.12 G."""


class Name(NamedTuple):
    """Which network of the zoo models of some name are."""

    at: str
    name: str
    """A glob over names of metafiles."""
    model: str
    knobs: Mapping[str, str] = NO_KNOBS


class Listed(NamedTuple):
    """What a metafile prints of one model, where the zoo does not have it: figures that are only quoted."""

    item: str
    locator: str
    figures: tuple[Figure, ...]
    source: str = ""
    model: str = ""


class Metafile(NamedTuple):
    """What a metafile prints: figures of networks of the zoo, accuracies, and figures of all other models."""

    claims: list[Claim]
    accuracies: list[Measured]
    others: list[Listed]


@lru_cache(maxsize=1)
def names() -> tuple[Name, ...]:
    """Which networks names of metafiles stand for.

    >>> names_of("mobilenet-v2_8xb32_in1k").model, names_of("resnet50_8xb16_cifar10")
    ('mobilenet_v2', None)
    """

    def name(at: str, cells: dict[str, str]) -> Name:
        return Name(at, cells["name"], cells["model"], key_values(cells["knobs"], "knobs", "width=0.75"))

    return tuple(read_rows(published_file(f"{SOURCE}.csv"), ("name", "model", "knobs"), ("name", "model"), name))


def names_of(item: str) -> Name | None:
    """Which network a model of this name is; None where the zoo has none."""
    return next((one for one in names() if fnmatchcase(item, one.name)), None)


def read_metafile(path: str) -> Metafile:
    """All that a metafile prints; raises `ConvcostError` with the file and line of everything that does not fit."""
    shown = shown_path(path)
    tree, problems = parse_tree(read_text(path, "a metafile"), shown, "a metafile has a list of Models")
    if problems:
        raise SpecError(problems)
    models = tree.pairs.get("Models") if isinstance(tree, MappingNode) else None
    if not isinstance(models, SequenceNode):
        raise SpecError([Problem(tree.where, "", "a metafile has a list of Models, and this file has none")])
    found, wrong = Metafile([], [], []), []
    for model in models.items:
        try:
            _read(model, found)
        except ConvcostError as error:
            wrong.append(f"{model.where.file}:{model.where.line}: {one_line(str(error))}")
    raise_all(wrong)
    return found


def _read(model: Tree, found: Metafile) -> None:
    """One model of the list; raises `UsageError`."""
    item = _text(model, "Name")
    if not item:
        raise UsageError("a model without a Name")
    at, locator = f"{model.where.file}:{model.where.line}", _text(model, "In Collection")
    figures = [
        _figure(quantity, key, value)
        for key, quantity in _QUANTITIES.items()
        if isinstance(value := _under(model, "Metadata", key), ScalarNode) and value.value is not None
    ]
    network = names_of(item)
    if network is None:
        found.others.append(Listed(item, locator, tuple(figures)))
    else:
        found.claims.extend(_claim(at, locator, item, network, one) for one in figures)
    found.accuracies.extend(_measured(at, locator, item, network, model))


def _claim(at: str, locator: str, item: str, network: Name, printed: Figure) -> Claim:
    return Claim(
        at=at, source="", locator=locator, item=item, model=network.model, knobs=network.knobs, figure=printed, part="",
        counting=(), because="", computed="",
    )  # fmt: skip


def _measured(at: str, locator: str, item: str, network: Name | None, model: Tree) -> Iterator[Measured]:
    """The accuracies of a model, each with the data that it was measured on where that is not ImageNet."""
    results = _under(model, "Results")
    for one in results.items if isinstance(results, SequenceNode) else ():
        scores = {
            column: _percent(score, key)
            for key, column in _ACCURACIES.items()
            if isinstance(score := _under(one, "Metrics", key), ScalarNode) and score.value is not None
        }
        dataset = _text(one, "Dataset")
        made: dict[str, Any] = {**scores, **({"model": network.model, "knobs": network.knobs} if network else {})}
        if scores:
            where = f"{locator}, {dataset}" if not dataset.lower().startswith(_IMAGENET) else locator
            yield Measured(at=at, family=locator, item=item, locator=where, **made)


def _percent(score: ScalarNode, key: str) -> str:
    if isinstance(score.value, bool | str) or not 0 <= Fraction(score.value or 0) <= 100:
        raise UsageError(f"{key} must be a number of per cent, got {score.text!r}")
    return score.text


def _figure(quantity: str, key: str, value: ScalarNode) -> Figure:
    """A count: a whole number, rounded where it ends in many zeros, or text with a unit (`1.52 G`)."""
    text = value.text.strip()
    try:
        if not re.fullmatch(r"[0-9]{1,18}", text):
            return figure(quantity, text, "", "")
        zeros = len(text) - len(text.rstrip("0"))
        rounded = f"to {10 ** min(zeros, 8)}" if zeros >= _FEWEST_ZEROS and text.strip("0") else ""
        return figure(quantity, f"{int(text):,}", "", rounded)
    except UsageError as error:
        raise UsageError(f"{key}: {error}") from None


def _under(tree: Tree | None, *keys: str) -> Tree | None:
    """What stands under keys in nested mappings; None where one of them is missing."""
    for key in keys:
        tree = tree.pairs.get(key) if isinstance(tree, MappingNode) else None
    return tree


def _text(tree: Tree, key: str) -> str:
    found = _under(tree, key)
    return found.text if isinstance(found, ScalarNode) else ""


def stated(claim: Claim) -> Iterator[Claim]:
    """The claim, explained as claims.csv explains this figure of a metafile, others of its network, and of its family."""
    known = _known(claim)
    for one in known:
        if (one.model, one.knobs, _value(one)) == (claim.model, claim.knobs, _value(claim)):
            yield claim._replace(
                counting=one.counting, because=one.because, computed=one.computed, difference=one.difference
            )
    for counting in _stated(claim, known):
        yield claim._replace(counting=counting)


def unstated(claim: Claim) -> Iterator[Claim]:
    """The claim, explained in each way of claims.csv that is of figures of other families only, if it says enough to tell.

    To so few digits as are usual, something nearly always fits.
    """
    if _digits(claim) < _FEWEST_DIGITS:
        return
    known = _known(claim)
    tried = _stated(claim, known)
    for counting in _usual(known):
        if counting not in tried:
            yield claim._replace(counting=counting)


def without_a_term(way: Definition) -> Iterator[Definition]:
    """A way to count less each of its terms: with a network whose count none of these changes, it has nothing to do.

    >>> from convcost.published.data import ways
    >>> way = ways()["mmpretrain"]  # convolutions, two per element of batch-norm, what the last pool reads
    >>> [[key for key, terms in less.operations.items() if not terms] for less in without_a_term(way)]
    [['conv2d'], ['batch_norm'], ['global_avg_pool']]
    """
    for pattern in way.skip:
        yield replace(way, skip=tuple(one for one in way.skip if one != pattern))
    for field in ("params", "operations"):
        terms: Coefficients = getattr(way, field) or {}
        for pattern, factors in terms.items():
            for entry in factors:
                fewer = {key: factor for key, factor in factors.items() if key != entry}
                yield _with(way, field, {**terms, pattern: fewer})
        counted = {pattern: factors for pattern, factors in terms.items() if factors}
        if len(counted) < len(terms):  # names of one thing that is left out
            yield _with(way, field, counted)


def _with(way: Definition, field: str, terms: Coefficients) -> Definition:
    return replace(way, params=terms) if field == "params" else replace(way, operations=terms)


def _known(claim: Claim) -> list[Claim]:
    """The figures of metafiles in claims.csv that are of the same quantity."""
    listing = {key for key, source in sources().items() if source.where.startswith(_REPOSITORY)}
    return [one for one in claims() if one.source in listing and one.figure.quantity == claim.figure.quantity]


def _stated(claim: Claim, known: Sequence[Claim]) -> list[tuple[str, ...]]:
    """The ways to count that explain figures of the same network, and then those of its family."""
    family = family_of(claim.model)
    own = (one for one in known if one.model == claim.model)
    related = (one for one in known if family_of(one.model) == family)
    return list(dict.fromkeys((*_usual(own), *_usual(related))))


def _value(claim: Claim) -> Fraction | None:
    means = claim.figure.means
    return means.value if isinstance(means, Printed) else None


def _digits(claim: Claim) -> int:
    """How many digits of a figure are significant.

    >>> [_digits(_claim("", "", "", names()[0], figure("macs", text, "", ""))) for text in ("28.21 G", "5.7 M", "3,504,872")]
    [4, 2, 7]
    """
    means = claim.figure.means
    assert isinstance(means, Printed), "metafiles have no shapes"
    return len(str(int(means.value / (means.last or 1))))


def _usual(known: Iterable[Claim]) -> list[tuple[str, ...]]:
    """The ways to count that explain figures, the most usual first."""
    return [counting for counting, _ in Counter(one.counting for one in known if one.counting).most_common()]
