"""One notation, one reader: what people write for an amount means the same at every door, or is refused in one wording."""

from __future__ import annotations

import json
import re
import string
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import convcost
from convcost import UsageError
from convcost.cli import main
from convcost.core.printed import Printed
from convcost.core.reading import parse_bytes, parse_count, several
from convcost.published.data import Claim, read_claims
from convcost.published.figure import figure
from convcost.published.frontier import frontier
from convcost.space.fit import fit

if TYPE_CHECKING:
    from helpers.cli import Cli

NO_COUNT = "is not a count, e.g. 300M, 4.1G or 4,089,184,256"
NO_BYTES = "is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"
TWO = "may mean powers of 1,000 or of 1,024"

#: Text -> what it means as a count and as bytes, by hand; or how it is refused.
TEXTS: dict[str, tuple[int | str, int | str]] = {
    "4,089,184,256": (4_089_184_256, 4_089_184_256),
    "25": (25, 25),
    "300e6": (300_000_000, 300_000_000),
    "0": (0, 0),
    "1.1T": (1_100_000_000_000, f"'1.1T': T {TWO}; write 1.1TiB, or the bytes"),
    "2p": (2_000_000_000_000_000, f"'2p': p {TWO}; write 2PiB, or the bytes"),
    "300 m": (300_000_000, f"'300 m': m {TWO}; write 300MiB, or the bytes"),
    "4.1g": (4_100_000_000, f"'4.1g': g {TWO}; write 4.1GiB, or the bytes"),
    "13k": (13_000, f"'13k': k {TWO}; write 13KiB, or the bytes"),
    "25Mi": (26_214_400, 26_214_400),  # 25 · 1,048,576
    "25 mi": (26_214_400, 26_214_400),
    "2Ki": (2_048, 2_048),
    "25MiB": (f"'25MiB' {NO_COUNT}; MiB is memory", 26_214_400),
    "1.5 MiB": (f"'1.5 MiB' {NO_COUNT}; MiB is memory", 1_572_864),
    "256 kib": (f"'256 kib' {NO_COUNT}; kib is memory", 262_144),
    "256KB": (f"'256KB' {NO_COUNT}", f"'256KB': KB {TWO}; write 256KiB, or the bytes"),
    "7B": (7_000_000_000, 7),
    "4.1": (
        "'4.1' is not a whole number; a unit goes with it, as in 4.1M or 4.1G",
        "'4.1' is not a whole number of bytes",
    ),
    "0.3": (
        "'0.3' is not a whole number; a unit goes with it, as in 0.3M or 0.3G",
        "'0.3' is not a whole number of bytes",
    ),
    "1,5M": (f"'1,5M' {NO_COUNT}", f"'1,5M' {NO_BYTES}"),
    "-5": (f"'-5' {NO_COUNT}", f"'-5' {NO_BYTES}"),
    "lots": (f"'lots' {NO_COUNT}", f"'lots' {NO_BYTES}"),
    "5 pages": (f"'5 pages' {NO_COUNT}", f"'5 pages' {NO_BYTES}"),
    "50 %": (f"'50 %' {NO_COUNT}", f"'50 %' {NO_BYTES}"),
}


def command(*arguments: str) -> str:
    """What a command prints; its refusal, on one line, is raised."""
    done = CliRunner().invoke(main, list(arguments), prog_name="convcost")
    if done.exit_code == 2:
        raise convcost.UsageError(" ".join(done.stderr.split()))
    return done.stdout


def fit_in_python(option: str) -> Callable[[str], int]:
    def limit(text: str) -> int:
        (budget,) = fit("lenet5", over={"classes": "10"}, **{option: text}).budgets
        return budget.limit

    return limit


def fit_as_command(option: str) -> Callable[[str], int]:
    def limit(text: str) -> int:
        said = command("fit", "lenet5", f"--{option}={text}", "--over", "classes=10", "--format", "json")
        (budget,) = json.loads(said)["budgets"]
        return int(budget["limit"])

    return limit


def said_limit(text: str) -> int:
    """The bound that a landscape repeats, also where no network is below it."""
    (limit,) = re.findall(r" at most ([\d,]+)", text)
    return int(limit.replace(",", ""))


def frontier_in_python(x: str) -> Callable[[str], int]:
    def limit(text: str) -> int:
        try:
            return said_limit(frontier(x=x, source=["mobilenet_v1"], most=text).selection)
        except convcost.UsageError as error:
            if "nothing to show" in str(error):
                return said_limit(str(error))
            raise

    return limit


def frontier_as_command(x: str) -> Callable[[str], int]:
    def limit(text: str) -> int:
        try:
            return said_limit(command("frontier", "--x", x, "--source", "mobilenet_v1", f"--max={text}"))
        except convcost.UsageError as error:
            if "nothing to show" in str(error):
                return said_limit(str(error))
            raise

    return limit


def memory_as_command(text: str) -> int:
    return int(json.loads(command("memory", "lenet5", f"--limit={text}", "--format", "json"))["limit"]["bytes"])


def worth(printed: object) -> int:
    assert isinstance(printed, Printed)
    assert printed.value.denominator == 1
    return int(printed.value)


def claim_in_python(quantity: str) -> Callable[[str], int]:
    def value(text: str) -> int:
        (claim,) = claims_of(quantity, text)
        return worth(claim.figure.means)

    return value


def claims_of(quantity: str, text: str) -> list[Claim]:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "mine.csv"
        file.write_text(f'model,quantity,printed\nlenet5,{quantity},"{text}"\n', encoding="utf-8")
        return read_claims(str(file))


def claim_with_its_unit_apart(quantity: str) -> Callable[[str], int]:
    def value(text: str) -> int:
        number = text.rstrip(string.ascii_letters + "%").rstrip()
        return worth(figure(quantity, number, text.removeprefix(number).strip(), "").means)

    return value


#: Every way in for an amount.
COUNT_DOORS: dict[str, Callable[[str], int]] = {
    "reader": parse_count,
    "fit(max_macs=)": fit_in_python("max_macs"),
    "fit(max_params=)": fit_in_python("max_params"),
    "fit --max-macs": fit_as_command("max-macs"),
    "fit --max-params": fit_as_command("max-params"),
    "frontier(most=)": frontier_in_python("macs"),
    "frontier --max": frontier_as_command("params"),
    "a figure": lambda text: worth(Printed.parse(text)),
    "a claim": claim_in_python("macs"),
    "a claim, its unit apart": claim_with_its_unit_apart("params"),
}
BYTE_DOORS: dict[str, Callable[[str], int]] = {
    "reader": parse_bytes,
    "fit(max_peak=)": fit_in_python("max_peak"),
    "fit --max-peak": fit_as_command("max-peak"),
    "memory --limit": memory_as_command,
    "frontier(most=)": frontier_in_python("peak"),
    "frontier --max": frontier_as_command("weight_bytes"),
    "a claim": claim_in_python("weight_bytes"),
}
EVERY = [
    *((text, door, count, COUNT_DOORS[door]) for text, (count, _) in TEXTS.items() for door in COUNT_DOORS),
    *((text, door, size, BYTE_DOORS[door]) for text, (_, size) in TEXTS.items() for door in BYTE_DOORS),
]


@pytest.mark.parametrize(("text", "door", "meant", "enter"), EVERY)
def test_a_text_means_the_same_at_every_door(
    text: str, door: str, meant: int | str, enter: Callable[[str], int]
) -> None:
    if isinstance(meant, int):
        assert enter(text) == meant
        return
    with pytest.raises(convcost.UsageError) as refused:
        enter(text)
    if door == "a claim, its unit apart":  # its columns are put together with a space, or refused before
        assert re.search(r"^(printed|unit): ", str(refused.value))
    else:
        assert str(refused.value).endswith(meant)


@pytest.mark.parametrize(("text", "meant"), [(text, count) for text, (count, _) in TEXTS.items()])
def test_whose_figure_it_is_can_be_asked_for_what_is_a_count(text: str, meant: int | str) -> None:
    asked = ("reconcile", "lenet5", f"--printed={text}", "--format", "json")
    if isinstance(meant, int):
        assert json.loads(command(*asked))["printed"] == [text]
        return
    with pytest.raises(convcost.UsageError) as refused:
        command(*asked)
    assert str(refused.value).endswith(meant)


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (300_000_000, 300_000_000),
        (3e8, 300_000_000),
        (np.int32(25), 25),
        (np.float32(2**24), 16_777_216),
        (Fraction(12, 4), 3),
        (Decimal("1e9"), 1_000_000_000),
        (4.1, "'4.1' is not a whole number; a unit goes with it, as in 4.1M or 4.1G"),
        (1e-9, "'1e-09' is not a whole number"),
        (Fraction(1, 3), "'0.333333' is not a whole number; a unit goes with it, as in 0.333333M or 0.333333G"),
        (-1, f"'-1' {NO_COUNT}"),
        (True, f"'true' {NO_COUNT}"),
        (float("nan"), f"'nan' {NO_COUNT}"),
        (float("inf"), f"'inf' {NO_COUNT}"),
        (Decimal("sNaN"), f"'sNaN' {NO_COUNT}"),
        (Decimal("1e999999"), f"'1E+999999' {NO_COUNT}"),
        pytest.param(10**5000, f"'a larger number' {NO_COUNT}", id="huge"),
        ([1], f"'[1]' {NO_COUNT}"),
        (np.array([1, 2]), f"'[1 2]' {NO_COUNT}"),
        (b"300M", f"\"b'300M'\" {NO_COUNT}"),
    ],
)
def test_numbers_from_python_are_taken_where_they_are_whole(given: Any, meant: int | str) -> None:
    if isinstance(meant, int):
        assert parse_count(given) == meant
        assert fit("lenet5", over={"classes": "10"}, max_macs=given).budgets[0].limit == meant
        return
    for enter in (parse_count, lambda value: fit("lenet5", max_macs=value)):
        with pytest.raises(convcost.UsageError) as refused:
            enter(given)
        assert str(refused.value) == meant


@pytest.mark.parametrize("kind", [np.array, pd.Index, pd.Series, tuple])
def test_names_may_be_in_whatever_holds_several(kind: Callable[[list[str]], Any]) -> None:
    names = kind(["macs", "params"])
    assert several(names) == ("macs", "params")
    assert convcost.report("lenet5").table(columns=names).headers == ("unit", "MACs", "params")
    assert convcost.side_by_side("lenet5", "lenet5", columns=names).headers == ("network", "MACs", "params")
    with pytest.raises(UsageError, match="leave out by"):
        convcost.side_by_side("lenet5", "lenet5", columns=names, by="layer")


def test_what_is_quoted_is_short() -> None:
    with pytest.raises(convcost.UsageError) as refused:
        parse_count("9" * 5000)
    assert str(refused.value) == f"'{'9' * 40}…' {NO_COUNT}"


def test_print_may_be_rounded_where_a_limit_must_be_whole() -> None:
    """0.3 KiB are 307.2 bytes: no limit, but what 307 bytes become in print; 4.1 is nothing that is counted."""
    with pytest.raises(convcost.UsageError, match=r"^'0\.3KiB' is not a whole number of bytes$"):
        parse_bytes("0.3KiB")
    assert figure("weight_bytes", "0.3", "KiB", "").fits(Fraction(307))
    assert not figure("weight_bytes", "0.3", "KiB", "").fits(Fraction(370))  # 0.36 KiB
    with pytest.raises(convcost.UsageError, match=r"^printed: '4\.1' is not a whole number; a unit goes with it"):
        figure("macs", "4.1", "", "")


def test_a_claim_says_what_kb_is() -> None:
    """Who enters a claim has looked it up: `kB` is 1,000 there; KB, as everywhere, may be two things."""
    assert figure("half_bytes_at", "200", "kB", "").fits(Fraction(200_000))
    assert figure("half_bytes_at", "200kB", "", "").fits(Fraction(200_000))
    with pytest.raises(convcost.UsageError, match=rf"^printed: '200 KB': KB {TWO}; write 200KiB, or the bytes$"):
        figure("half_bytes_at", "200", "KB", "")


class TestSizes:
    @pytest.mark.parametrize(
        ("text", "size"),
        [
            ("256KiB", 2**18),
            ("256 kib", 2**18),
            ("1.5MiB", 1_572_864),
            ("100000", 100_000),
            ("7B", 7),
            ("0", 0),
            ("1e6", 1_000_000),
            ("1,048,576", 2**20),
        ],
    )
    def test_what_is_meant(self, text: str, size: int) -> None:
        assert parse_bytes(text) == size

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("256KB", "'256KB': KB may mean powers of 1,000 or of 1,024; write 256KiB, or the bytes"),
            ("1.5M", "'1.5M': M may mean powers of 1,000 or of 1,024; write 1.5MiB, or the bytes"),
            ("0.3KiB", "'0.3KiB' is not a whole number of bytes"),
            ("-5", "'-5' is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"),
            ("lots", "'lots' is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"),
            ("5 pages", "'5 pages' is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"),
            ("1,5KiB", "'1,5KiB' is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"),
        ],
    )
    def test_what_is_refused(self, cli: Cli, text: str, message: str) -> None:
        with pytest.raises(convcost.UsageError) as caught:
            parse_bytes(text)
        assert str(caught.value) == message
        assert message in " ".join(cli("memory", "lenet5", "--limit", text, code=2).stderr.split())
