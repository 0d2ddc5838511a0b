"""Specs that are changed at random: each is a network, or every problem is said on a line of its own."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from helpers.invalid import BOMBS, CASES
from helpers.limits import MOST_SECONDS, at_most
from helpers.paths import ROOT

from convcost import ConvcostError
from convcost.networks.load import open_network, validate

TOKENS = re.compile(r"[\w.]+|[^\w\s]")

PIECES = re.findall(
    r"\S+",
    """
    0 -1 1 2 3 16 1e9 1e99 0.5 1.5 true false null ~ '' [] {} [1,2] [a] {a:1} row row[0] in in.channels input.channels
    input none ² name name:0 same valid relu conv2d split concat add multiply 1//0 x[0] ( ) a-b é - * ? << repeat then
    if side layers each columns rows parallel join args inputs default choices knobs presets
    """,
)

#: Texts for each seed.
FUZZED = 150

CHARACTERS = "{}[]:,-#\"'&*!|>%@`\t\n 0123456789abcz²é.()=<>+/\\\x07\u2028"


def mutated(text: str, texts: Sequence[str], rng: random.Random) -> str:
    """The text with a few of its tokens, characters or lines changed."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        how = rng.randrange(10)
        lines = text.split("\n")
        at, row = rng.randrange(len(text) + 1), rng.randrange(len(lines))
        if how < 5 and (tokens := list(TOKENS.finditer(text))):
            token = rng.choice(tokens)
            new = rng.choice(PIECES) if rng.random() < 0.6 else rng.choice(tokens).group()
            text = text[: token.start()] + new + text[token.end() :]
        elif how == 5:
            text = text[:at] + rng.choice(CHARACTERS) + text[at:]
        elif how == 6:
            text = text[:at] + text[at + rng.choice((1, 1, 2, 5, 30)) :]
        else:
            if how == 7:
                lines.insert(rng.randrange(len(lines)), lines[row])
            elif how == 8:
                lines[row] = " " * rng.randrange(8) + lines[row].strip() if rng.random() < 0.5 else ""
            else:
                lines.insert(row, rng.choice(rng.choice(texts).split("\n")))
            text = "\n".join(lines)
    return text


def judged(path: Path, text: str) -> bool:
    """Whether the text is a network; either it is, or every problem is said on one line, at a place of the text."""
    path.write_text(text, encoding="utf-8", newline="")
    with at_most(MOST_SECONDS):
        try:
            problems = validate(str(path))
        except ConvcostError as error:
            problems = list(getattr(error, "problems", ()))
            assert problems, "an error without a problem"
        for problem in problems:
            said = str(problem)
            assert problem.where is not None, said
            assert problem.what, said
            assert said.isprintable(), said
            assert not re.search(r"\bNone\b|Fraction\(|<class|object at", said), said
        try:
            report = open_network(str(path), {}).report()
        except ConvcostError:
            if problems:
                return False
            raise AssertionError("valid, but no report") from None
        assert sum(layer.macs for layer in report.layers) == report.totals.macs
    return not problems


@pytest.mark.parametrize("seed", range(4))
def test_fuzz(seed: int, tmp_path: Path) -> None:
    """Changed specs bring no exception of another kind, no silence, no endless work; some remain networks."""
    folders = (ROOT / "specs", ROOT / "tests/cases/valid", ROOT / CASES)
    files = [path for folder in folders for path in sorted(folder.glob("*.yaml")) if path.stem not in BOMBS]
    texts = [path.read_bytes().decode("utf-8", "replace") for path in files]
    rng = random.Random(seed)
    path = tmp_path / "fuzz.yaml"
    valid = 0
    for number in range(FUZZED):
        text = mutated(rng.choice(texts), texts, rng)
        try:
            valid += judged(path, text)
        except Exception as error:
            error.add_note(f"seed {seed}, number {number}, of this text:\n{text}")
            raise
    assert 0 < valid < FUZZED


def test_the_fuzzer_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of any kind does not pass unseen."""
    path = tmp_path / "fuzz.yaml"
    text = (ROOT / "specs/lenet5.yaml").read_text(encoding="utf-8")
    assert judged(path, text)
    assert not judged(path, text.replace("conv2d", "conv3d"))

    def broken(*_args: Any) -> Any:
        raise IndexError

    monkeypatch.setattr(f"{__name__}.open_network", broken)
    with pytest.raises(IndexError):
        judged(path, text)
