"""What a layer reads from the `.bin` file beside the `.param`: how many numbers of which type, as the `.param` states them.

The file says how many weights a layer has, not their shape: that they are as many as its input takes is checked where the
layer is read. Scales that say what integers stand for are no parameters, and left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

from convcost.core.errors import Unfit
from convcost.importers.ncnn.given import DROPPED, whole

Attrs: TypeAlias = Mapping[str, Any]


class Kept(NamedTuple):
    """A tensor of the `.bin` file."""

    name: str
    """What it is to its layer."""
    shape: tuple[int, ...]
    dtype: str = "fp32"


def kept(type_: str, attrs: Attrs) -> list[Kept]:
    """What a layer of this type stores, in the order of the file; raises `Unfit` for counts that are none.

    >>> kept("Convolution", {"0": 32, "1": 3, "5": 1, "6": 864})
    [Kept(name='weights', shape=(864,), dtype='fp32'), Kept(name='biases', shape=(32,), dtype='fp32')]
    """
    found = _STORING[type_](attrs) if type_ in _STORING else []
    if bad := [one for one in found if min(one.shape, default=0) < 0]:
        raise Unfit(f"states {min(bad[0].shape)} {bad[0].name}")
    return [one for one in found if 0 not in one.shape]


def _vectors(attrs: Attrs, *names: str, count: int = 0) -> list[Kept]:
    """Vectors of as many numbers as the first parameter, or another one, says."""
    size = whole(attrs, count, 0)
    return [Kept(name, (size,)) for name in names]


def _filters(weights: int, bias: int, int8: int | None, read: int | None = None) -> Callable[[Attrs], list[Kept]]:
    """Filters and biases of a layer whose parameters of these numbers say how many weights, whether biases, whether int8.

    Of a layer that reads them from other blobs, as one more parameter says, none are stored, whatever the others say.
    """

    def found(attrs: Attrs) -> list[Kept]:
        if read is not None and whole(attrs, read, 0):
            return []
        dtype = "int8" if int8 is not None and whole(attrs, int8, 0) else "fp32"
        many = Kept("weights", (whole(attrs, weights, 0),), dtype)
        return [many, Kept("biases", (whole(attrs, 0, 0),))] if whole(attrs, bias, 0) else [many]

    return found


def _normed(affine: int, count: int, *names: str) -> Callable[[Attrs], list[Kept]]:
    """A norm that scales and shifts if a parameter says so."""
    return lambda attrs: _vectors(attrs, *names, count=count) if whole(attrs, affine, 1) else []


def _scaled(attrs: Attrs) -> list[Kept]:
    if whole(attrs, 0, 0) == DROPPED:
        return []
    return _vectors(attrs, "weights", *(["biases"] if whole(attrs, 1, 0) else []))


def _in_blocks(attrs: Attrs) -> str:
    """The type of weights of which a term says how they are quantised: in blocks, of as many bits as its hundreds say.

    >>> _in_blocks({}), _in_blocks({"18": 2}), _in_blocks({"18": 412}), _in_blocks({"18": 800})
    ('fp32', 'int8', 'int4', 'int8')
    """
    term = whole(attrs, 18, 0)
    if term >= 400 and term // 100 in (4, 6, 8) and term // 10 % 10 < 2 and term % 10 < 3:
        return f"int{term // 100}"
    if term >= 400 or term in (4, 5, 6):
        raise Unfit(f"quantises its weights in way {term}, which ncnn does not have")
    return "int8" if term else "fp32"


def _matrices(attrs: Attrs) -> list[Kept]:
    """The constant ones of the two matrices of a product, and what is added to it."""
    rows, columns, depth = (whole(attrs, number, 0) for number in (7, 8, 9))
    dtype = _in_blocks(attrs)
    found = []
    if whole(attrs, 4, 0):
        found.append(Kept("A", (depth, rows) if whole(attrs, 2, 0) else (rows, depth), dtype))
    if whole(attrs, 5, 0):
        found.append(Kept("B", (columns, depth) if whole(attrs, 3, 0) else (depth, columns), dtype))
    if whole(attrs, 6, 0) and whole(attrs, 10, 0) != -1:
        sizes = {0: (1,), 1: (rows, 1), 2: (rows, 1), 3: (rows, columns), 4: (columns,)}
        if whole(attrs, 10, 0) not in sizes:
            raise Unfit(f"adds a constant of kind {whole(attrs, 10, 0)}, where there are 0 to 4")
        found.append(Kept("C", sizes[whole(attrs, 10, 0)]))
    return found


def _attention(attrs: Attrs) -> list[Kept]:
    """Queries, keys, values and what leads out of them, with a bias each."""
    wide, count = whole(attrs, 0, 0), whole(attrs, 2, 0)
    inner = count // wide if wide > 0 else 0
    dtype = _in_blocks(attrs)
    widths = {"q": inner, "k": whole(attrs, 3, wide), "v": whole(attrs, 4, wide), "out": inner}
    return [
        one
        for name, depth in widths.items()
        for one in (
            Kept(f"{name}.weights", (wide, depth), dtype),
            Kept(f"{name}.biases", (inner if name == "out" else wide,)),
        )
    ]


def _recurrent(gates: int, biases: int) -> Callable[[Attrs], list[Kept]]:
    def found(attrs: Attrs) -> list[Kept]:
        wide, count = whole(attrs, 0, 0), whole(attrs, 1, 0)
        ways = 2 if whole(attrs, 2, 0) == 2 else 1
        hidden = whole(attrs, 3, wide) if gates == 4 else wide
        dtype = "int8" if whole(attrs, 8, 0) else "fp32"
        every = [
            Kept("weights", (count,), dtype),
            Kept("biases", (ways, biases, hidden)),
            Kept("states", (ways, gates * hidden, wide), dtype),
        ]
        return [*every, Kept("projection", (ways, wide, hidden), dtype)] if hidden != wide else every

    return found


def _embedded(attrs: Attrs) -> list[Kept]:
    dtype = "int8" if whole(attrs, 18, 0) else "fp32"
    channels, rows, count = whole(attrs, 0, 0), whole(attrs, 1, 0), whole(attrs, 3, 0)
    if count != channels * rows:
        raise Unfit(f"states {count} weights for {rows} rows of {channels}")
    table = Kept("weights", (rows, channels), dtype)
    return [table, Kept("biases", (channels,))] if whole(attrs, 2, 0) else [table]


#: Layer -> the parameter by which it reads its filters from another blob; None of those that store them always.
FILTERED: Final = {
    f"{name}{kind}{axes}": None if axes == "3D" else read
    for name, read in (("Convolution", 19), ("Deconvolution", 28))
    for kind in ("", "DepthWise")
    for axes in ("", "1D", "3D")
}
_STORING: Final[dict[str, Callable[[Attrs], list[Kept]]]] = {
    **{name: _filters(6, 5, 8 if name.startswith("Conv") else None, read) for name, read in FILTERED.items()},
    "DeformableConv2D": _filters(6, 5, None),
    "InnerProduct": _filters(2, 1, 8),
    "Gemm": _matrices,
    "MultiHeadAttention": _attention,
    "LSTM": _recurrent(4, 4),
    "GRU": _recurrent(3, 4),
    "RNN": _recurrent(1, 1),
    "Embed": _embedded,
    "BatchNorm": lambda attrs: _vectors(attrs, "weights", "mean", "variance", "biases"),
    "Bias": lambda attrs: _vectors(attrs, "biases"),
    "Scale": _scaled,
    "PReLU": lambda attrs: _vectors(attrs, "weights"),
    "LayerNorm": _normed(2, 0, "weights", "biases"),
    "RMSNorm": _normed(2, 0, "weights"),
    "InstanceNorm": _normed(2, 0, "weights", "biases"),
    "GroupNorm": _normed(3, 1, "weights", "biases"),
    "Normalize": lambda attrs: _vectors(attrs, "weights", count=3),
    "Padding": lambda attrs: _vectors(attrs, "values", count=6),
}


# -- what a layer takes ------------------------------------------------------------------------------------------------


def _taken(axes: int) -> Callable[[Attrs], tuple[int | None, ...]]:
    """A map, line or volume of the channels that the filters of a convolution see."""

    def found(attrs: Attrs) -> tuple[int | None, ...]:
        width = whole(attrs, 1, 0)
        taps = width * (whole(attrs, 11, width) if axes > 1 else 1) * (whole(attrs, 21, width) if axes > 2 else 1)
        return (whole(attrs, 6, 0) // (taps * whole(attrs, 0, 0)) or None, *[None] * axes)

    return found


def _steps(gates: int) -> Callable[[Attrs], tuple[int | None, ...]]:
    """Tokens of the channels that a recurrent layer sees."""

    def found(attrs: Attrs) -> tuple[int | None, ...]:
        hidden = whole(attrs, 3, whole(attrs, 0, 0)) if gates == 4 else whole(attrs, 0, 0)
        return None, whole(attrs, 1, 0) // (gates * hidden * (2 if whole(attrs, 2, 0) == 2 else 1)) or None

    return found


#: Layer -> the shape that it takes, channels first, without a batch; None for sizes that any may be.
TAKES: Final[dict[str, Callable[[Attrs], tuple[int | None, ...]]]] = {
    "Convolution": _taken(2),
    "Convolution1D": _taken(1),
    "Convolution3D": _taken(3),
    "LayerNorm": lambda attrs: (None, whole(attrs, 0, 0) or None),
    "RMSNorm": lambda attrs: (None, whole(attrs, 0, 0) or None),
    "Gemm": lambda attrs: (whole(attrs, 9, 0) or None, None)[:: -1 if not whole(attrs, 2, 0) else 1],
    "MultiHeadAttention": lambda attrs: (None, whole(attrs, 2, 0) // whole(attrs, 0, 0) or None),
    "LSTM": _steps(4),
    "GRU": _steps(3),
    "RNN": _steps(1),
    "Embed": lambda _attrs: (None,),
}
