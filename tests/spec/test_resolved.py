"""What `spec resolve` writes is a spec, of the same network: whatever stands at its side, is split, is put out or is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.paths import ROOT
from helpers.specs import assert_resolves_to_itself, spec
from helpers.zoo import loaded

from convcost.graph.graph import Caption
from convcost.networks.load import open_network
from convcost.spec import zoo
from convcost.spec.write import resolved

#: What it is about -> the spec, and the outputs that the network has.
SPECS = {
    "a part at the side twice": (
        """\
        input: [8, 8, 4]
        layers:
          - {split: {sections: 2}, name: cut}
          - {none: , in: "cut:0", side: true}
          - {none: , in: "cut:0", side: true}
          - {relu: , in: "cut:1", name: act}
        """,
        ("act", "cut:0"),
    ),
    "the end of the main path at the side as well": (
        "input: [8, 8, 4]\nlayers: [{relu: , name: a}, {none: , in: a, side: true}]\n",
        ("a",),
    ),
    "one tensor under two names": (
        "input: [8, 8, 4]\noutputs: [a, b]\nlayers: [{relu: , name: a}, {none: , name: b}]\n",
        ("a",),
    ),
    "a split and one of its parts": (
        'input: [8, 8, 4]\noutputs: [cut, "cut:1"]\nlayers: [{split: {sections: 2}, name: cut}]\n',
        ("cut:0", "cut:1"),
    ),
    "the last part alone": (
        'input: [8, 8, 4]\noutputs: ["cut:1"]\nlayers: [{split: {sections: 2}, name: cut}]\n',
        ("cut:1",),
    ),
    "an input that is put out": (
        "inputs: {a: [8, 8, 4], b: [2]}\noutputs: [b, r]\nlayers: [{relu: , name: r, in: a}]\n",
        ("b", "r"),
    ),
    "an input at the side": ("input: [8, 8, 4]\nlayers: [{none: , side: true}, {relu: , name: a}]\n", ("a", "input")),
    "no layer": ("inputs: {a: [8, 8, 4], b: [8]}\noutputs: [b]\nlayers: []\n", ("b",)),
    "a side that is repeated": (
        "input: [8, 8, 4]\nlayers: [{relu: , repeat: 2, side: true, name: a}, {relu: , name: b}]\n",
        ("b", "a2"),
    ),
    "branches at the side": (
        "input: [8, 8, 4]\nlayers: [{parallel: {x: [relu], y: [tanh]}, join: add, side: true}, {relu: , name: b}]\n",
        ("b", "add"),
    ),
    "a split that nothing reads": (
        "input: [8, 8, 4]\nlayers: [{relu: , name: a}, {split: {sections: 2}, name: c, side: unused}, {relu: , name: b, in: a}]\n",
        ("b",),
    ),
    "a network at the side that shares": (
        "input: [32, 32, 1]\nlayers: [{use: lenet5, name: f, side: true}, {use: lenet5, name: s, share: f}]\n",
        ("s.output", "f.output"),
    ),
    "types and bits of an input, a layer and a role": (
        """\
        input: [8, 8, 4]
        dtype: {inputs: uint8, outputs: int8, biases: int32}
        layers:
          - {conv2d: {channels: 4, kernel: 1}, trainable: false, bits: 4, name: a}
          - {split: {sections: 2}, name: c, dtype: {outputs: int16}}
          - {none: , in: "c:1", side: true}
          - {relu: , in: "c:0", name: b}
        """,
        ("b", "c:1"),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "outputs"), SPECS.values(), ids=SPECS)
def test_a_resolved_spec_is_the_same_network(text: str, outputs: tuple[str, ...], tmp_path: Path) -> None:
    network = spec(tmp_path, text)
    assert network.graph.outputs == outputs
    assert_resolves_to_itself(network, tmp_path)


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "specs").glob("*.yaml")), ids=lambda path: path.stem)
def test_so_is_one_of_a_knob_at_another_value(path: Path, tmp_path: Path) -> None:
    assert_resolves_to_itself(open_network(str(path), {}), tmp_path)
    for name, knob in zoo.find(str(path)).spec.knobs.items():
        for value in knob.choices or ([knob.default * 2] if isinstance(knob.default, int) else []):
            assert_resolves_to_itself(open_network(str(path), {name: value}), tmp_path)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        *(("vgg11", "separable"), ("vgg11", "grouped:2"), ("googlenet", "separable"), ("mobilenet_v2", "standard")),
        *(("shufflenet_v2_x1_0", "standard"), ("resnet18", "grouped:2")),
    ],
)
def test_so_is_a_rewritten_one(name: str, way: str, tmp_path: Path) -> None:
    assert_resolves_to_itself(loaded(name).rewrite(way), tmp_path)


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "models").glob("*.*")), ids=lambda path: path.name)
def test_so_is_one_of_a_model_file(path: Path, tmp_path: Path) -> None:
    if path.suffix != ".md":
        assert_resolves_to_itself(open_network(str(path), {}, 224 if path.stem == "detector" else None), tmp_path)


#: Texts that YAML, or a reader of numbers, would take for something else if they stood as they are.
TEXTS = [
    *("inf", "nan", "1", "1.5", "0x10", "1_000", "~", "=", "<<", "*a", "&a", "!x", "- a", "a: b", "a #b", "#", "'", '"', "\\"),
    *("a\tb", "a\r\nb", "a\nb", "a\x85b", "a\u2028b", "a\u202eb", "\ufeffx", "a\x00b", "\x1b[31m", "\x7f", "🙂", "50%", "@x"),
    *("`x`", "{a}", "[a]", "y", "Yes", "null", "True", "1:30", "2020-01-01", ".inf", "1/2", "?", "--- x", "...", "%T", ","),
    *("|", ">", "a" * 300, "10 %", "1k", "2 ** 3", "width"),
]  # fmt: skip


def test_every_text_comes_back(tmp_path: Path) -> None:
    graph = loaded("lenet5").graph
    path = tmp_path / "net.yaml"
    for text in TEXTS:
        caption = Caption(title=text, source=text, about=text)
        path.write_text(resolved(graph, "net", caption), encoding="utf-8", newline="")
        assert open_network(str(path), {}).caption == caption


def test_spaces_around_a_text_are_none_of_it(tmp_path: Path) -> None:
    """A model file may say that it was made by " 2"."""
    path = tmp_path / "net.yaml"
    text = resolved(loaded("lenet5").graph, "net", Caption(title=" ", about=" 2, opset 0\n"))
    path.write_text(text, encoding="utf-8")
    assert open_network(str(path), {}).caption == Caption(about="2, opset 0")
    assert 'about: "2, opset 0"\n' in text


def test_a_folded_text_ends_without_the_line_break_of_its_file(tmp_path: Path) -> None:
    network = spec(tmp_path, "title: >\n  Two\n  lines\nabout: |\n  one\n  two\n\ninput: [2]\nlayers: [relu]\n")
    assert network.caption == Caption(title="Two lines", about="one\ntwo")
    assert_resolves_to_itself(network, tmp_path)
