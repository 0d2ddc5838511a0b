"""Layers of ncnn with parameters at random, as lines of a `.param` file, on an input of a random shape."""

from __future__ import annotations

from random import Random
from typing import NamedTuple


class Drawn(NamedTuple):
    """A file of one layer over inputs; stored data stands before it as layers of their own."""

    text: str
    inputs: dict[str, tuple[int, ...]]
    """Channels first."""
    makes: tuple[str, ...]


def param(*lines: str) -> str:
    """A file of these layers, with its counts.

    >>> print(param("Input x 0 1 x 0=8 1=6 2=3", "ReLU act 1 1 x y"))
    7767517
    2 2
    Input x 0 1 x 0=8 1=6 2=3
    ReLU act 1 1 x y
    """
    blobs = sum(int(line.split()[3]) for line in lines)
    return "\n".join(("7767517", f"{len(lines)} {blobs}", *lines))


def given(shape: tuple[int, ...], name: str = "x") -> str:
    """An input of this shape, channels first."""
    keys = {1: (0,), 2: (1, 0), 3: (2, 1, 0), 4: (2, 11, 1, 0)}[len(shape)]
    return f"Input {name} 0 1 {name} " + " ".join(f"{key}={size}" for key, size in zip(keys, shape))


def drawn(rng: Random, kind: str) -> Drawn:
    """A file with one layer of this kind."""
    return _DRAWN[kind](rng)


def one(shape: tuple[int, ...], layer: str, makes: int = 1) -> Drawn:
    """A file with one layer that reads x and makes y, or several."""
    names = tuple(f"y{i}" for i in range(makes))
    kind, _, rest = layer.partition(" ")
    return Drawn(param(given(shape), f"{kind} one 1 {makes} x {' '.join(names)} {rest}"), {"x": shape}, names)


def _map(rng: Random) -> tuple[int, ...]:
    return rng.choice((1, 2, 3, 4, 6, 8)), rng.randint(1, 17), rng.randint(1, 17)


def _numbers(**values: int) -> str:
    return " ".join(f"{key.strip('_')}={value}" for key, value in values.items())


def _window(rng: Random, pads: tuple[int, ...], *, dilated: bool = True) -> dict[int, int]:
    """Parameters of a convolution, of which some stand for others that are left out."""
    found = {1: rng.randint(1, 5), 3: rng.randint(1, 3), 4: rng.choice(pads)}
    dilated = dilated and found[4] >= 0
    if dilated and rng.random() < 0.3:
        found[2] = rng.randint(1, 3)
    if found[4] >= 0:
        optional = {
            11: rng.randint(1, 5),
            13: rng.randint(1, 3),
            14: rng.randint(0, 3),
            15: rng.randint(0, 3),
            16: rng.randint(0, 3),
        }
    else:
        found[3] = rng.randint(1, found[1])  # ncnn itself fails where windows of that padding do not meet
        optional = {11: rng.randint(found[3], 5)}
    if dilated:
        optional[12] = rng.randint(1, 2)
    return found | {key: value for key, value in optional.items() if rng.random() < 0.4}


def _line(kind: str, values: dict[int, object]) -> str:
    return " ".join((kind, *(f"{key}={value}" for key, value in sorted(values.items()))))


def _conv(rng: Random) -> Drawn:
    channels, height, width = _map(rng)
    values = _window(rng, (0, 1, 2, -233, -234))
    if values[4] >= 0:  # where no window fits ncnn reads what is not there
        height, width = height + 13, width + 13
    values[0] = rng.choice((1, 2, 6, 12))
    taps = values[1] * values.get(11, values[1])
    kind = rng.choice(("Convolution", "ConvolutionDepthWise"))
    groups = 1
    if kind == "ConvolutionDepthWise":
        groups = rng.choice([n for n in (1, 2, 3, 4, 6) if channels % n == 0 and values[0] % n == 0])
        values[7] = groups
    values[6] = taps * channels * values[0] // groups
    values[5] = rng.randint(0, 1)
    values[9] = rng.choice((0, 0, 1, 4, 5))
    return one((channels, height, width), _line(kind, dict(values)))


def _deconv(rng: Random) -> Drawn:
    channels, height, width = _map(rng)
    values = _window(rng, (0, 0, 1, 2, -233, -234))
    values[0] = rng.choice((1, 2, 6, 12))
    values[5], values[6] = 1, values[1] * values.get(11, values[1]) * channels * values[0]
    kind = rng.choice(("Deconvolution", "DeconvolutionDepthWise"))
    if kind == "DeconvolutionDepthWise":
        groups = rng.choice([n for n in (1, 2, 3, 6) if channels % n == 0 and values[0] % n == 0])
        values[7], values[6] = groups, values[6] // groups
    if values[4] < 0 and rng.random() < 0.7:
        values |= {20: rng.randint(1, width), 21: rng.randint(1, height)}
    elif values[4] >= 0 and 13 not in values and rng.random() < 0.4:
        values[18] = rng.randint(0, values[3] - 1)
    return one((channels, height, width), _line(kind, dict(values)))


def _pool(rng: Random) -> Drawn:
    values: dict[int, object] = {0: rng.randint(0, 1)}
    way, (channels, height, width) = rng.random(), _map(rng)
    if way < 0.1:
        values[4] = 1
    elif way < 0.25:
        values |= {7: 1, 8: rng.choice((1, 2, 3, -233)), **({18: rng.choice((1, 4))} if rng.random() < 0.5 else {})}
    else:
        values |= {1: rng.randint(1, 5), 2: rng.randint(1, 4), 3: rng.randint(0, 2), 5: rng.choice((0, 0, 1, 2, 3))}
        optional = {
            11: rng.randint(1, 5),
            12: rng.randint(1, 4),
            13: rng.randint(0, 2),
            14: rng.randint(0, 2),
            15: rng.randint(0, 2),
        }
        if values[5] in (2, 3):
            values[2] = rng.randint(1, values[1])
        else:
            values |= {key: value for key, value in optional.items() if rng.random() < 0.3}
        if values[5] == 1:
            height, width = height + 4, width + 4
    return one((channels, height, width), _line("Pooling", values))


def _line_of(rng: Random, kind: str) -> Drawn:
    """Layers along one axis."""
    shape = (rng.choice((1, 2, 4)), rng.randint(5, 30))
    kernel, stride = rng.randint(1, 5), rng.randint(1, 3)
    if kind == "Pooling1D":
        values: dict[int, object] = {0: rng.randint(0, 1), 1: kernel, 3: rng.randint(0, 2), 5: rng.randint(0, 3)}
        values[2] = min(stride, kernel) if values[5] in (2, 3) else stride
        if rng.random() < 0.2:
            values[4] = 1
    else:
        out = rng.choice((1, 3, 4))
        values = {0: out, 1: kernel, 3: stride, 5: 1, 6: out * kernel * shape[0]}
        pads = (0, 1, -233, -234) if kind == "Convolution1D" else (0, 1)
        values[4] = rng.choice(pads)
    return one(shape, _line(kind, values))


def _volume(rng: Random, kind: str) -> Drawn:
    channels = rng.choice((1, 2, 3))
    shape = (channels, rng.randint(3, 8), rng.randint(3, 9), rng.randint(3, 10))
    kernel = {1: rng.randint(1, 3)} | {key: rng.randint(1, 3) for key in (11, 21) if rng.random() < 0.5}
    taps = kernel[1] * kernel.get(11, kernel[1]) * kernel.get(21, kernel[1])
    if kind == "Pooling3D":
        values: dict[int, object] = {0: rng.randint(0, 1), 2: rng.randint(1, 3), 5: rng.randint(0, 1), **kernel}
        values |= {key: rng.randint(0, 1) for key in (3, 13, 14, 15, 16, 23) if rng.random() < 0.3}
    else:
        values = {0: 4, 3: rng.randint(1, 2), 5: 0, 6: 4 * channels * taps, **kernel}
        values |= {key: rng.randint(0, 1) for key in (4, 14, 15, 16, 17, 24) if rng.random() < 0.4}
        values |= {key: rng.randint(1, 2) for key in (13, 23) if rng.random() < 0.4}
    return one(shape, _line(kind, values))


def _binary(rng: Random) -> Drawn:
    first = tuple(rng.randint(1, 7) for _ in range(rng.randint(1, 4)))
    count = rng.randint(1, len(first))
    way = rng.random()
    if way < 0.3:
        second = (first[0],) if rng.random() < 0.7 else (first[-1],)
    elif way < 0.6:
        second = tuple(rng.choice((size, 1)) for size in first)
    else:
        second = first[:count]
    inputs = {"x": first, "z": second}
    names = ["x", "z"] if rng.random() < 0.6 else ["z", "x"]
    lines = (given(first), given(second, "z"), f"BinaryOp one 2 1 {' '.join(names)} y0 0={rng.randint(0, 7)}")
    return Drawn(param(*lines), inputs, ("y0",))


def _interp(rng: Random) -> Drawn:
    values: dict[int, object] = {0: rng.randint(1, 3)}
    if rng.random() < 0.5:
        scales = [rng.choice((0.5, 2.0, 1.5, 0.333333, 1.333333, 3.0)) for _ in range(2)]
        values |= {1: f"{scales[0]:e}", 2: f"{scales[1]:e}"}
    else:
        values |= {3: rng.randint(1, 20), 4: rng.randint(1, 20)}
    return one(_map(rng), _line("Interp", values))


def _crop(rng: Random) -> Drawn:
    shape = tuple(rng.randint(3, 9) for _ in range(rng.randint(1, 4)))
    if rng.random() < 0.5:
        axes = sorted(rng.sample(range(len(shape)), rng.randint(1, len(shape))))
        starts = [rng.choice((0, 1, 2, -2, -233)) for _ in axes]
        ends = [rng.choice((3, -1, 20, -233, shape[axis])) for axis in axes]
        if any(start == -2 and 0 < end < 4 for start, end in zip(starts, ends)):
            starts = [0] * len(axes)
        lists = {9: starts, 10: ends, 11: axes}
        return one(
            shape,
            "Crop " + " ".join(f"{-23300 - at}={len(one_)},{','.join(map(str, one_))}" for at, one_ in lists.items()),
        )
    ids = {
        1: ((0, 3, 6),),
        2: ((1, 4, 7), (0, 3, 6)),
        3: ((2, 5, 8), (1, 4, 7), (0, 3, 6)),
        4: ((2, 5, 8), (13, 14, 15), (1, 4, 7), (0, 3, 6)),
    }
    values: dict[int, object] = {}
    for offset, size, behind in ids[len(shape)]:
        values |= {offset: rng.randint(0, 1), size: rng.choice((1, 2, -233)), behind: rng.randint(0, 1)}
    return one(shape, _line("Crop", values))


def _padding(rng: Random) -> Drawn:
    shape = tuple(rng.randint(3, 9) for _ in range(rng.randint(1, 4)))
    keys = {1: (2, 3), 2: (0, 1, 2, 3), 3: (0, 1, 2, 3, 7, 8), 4: (0, 1, 2, 3, 7, 8)}[len(shape)]
    return one(shape, _line("Padding", {key: rng.randint(0, 2) for key in keys}))


def _reduction(rng: Random) -> Drawn:
    shape = tuple(rng.randint(2, 6) for _ in range(rng.randint(1, 4)))
    values: dict[int, object] = {0: rng.choice((0, 3, 4, 5, 8)), 1: 0, 4: rng.randint(0, 1), 5: 1}
    axes = rng.sample(range(len(shape)), rng.randint(1, len(shape)))
    if rng.random() < 0.2:
        values[1] = 1
    else:
        values[-23303] = ",".join(map(str, (len(axes), *axes)))
    return one(shape, _line("Reduction", values))


def _slice(rng: Random) -> Drawn:
    shape = tuple(rng.randint(4, 9) for _ in range(rng.randint(1, 4)))
    axis, parts = rng.randrange(-len(shape), len(shape)), rng.randint(2, 3)
    if rng.random() < 0.4:
        places = (1, -1) if parts == 3 else (rng.choice((1, 2, -1, -2)),)
        return one(shape, f"Slice -23302={parts - 1},{','.join(map(str, places))} 1={axis}", parts)
    sizes = [rng.choice((1, -233)) for _ in range(parts - 1)]
    last = rng.choice((1, -233))
    return one(shape, f"Slice -23300={parts},{','.join(map(str, (*sizes, last)))} 1={axis}", parts)


def _permute(rng: Random) -> Drawn:
    shape = tuple(rng.randint(2, 6) for _ in range(rng.randint(2, 4)))
    return one(shape, f"Permute 0={rng.randrange({2: 2, 3: 6, 4: 24}[len(shape)])}")


def _reshape(rng: Random) -> Drawn:
    shape = (rng.choice((2, 4, 6)), rng.choice((2, 3)), rng.choice((2, 4)))
    wanted = rng.choice(
        ("0=-1", "0=2 1=-1", "0=-1 1=2", "0=0 1=-1", "0=-1 1=0", "0=2 1=-1 2=2", "0=0 1=0 2=-1", "0=2 1=1 11=-1 2=2")
    )
    return one(shape, f"Reshape {wanted}")


def _axes(rng: Random, kind: str) -> Drawn:
    if kind == "Squeeze":
        shape = tuple(rng.choice((1, 1, 3)) for _ in range(rng.randint(2, 4)))
        if rng.random() < 0.5:
            return one(shape, _line("Squeeze", {key: rng.randint(0, 1) for key in (0, 1, 2)}))
        axes = sorted(rng.sample(range(len(shape)), rng.randint(1, len(shape) - 1)))
    else:
        shape = tuple(rng.randint(2, 4) for _ in range(rng.randint(1, 3)))
        rank = rng.randint(len(shape) + 1, 4)
        axes = sorted(rng.sample(range(rank), rank - len(shape)))
    return one(shape, f"{kind} -23303={len(axes)},{','.join(map(str, axes))}")


def _tile(rng: Random) -> Drawn:
    shape = tuple(rng.randint(1, 4) for _ in range(rng.randint(1, 4)))
    if rng.random() < 0.5:
        return one(shape, f"Tile 0={rng.randrange(len(shape))} 1={rng.randint(1, 3)}")
    repeats = [rng.randint(1, 3) for _ in range(rng.randint(1, 4))]
    return one(shape, f"Tile -23302={len(repeats)},{','.join(map(str, repeats))}")


def _product(rng: Random) -> Drawn:
    inner, channels = rng.randint(1, 8), rng.randint(1, 8)
    shape = rng.choice(((inner,), (rng.randint(1, 5), inner), (2, 3, inner), (inner, 1, 1)))
    count = inner if len(shape) < 3 else shape[0] * shape[1] * shape[2]
    if len(shape) == 2 and rng.random() < 0.3:
        count = shape[0] * shape[1]
    return one(shape, f"InnerProduct 0={channels} 1=1 2={count * channels}")


def _gemm(rng: Random) -> Drawn:
    rows, columns, depth = (rng.randint(2, 6) for _ in range(3))
    flip_x, flip_y, kind = rng.randint(0, 1), rng.randint(0, 1), rng.choice((-1, 0, 1, 2, 3, 4))
    if rng.random() < 0.5:  # the second one is stored
        shape = (depth, rows) if flip_x else (rows, depth)
        term = rng.choice((400, 612, 801)) if flip_y and not flip_x and rng.random() < 0.3 else 0
        ids = f"2={flip_x} 3={flip_y} 5=1 6=1 7={rows} 8={columns} 9={depth} 10={kind} 18={term}{_order(rng) if not term else ''}"
        return one(_as_map(rng, shape), f"Gemm {ids}")
    shapes = {"x": (depth, rows) if flip_x else (rows, depth), "z": (columns, depth) if flip_y else (depth, columns)}
    shapes = {name: _as_map(rng, shape) for name, shape in shapes.items()}
    if rng.random() < 0.5:
        shapes["c"] = rng.choice(((1,), (rows,), (columns,), (rows, 1), (1, columns), (rows, columns)))
    return _several(f"Gemm 2={flip_x} 3={flip_y}{_order(rng)}", shapes)


def _order(rng: Random) -> str:
    return f" 11={rng.randint(0, 1)} 14={rng.randint(0, 1)}" if rng.random() < 0.3 else ""


def _as_map(rng: Random, shape: tuple[int, ...]) -> tuple[int, ...]:
    """A matrix, or the map of its rows."""
    return rng.choice((shape, (shape[0], 1, shape[1])))


def _matmul(rng: Random) -> Drawn:
    outer = tuple(rng.randint(1, 3) for _ in range(rng.randint(0, 2)))
    rows, columns, depth, flip = *(rng.randint(2, 6) for _ in range(3)), rng.randint(0, 1)
    shapes = {"x": (*outer, rows, depth), "z": (*outer, columns, depth) if flip else (*outer, depth, columns)}
    for name in shapes:
        if rng.random() < 0.3:
            shapes[name] = (depth,)
    return _several(f"MatMul 0={flip}", shapes)


def _attention(rng: Random) -> Drawn:
    heads, depth, tokens = rng.choice((1, 2, 4)), rng.choice((2, 3)), rng.randint(1, 6)
    wide, other, wide_in = heads * depth, rng.randint(1, 6), rng.choice((3, 5))
    reads = rng.randint(1, 3)
    shapes = {"x": (tokens, wide)}
    ids = f"0={wide} 1={heads} 2={wide * wide}"
    if reads > 1:
        shapes["k"] = (other, wide_in)
        ids += f" 3={wide_in}" + ("" if reads == 3 else f" 4={wide_in}")
    if reads > 2:
        shapes["v"] = (other, wide)
    lines = (
        *(given(shape, name) for name, shape in shapes.items()),
        f"MultiHeadAttention one {reads} 1 {' '.join(shapes)} y0 {ids}",
    )
    return Drawn(param(*lines), shapes, ("y0",))


def _recurrent(rng: Random) -> Drawn:
    kind = rng.choice(("LSTM", "GRU", "RNN"))
    tokens, inner, wide = rng.randint(1, 6), rng.randint(1, 5), rng.randint(1, 5)
    way, gates, states = rng.randint(0, 2), {"LSTM": 4, "GRU": 3, "RNN": 1}[kind], 3 if kind == "LSTM" else 2
    count = (2 if way == 2 else 1) * gates * wide * inner
    return one((tokens, inner), f"{kind} 0={wide} 1={count} 2={way}", states if rng.random() < 0.5 else 1)


def _norm(rng: Random) -> Drawn:
    shape = tuple(rng.randint(2, 6) for _ in range(rng.randint(1, 3)))
    size = shape[-1] if len(shape) < 3 or rng.random() < 0.5 else shape[-1] * shape[-2]
    return one(shape, f"{rng.choice(('LayerNorm', 'RMSNorm'))} 0={size} 2={rng.randint(0, 1)}")


def _blocks(rng: Random) -> Drawn:
    block = rng.choice((2, 3))
    if rng.random() < 0.5:
        return one(
            (block * block * 2, rng.randint(1, 5), rng.randint(1, 5)), f"PixelShuffle 0={block} 1={rng.randint(0, 1)}"
        )
    return one((2, block * 3, block * 2), f"Reorg 0={block} 1={rng.randint(0, 1)}")


def _boxes(rng: Random) -> Drawn:
    shape = (4, rng.randint(1, 6), rng.randint(1, 6))
    least, ratios = rng.randint(1, 2), rng.randint(1, 3)
    most = rng.choice((0, least))
    lists = f"-23300={least},{','.join(['3.0'] * least)} -23302={ratios},{','.join(['2.0'] * ratios)}"
    lists += f" -23301={most},{','.join(['9.0'] * most)}" if most else ""
    if not most and rng.random() < 0.5:
        return one(shape, f"PriorBox {lists} 9=-233 10=-233")
    lines = (
        given(shape),
        given((3, 20, 20), "z"),
        f"PriorBox one 2 1 x z y0 {lists} 7={rng.randint(0, 1)} 9=-233 10=-233",
    )
    return Drawn(param(*lines), {"x": shape, "z": (3, 20, 20)}, ("y0",))


def _embed(rng: Random) -> Drawn:
    return one((rng.randint(1, 6),), f"Embed 0=5 1=7 2={rng.randint(0, 1)} 3=35")


def _concat(rng: Random) -> Drawn:
    first = tuple(rng.randint(1, 5) for _ in range(rng.randint(1, 4)))
    axis = rng.randrange(-len(first), len(first))
    second = tuple(rng.randint(1, 5) if at == axis % len(first) else size for at, size in enumerate(first))
    lines = (given(first), given(second, "z"), f"Concat one 2 1 x z y0 0={axis}")
    return Drawn(param(*lines), {"x": first, "z": second}, ("y0",))


def _unfold(rng: Random) -> Drawn:
    values = _window(rng, (0, 1))
    return one((2, rng.randint(8, 17), rng.randint(8, 17)), _line("Unfold", dict(values)))


def _several(layer: str, shapes: dict[str, tuple[int, ...]], makes: int = 1) -> Drawn:
    """A file with one layer over several inputs, of which expressions name those that they need."""
    if '"' in layer and not any(size in layer for size in ("1w", "1h")):
        shapes = {name: shapes[name] for name in [*shapes][:1]}
    names = tuple(f"y{i}" for i in range(makes))
    kind, _, rest = layer.partition(" ")
    line = f"{kind} one {len(shapes)} {makes} {' '.join(shapes)} {' '.join(names)} {rest}"
    return Drawn(param(*(given(shape, name) for name, shape in shapes.items()), line), shapes, names)


def _expression(rng: Random) -> Drawn:
    """Sizes that are computed from those of two blobs."""
    channels, height, width = (rng.choice((2, 4, 6)) for _ in range(3))
    shapes = {"x": (channels, height, width), "z": (rng.randint(1, 5), rng.randint(1, 5), rng.randint(1, 7))}
    way = rng.randrange(3)
    if way == 0:
        wanted = ("0w,*(0h,0c)", "*(0w,2),-1", "//(0w,2),0h,*(0c,2)", "0c,0h,0w", "-1,+(0c,0)", "0w,-(*(0h,2),0h),-1")
        return _several(f'Reshape 6="{rng.choice(wanted)}"', shapes)
    if way == 1:
        wanted = ("1w,1h", "*(0w,2),*(0h,3)", "max(0w,1w),max(0h,1h)", "floor(/(0w,2)),ceil(/(*(0h,3),2))")
        return _several(f'Interp 0={rng.randint(1, 2)} 5={rng.choice((0, 1))} 9="{rng.choice(wanted)}"', shapes)
    ends = rng.choice(("//(0h,2),-(0w,1)", "0h,-1", "min(1h,0h),min(1w,0w)"))
    return _several(f'Crop 19="0,0" 20="{ends}" 21="1,2"', shapes)


def _as_large(rng: Random) -> Drawn:
    shapes = {"x": _map(rng), "z": _map(rng)[: rng.randint(1, 3)]}
    return _several(f"Interp 0={rng.randint(1, 3)} 5=1", shapes)


def _scaled_attention(rng: Random) -> Drawn:
    groups, each, depth, wide = rng.choice((1, 2)), rng.choice((1, 2, 3)), rng.randint(1, 4), rng.randint(1, 4)
    tokens, others, past = rng.randint(1, 5), rng.randint(1, 5), rng.randint(1, 4)
    heads, masked, cached = groups * each, rng.randint(0, 1), rng.randint(0, 1)
    shapes: dict[str, tuple[int, ...]] = {
        "q": (heads, tokens, depth),
        "k": (groups, others, depth),
        "v": (groups, others, wide),
    }
    if masked:
        seen = (tokens, others + past * cached)
        shapes["m"] = seen if rng.random() < 0.5 else (heads, *seen)
    if cached:
        shapes |= {"pk": (groups, past, depth), "pv": (groups, past, wide)}
    return _several(f"SDPA 5={masked} 7={cached}", shapes, 3 if cached else 1)


def _rotary(rng: Random) -> Drawn:
    tokens, depth = rng.randint(1, 5), rng.randint(1, 4)
    angles = (tokens, depth)
    return _several("RotaryEmbed 0=0", {"x": (rng.randint(1, 4), tokens, 2 * depth), "c": angles, "s": angles})


_DRAWN = {
    "conv": _conv, "deconv": _deconv, "pool": _pool, "binary": _binary, "interp": _interp, "crop": _crop,
    "padding": _padding, "reduction": _reduction, "slice": _slice, "permute": _permute, "reshape": _reshape, "tile": _tile,
    "product": _product, "gemm": _gemm, "matmul": _matmul, "attention": _attention, "recurrent": _recurrent, "norm": _norm,
    "blocks": _blocks, "boxes": _boxes, "embed": _embed, "concat": _concat, "unfold": _unfold,
    "expression": _expression, "as large": _as_large, "scaled attention": _scaled_attention, "rotary": _rotary,
    "conv of a line": lambda rng: _line_of(rng, "Convolution1D"), "pool of a line": lambda rng: _line_of(rng, "Pooling1D"),
    "deconv of a line": lambda rng: _line_of(rng, "Deconvolution1D"),
    "conv of a volume": lambda rng: _volume(rng, "Convolution3D"), "pool of a volume": lambda rng: _volume(rng, "Pooling3D"),
    "deconv of a volume": lambda rng: _volume(rng, "Deconvolution3D"),
    "squeeze": lambda rng: _axes(rng, "Squeeze"), "expand": lambda rng: _axes(rng, "ExpandDims"),
}  # fmt: skip
KINDS = tuple(_DRAWN)
