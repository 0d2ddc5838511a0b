"""Specs that are large in every way that there is: each is answered within seconds, in little memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.limits import bounded, posix, process

import convcost

if TYPE_CHECKING:
    from helpers.cli import Cli

pytestmark = pytest.mark.usefixtures("in_root")

HEAD = "convcost: 1\nname: large\ninput: [8, 8, 4]\n"


def numbered(count: int, text: str, between: str = ", ") -> str:
    return between.join(text.replace("#", str(i)) for i in range(count))


#: Each within the bounds of a spec (1 MiB, 5,000 layers) in all but one way, or in none.
LARGE: dict[str, Callable[[], str]] = {
    "unnamed layers": lambda: HEAD + "layers:\n" + "  - relu\n" * 4_900,
    "unnamed convolutions": lambda: HEAD + "layers:\n" + "  - conv2d: {channels: 4, kernel: 1}\n" * 4_900,
    "more layers than may be": lambda: HEAD + "layers:\n" + "  - relu\n" * 100_000,
    "repeated convolution": lambda: HEAD + "layers: [{conv2d: {channels: 4, kernel: 1}, repeat: 5000}]\n",
    "one misspelling, often": lambda: HEAD + "layers:\n" + "  - reluu\n" * 100_000,
    "many misspellings": lambda: HEAD + "layers:\n" + numbered(80_000, "  - rel#\n", ""),
    "networks of the zoo as layers": lambda: HEAD + "layers: [" + "vgg16_bn," * 90_000 + "a]\n",
    "one letter, often": lambda: HEAD + f"layers: [{'a,' * 240_000} a]\n",
    "deep lists": lambda: ("- " * 20 + "x\n") * 24_000,
    "many keys twice": lambda: numbered(3, "k#: 1\n", "") * 30_000,
    "many values for layers": lambda: HEAD + f"layers: [{'1,' * 400_000} 1]\n",
    "nothing reads them": lambda: HEAD + "layers:\n" + "  - {relu: , in: input}\n" * 4_900,
    "columns": lambda: (
        HEAD + f"layers:\n  - each: relu\n    columns: [{numbered(50_000, 'a#')}]\n    rows: [[{'1,' * 49_999} 1]]\n"
    ),
    "columns, repeated": lambda: (
        HEAD
        + f"layers:\n  - layers: [{{each: relu, columns: [{numbered(2_000, 'a#')}], rows: [[{'1,' * 1_999} 1]]}}]\n"
        + "    repeat: 4900\n    name: x\n"
    ),
    "arguments": lambda: (
        HEAD + f"blocks:\n  b:\n    args: {{{numbered(50_000, 'a#: 1')}}}\n    layers: [relu]\nlayers: [b]\n"
    ),
    "arguments, repeated": lambda: (
        HEAD
        + f"blocks:\n  b:\n    args: {{{numbered(5_000, 'a#: 1')}}}\n    layers: [relu]\n"
        + "layers: [{b: , repeat: 4900}]\n"
    ),
    "branches": lambda: HEAD + f"layers:\n  - parallel: {{{numbered(4_900, 'b#: [relu]')}}}\n    join: add\n",
    "branches after names": lambda: (
        HEAD
        + f"layers:\n{numbered(2_400, '  - {relu: , name: n#}', chr(10))}\n"
        + f"  - parallel: {{{numbered(2_400, 'b#: [relu]')}}}\n    join: add\n"
    ),
    "blocks": lambda: (
        HEAD + "blocks:\n" + numbered(19_000, "  b#: {layers: [{relu: , if: 1 == 1}]}\n", "") + "layers: [relu]\n"
    ),
    "chain of blocks": lambda: (
        HEAD + "blocks:\n" + "".join(f"  b{i}: {{layers: [b{i + 1}]}}\n" for i in range(3_000)) + "layers: [relu]\n"
    ).replace("[b3000]", "[relu]"),
    "deep groups in deep blocks": lambda: (
        HEAD
        + "blocks:\n"
        + "".join(f"  b{i}: {{layers: {'[{layers: ' * 13}[b{i + 1}]{'}]' * 13}}}\n" for i in range(23))
        + "  b23: {layers: [relu]}\nlayers: [b0]\n"
    ),
    "knobs and misspelt knobs": lambda: (
        HEAD
        + f"knobs: {{{numbered(20_000, 'knob#: 1')}}}\nlayers:\n"
        + numbered(10_000, "  - {relu: , if: knab#}\n", "")
    ),
    "presets": lambda: (
        HEAD
        + f"knobs: {{n: 1}}\npresets: {{{numbered(1_000, 'p#: {n: #}')}}}\n"
        + "layers: [{relu: , repeat: 4000 + n}]\n"
    ),
    "presets that are all too large": lambda: (
        HEAD
        + f"knobs: {{n: 1}}\npresets: {{{numbered(100, 'p#: {n: #}')}}}\n"
        + "layers: [{relu: , repeat: 3000 + n, name: a}, {relu: , repeat: 3000, name: b}]\n"
    ),
    "digits": lambda: (
        HEAD
        + "layers:\n"
        + "".join(f"  - {{dropout: {{rate: {text}}}}}\n" for text in ("9" * 5000, f"1e{'9' * 5000}", f"0.{'1' * 5000}"))
        + "".join(f"  - {{dropout: {{rate: 1 - 1e{sign}{'9' * 300}}}}}\n" for sign in ("", "+", "-"))
    ),
    "edges": lambda: HEAD + f"layers: [{{relu: , name: a}}, {{concat: , in: [{numbered(90_000, 'a')}]}}]\n",
    "edges, repeated": lambda: (
        HEAD
        + f"layers: [{{relu: , name: a}}, {{layers: [{{add: , in: [{numbered(3_000, 'a')}]}}], repeat: 4900, name: b}}]\n"
    ),
    "a long path": lambda: HEAD + f"layers: [{{relu: , name: a}}, {{relu: , in: {'a.' * 300_000}a}}]\n",
    "paths": lambda: (
        HEAD
        + f"layers:\n  - {{relu: , name: a}}\n  - {{concat: , in: [{numbered(20_000, f'a.{chr(98)}.' + 'c.' * 10 + '#')}]}}\n"
    ),
    "branches, repeated": lambda: (
        HEAD
        + "layers:\n  - layers: [{parallel: {a: {repeat: 4900, layers: []}}, join: add}]\n    repeat: 4900\n    name: x\n"
    ),
    "what is shared": lambda: (
        HEAD
        + "layers:\n  - {layers: [{relu: , repeat: 2400}], name: a}\n"
        + numbered(2_400, "  - {relu: , name: n#, share: a}\n", "")
    ),
    "shares of shares": lambda: (
        HEAD
        + "layers:\n  - {conv2d: {channels: 4, kernel: 1}, name: n0}\n"
        + "".join(f"  - {{conv2d: {{channels: 4, kernel: 1}}, name: n{i}, share: n{i - 1}}}\n" for i in range(1, 4_900))
    ),
    "networks that the zoo lacks": lambda: (
        HEAD + f"layers:\n{numbered(20_000, '  - {use: resnat#, in: input}', chr(10))}\n"
    ),
    "networks of the zoo": lambda: (
        HEAD + "layers:\n" + "  - {use: resnet18, until: conv1, in: input, side: true}\n" * 4_900
    ),
    "parts": lambda: (
        HEAD.replace("4]", "1000]")
        + 'layers: [{layers: [{split: {sections: 1000}, name: s}, {relu: , in: "s:0"}, '
        + "{conv2d: {channels: 1000, kernel: 1}}], repeat: 1600, name: x}]\n"
    ),
    "long word": lambda: HEAD + f"layers:\n  - {'x' * 1_000_000}\n",
    "long list": lambda: HEAD + f"layers: [{{conv2d: {{channels: 1, kernel: [{'1,' * 200_000} 1]}}}}]\n",
    "long key": lambda: HEAD + f"layers: [{{conv2d: {{channels: 1, kernel: 1, {'x' * 500}: 1}}}}]\n",
    "large powers": lambda: (
        HEAD
        + f"knobs: {{x: 1.000000001}}\nlayers: [{{conv2d: {{channels: floor({'*'.join('x' * 190)}), kernel: 1}}}}]\n"
    ),
}


@posix
@pytest.mark.parametrize("what", LARGE)
def test_large(what: str, tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text(LARGE[what]())
    assert path.stat().st_size <= 1 << 20, "the file itself is refused"
    ended = process(tmp_path, "spec", "validate", str(path))
    bounded(ended)
    assert (ended.status == 2) == bool(ended.stderr) != bool(ended.stdout)
    assert len(ended.stderr) < 100_000, "nobody reads so many problems"
    assert max(map(len, [*ended.stderr.splitlines(), ""])) < 2_000, "nobody reads such a line"


@posix
def test_specs_in_specs_in_specs(tmp_path: Path) -> None:
    """Each uses the next one twice: 2^23 networks, if nothing ended it."""
    for i in range(24):
        layers = f"[{{use: n{i + 1}.yaml, name: a}}, {{use: n{i + 1}.yaml, name: b}}]" if i < 23 else "[relu]"
        (tmp_path / f"n{i}.yaml").write_text(HEAD.replace("large", f"n{i}") + f"layers: {layers}\n")
    ended = process(tmp_path, "spec", "validate", str(tmp_path / "n0.yaml"))
    bounded(ended)
    assert ended.status == 2
    assert "a network may have 5,000 layers" in ended.stderr


@posix
def test_resolved_form_of_a_large_network_can_be_read(cli: Cli, tmp_path: Path) -> None:
    path, flat = tmp_path / "large.yaml", tmp_path / "flat.yaml"
    path.write_text(HEAD + "layers: [{conv2d: {channels: 4, kernel: 3, padding: 1}, repeat: 4900, name: conv}]\n")
    assert process(tmp_path, "spec", "resolve", str(path), "-o", str(flat)).status == 0
    assert cli("spec", "validate", flat).stderr == ""


def grouped(times: int, item: str) -> str:
    return "{layers: [" * times + item + "]}" * times


def nested(groups: int) -> str:
    """24 blocks in blocks, four sequences each, in a sequence and so many groups: 97 sequences and these."""
    blocks = "".join(f"  b{i}: {{layers: [{grouped(3, f'b{i - 1}' if i else 'relu')}]}}\n" for i in range(24))
    return HEAD + f"blocks:\n{blocks}layers: [{grouped(groups, 'b23')}]\n"


def joined(times: int) -> str:
    """A tensor concatenated a thousand times, repeated."""
    return HEAD + f"layers: [{{relu: , name: a}}, {{concat: , in: [{', '.join('a' * 1000)}], repeat: {times}}}]\n"


def named(parts: int, channels: int = 4) -> str:
    """A convolution whose name has so many parts, and a neighbour that differs in the last of them."""
    words = ["a"] * parts
    first, second = (".".join([*words[:-1], last]) for last in "bc")
    conv = f"conv2d: {{channels: {channels}, kernel: 1}}"
    return HEAD + f"layers: [{{{conv}, name: {first}}}, {{{conv}, name: {second}}}]\n"


@pytest.mark.parametrize(
    ("within", "beyond", "message"),
    [
        (
            HEAD + "layers: [{relu: , repeat: 5000}]\n",
            HEAD + "layers: [{relu: , repeat: 5001}]\n",
            r"repeat must be <= 5,000, got 5,001",
        ),
        (
            HEAD + "layers: [tanh, {relu: , repeat: 4999}]\n",
            HEAD + "layers: [tanh, {relu: , repeat: 4999}, tanh]\n",
            r"a network may have 5,000 layers, this one has more",
        ),
        (nested(3), nested(4), r"sequences nest deeper than 100"),
        (  # relu reads one and makes one, each concat reads a thousand and makes one: 2 + 99 · 1,001 = 99,101
            joined(99),
            joined(100),
            r"layers read and make more than 100,000 tensors, each as often as it is read",
        ),
        (
            named(150),
            named(151),
            r"a layer's path may have 150 parts, with a dot between two, this one has more",
        ),
    ],
)
def test_a_bound_is_met_and_not_exceeded_by_one(within: str, beyond: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "large.yaml"
    path.write_text(within)
    assert convcost.load(str(path)).steps
    path.write_text(beyond)
    with pytest.raises(convcost.SpecError, match=message):
        assert convcost.load(str(path)).steps


@pytest.mark.parametrize(
    "words",
    [
        ("report", "one.yaml", "-o", "page.html"),
        ("report", "one.yaml", "two.yaml", "--by", "stage"),
        ("diff", "one.yaml", "two.yaml"),
        ("draw", "one.yaml"),
        ("draw", "one.yaml", "-o", "drawn.svg"),
        ("import", "one.yaml"),
        ("check", "--update", "one.yaml"),
    ],
)
def test_every_command_follows_a_name_to_its_last_part(
    words: tuple[str, ...], cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.yaml").write_text(named(150), encoding="utf-8")
    Path("two.yaml").write_text(named(150, channels=5), encoding="utf-8")
    assert cli(*words).exit_code == 0
