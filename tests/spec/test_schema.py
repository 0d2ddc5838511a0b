"""The JSON Schema for editors: it accepts the zoo and marks what the language refuses."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from convcost.networks.load import validate
from convcost.ops import OPS
from convcost.spec.schema import json_schema
from convcost.spec.zoo import files

VALIDATOR = jsonschema.Draft7Validator(json_schema())
GOOD = {
    "convcost": 1,
    "name": "x",
    "input": [32, 32, 3],
    "layers": [{"conv2d": {"channels": 8, "kernel": [3, 3], "padding": "same"}, "name": "c1"}, "relu"],
}


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(json_schema())


@pytest.mark.parametrize("path", files(), ids=lambda path: path.rsplit("/", 1)[-1])
def test_every_spec_of_the_zoo_passes(path: str) -> None:
    VALIDATOR.validate(yaml.safe_load(Path(path).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("layers", 0, "conv2d", "stride"), 0),
        (("layers", 0, "conv2d", "kernal"), 3),
        (("layers", 0, "conv2d", "padding"), -1),
        (("layers", 0, "conv2d", "bias"), 3),
        (("layers", 0, "side"), "yes"),
        (("convcost",), 2),
        (("task",), "clasification"),
        (("inputs",), [1]),
        (("input",), [0, 32, 3]),
        (("layers",), "relu"),
    ],
)
def test_what_the_language_refuses_is_marked(keys: tuple[object, ...], value: object) -> None:
    VALIDATOR.validate(GOOD)
    bad = copy.deepcopy(GOOD)
    place: object = bad
    for key in keys[:-1]:
        place = place[key]  # type: ignore[index]
    place[keys[-1]] = value  # type: ignore[index]
    assert list(VALIDATOR.iter_errors(bad))


def test_a_missing_argument_is_marked() -> None:
    bad = {**GOOD, "layers": [{"conv2d": {"channels": 8}}]}
    assert list(VALIDATOR.iter_errors(bad))


def test_every_op_and_attribute_has_a_description() -> None:
    text = json.dumps(json_schema())
    item = json_schema()["definitions"]["layers"]["items"]["anyOf"][1]["properties"]
    for name, op in OPS.items():
        assert item[name]["description"] == op.doc
        assert set(item[name]["properties"]) == set(op.attrs)
        assert all(attr["description"] for attr in item[name]["properties"].values())
    assert "Draft" not in text


@pytest.mark.parametrize(
    ("limits", "good"),
    [
        ({"macs": "300M", "params": 4_000_000, "peak": "256KiB", "weights": "1MiB", "growth": "1%"}, True),
        ({"layer_macs": "20M", "growth": {"macs": "0.5 %", "peak": "+2%"}}, True),
        ({"growth": 0}, True),
        ({"mac": "300M"}, False),
        ({"macs": [1]}, False),
        ({"macs": -1}, False),
        ({"growth": 1}, False),
        ({"growth": {"activations": "1%"}}, False),
    ],
    ids=str,
)
def test_limits_that_the_schema_accepts_are_those_that_the_reader_does(
    limits: object, good: bool, tmp_path: Path
) -> None:
    spec = {**GOOD, "limits": limits}
    assert VALIDATOR.is_valid(spec) == good
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(spec))
    assert (validate(str(tmp_path / "x.yaml")) == []) == good
