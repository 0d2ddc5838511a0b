"""Knobs as they are set: values of every kind, what does not fit, names of every kind."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import convcost
from convcost import load
from convcost.networks.load import open_network
from convcost.spec.knobs import knob_value
from convcost.spec.syntax import Knob

if TYPE_CHECKING:
    from helpers.cli import Cli

pytestmark = pytest.mark.usefixtures("in_root")


@pytest.mark.parametrize("value", ["[4,x,9]", "[4,1.5]", "[]", "[[1],2,3]", "[true]", "4", "x"])
def test_list_knob(cli: Cli, value: str) -> None:
    said = cli.refused_in_a_line("report", "tests/cases/valid/knobs.yaml", "--set", f"sizes={value}")
    assert said == f"sizes must be a list of integers, as in [4, 8, 16], got {value}"


def test_knobs_may_have_any_name(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "odd.yaml"
    knobs = ("model", "input_shape", "set", "self", "knobs", "spec")
    path.write_text(
        f"convcost: 1\nname: odd\nknobs: {{{', '.join(f'{knob}: 1' for knob in knobs)}}}\ninput: [1, 1, 1]\n"
        f"layers:\n  - conv2d: {{channels: {' + '.join(knobs)}, kernel: 1, bias: false}}\n"
    )
    settings = [part for i, knob in enumerate(knobs, start=2) for part in ("--set", f"{knob}={i}")]
    answer = cli.json("report", path, *settings)
    assert answer["knobs"] == {knob: i for i, knob in enumerate(knobs, start=2)}
    assert answer["totals"]["macs"] == 2 + 3 + 4 + 5 + 6 + 7
    assert load(str(path), model=3, self=4, set=5).report().totals.macs == 3 + 4 + 5 + 1 + 1 + 1


class TestKnobValues:
    def test_a_float_means_the_decimal_it_is_written_as(self) -> None:
        width = Knob("width", None, Fraction(1))  # type: ignore[arg-type]
        assert knob_value(width, 1.1) == knob_value(width, "1.1") == Fraction(11, 10)

    def test_integers_of_numpy_are_integers(self) -> None:
        net = convcost.load("lenet5", resolution=np.int64(28))
        assert net.knobs["resolution"] == 28
        assert net.at(resolution=np.int32(32)).report(batch=np.int64(2)).batch == 2
        assert convcost.load("lenet5", input_shape=np.int64(40)).knobs["resolution"] == 40

    def test_at_refuses_like_load(self) -> None:
        with pytest.raises(convcost.UsageError, match=r"^mobilenet_v2 has no knob 'foo'"):
            convcost.load("mobilenet_v2").at(foo=1)
        with pytest.raises(convcost.UsageError, match=r"^resolution must be an integer >= 0, got abc$"):
            convcost.load("mobilenet_v2").at(resolution="abc")
        with pytest.raises(convcost.UsageError, match=r"^an input shape is a size, .*, got 1\.5$"):
            convcost.load("mobilenet_v2", input_shape=1.5)  # type: ignore[arg-type]

    @pytest.mark.parametrize(
        ("model", "knob", "value", "message"),
        [
            ("vgg16", "width", 0, "width must be a decimal > 0, got 0"),
            ("vgg16", "width", True, "width must be a decimal > 0, got true"),
            ("vgg16", "resolution", 224.5, "resolution must be an integer >= 0, got 224.5"),
            ("vgg16", "config", "F", "config must be A or B or C or D or E, got F"),
            ("vgg16", "witdh", 1, "vgg16 has no knob 'witdh'. Did you mean width?"),
            ("googlenet", "aux", 1, "aux must be true or false, got 1"),
            ("vgg16", "width", "[" * 3000, "width must be a decimal > 0, got " + "[" * 3000),
            ("vgg16", "width", "[[1]]", "width must be a decimal > 0, got [[1]]"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, model: str, knob: str, value: object, message: str) -> None:
        with pytest.raises(convcost.UsageError) as caught:
            open_network(model, {knob: value})
        assert str(caught.value) == message
