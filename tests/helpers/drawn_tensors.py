"""Drawn cases of ops on tensors of any rank: first a structure, then numbers for it, most of which fit.

A structure is all but the numbers: ranks, axes, flags, words, lengths of lists. Cases of one structure can be stacked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import strategies as st

from helpers.brute_tensors import NAMES, Shape, place
from helpers.systems import Case

Draw = st.DrawFn
#: Draws a structure, and gives what draws the shapes and attributes of a case of it.
Structure = Callable[[Draw], Callable[[Draw], tuple[list[Shape], dict[str, Any]]]]

SMALL = st.integers(1, 4)
RANK = st.sampled_from([1, 2, 3, 3, 4, 5])
POSITIONS = st.sampled_from([2, 2, 3, 4])
FLAGS = st.sampled_from([{}, {"on": True}, {"on": False}])


def shape(draw: Draw, rank: int) -> Shape:
    return tuple(draw(SMALL) for _ in range(rank))


def axis(draw: Draw, rank: int) -> Any:
    """An axis that a tensor of this rank mostly has, by name or number."""
    if draw(st.integers(0, 11)) == 0:
        return draw(st.sampled_from(["height", "length", rank]))
    return draw(st.sampled_from([*NAMES.get(rank, ["channels"]), *range(-rank, rank)]))


def axes(draw: Draw, rank: int) -> list[Any]:
    """One axis or several, mostly different ones."""
    listed = draw(
        st.lists(st.integers(-rank, rank - 1), min_size=1, max_size=min(rank, 3), unique_by=lambda at: at % rank)
    )
    return [axis(draw, rank) if draw(st.integers(0, 9)) == 0 else at for at in listed]


def maybe(draw: Draw, name: str, values: st.SearchStrategy[Any]) -> dict[str, Any]:
    """An attribute that is given in half of the structures."""
    return {name: draw(values)} if draw(st.booleans()) else {}


def given(draw: Draw, *names: str) -> list[str]:
    """Those of some attributes that a structure gives."""
    return [name for name in names if draw(st.booleans())]


def mostly(draw: Draw, value: int) -> int:
    """A number that fits, or sometimes another."""
    return value if draw(st.integers(0, 4)) else draw(SMALL)


def one_tensor(rank: st.SearchStrategy[int], **attrs: Callable[[Draw, int], dict[str, Any]]) -> Structure:
    """Ops whose attributes are structure: axes, flags, words."""

    def structure(draw: Draw) -> Callable[[Draw], tuple[list[Shape], dict[str, Any]]]:
        of = draw(rank)
        stated = {name: value for make in attrs.values() for name, value in make(draw, of).items()}
        return lambda inner: ([shape(inner, of)], dict(stated))

    return structure


def flag(name: str) -> Callable[[Draw, int], dict[str, Any]]:
    return lambda draw, _rank: maybe(draw, name, st.booleans())


def linear(draw: Draw) -> Any:
    rank, stated = (
        draw(RANK),
        {**maybe(draw, "bias", st.booleans()), **maybe(draw, "at", st.sampled_from(["tokens", "positions"]))},
    )
    return lambda inner: ([shape(inner, rank)], {**stated, "channels": inner(SMALL)})


def matmul(draw: Draw) -> Any:
    lead = draw(st.lists(st.sampled_from(["both", "first", "second", "neither"]), max_size=2))
    left_out = draw(st.sampled_from([0, 0, 1, 2]))  # leading axes that one of the two lacks
    which, stated = draw(st.booleans()), maybe(draw, "transpose", st.booleans())

    def numbers(inner: Draw) -> tuple[list[Shape], dict[str, Any]]:
        sizes = [inner(SMALL) for _ in lead]
        first = [mostly(inner, n) if who in ("both", "first") else 1 for n, who in zip(sizes, lead, strict=True)]
        second = [n if who in ("both", "second") else 1 for n, who in zip(sizes, lead, strict=True)]
        m, k, n = shape(inner, 3)
        right = [n, mostly(inner, k)] if stated.get("transpose") else [mostly(inner, k), n]
        x, y = (*first, m, k), (*second, *right)
        return [
            x[left_out:] if which and len(x) >= 2 + left_out else x,
            y if which or len(y) < 2 + left_out else y[left_out:],
        ], dict(stated)

    return numbers


def embedding(draw: Draw) -> Any:
    rank = draw(RANK)
    return lambda inner: ([shape(inner, rank)], {"rows": inner(SMALL), "channels": inner(SMALL)})


def source(draw: Draw) -> Any:
    rank, single = draw(RANK), draw(st.booleans())
    return lambda inner: ([], {"shape": inner(SMALL) if single else list(shape(inner, rank))})


def recurrent(draw: Draw) -> Any:
    rank, biases = draw(POSITIONS), draw(st.booleans())
    stated = {**maybe(draw, "bidirectional", st.booleans()), **maybe(draw, "last", st.booleans())}
    return lambda inner: (
        [tuple(inner(st.integers(1, 3)) for _ in range(rank))],
        {**stated, "channels": inner(st.integers(1, 3)), **({"biases": inner(st.integers(0, 2))} if biases else {})},
    )


def lstm(draw: Draw) -> Any:
    layer, projects = recurrent(draw), draw(st.booleans())

    def made(inner: Any) -> Any:
        shapes, attrs = layer(inner)
        return shapes, {**attrs, **({"projection": inner(st.integers(1, 3))} if projects else {})}

    return made


def factors(draw: Draw, number: int, parts: int) -> list[int]:
    """Numbers whose product is a number, mostly."""
    found = []
    for _ in range(parts - 1):
        found.append(draw(st.sampled_from([n for n in range(1, number + 1) if number % n == 0])))
        number //= found[-1]
    return draw(st.permutations([*found, mostly(draw, number)]))


def product_of(sizes: Sequence[int]) -> int:
    result = 1
    for size in sizes:
        result *= size
    return result


def reshape(draw: Draw) -> Any:
    rank, parts, rest = draw(RANK), draw(st.integers(1, 4)), draw(st.booleans())
    at, single = draw(st.integers(0, 3)), draw(st.booleans())

    def numbers(inner: Draw) -> tuple[list[Shape], dict[str, Any]]:
        x = shape(inner, rank)
        sizes = factors(inner, product_of(x), parts)
        if rest:
            sizes[at % parts] = -1
        return [x], {"shape": sizes[0] if single and parts == 1 and not rest else sizes}

    return numbers


def transpose(draw: Draw) -> Any:
    rank = draw(RANK)
    order = list(draw(st.permutations(range(rank))))
    if draw(st.integers(0, 3)) == 0:
        order[draw(st.integers(0, rank - 1))] = axis(draw, rank)
    order = order[: draw(st.sampled_from([rank] * 8 + [max(rank - 1, 1)]))] + [0] * (draw(st.integers(0, 9)) == 0)
    order = [at - rank if isinstance(at, int) and at < rank and draw(st.booleans()) and at >= 0 else at for at in order]
    return lambda inner: ([shape(inner, rank)], {"axes": order})


def expand(draw: Draw) -> Any:
    rank, more = draw(RANK), draw(st.integers(0, 2))
    grown = draw(st.lists(st.booleans(), min_size=rank, max_size=rank))
    fewer = draw(st.integers(0, 9)) == 0 and rank > 1

    def numbers(inner: Draw) -> tuple[list[Shape], dict[str, Any]]:
        x = tuple(mostly(inner, 1) if grows else inner(SMALL) for grows in grown)
        out = [inner(SMALL) if grows else mostly(inner, size) for size, grows in zip(x, grown, strict=True)]
        return [x], {"shape": out[1:] if fewer else [*shape(inner, more), *out]}

    return numbers


def roll(draw: Draw) -> Any:
    rank = draw(POSITIONS)
    length = draw(st.sampled_from([1, rank - 1, rank - 1, 3]))
    shift = st.integers(-3, 3)
    single = draw(st.booleans())
    return lambda inner: (
        [shape(inner, rank)],
        {"shift": inner(shift) if single else [inner(shift) for _ in range(length)]},
    )


def window_partition(draw: Draw) -> Any:
    single = draw(st.booleans())

    def numbers(inner: Draw) -> tuple[list[Shape], dict[str, Any]]:
        window = [inner(st.integers(1, 3))] * 2 if single else list(shape(inner, 2))
        size = tuple(mostly(inner, step * inner(st.integers(1, 2))) for step in window)
        return [(*size, inner(SMALL))], {"window": window[0] if single else window}

    return numbers


def window_reverse(draw: Draw) -> Any:
    single = draw(st.booleans())

    def numbers(inner: Draw) -> tuple[list[Shape], dict[str, Any]]:
        window = [inner(st.integers(1, 3))] * 2 if single else list(shape(inner, 2))
        tiles = shape(inner, 2)
        size = [mostly(inner, step * n) for step, n in zip(window, tiles, strict=True)]
        x = (mostly(inner, product_of(tiles)), mostly(inner, product_of(window)), inner(SMALL))
        return [x], {"size": size, "window": window[0] if single else window}

    return numbers


def gather(draw: Draw) -> Any:
    rank, along = draw(RANK), draw(st.integers(0, 3))

    def structure_axis() -> Any:
        return axis(draw, rank)

    at = structure_axis()

    def numbers(inner: Draw) -> tuple[list[Shape], dict[str, Any]]:
        chosen = shape(inner, along)
        count = mostly(inner, product_of(chosen)) if along else inner(SMALL)
        return [shape(inner, rank), *([chosen] if along else [])], {"count": count, "axis": at}

    return numbers


def top_k(draw: Draw) -> Any:
    rank, stated = draw(RANK), {}
    if draw(st.booleans()):
        stated = {"axis": axis(draw, rank)}
    return lambda inner: ([shape(inner, rank)], {**stated, "count": inner(SMALL)})


def combine(draw: Draw) -> Any:
    """Shapes that mostly stretch to each other: any may have 1 where another has more, or lack leading axes."""
    rank, stated = draw(RANK), {"function": draw(st.sampled_from(["subtract", "where", "equal"]))}
    lacks = [draw(st.sampled_from([0, 0, 1])) for _ in range(draw(st.integers(2, 3)))]

    def numbers(inner: Draw) -> tuple[list[Shape], dict[str, Any]]:
        whole = shape(inner, rank)
        like = [tuple(1 if inner(st.integers(0, 3)) == 0 else n for n in whole) for _ in lacks]
        odd = [tuple(n if inner(st.integers(0, 15)) else inner(SMALL) for n in one) for one in like]
        return [one[gone:] if gone < rank else one for one, gone in zip(odd, lacks, strict=True)], dict(stated)

    return numbers


def unknown(draw: Draw) -> Any:
    """Any inputs, and no shape, one, or several."""
    ranks, outputs = draw(st.lists(RANK, max_size=3)), draw(st.lists(RANK, max_size=2))

    def numbers(inner: Draw) -> tuple[list[Shape], dict[str, Any]]:
        made = [list(shape(inner, rank)) for rank in outputs]
        stated = {"shape": made[0] if len(made) == 1 else made} if made else {}
        return [shape(inner, rank) for rank in ranks], {"type": "Foo", **stated}

    return numbers


def tile(draw: Draw) -> Any:
    rank = draw(RANK)
    fewer = draw(st.integers(0, 5)) == 0 and rank > 1
    return lambda inner: ([shape(inner, rank)], {"repeats": list(shape(inner, rank - fewer))})


def one_hot(draw: Draw) -> Any:
    rank = draw(RANK)
    return lambda inner: ([shape(inner, rank)], {"channels": inner(SMALL)})


def scatter(draw: Draw) -> Any:
    ranks = draw(st.lists(RANK, min_size=1, max_size=3))
    return lambda inner: ([shape(inner, rank) for rank in ranks], {})


def grid_sample(draw: Draw) -> Any:
    stated = maybe(draw, "mode", st.sampled_from(["nearest", "bicubic"]))
    return lambda inner: ([shape(inner, 3), (*shape(inner, 2), mostly(inner, 2))], dict(stated))


def roi_align(draw: Draw) -> Any:
    rank, along, single = draw(POSITIONS), draw(st.integers(0, 2)), draw(st.booleans())

    def numbers(inner: Draw) -> tuple[list[Shape], dict[str, Any]]:
        boxes = (*shape(inner, rank - 1), 4)
        images = (mostly(inner, product_of(boxes[:-1])), *[1] * (along - 1))
        size = inner(SMALL) if single else list(shape(inner, 2))
        return [shape(inner, 3), boxes, *([images] if along else [])], {"size": size}

    return numbers


def split_softmax(draw: Draw) -> Any:
    rank = draw(RANK)
    return lambda inner: ([shape(inner, rank)], {"parts": inner(st.integers(1, 3))})


def elementwise(op: str) -> Structure:
    """Further inputs are like the first, or stretch to it, or do not."""

    def structure(draw: Draw) -> Any:
        rank = draw(RANK)
        stated = maybe(draw, "broadcast", st.booleans()) if op == "add" else {}
        lacks = [draw(st.sampled_from([0, 0, 0, 1, -1])) for _ in range(draw(st.integers(1, 2)))]

        def numbers(inner: Draw) -> tuple[list[Shape], dict[str, Any]]:
            x = shape(inner, rank)
            ones = inner(st.booleans())
            others = []
            for gone in lacks:
                like = [
                    1 if ones and inner(st.booleans()) else n if inner(st.integers(0, 9)) else inner(SMALL) for n in x
                ]
                others.append(tuple(like[gone:] if 0 <= gone < rank else [1, *like] if gone < 0 else like))
            return [x, *others], dict(stated)

        return numbers

    return structure


def concat(draw: Draw) -> Any:
    rank, many = draw(RANK), draw(st.integers(2, 3))
    other_rank = draw(st.integers(0, 9)) == 0
    stated = {"axis": axis(draw, rank)} if draw(st.booleans()) else {}

    def numbers(inner: Draw) -> tuple[list[Shape], dict[str, Any]]:
        x = shape(inner, rank)
        try:
            at = place(x, stated.get("axis", "channels"))
        except LookupError:
            at = 0
        except ValueError:
            at = 0
        others = [
            tuple(inner(SMALL) if i == at or inner(st.integers(0, 15)) == 0 else n for i, n in enumerate(x))
            for _ in range(many - 1)
        ]
        return [x, *others[:-1], (*others[-1], 2) if other_rank else others[-1]], dict(stated)

    return numbers


def slice_(draw: Draw) -> Any:
    rank, numbers_given = draw(RANK), given(draw, "start", "stop", "step")
    stated = {"axis": axis(draw, rank)} if draw(st.booleans()) else {}
    drawn = {"start": st.integers(0, 3), "stop": st.integers(1, 5), "step": st.integers(1, 3)}
    longer = st.integers(1, 6)

    def numbers(inner: Draw) -> tuple[list[Shape], dict[str, Any]]:
        x = tuple(inner(longer) for _ in range(rank))
        return [x], {**stated, **{name: inner(drawn[name]) for name in numbers_given}}

    return numbers


def split(draw: Draw) -> Any:
    rank, parts, listed = draw(RANK), draw(st.integers(2, 3)), draw(st.booleans())
    stated = {"axis": axis(draw, rank)} if draw(st.booleans()) else {}

    def numbers(inner: Draw) -> tuple[list[Shape], dict[str, Any]]:
        sizes = list(shape(inner, parts))
        whole = sum(sizes) if listed else parts * inner(st.integers(1, 2))
        x = tuple(mostly(inner, whole) for _ in range(rank))
        return [x], {**stated, "sections": sizes if listed else parts}

    return numbers


#: Op -> how its structures are drawn.
STRUCTURES: dict[str, Structure] = {
    "linear": linear,
    "matmul": matmul,
    "embedding": embedding,
    "source": source,
    **dict.fromkeys(["gru", "rnn"], recurrent),
    "lstm": lstm,
    "softmax": one_tensor(RANK, axis=lambda draw, rank: {"axis": axis(draw, rank)} if draw(st.booleans()) else {}),
    "l2_normalize": one_tensor(RANK, axis=lambda draw, rank: {"axis": axis(draw, rank)} if draw(st.booleans()) else {}),
    "log_softmax": one_tensor(RANK, axis=lambda draw, rank: {"axis": axis(draw, rank)} if draw(st.booleans()) else {}),
    "split_softmax": split_softmax,
    "cumulative": one_tensor(
        RANK,
        axis=lambda draw, rank: {"axis": axis(draw, rank)},
        function=lambda draw, _rank: maybe(draw, "function", st.sampled_from(["product", "max", "min"])),
    ),
    "function": one_tensor(RANK, of=lambda draw, _rank: {"of": draw(st.sampled_from(["exp", "log", "cast"]))}),
    "combine": combine,
    "unknown": unknown,
    "tile": tile,
    "one_hot": one_hot,
    "scatter": scatter,
    "grid_sample": grid_sample,
    "roi_align": roi_align,
    "rms_norm": one_tensor(
        RANK, axes=lambda draw, rank: {"axes": axes(draw, rank)} if draw(st.booleans()) else {}, scale=flag("scale")
    ),
    "layer_norm": one_tensor(
        RANK,
        axes=lambda draw, rank: {"axes": axes(draw, rank)} if draw(st.booleans()) else {},
        scale=flag("scale"),
        shift=flag("shift"),
    ),
    "global_response_norm": one_tensor(POSITIONS),
    "reduce": one_tensor(
        RANK,
        axes=lambda draw, rank: {"axes": axes(draw, rank)},
        function=lambda draw, _rank: {"function": draw(st.sampled_from(["mean", "sum", "max", "min", "norm"]))},
        keep=flag("keep"),
    ),
    "reshape": reshape,
    "transpose": transpose,
    "expand": expand,
    "roll": roll,
    "window_partition": window_partition,
    "window_reverse": window_reverse,
    "gather": gather,
    "top_k": top_k,
    "add": elementwise("add"),
    "multiply": elementwise("multiply"),
    "concat": concat,
    "slice": slice_,
    "split": split,
}


@st.composite
def batches(draw: Draw, op: str) -> list[Case]:
    """Three cases of one structure."""
    numbers = STRUCTURES[op](draw)
    return [Case(op, *numbers(draw)) for _ in range(3)]


#: Those that no drawn case gets refused by a check.
NEVER_REFUSED = {
    "function",
    "unknown",
    "one_hot",
    "scatter",
    "embedding",
    "source",
    "lstm",
    "gru",
    "rnn",
    "global_response_norm",
}
