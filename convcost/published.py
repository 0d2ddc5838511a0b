"""Verification: every published figure recomputed, and what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from convcost.errors import ConvcostError, UsageError, did_you_mean, one_line
from convcost.published_count import Counter
from convcost.published_data import (
    OWN,
    Claim,
    Definition,
    Measured,
    accuracies,
    claims,
    combined,
    raise_all,
    read_claims,
    sources,
)
from convcost.published_figures import Value
from convcost.spec.zoo import find

REPRODUCED, DIFFERS, CITED, UNEXPLAINED = VERDICTS = ("reproduced", "differs", "cited", "unexplained")
"""What may become of a figure."""


class Verdict(NamedTuple):
    """A published figure beside what convcost finds."""

    source: str
    locator: str
    item: str
    model: str
    knobs: str
    quantity: str
    part: str
    printed: str
    """With its unit."""
    computed: str
    """By convcost's own definition, in the printed unit and with one more digit; empty for what is cited."""
    recounted: str
    """Under the explanation, where that is a way to count."""
    verdict: str
    """One of `VERDICTS`."""
    explanation: str
    """Why it differs, or how it was rounded; for what is unexplained, what fails."""
    counting: tuple[str, ...] = ()
    """The way to count that explains it: keys of definitions.yaml."""
    found: Value | None = None
    """Exactly what convcost computed, in ones, bytes or per cent; None for what is cited."""
    refound: Value | None = None
    """Exactly what it found under the explanation."""


def verify(models: Sequence[str] = (), data: str | None = None, source: str | None = None) -> tuple[Verdict, ...]:
    """Recompute the published figures, all or those of some families, presets and one source.

    `data` is the path of a CSV file with claims of one's own, checked instead. Raises `UsageError` for a name that
    does not exist and for a file that does not fit.

    >>> [verdict.printed for verdict in verify(["googlenet"]) if verdict.part == "inception_3b"]
    ['28×28×480', '380 Ki', '304 M']
    """
    asked = [_Asked(model) for model in models]
    if source is not None and data is None and source not in sources():
        raise UsageError(f"there is no source {source!r}{did_you_mean(source, sources())}")
    every = claims() if data is None else tuple(read_claims(data))
    counter, verdicts, problems = Counter(), [], []
    for claim in every:
        try:
            if _wanted(claim, asked, source):
                verdicts.append(judge(claim, counter))
        except ConvcostError as error:
            problems.append(f"{claim.at}: {one_line(str(error))}")
    raise_all(problems)
    cited = [one for one in accuracies() if _wanted(one, asked, source)] if data is None else []
    return (*verdicts, *map(_cited, cited))


class _Asked:
    """A family, by its own name, or one of its presets."""

    def __init__(self, model: str) -> None:
        self.model = model
        self.family = _family(model)
        self.whole = find(model).spec.name == model

    def wants(self, model: str) -> bool:
        return model == self.model or (self.whole and _family(model) == self.family)


@lru_cache(maxsize=4096)
def _family(model: str) -> str:
    return find(model).spec.file


def _wanted(one: Claim | Measured, asked: Sequence[_Asked], source: str | None) -> bool:
    if source is not None and one.source != source:
        return False
    return not asked or (one.model != "" and any(each.wants(one.model) for each in asked))


def judge(claim: Claim, counter: Counter) -> Verdict:
    """What becomes of one claim: reproduced, differs as explained, or unexplained."""
    plain = _count(claim, OWN, counter)
    fits = claim.figure.fits(plain)
    if claim.counting:
        return _recounted(claim, plain, fits, counter)
    if not claim.because:
        word, said = (
            (REPRODUCED, claim.figure.how)
            if fits
            else (UNEXPLAINED, "it differs, and the columns counting and because give no reason")
        )
        return _verdict(claim, plain, word, said)
    if fits:
        return _verdict(claim, plain, UNEXPLAINED, "what convcost finds fits; it needs no explanation any more")
    if not claim.figure.states(claim.computed, plain):
        return _verdict(claim, plain, UNEXPLAINED, f"the data says that convcost finds {claim.computed}")
    return _verdict(claim, plain, DIFFERS, claim.because)


def _recounted(claim: Claim, plain: Value, fits: bool, counter: Counter) -> Verdict:
    """The verdict on an explanation that is a way to count, every part of which must be needed."""
    way = combined(claim.counting)
    found = _count(claim, way, counter)
    text = claim.figure.written(found)

    def verdict(word: str, explanation: str) -> Verdict:
        said = _verdict(claim, plain, word, explanation)
        return said._replace(recounted=text, refound=found, counting=claim.counting)

    if fits:
        return verdict(UNEXPLAINED, f"it fits without {' '.join(claim.counting)}, which explains nothing any more")
    if not claim.figure.fits(found):
        return verdict(UNEXPLAINED, f"{' '.join(claim.counting)} gives {text}")
    for key in claim.counting if len(claim.counting) > 1 else ():
        if claim.figure.fits(_count(claim, combined(k for k in claim.counting if k != key), counter)):
            return verdict(UNEXPLAINED, f"it fits without {key}, which explains nothing any more")
    return verdict(DIFFERS, "; ".join(filter(None, (way.says, claim.figure.how))))


def _count(claim: Claim, way: Definition, counter: Counter) -> Value:
    return counter.count(claim.figure.quantity, claim.part, claim.model, claim.knobs, way)


def _verdict(claim: Claim, plain: Value, word: str, explanation: str) -> Verdict:
    return Verdict(
        source=claim.source,
        locator=claim.locator,
        item=claim.item,
        model=claim.model,
        knobs=_knobs_text(claim),
        quantity=claim.figure.quantity,
        part=claim.part,
        printed=claim.figure.text,
        computed=claim.figure.written(plain),
        recounted="",
        verdict=word,
        explanation=explanation,
        found=plain,
    )


def _cited(one: Measured) -> Verdict:
    return Verdict(
        source=one.source,
        locator=one.locator,
        item=one.item,
        model=one.model,
        knobs=_knobs_text(one),
        quantity="accuracy",
        part="",
        printed=" / ".join(filter(None, (one.top1, one.top5))) + " %",
        computed="",
        recounted="",
        verdict=CITED,
        explanation="",
    )


def _knobs_text(one: Claim | Measured) -> str:
    return " ".join(f"{name}={value}" for name, value in one.knobs.items())


def unexplained(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """The verdicts that make a check fail."""
    return [one for one in verdicts if one.verdict == UNEXPLAINED]
