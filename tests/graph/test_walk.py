"""What a graph is asked for as a whole."""

from __future__ import annotations

import pytest

import convcost
from convcost.graph.walk import depth

#: What the papers call the depth of their networks; NASNet and the like print none.
DEPTHS = {"vgg11": 11, "vgg16": 16, "vgg19": 19, "googlenet": 22, "resnet18": 18, "resnet34": 34, "resnet50": 50,
          "resnet101": 101, "resnet152": 152, "densenet121": 121, "densenet169": 169, "densenet201": 201,
          "mobilenet_v1": 28, "alexnet": 8}  # fmt: skip


@pytest.mark.parametrize("name", DEPTHS)
def test_depth_is_what_the_papers_call_it(name: str) -> None:
    assert depth(convcost.load(name).graph) == DEPTHS[name]
