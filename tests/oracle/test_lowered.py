"""Lowered networks against the files that TensorFlow's converter writes for Keras models of the same layers.

pip install tensorflow-cpu==2.21
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import convcost
from convcost.deploy.lowered import lowered
from convcost.deploy.program import Program
from convcost.graph.walk import Walked

pytestmark = [
    pytest.mark.oracle,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),
]  # TensorFlow warns about itself

#: Networks of the zoo at sizes that convert in seconds. Not among them are those that flatten 1×1×c before a linear layer,
#: where `lowered` keeps a RESHAPE that the converter leaves out for a fixed batch.
NETWORKS: dict[str, dict[str, Any]] = {
    "ds_cnn_s": {},
    "mobilenet_v1": {"resolution": 96, "width": 0.25},
    "mobilenet_v2": {"resolution": 64},
    "mobilenet_v3_small": {"resolution": 64},
    "efficientnet_b0": {"resolution": 64},
    "resnet18": {"resolution": 64},
    "resnet20": {},
    "resnet50_v2": {"resolution": 64},
    "squeezenet1_1": {"resolution": 64},
    "shufflenet_v1": {"resolution": 64},
    "shufflenet_v2_x0_5": {"resolution": 64},
    "densenet121": {"resolution": 64},
    "googlenet_torchvision": {"resolution": 64},
    "bn_inception": {"resolution": 64},
    "unet": {"resolution": 64},
}


@pytest.fixture(scope="module")
def converted() -> Callable[[Walked, str, Path], Program]:
    pytest.importorskip("tensorflow", reason="pip install tensorflow-cpu==2.21")
    from .converted import converted

    return converted


@pytest.mark.parametrize("dtype", ["int8", "fp32"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_program_is_the_one_that_the_converter_writes(
    name: str, dtype: str, converted: Callable[[Walked, str, Path], Program], tmp_path: Path
) -> None:
    walked = convcost.load(name, **NETWORKS[name]).walked
    ours, theirs = lowered(walked, dtype), converted(walked, dtype, tmp_path)
    assert [kernel.type for kernel in ours.kernels] == [kernel.type for kernel in theirs.kernels]
    assert computed(ours) == computed(theirs)
    assert stored(ours) == stored(theirs)
    for own, other in zip(ours.kernels, theirs.kernels):
        for option in own.attrs.keys() - {"padding", "axis"}:  # said in several ways
            assert own.attrs[option] == other.attrs[option], (own.name, option)


def computed(program: Program) -> list[tuple[str, tuple[Any, ...]]]:
    """Type and shape of each computed tensor, in the order of their numbers: the planner places them by it."""
    made = {number for kernel in program.kernels for number in kernel.outputs}
    return [(tensor.dtype, tuple(tensor.shape)) for i, tensor in enumerate(program.tensors) if i in made]


def stored(program: Program) -> Counter[tuple[str, tuple[Any, ...], int]]:
    """Type, shape and number of scales of what lies in flash."""
    return Counter((tensor.dtype, tuple(tensor.shape), int(tensor.scales)) for _, tensor in program.stored())
