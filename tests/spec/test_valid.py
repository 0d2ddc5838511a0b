"""Small networks that use every part of the language, with totals derived by hand in their comments; properties of all.

A case states `# totals [KNOB=VALUE …]: macs N, params N, …` and may state `# names:` and `# outputs:`.
"""

from __future__ import annotations

import re
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from helpers import paths
from helpers.specs import assert_resolves_to_itself, assert_swept_like_walked
from helpers.zoo import ends_of_families, loaded

from convcost.networks.load import open_network, validate
from convcost.networks.network import Network
from convcost.ops import OPS
from convcost.results.report import LEVELS
from convcost.spec import zoo

CASES = paths.CASES / "valid"
NAMES = sorted(path.stem for path in CASES.glob("*.yaml"))
SUMMED = ("macs", "operations", "params", "buffers", "activations")


class Stated(NamedTuple):
    """What a case says of itself at some knob values."""

    case: str
    settings: dict[str, str]
    totals: dict[str, str]


def comments(case: str) -> str:
    lines = (CASES / f"{case}.yaml").read_text(encoding="utf-8").splitlines()
    return "\n".join(line[1:].strip() for line in lines if line.startswith("#"))


def stated(case: str) -> list[Stated]:
    found = []
    for knobs, text in re.findall(r"^totals *(.*?): (.*)$", comments(case), re.MULTILINE):
        settings = dict(part.split("=", 1) for part in knobs.split())
        found.append(Stated(case, settings, dict(part.split(" ", 1) for part in text.split(", "))))
    return found


def listed(case: str, word: str) -> list[str] | None:
    """The names after `# names:` or `# outputs:`, over several lines; None if the case does not state them."""
    text = re.search(rf"^{word}: (.*?)(?:\n[^\n]*:|\Z)", comments(case) + "\n:", re.MULTILINE | re.DOTALL)
    return [name.strip() for name in text[1].replace("\n", " ").split(",")] if text else None


STATED = [entry for case in NAMES for entry in stated(case)]
#: Every network that the properties below must hold for, by name.
ALL = {f"{case}-{i}": (str(CASES / f"{case}.yaml"), at.settings) for case in NAMES for i, at in enumerate(stated(case))}
ALL |= {name: (name, {}) for name in zoo.names()}
BETWEEN = {*zoo.names()} - {*ends_of_families()}


@cache
def opened(name: str) -> Network:
    model, settings = ALL[name]
    return open_network(model, settings) if settings or model != name else loaded(name)


@pytest.mark.parametrize(
    "entry", STATED, ids=lambda entry: "-".join([entry.case, *map("=".join, entry.settings.items())])
)
def test_totals(entry: Stated) -> None:
    report = open_network(str(CASES / f"{entry.case}.yaml"), entry.settings).report()
    found = {name: str(getattr(report.totals, name)) for name in ("macs", "params", "buffers", "activations")}
    found["layers"] = str(len(report.layers))
    if report.layers:
        found["output"] = "x".join(map(str, report.layers[-1].output_shape))
    assert found == entry.totals


@pytest.mark.parametrize("case", NAMES)
def test_no_problems(case: str) -> None:
    assert validate(str(CASES / f"{case}.yaml")) == []


@pytest.mark.parametrize("case", [case for case in NAMES if listed(case, "names")])
def test_names(case: str) -> None:
    report = open_network(str(CASES / f"{case}.yaml"), {}).report()
    assert [layer.name for layer in report.layers] == listed(case, "names")


@pytest.mark.parametrize("case", [case for case in NAMES if listed(case, "outputs")])
def test_outputs(case: str) -> None:
    assert list(open_network(str(CASES / f"{case}.yaml"), {}).graph.outputs) == listed(case, "outputs")


@pytest.mark.parametrize("name", [name for name in ALL if name not in BETWEEN])
def test_resolved_form_is_the_same_network(name: str, tmp_path: Path) -> None:
    assert_resolves_to_itself(opened(name), tmp_path)


@pytest.mark.parametrize("name", ALL)
def test_columns_sum_to_totals(name: str) -> None:
    report = opened(name).report("with_bias", batch=3, dtype="fp16")
    for level in LEVELS:
        groups = report.by(level)
        for field in SUMMED:
            assert sum(getattr(group, field) for group in groups) == getattr(report.totals, field), (level, field)
        assert sum(group.layers for group in groups) == len(report.layers), level
        assert len({group.name for group in groups}) == len(groups), level


@pytest.mark.parametrize("name", [name for name in ALL if name not in BETWEEN])
def test_twice_the_batch(name: str) -> None:
    network = opened(name)
    once, twice = network.report(batch=5).totals, network.report(batch=10).totals
    assert twice.bytes_moved == 2 * once.bytes_moved - once.weight_bytes_read  # weights are read once for a batch
    for field in set(once._fields) - {"bytes_moved"}:
        stays = field in {"params", "used_params", "buffers", "weight_bytes", "weight_bytes_read", "unknown"}
        assert getattr(twice, field) == getattr(once, field) * (1 if stays else 2), field


# -- the cases themselves ----------------------------------------------------------------------------------------


def sums(case: str) -> list[tuple[str, str]]:
    """Every `1 + 2·3 = 7` of a case's comments."""
    found = re.findall(r"([\d·+/() -]*\d[\d·+/() -]*) = (\d+)", comments(case))
    return [
        (left.strip(), right)
        for left, right in found
        if re.match(r"\(*\d", left.strip()) and left.count("(") == left.count(")") and re.search(r"[·+/-]", left)
    ]


def value(text: str) -> Fraction:
    return Fraction(eval(re.sub(r"(?<!/)/(?!/)", "*one/", text.replace("·", "*")), {"one": Fraction(1)}))


@pytest.mark.parametrize("case", NAMES)
def test_arithmetic_in_comments(case: str) -> None:
    for left, right in sums(case):
        assert value(left) == int(right), f"{left} = {right}"


def test_the_check_of_arithmetic_can_fail() -> None:
    assert value("4·4·5 · 3·3·3") == 2160
    assert value("(6 + 2 - 3) // 2 + 1") == 3
    assert value("6 / 4") == Fraction(3, 2)
    assert value("4·4·5 · 3·3·3") != 2161


@pytest.mark.parametrize(
    ("case", "axes"),
    [
        ("branches", {"heads": [0, 1, 2, 3, 5]}),
        ("conditions", {"deep": [0, 1, 2]}),
        ("inner", {"n": [1, 2, 3, 4, 7]}),
        ("types", {"kind": ["int8", "fp16", "int4"]}),
        ("uses", {"depth": [0, 1]}),
    ],
)
def test_a_sweep_of_a_case_equals_its_networks(case: str, axes: dict[str, list[Any]]) -> None:
    assert_swept_like_walked(CASES / f"{case}.yaml", **axes)


def test_the_cases_state_what_they_claim() -> None:
    assert len(NAMES) >= 15
    assert {entry.case for entry in STATED} == set(NAMES)
    assert sum(len(sums(case)) for case in NAMES) >= 100
    wanted = {"macs", "params", "buffers", "activations", "layers"}
    assert all(wanted <= set(entry.totals) <= {*wanted, "output"} for entry in STATED)


def test_every_op_occurs() -> None:
    used = {layer.op for case in NAMES for layer in open_network(str(CASES / f"{case}.yaml"), {}).report().layers}
    assert set(OPS) - used == set()
