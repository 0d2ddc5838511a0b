"""Cases of command lines: each command with options of its own, drawn from click's tree, so that a new one is tried, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from random import Random
from typing import Any

import click

from convcost.cli import main
from fuzz import grown, specs
from fuzz.case import Case
from fuzz.tables import NET, TIMES
from fuzz.values import value

_MODELS = (
    "net.yaml",
    "net.yaml",
    "other.yaml",
    "other.yaml",
    "lenet5",
    "lenet5_1998",
    "ds_cnn_s",
    "net.yaml:width=0.5",
    "squeezenet1_1",
    "nin_cifar10",
)
_ODD_MODELS = (
    "nosuch",
    "lenet5:",
    ":x",
    "net.yaml:width=0",
    "net.yaml:nosuch=1",
    ".",
    "/dev/null",
    "",
    "net.yaml:width=1,classes=3",
    "*.yaml",
    "a/b.yaml",
)
_SETTINGS = (
    "width=0.5",
    "width=2",
    "classes=3",
    "classes=7",
    "width=1e9",
    "width=0",
    "width=nan",
    "width=",
    "nosuch=1",
    "width=[1]",
    "classes=1e9",
    "k=2",
    "n=3",
    "self=2",
)
_AXES = (
    *(
        "width=0.5:2:0.25",
        "width=0.5,1,2",
        "classes=1:20",
        "classes=10,100",
        "width=1:0:1",
        "width=0:1e9:1e-9",
        "classes=1:200000",  # a million points, written as JSON, take longer than a case may
        "width=1",
        "k=1:4",
    ),
    *(
        "width=0.333:0.335:0.001",
        "width=1,1",
        "width=::",
        "classes=1:9:0",
        "n=1,2",
        "width=1e-9:1:0.5",
        "batch=1,2",
        "self=1,2,3",
    ),
)
_SHAPES = (
    "32",
    "20x20x3",
    "28x28",
    "33x47x1",
    "1x1",
    "0",
    "224x224x3",
    "1000000000",
    "1000000001",
    "1x1000000000x1",
    "3x32x32",
    "48",
    "a=16x16x4",
    "8x8x8x8",
)
_COUNTS = (
    "1M",
    "300M",
    "4.1G",
    "5e8",
    "0.5M",
    "0",
    "-1",
    "1e30",
    "1B",
    "1,000",
    "1e-9",
    "nan",
    "9" * 28,
    "100%",
    "1.5K",
    "12Mi",
)
_BYTES = ("64KiB", "1.5MiB", "100000", "3GiB", "0", "-1", "1e30", "1kB", "99999999999TiB", "0.0000001KiB", "KiB")
_TIMES = ("20ms", "1.5s", "3us", "0ms", "1", "1e99s", "-1ms")
_DEVICES = ("a100", "pixel1", "sd855", "raspberry_pi_4_ncnn_1t", "h743_tflm", "nosuch", "v100")
_BOARDS = ("nucleo_f446re", "arduino_nano_33_ble", "nosuch", "*", "")
_GLOBS = ("*", "conv*", "*.c", "n?", "[a-z]*", "[", "**", "a*a*a*a*a*a*b", "head", "stem*", "[!c]*", "nosuch")
_FRONTS = (
    "macs,width",
    "macs,params",
    "max:params",
    "min:macs,width",
    "max:",
    ",,",
    "macs,macs",
    "macs,max:width",
    "peak_activation_bytes,max:width",
)
_LIMITS = (
    "macs=1M",
    "layer_macs=1M",
    "growth.macs=1%",
    "ram=64KiB",
    "latency=20ms",
    "board=nucleo_f446re",
    "peak=1",
    "nosuch=1",
    "macs=",
    "params=9",
)

POOLS: Mapping[str, Sequence[str]] = {
    "--set": _SETTINGS, "--over": _AXES, "--input": _SHAPES, "--device": _DEVICES, "--board": _BOARDS, "--front": _FRONTS,
    "--convention": ("paper", "thop", "fvcore", "timm", "ptflops", "connections", "nosuch"),
    "--max-macs": _COUNTS, "--max-params": _COUNTS, "--max-peak": _BYTES, "--max-weights": _BYTES, "--max-ram": _BYTES,
    "--max-flash": _BYTES, "--min-ram": _BYTES, "--min-flash": _BYTES, "--max-latency": _TIMES, "--printed": (*_COUNTS, "paper=1M"),
    "--max": (*_COUNTS, *_BYTES), "--min": ("75", "0", "100", "-1", "101", "nan"), "--limit": (*_LIMITS, "1", "3", "64KiB", "0", "-1"),
    "--tolerance": ("1%", "0%", "1", "-1%", "1e9%"), "--to": ("separable", "standard", "grouped:2", "grouped:0", "grouped:x", "inverted:6"),
    "--rewrite": ("separable", "standard", "grouped:2", "grouped:1000000000", "x"), "--layers": _GLOBS, "--except": _GLOBS, "--unfold": _GLOBS,
    "--against": ("separable", "grouped:2", "grouped:3", "bottleneck:1", "inverted:6", "inverted:0.5", "bottleneck:1e9", "x"),
    "--kernel": ("1", "3", "1x7", "999999999", "0", "3x3x3"), "--stride": ("1", "2", "2x1", "999999999", "0"), "--filters": ("1", "6", "8", "1000000000", "0"),
    "--padding": ("same", "valid", "0", "1", "1x2", "1x0x1x0", "999999999"), "--baseline": ("net.yaml", "lenet5", "main:", "nosuch"),
    "--columns": ("params,macs,share", "macs", "macs,flops,padding_macs", "nosuch", ","),
    "--units": ("M", "exact", "k", "auto", "G", "nosuch"), "--sort": ("macs", "-macs", "name", "nosuch", "params"), "--only": _GLOBS,
    "--energy": ("horowitz_45nm", "jouppi_7nm", "nosuch"), "--symbols": ("c,h,w", "auto", "none", "c=n_c", ""), "--source": ("lenet5", "nosuch", "*"),
    "--maximise": ("macs", "width", "params", "nosuch", "classes"), "--runtime": ("tflm", "nosuch"), "--family": ("AlexNet", "mobilenet*", "["),
    "--patches": ("2", "2x2", "3x1", "1", "0", "99x99", "auto", "best"), "--until": ("stem", "block1", "n0", "head", "nosuch"), "--your": ("net.yaml=70", "lenet5=101", "=5", "lenet5=x"),
    "--year": ("2018", "2015-2019", "2019-2015", "20"), "--where": ("threads=1", "nosuch=1", "run=0"), "--time": ("ms", "energy", "nosuch"), "--network": ("network", "nosuch"),
    "--setup": ("pixel1", "nosuch"), "--latency": ("pixel1_2019", "nosuch"), "--lock": ("lock.yaml", "net.yaml"), "-o": ("out.json", "out.csv", "out.html", "out.svg", "out.txt", "out.md", "out.tex", "out.xyz", "no/out.json", "out.yaml", "out.sarif"),
    "--name": ("mine", "a b", "=1"), "--title": ("T", "<b>"), "--highlight": ("lenet*", "["), "--scheduler": ("nosuch",), "--models": (".", "nosuch"),
}  # fmt: skip
"""Option -> what is given to it, most of which is allowed."""
_ARGUMENTS: Mapping[str, Sequence[str]] = {
    "models": _MODELS, "model": _MODELS, "networks": _MODELS, "old": _MODELS, "new": _MODELS, "files": ("net.yaml", "other.yaml"),
    "patterns": ("lenet*", "nucleo*", "a100", "nosuch", "["), "op": ("conv2d", "relu", "bottleneck", "nosuch", "lstm"), "layer": ("stem", "head", "n0", "c1", "nosuch", "block1"),
    "conventions": ("paper", "thop", "timm", "fvcore", "nosuch"),
}  # fmt: skip
_FIXED: Mapping[str, tuple[str, ...]] = {
    "verify": ("lenet5",), "list": ("lenet*",), "frontier": ("--family", "SqueezeNet"), "calibrate": ("times.csv",),
}  # fmt: skip
"""What a command is given always: without it, it would ask for the whole zoo, or for nothing."""
_WHOLE = ("1", "2", "3", "7", "64", "1000000000000000", "0", "-1")
_UNTRIED = {"-h", "--help", "--version", "--update", "--jobs", "--engine", "--execute"}
"""Options of which a case of their own would say nothing new, or that begin other processes."""


@cache
def commands() -> Mapping[tuple[str, ...], click.Command]:
    """Every command, by the words that name it."""
    found = {}

    def enter(command: click.Command, words: tuple[str, ...]) -> None:
        if isinstance(command, click.Group):
            context = click.Context(command)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner
                enter(inner, (*words, name))
        else:
            found[words] = command

    enter(main, ())
    return found


def words(rng: Random) -> list[str]:
    """A command line."""
    name = rng.choice(sorted(commands()))
    given = [*name]
    options = [one for one in commands()[name].params if isinstance(one, click.Option) and not _UNTRIED & {*one.opts}]
    for one in commands()[name].params:
        if isinstance(one, click.Argument) and name[0] not in _FIXED:
            most = rng.choice((1, 1, 2, 3)) if one.nargs < 0 else one.nargs
            given += [_argument(rng, one) for _ in range(most if one.required else rng.choice((0, most)))]
    chosen = [one for one in options if one.required]
    chosen += rng.sample(options, min(len(options), rng.choice((0, 1, 1, 1, 2, 3, 5))))
    for one in chosen:
        given += _option(rng, one)
    given += _FIXED.get(name[0], ())
    if rng.random() < 0.06:
        given.insert(rng.randrange(len(name), len(given) + 1), value(rng))
    return [word for word in given if "\0" not in word]


def near_front(rng: Random, pool: Sequence[Any]) -> Any:
    """One of a pool, the first ones more often: those that are allowed stand first."""
    return pool[min(rng.randrange(len(pool)), rng.randrange(len(pool)))]


def _argument(rng: Random, one: click.Argument) -> str:
    pool = _ARGUMENTS.get(one.name or "", _MODELS)
    roll = rng.random()
    return near_front(rng, pool) if roll < 0.93 else rng.choice(_ODD_MODELS) if roll < 0.98 else value(rng)


def _option(rng: Random, one: click.Option) -> list[str]:
    word = rng.choice(one.opts)
    if one.is_flag:
        return [rng.choice([*one.opts, *one.secondary_opts])]
    choices = getattr(one.type, "choices", ())
    pool = [*(POOLS.get(one.opts[0]) or choices or _WHOLE)]
    return [word, near_front(rng, pool) if rng.random() < 0.95 else value(rng)]


def case(label: str, rng: Random) -> Case:
    """A command line over two small networks."""
    other = grown.network(rng)
    if rng.random() < 0.7:
        grown.knobbed(rng, other)
    asked = words(rng)
    files = {"net.yaml": NET, "other.yaml": specs.written(other), "times.csv": TIMES}
    used = {name: text.encode() for name, text in files.items() if any(name in word or "*" in word for word in asked)}
    return Case(label, ("convcost", *asked), used)
