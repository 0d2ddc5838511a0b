"""One network, MobileNet-v3-Small, as three exporters write it, beside the zoo's own, which torchvision's counts hold to."""

from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from helpers.paths import ROOT

from convcost import Network, SpecError, UsageError, load, side_by_side, sweep
from convcost.space.open import design_space

if TYPE_CHECKING:
    from helpers.cli import Cli

MODELS = ROOT / "tests" / "models"
FILES = [MODELS / f"mobilenet_v3_small.{suffix}" for suffix in ("onnx", "keras", "pt2")]
ONNX, KERAS, PT2 = FILES
SIZES = (96, 160, 224, 225)


def macs(network: Network) -> list[int]:
    """Of each layer that has some, in order."""
    return [layer.macs for layer in network.report().layers if layer.macs]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix)
def test_each_layer_multiplies_as_the_zoos_does(path: Path) -> None:
    assert macs(load(path)) == macs(load("mobilenet_v3_small"))


@pytest.mark.parametrize("path", [KERAS, PT2], ids=lambda path: path.suffix)
def test_with_its_batch_norms_it_stores_what_the_zoos_does(path: Path) -> None:
    found, zoo = (load(one).report().totals for one in (path, "mobilenet_v3_small"))
    assert (found.params, found.buffers) == (zoo.params, zoo.buffers)


def test_with_batch_norms_folded_it_stores_a_bias_for_each_channel_in_place_of_scale_and_shift() -> None:
    zoo = load("mobilenet_v3_small").report()
    folded = sum(layer.params // 2 for layer in zoo.layers if layer.op == "batch_norm")
    assert load(ONNX).report().totals.params == zoo.totals.params - folded


@pytest.mark.parametrize("policy", ["unfused", "inplace"])
def test_what_torch_runs_needs_as_much_memory_as_the_zoos(policy: str) -> None:
    found, zoo = (load(one).memory(policy).peak for one in (PT2, "mobilenet_v3_small"))
    assert found == zoo


@pytest.mark.parametrize("path", [ONNX, PT2], ids=lambda path: path.suffix)
@pytest.mark.parametrize("size", SIZES)
def test_away_from_its_own_size_it_is_the_zoos_network_there(path: Path, size: int) -> None:
    assert macs(load(path, resolution=size)) == macs(load("mobilenet_v3_small", resolution=size))


@pytest.mark.parametrize("path", [ONNX, PT2], ids=lambda path: path.suffix)
def test_a_sweep_is_single_reports(path: Path) -> None:
    found = sweep(path, resolution=SIZES)
    single = [load(path, resolution=size).report().totals for size in SIZES]
    assert found.macs.tolist() == [one.macs for one in single]
    assert found.peak_activation_bytes.tolist() == [one.peak_activation_bytes for one in single]


@pytest.mark.parametrize("path", [ONNX, PT2], ids=lambda path: path.suffix)
def test_hundreds_of_sizes_are_lowered_at_once(path: Path) -> None:
    """Sizes by themselves and at its own: a grid is cut only where structures differ, not into single networks."""
    assert len(design_space(path, {"resolution": range(97, 400)}).regions) <= 3


def test_a_budget_is_met_as_by_trying() -> None:
    best = max(size for size in range(32, 225) if load(ONNX, resolution=size).report().totals.macs <= 20_000_000)
    found = load(ONNX).fit(max_macs=20_000_000, over={"resolution": range(32, 225)}).to_frame()
    assert found["resolution"].tolist() == [best]


@pytest.mark.parametrize("given", [160, (160, 160), (160, 160, 3), (1, 3, 160, 160), (3, 160, 160)])
def test_the_input_may_be_written_as_the_file_has_it(given: int | tuple[int, ...]) -> None:
    assert load(ONNX, input_shape=given).graph.inputs == {"image": (160, 160, 3)}


def test_a_batch_in_the_input_is_refused_with_the_remedy() -> None:
    with pytest.raises(UsageError, match="A batch is no part of it, but said by --batch 8"):
        load(ONNX, input_shape=(8, 3, 160, 160))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix)
def test_it_is_pickled_and_equal(path: Path) -> None:
    net = load(path)
    again = pickle.loads(pickle.dumps(net))
    assert again == net
    assert again.report().totals == net.report().totals


def test_it_is_called_like_its_file() -> None:
    assert load(ONNX).label == "mobilenet_v3_small.onnx"
    assert load(ONNX, resolution=160).label == "mobilenet_v3_small.onnx:resolution=160"
    table = side_by_side(ONNX, KERAS, "mobilenet_v3_small")
    assert [row[0] for row in table.rows] == [
        "mobilenet_v3_small.onnx",
        "mobilenet_v3_small.keras",
        "mobilenet_v3_small",
    ]


def test_a_spec_cannot_use_it_and_says_what_to_do(tmp_path: Path) -> None:
    shutil.copy(ONNX, tmp_path / "net.onnx")
    spec = tmp_path / "net.yaml"
    spec.write_text("convcost: 1\nname: n\ninput: [224, 224, 3]\nlayers:\n  - {use: net.onnx, name: body}\n")
    with pytest.raises(
        SpecError, match=r"use takes specs: write it as one first: convcost import net.onnx -o net.yaml"
    ):
        load(spec).report()


@pytest.mark.parametrize(
    "words",
    [
        "report {} --by block",
        "report {} --format json",
        "report {} --convention thop --batch 4 --dtype int8",
        "explain {} classifier.0",
        "explain {} --symbols resolution",
        "memory {} --dtype int8 --order best",
        "reconcile {} paper fvcore",
        "rewrite {} --to standard",
        "sweep {} --over resolution=64:224:32",
        "fit {} --max-peak 256KiB --dtype int8",
        "import {}",
        "spec resolve {}",
        "spec validate {}",
    ],
)
def test_every_command_takes_a_model_file(cli: Cli, words: str) -> None:
    assert cli.ok(*words.format(ONNX).split())


def test_a_page_and_a_picture_are_made_of_it(cli: Cli, tmp_path: Path) -> None:
    for name in ("page.html", "picture.svg"):
        cli.ok("report", str(PT2), "-o", str(tmp_path / name))
        assert (tmp_path / name).stat().st_size > 1000


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.suffix)
def test_what_is_written_of_it_is_the_same_network(cli: Cli, path: Path, tmp_path: Path) -> None:
    spec = tmp_path / "mobilenet_v3_small.yaml"
    cli.ok("import", str(path), "-o", str(spec))
    found, written = load(path), load(spec)
    assert [replace(node, where=None) for node in written.graph.nodes] == [*found.graph.nodes]
    assert written.report().totals == found.report().totals
