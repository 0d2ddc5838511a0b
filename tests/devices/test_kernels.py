"""What the time of a kernel is made of: counts derived by hand, and the same over grids and symbols."""

import pytest

from convcost import load
from convcost.devices.kernels import TERMS, kernels, rank, total, untyped


def of(network, layer, dtype=None, batch=1):
    """The terms of one layer's kernel."""
    names = [step.node.name for step in network.steps]
    return kernels(network.walked, dtype, batch)[names.index(layer)]


def test_winograd_counts_whole_tiles():
    # 56×56×64 to 64: 14·14 tiles of 6·6 products for each pair of channels. Reads and writes 56·56·64 elements each.
    assert of(load("resnet18"), "conv2_x.block1.conv1.conv2d") == {
        "winograd": 14 * 14 * 36 * 64 * 64,
        "winograd_transform": 2 * 56 * 56 * 64,
        "weights": 4 * 9 * 64 * 64,
        "activations": 2 * 56 * 56 * 64,
        "kernels": 1,
    }
    # 7×7×512: two tiles of four along each axis, of which one is partly empty.
    assert of(load("resnet18"), "conv5_x.block1.conv2.conv2d")["winograd"] == 2 * 2 * 36 * 512 * 512


def test_other_windows_are_unfolded():
    # 7×7 /2 on 224×224×3 to 64: 112·112 windows of 7·7·3 elements.
    assert of(load("resnet18"), "conv1.conv2d") == {
        "direct": 112 * 112 * 147 * 64,
        "im2col": 112 * 112 * 147,
        "weights": 4 * 147 * 64,
        "activations": 224 * 224 * 3 + 112 * 112 * 64,
        "kernels": 1,
    }


def test_a_linear_layer_at_one_position_reads_each_weight_once_and_the_term_says_so():
    assert of(load("mobilenet_v2"), "classifier") == {
        "vector": 1280 * 1000,
        "activations": 1280 + 1000,
        "kernels": 1,
    }


def test_what_is_fused_takes_no_time_but_its_exponentials():
    network = load("efficientnet_b0")
    assert of(network, "stem.batch_norm") == {}
    assert of(network, "stem.swish") == {"exponentials": 112 * 112 * 32}
    assert of(load("mobilenet_v2"), "stem.relu6") == {}


def test_the_type_of_the_weights_is_part_of_the_term_and_of_the_bytes():
    found = of(load("mobilenet_v1"), "stage1.block1.pointwise.conv2d", "int8")
    assert found == {
        "pointwise_int8": 112 * 112 * 32 * 64,
        "weights": 32 * 64,
        "activations": 112 * 112 * (32 + 64),
        "kernels": 1,
    }


def test_a_batch_multiplies_everything_but_the_weights_and_the_kernels():
    one, four = (of(load("resnet18"), "conv2_x.block1.conv1.conv2d", batch=batch) for batch in (1, 4))
    same = {"weights", "kernels"}
    assert four == {term: count if term in same else 4 * count for term, count in one.items()}


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet50", "densenet121", "shufflenet_v2_x1_0", "vit_b_16"])
def test_all_macs_are_in_some_term_once(name):
    """What is not counted as MACs is multiplications by Winograd's algorithm, of which each tile has 36 for 144 MACs."""
    network = load(name)
    for step, terms in zip(network.steps, kernels(network.walked)):
        products = {untyped(term) for term in terms} & {
            "direct",
            "winograd",
            "pointwise",
            "depthwise",
            "vector",
            "matmul",
        }
        assert len(products) == (step.cost.macs > 0), step.node.name
        if products and products != {"winograd"}:
            assert terms[next(iter(products))] == step.cost.macs, step.node.name
        elif products:
            h, w, _ = step.cost.out[0]
            whole = (-(-h // 4) * 4) * (-(-w // 4) * 4)
            assert terms["winograd"] * 4 * h * w == step.cost.macs * whole, step.node.name


def test_terms_stand_in_one_order():
    found = list(total(kernels(load("googlenet").walked)))
    assert found == sorted(found, key=rank)
    assert {untyped(term) for term in found} <= {*TERMS}


def test_terms_over_symbols_are_those_of_every_number():
    """Conditions - Winograd from 8 channels on, one position - become pieces of an expression."""
    import sympy

    from convcost.graph.graph import Graph, Node
    from convcost.graph.walk import walk

    width, side = sympy.symbols("width side", integer=True, positive=True)

    def counts(channels, size):
        same = {"stride": (1, 1), "padding": ("same", "same"), "dilation": (1, 1), "groups": 1, "bias": False}
        nodes = (
            Node("window", "conv2d", ("input",), {**same, "channels": channels, "kernel": (3, 3)}),
            Node("product", "conv2d", ("window",), {**same, "channels": channels, "kernel": (1, 1)}),
        )
        return total(kernels(walk(Graph("net", {"input": (size, size, 8)}, nodes, ("product",)))))

    said = counts(width, side)
    for channels in (4, 8, 13):
        for size in (1, 4, 9):
            found = {term: int(sympy.sympify(one).subs({width: channels, side: size})) for term, one in said.items()}
            assert {term: count for term, count in found.items() if count} == counts(channels, size)
