"""A training step as a result: its totals, its table, JSON and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.paths import CASES

import convcost
from convcost.core.errors import UsageError
from convcost.results.training import Training

# LeNet-5 at 32×32×1: forward 28·28·6·25 + 10·10·16·5·5·6 + 400·120 + 120·84 + 84·10 MACs; the first reads the image.
LAYERS = {"c1": 117_600, "c3": 240_000, "c5": 48_000, "f6": 10_080, "output": 840}
PARAMS = 6 * 26 + 16 * 151 + 401 * 120 + 121 * 84 + 85 * 10


@pytest.fixture(scope="module")
def step() -> Training:
    return convcost.load("lenet5").training("momentum", batch=4)


def test_the_totals_are_those_of_the_batch(step: Training) -> None:
    assert step.forward == step.to_weights == 4 * sum(LAYERS.values()) == 4 * 416_520
    assert step.to_inputs == 4 * (416_520 - LAYERS["c1"])
    assert step.macs == step.forward + step.to_inputs + step.to_weights
    assert repr(step).startswith(f"<Training lenet5 · {step.macs:,} MACs · ")


def test_what_is_held(step: Training) -> None:
    """A gradient and a running mean for each parameter; the optimizer's state and weights do not depend on the batch."""
    assert PARAMS == 61_706
    assert step.held[:3] == (4 * PARAMS, 4 * PARAMS, 4 * PARAMS)
    assert step.held.total == 3 * 4 * PARAMS + step.held.activations
    twice = convcost.load("lenet5").training("momentum", batch=8).held
    assert (twice.activations, twice.weights) == (2 * step.held.activations, step.held.weights)


def test_running_statistics_are_held_without_a_gradient() -> None:
    network = convcost.load("resnet18")
    totals, held = network.report().totals, network.training("adam").held
    assert (held.weights, held.gradients) == (4 * (totals.params + totals.buffers), 4 * totals.params)
    assert held.optimizer == 2 * held.gradients


def test_rows_add_up_at_every_level(step: Training) -> None:
    for level in ("unit", "layer", "block", "stage", "op", 1):
        records = step.table(level).records
        for key, whole in (("macs", step.forward), ("to_inputs_macs", step.to_inputs), ("step_macs", step.macs)):
            assert sum(record[key] for record in records) == whole
        assert sum(record["kept_bytes"] for record in records) == step.held.activations
        assert sum(record["bytes_moved"] for record in records) == step.bytes_moved


def test_json_is_the_reports_and_a_training_object(step: Training) -> None:
    data = step.to_dict()
    assert (data["schema"], data["memory_policy"], data["batch"]) == ("convcost.report/1", "training", 4)
    found = data["training"]
    assert found["macs"] == {
        "forward": step.forward,
        "to_inputs": step.to_inputs,
        "to_weights": step.to_weights,
        "total": step.macs,
    }
    assert found["memory_bytes"]["total"] == step.held.total
    assert sum(layer["bytes_moved"]["total"] for layer in found["layers"]) == found["bytes_moved"]["total"]
    assert [layer["name"] for layer in found["layers"]] == [layer["name"] for layer in data["layers"]]
    assert {layer["name"]: layer["to_inputs_macs"] for layer in found["layers"] if layer["name"] in LAYERS} == {
        name: 4 * macs if name != "c1" else 0 for name, macs in LAYERS.items()
    }


def test_a_frame_has_a_row_for_each_row_of_the_table(step: Training) -> None:
    assert step.to_frame().step_macs.sum() == step.macs


def test_without_a_type_it_is_trained_as_fp32_whatever_the_network_states() -> None:
    stated = convcost.load(str(CASES / "valid" / "types.yaml")).training()
    assert stated.report.dtype == "fp32"
    assert stated.held.gradients == 4 * stated.report.totals.params
    assert convcost.load("lenet5").training(dtype="float16").held.gradients == 2 * PARAMS


def test_sums_with_something_unknown_are_lower_bounds() -> None:
    """Known are a convolution of 221,184 and one of 65,536 behind an op that nobody knows, through which a gradient goes."""
    step = convcost.load(str(CASES / "valid" / "partial.yaml")).training()
    table = step.table("layer")
    assert table.total is not None
    assert table.total[2:6] == [">= 286,720", ">= 65,536", ">= 286,720", ">= 638,976"]
    rows = {row[0]: row for row in table.rows}
    assert rows["mix"][2:] == ["?"] * 6
    assert rows["conv"][-1] == "<= 69.23 %"
    assert table.records[1]["macs"] is None


def test_a_network_without_parameters_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text("convcost: 1\nname: net\ninput: [4, 4, 2]\nlayers:\n  - {relu: }\n")
    found = convcost.load(str(path)).training()
    assert found.held.total == 0
    assert dict(found.table().notes)["memory"] == ("0 B as fp32: activations 0 B kept for the backward pass of batch 1")


def test_a_network_that_ends_in_something_unknown_has_a_backward_pass(tmp_path: Path) -> None:
    """32·32 positions of 16 filters of 27 weights, then of 84 filters of 16; a detector's boxes are chosen at the end."""
    path = tmp_path / "net.yaml"
    path.write_text(
        "convcost: 1\nname: net\ninput: [64, 64, 3]\nlayers:\n"
        "  - {conv2d: {channels: 16, kernel: 3, stride: 2, padding: 1}, name: stem}\n"
        "  - {conv2d: {channels: 84, kernel: 1}, name: head}\n"
        "  - {unknown: {type: NonMaxSuppression}, name: nms}\n"
    )
    table = convcost.load(str(path)).training().table("layer")
    stem, head = 32 * 32 * 16 * 27, 32 * 32 * 84 * 16
    counts = ("macs", "to_inputs_macs", "to_weights_macs", "kept_bytes")
    assert [[row[key] for key in counts] for row in table.records] == [
        [stem, 0, stem, 64 * 64 * 3 * 4],
        [head, head, head, 32 * 32 * 16 * 4],
        [None] * 4,
    ]
    assert table.total is not None
    assert table.total[3] == f">= {head:,}"
    assert "nothing in them to be trained" in dict(table.notes)["taken"]


@pytest.mark.parametrize(
    ("options", "message"), [({"optimizer": "lamb"}, "there is no optimizer 'lamb'"), ({"dtype": "int8"}, "got int8")]
)
def test_what_is_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as refused:
        convcost.load("lenet5").training(**options)  # type: ignore[arg-type]
    assert message in str(refused.value)
