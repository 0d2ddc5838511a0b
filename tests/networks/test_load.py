"""Networks by name or path, with the knobs that a name may carry, and the input that may be given beside it."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.zoo import loaded

import convcost
from convcost.networks.origin import FromSpec
from convcost.spec.zoo import all_specs, names, split_name

if TYPE_CHECKING:
    from helpers.cli import Cli


@pytest.mark.parametrize("name", names())
def test_a_label_gives_the_network_back(name: str) -> None:
    network = loaded(name)
    spec = network.origin.of_spec().spec
    for knob, value in network.knobs.items():
        kind, of = type(value), spec.knobs[knob]
        others = [c for c in of.choices or () if c != value] or {
            int: [value + 1 if kind is int else 0], Fraction: [Fraction("0.375"), Fraction(3)], bool: [not value],
            tuple: [(*value, 3)] if kind is tuple else [], str: []}[kind]  # fmt: skip
        for other in others:
            changed = convcost.Network(FromSpec(spec, name, {**network.knobs, knob: other}))
            if changed.changed:
                label = convcost.load(changed.label)
                assert (label.name, label.knobs) == (name, changed.knobs)


def test_no_name_of_the_zoo_has_a_colon() -> None:
    assert not [name for spec in all_specs() for name in (spec.name, *spec.presets) if ":" in name]


def test_a_path_is_a_path_whatever_it_is_called(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    spec = "convcost: 1\nname: net\nknobs: {width: 4, sizes: [1, 2]}\ninput: [8, 8, 3]\nlayers:\n  - conv2d: {channels: width, kernel: 3}\n"
    for path in ("runs:lr=0.1/net.yaml", "net:width=8", "net:x"):
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(spec, encoding="utf-8")
        assert convcost.load(path).knobs["width"] == 4
        assert convcost.load(f"{path}:width=5,sizes=[3,4]").knobs == {"width": 5, "sizes": (3, 4)}
    text = cli.ok("report", "runs:lr=0.1/net.yaml", "net:x:width=5")
    assert text.startswith("net beside net:width=5 ·")
    assert cli.ok("report", "net:x", "net:width=8").startswith("net:x: net beside net:width=8: net ·")
    assert cli.ok("report", "net:x", "net:x").startswith("net:x: net (1) beside net:x: net (2) ·")


def test_other_commands_take_knobs_in_the_name_too(cli: Cli) -> None:
    named, stated = (cli.ok("memory", *words) for words in (["lenet5:classes=12"], ["lenet5", "--set", "classes=12"]))
    assert named == stated
    assert cli.refused("memory", "lenet5:classes=12", "--set", "classes=12") == (
        "lenet5:classes=12: classes is set twice, in the name and beside it\n"
    )
    assert split_name("mobilenet_v2") == ("mobilenet_v2", {})


class TestInput:
    def test_a_square_size_sets_the_resolution(self) -> None:
        network = convcost.load("mobilenet_v2", input_shape=192)
        assert network.report().knobs["resolution"] == 192
        assert network.report().input_shape == (192, 192, 3)

    def test_a_rectangle_replaces_the_input_and_the_unread_knob_is_not_shown(self) -> None:
        report = convcost.load("mobilenet_v2", input_shape=(224, 320)).report()
        assert report.input_shape == (224, 320, 3)
        assert "resolution" not in report.knobs

    def test_channels_may_be_given(self) -> None:
        report = convcost.load("mobilenet_v2", input_shape=(224, 224, 1)).report()
        assert report.layers[0].params == 32 * 9

    def test_resolution_and_input_shape_exclude_each_other(self) -> None:
        with pytest.raises(convcost.UsageError, match=r"^give resolution or an input shape, not both$"):
            convcost.load("mobilenet_v2", input_shape=192, resolution=192)
