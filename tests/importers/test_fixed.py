"""What a file has fixed at its own size: derived again, kept with a remark, or refused at another one."""

from __future__ import annotations

import pytest
import sympy
from helpers import torch_programs
from helpers.foreign import integers, lowered, model, op
from helpers.keras_files import call, entry, functional, layer, opened, operation, slice_, tensor
from helpers.tflite_bytes import File, Graph

from convcost.core.errors import SpecError
from convcost.graph.walk import Walk
from convcost.importers import fixed
from convcost.importers.imported import Imported
from convcost.importers.tflite.file import parse
from convcost.importers.torch.calls import Ref

REFUSED = "export it with open sizes"
PICTURE = {"x": (1, 3, 32, 32)}


def made(imported, size: int):
    """The shape of the last node of a model for a picture of this size, channels last."""
    return lowered(imported, x=(size, size, 3)).steps[-1].cost.out[0]


def sliced(starts: tuple[int, ...], ends: tuple[int, ...], axes: tuple[int, ...] = (2,)):
    tensors = [integers("starts", *starts), integers("ends", *ends), integers("axes", *axes)]
    return model(PICTURE, [op("Slice", "x starts ends axes", "y"), op("Relu", "y", "z")], tensors)


def notes(imported, size: int = 32) -> str:
    shapes = {"x": (size, size, 3)}
    return " / ".join(imported.lower(Walk(shapes), shapes).notes)


# -- bounded -----------------------------------------------------------------------------------------------------------


def copies(many: int) -> Imported:
    """So many times a mean that is stretched to a size that the file fixes: each looks at what was computed before."""
    read = Ref("m")
    ops = [torch_programs.op("aten.mean.dim", "m", self=Ref("x"), dim=(2, 3), keepdim=True)]
    ops += [torch_programs.op("aten.expand.default", f"e{i}", self=read, size=(1, 3, 7, 7)) for i in range(many)]
    ops += [
        torch_programs.op("aten.cat.default", "y", tensors=torch_programs.refs(*(f"e{i}" for i in range(many))), dim=1)
    ]
    return torch_programs.program(PICTURE, ops)


def slices(many: int) -> Imported:
    """So many slices from where a chain of as many sums ends."""
    sums = [op("Add", f"c{i} zero", f"c{i + 1}") for i in range(many)]
    cuts = [op("Slice", f"s{i - 1} c{many} end" if i else f"x c{many} end", f"s{i}") for i in range(many)]
    tensors = [integers("c0", 0), integers("zero", 0), integers("end", 2**40)]
    return model(PICTURE, [*sums, *cuts, op("Relu", f"s{many - 1}", "y")], tensors)


@pytest.mark.parametrize(("network", "place"), [(copies, "aten.expand e"), (slices, "Slice s")])
def test_what_is_looked_at_to_derive_sizes_again_is_bounded(network, place: str):
    """2,000 ops that look at up to 4,000 others took 3 to 5 s; at the file's own size they look at none."""
    assert network(300).lower(Walk({"x": (40, 40, 3)}), {"x": (40, 40, 3)}).outputs
    assert network(2000).lower(Walk({"x": (32, 32, 3)}), {"x": (32, 32, 3)}).outputs
    with pytest.raises(SpecError) as error:
        lowered(network(2000), x=(40, 40, 3))
    what = "at another input size, a file may have 1,000,000 values looked at to tell what its sizes are there; "
    assert str(error.value).partition(place)[2].partition(": ")[2] == what + REFUSED


# -- places ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "end", "rows"),
    [
        (0, 32, 64),  # the whole axis, its end written down
        (0, 2**63 - 1, 64),
        (1, 32, 63),
        (1, 2**63 - 1, 63),
        (0, -1, 63),
        (-2, 2**63 - 1, 2),
        (3, 4, 1),  # a single element
        (0, 1, 1),
        (0, 4, 4),  # few of many
    ],
)
def test_places_that_are_none_of_the_size(start, end, rows):
    assert made(sliced((start,), (end,)), 64) == (rows, 64, 3)


@pytest.mark.parametrize(("start", "end"), [(0, 16), (16, 32), (16, 2**63 - 1), (8, 24), (0, 31), (1, 16)])
def test_places_that_may_come_from_the_size(start, end):
    assert made(sliced((start,), (end,)), 32) == (min(end, 32) - start, 32, 3)
    with pytest.raises(SpecError, match=REFUSED):
        made(sliced((start,), (end,)), 64)


def test_places_along_an_axis_that_is_as_large_as_there():
    assert made(sliced((0,), (2,), (1,)), 64) == (64, 64, 2)


def test_a_place_that_the_file_computes_from_the_size():
    tensors = [integers("from", 0), integers("two", 2), integers("axis", 2)]
    ops = [
        op("Shape", "x", "size", start=2, end=3),
        op("Div", "size two", "half"),
        op("Slice", "x from half axis", "y"),
        op("Relu", "y", "z"),
    ]
    assert made(model(PICTURE, ops, tensors), 64) == (32, 64, 3)


def test_a_few_in_front_are_said():
    assert "a part of 4 that the file cuts off an axis of 32" in notes(sliced((0,), (4,)), 64)
    assert "cuts off" not in notes(sliced((0,), (4,)))


def test_chosen_elements_and_parts():
    ops = [op("Gather", "x rows", "y", axis=2), op("Relu", "y", "z")]
    several = model(PICTURE, ops, [integers("rows", 0, 5, 7)])
    assert made(several, 32) == (3, 32, 3)
    with pytest.raises(SpecError, match=REFUSED):
        made(several, 64)
    parts = model(PICTURE, [op("Split", "x parts", "a b", axis=2), op("Relu", "a", "z")], [integers("parts", 16, 16)])
    with pytest.raises(SpecError, match="splits 64 into parts of"):
        made(parts, 64)


def test_an_open_file_writes_down_no_size():
    tensors = [integers("starts", 0), integers("ends", 16), integers("axes", 2)]
    ops = [op("Slice", "x starts ends axes", "y"), op("Relu", "y", "z")]
    imported = model({"x": (1, 3, "h", "w")}, ops, tensors)
    assert made(imported, 64) == (16, 64, 3)


# -- sizes -------------------------------------------------------------------------------------------------------------


def pooled_to(type_: str, *sizes: int, tensors: str = ""):
    """A map of half the size, which is pooled, stretched to its own size, and added to itself."""
    ops = [
        op("MaxPool", "x", "map", kernel_shape=(2, 2), strides=(2, 2)),
        op("GlobalAveragePool", "map", "one"),
        op(type_, f"one {tensors or 'to'}", "back"),
        op("Relu", "back", "z"),
    ]
    return model(PICTURE, ops, [integers("to", *sizes)])


@pytest.mark.parametrize(
    ("type_", "sizes", "reads"),
    [
        ("Expand", (1, 3, 16, 16), ""),
        ("Tile", (1, 1, 16, 16), ""),
        ("Resize", (1, 3, 16, 16), "- - to"),
    ],
)
def test_a_size_that_another_tensor_has(type_, sizes, reads):
    imported = pooled_to(type_, *sizes, tensors=reads)
    assert made(imported, 32) == (16, 16, 3)
    assert made(imported, 64) == (32, 32, 3)


def test_a_size_of_the_input_comes_first():
    """Back to the picture: 32 is what the picture has there."""
    imported = pooled_to("Resize", 1, 3, 32, 32, tensors="- - to")
    assert made(imported, 48) == (48, 48, 3)


def test_a_size_that_nothing_has():
    with pytest.raises(SpecError, match=f"fixes a size of 20×20, made of 1×3×1×1 there; {REFUSED}"):
        made(pooled_to("Resize", 1, 3, 20, 20, tensors="- - to"), 64)
    copies = pooled_to("Expand", 1, 3, 1, 5)
    assert made(copies, 64) == (1, 5, 3)
    assert "5 copies that the file fixes at its own input size are as many here" in notes(copies, 64)


def test_a_size_that_is_two_others_here():
    """Rounded down and up, 33 rows become 16 and 17; 32 become 16 either way."""
    ops = [
        op("MaxPool", "x", "down", kernel_shape=(2, 2), strides=(2, 2)),
        op("MaxPool", "x", "up", kernel_shape=(2, 2), strides=(2, 2), ceil_mode=1),
        op("GlobalAveragePool", "down", "one"),
        op("Resize", "one - - to", "back"),
        op("Relu", "up", "z"),
    ]
    imported = model(PICTURE, ops, [integers("to", 1, 3, 16, 16)], outputs=["back", "z"])
    lowered(imported, x=(64, 64, 3))
    with pytest.raises(SpecError, match="which is here 16×16 of one tensor and 17×17 of another"):
        lowered(imported, x=(33, 33, 3))


def test_a_list_of_sizes_that_is_computed_in_part():
    """The exporter of PyTorch joins what it computes and what it has fixed."""
    ops = [
        op("MaxPool", "x", "map", kernel_shape=(2, 2), strides=(2, 2)),
        op("GlobalAveragePool", "map", "one"),
        op("Shape", "one", "first", start=0, end=2),
        op("Concat", "first to", "sizes", axis=0),
        op("Resize", "one - - sizes", "back"),
        op("Relu", "back", "z"),
    ]
    assert made(model(PICTURE, ops, [integers("to", 16, 16)]), 64) == (32, 32, 3)


# -- remarks -----------------------------------------------------------------------------------------------------------


def test_pads_and_windows_are_said():
    pad = model(PICTURE, [op("Pad", "x pads", "y"), op("Relu", "y", "z")], [integers("pads", 0, 0, 1, 1, 0, 0, 1, 1)])
    assert made(pad, 64) == (66, 66, 3)
    assert "padding that the file fixes" in notes(pad, 64)
    assert "padding" not in notes(pad)
    pool = model(PICTURE, [op("AveragePool", "x", "y", kernel_shape=(32, 32), strides=(32, 32))])
    assert "a pool of 32×32 covered the whole map at the file's own size" in notes(pool, 64)


def test_few_is_little_of_many():
    assert [fixed.is_few(place, 64) for place in (1, 8, 9)] == [True, True, False]


# -- over symbols ------------------------------------------------------------------------------------------------------


def test_over_symbols():
    size = sympy.Symbol("size", integer=True, positive=True)
    assert made(pooled_to("Resize", 1, 3, 32, 32, tensors="- - to"), size) == (size, size, 3)
    with pytest.raises(SpecError, match=REFUSED):
        made(sliced((0,), (16,)), size)


# -- the other formats -------------------------------------------------------------------------------------------------


def program(*ops):
    return torch_programs.program(PICTURE, ops)


def test_a_program_of_pytorch():
    half = program(torch_programs.op("aten.slice.Tensor", "y", self=Ref("x"), dim=2, start=0, end=16))
    few = program(torch_programs.op("aten.slice.Tensor", "y", self=Ref("x"), dim=2, start=0, end=6))
    for cut in (half, few):  # 6 of 32 may be a fifth of them
        with pytest.raises(SpecError, match=REFUSED):
            made(cut, 64)
    pooled = torch_programs.op("aten.adaptive_avg_pool2d.default", "one", self=Ref("x"), output_size=(1, 1))
    back = torch_programs.op("aten.expand.default", "y", self=Ref("one"), size=(-1, -1, 32, 32))
    copies = torch_programs.op("aten.repeat.default", "y", self=Ref("one"), repeats=(1, 1, 32, 32))
    resized = torch_programs.op("aten.upsample_bilinear2d.vec", "y", input=Ref("one"), output_size=(32, 32))
    for last in (back, copies, resized):
        assert made(program(pooled, last), 64) == (64, 64, 3)


def test_a_file_of_tensorflow_lite():
    """The size is no multiple of what is resized here, a single pixel there."""
    file = File()
    graph = Graph(file)
    x, axes = graph.tensor("x", (1, 32, 32, 3)), graph.stored("axes", [2], "int32", (1, 2))
    one, back = graph.tensor("one", (1, 1, 1, 3)), graph.tensor("back", (1, 32, 32, 3))
    graph.op("MEAN", [x, axes], [one], keep_dims=True)
    graph.op("RESIZE_BILINEAR", [one, graph.stored("to", [2], "int32", (32, 32))], [back])
    file.graphs.append(graph.table([x], [back]))
    imported = Imported(parse(file.bytes(), "net.tflite"))
    assert made(imported, 48) == (48, 48, 3)


@pytest.mark.parametrize(
    ("last", "shape"),
    [
        (operation("BroadcastTo", "it", call(tensor("one"), [1, 32, 32, 3]), shape=[1, 32, 32, 3]), (64, 64, 3)),
        (operation("Resize", "it", call(tensor("one")), room="image", size=[32, 32]), (64, 64, 3)),
        (operation("GetItem", "it", call(tensor("x"), [slice_(), slice_(1, 32)])), (63, 64, 3)),
        (operation("GetItem", "it", call(tensor("x"), [slice_(), slice_(None, 16)])), None),
    ],
)
def test_a_model_of_keras(tmp_path, last, shape):
    pooled = layer("GlobalAveragePooling2D", "one", "x", keepdims=True)
    imported = opened(tmp_path, functional("net", [entry("x", None, 32, 32, 3), pooled, last]))
    if shape is not None:
        assert made(imported, 64) == shape
        return
    with pytest.raises(SpecError, match=REFUSED):
        made(imported, 64)
