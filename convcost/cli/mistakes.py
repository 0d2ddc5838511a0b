"""What people type who know other tools, and what it is called here: loaded only on the way to an error."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from os.path import isfile

import click

from convcost.core.errors import ConvcostError, nearest
from convcost.core.patterns import plain
from convcost.render.table import FORMATS
from convcost.spec.zoo import is_path

COMMANDS = {
    "report": (
        "summary",
        "info",
        "show",
        "count",
        "profile",
        "stats",
        "flops",
        "macs",
        "params",
        "cost",
        "analyze",
        "analyse",
    ),
    "draw": ("plot", "diagram", "graph", "visualize", "visualise", "picture"),
    "frontier": ("pareto", "landscape", "accuracy"),
    "list": ("ls", "models", "zoo", "networks"),
    "boards": ("targets", "mcus", "hardware"),
    "latency": ("time", "timing", "speed", "ms", "roofline", "benchmark", "predict", "runtime"),
    "devices": ("phones", "gpus", "accelerators", "cpus"),
    "fit": ("search", "find", "scale"),
    "compare": ("separable", "depthwise", "conv"),
    "import": ("convert", "load", "open"),
    "explain": ("why", "formula", "derive"),
    "check": ("budget", "limit", "gate", "lint"),
    "spec validate": ("validate",),
    "spec ops": ("ops",),
    "spec resolve": ("resolve",),
    "reconcile": ("conventions", "convention"),
}
"""Command -> what others call the like."""
OPTIONS = {
    "--input": ("--size", "--image-size", "--img-size", "--input-size", "--input-shape", "--shape", "--image"),
    "--dtype": ("--type", "--precision", "--bits", "--quantize"),
    "--batch": ("--batch-size", "--bs"),
    "--by": ("--group", "--group-by", "--level", "--per"),
    "--output": ("--out", "--save", "--file"),
    "--over": ("--grid", "--range", "--axis"),
    "--convention": ("--tool", "--count-as"),
    "--memory": ("--policy",),
    "--policy": ("--memory",),
    "--board": ("--device", "--target", "--mcu", "--chip"),
    "--device": ("--board", "--target", "--hardware", "--phone", "--gpu", "--cpu", "--chip"),
    "--runtime": ("--engine", "--backend", "--planner"),
    "--max-ram": ("--ram", "--sram", "--max-sram", "--arena"),
    "--max-flash": ("--flash", "--rom", "--max-rom"),
    "--max-macs": ("--budget", "--macs", "--max-mac", "--mac"),
}
"""Option -> what others call it."""
WORDS = {
    **dict.fromkeys(("tex",), "latex"),
    **dict.fromkeys(("md",), "markdown"),
    **dict.fromkeys(("txt", "text"), "table"),
    **dict.fromkeys(("htm", "page"), "html"),
    **dict.fromkeys(("type", "kind", "ops"), "op"),
    **dict.fromkeys(("module", "node"), "layer"),
    **dict.fromkeys(("flops", "mac"), "macs"),
    **dict.fromkeys(("parameters", "weights"), "params"),
    **dict.fromkeys(("memory", "peak"), "peak_activation_bytes"),
    **dict.fromkeys(("ram", "sram", "arena"), "ram_bytes"),
    **dict.fromkeys(("flash", "rom"), "flash_bytes"),
    **dict.fromkeys(("head", "arena_head"), "arena_head_bytes"),
}
"""What others call a value of an option -> that value."""


def meant(word: str, called: Mapping[str, Sequence[str]]) -> str | None:
    """What a word is called here.

    >>> meant("summary", COMMANDS), meant("--bs", OPTIONS), meant("zzz", COMMANDS)
    ('report', '--batch', None)
    """
    return next((ours for ours, others in called.items() if word.lower() in others), None)


def for_command(word: str, behind: Sequence[str] = ()) -> str:
    """A hint for a word that is no command: a network, or what another tool calls a command; empty for none."""
    if word == "help":
        return f"Did you mean 'convcost {' '.join([*behind[:1], '--help'])}'?"
    if known := meant(word, COMMANDS):
        return f"Did you mean 'convcost {known}'?"
    network = word if _is_network(word) or is_path(word) else _spelled(word)
    return f"What a network costs, says 'convcost report {network}'." if network else ""


def for_missing(option: str, words: Sequence[str]) -> str:
    """A hint for an option that is missing where what it takes stands by itself; empty for none."""
    alone = [word for before, word in zip(["", *words], words) if "=" in word[1:] and not before.startswith("-")]
    return f"Did you mean '{option} {alone[0]}'?" if alone and option == "--over" else ""


def for_word(word: str, known: Sequence[str]) -> str:
    """A hint for a value that is none of an option's: another tool's word for one, or one that is near; empty for none.

    >>> for_word("stages", ("unit", "stage")), for_word("type", ("stage", "op")), for_word("zzz", ("stage", "op"))
    ('Did you mean stage?', 'Did you mean op?', '')
    """
    ours = WORDS.get(word.lower(), "")
    found = ours if ours in known else nearest(word, known)
    return f"Did you mean {found}?" if found else ""


def for_option(option: str, command: click.Command, words: Sequence[str]) -> str:
    """A hint for an option that a command does not have: a format, a knob of the network, or another tool's word."""
    ours = {each for parameter in command.params for each in parameter.opts}
    bare = option.lstrip("-").replace("-", "_")
    if bare in ("model", "network", "net", "m"):
        return f"MODEL stands by itself: 'convcost {command.name} {_after(option, words) or 'mobilenet_v2'}'."
    if bare.startswith("max_") and (hint := _for_budget(bare, command, ours)):
        return hint
    form = WORDS.get(bare, bare)
    if form in FORMATS and "--format" in ours:
        return f"Did you mean '--format {form}'?"
    if "--set" in ours and bare in _knobs(words):
        given = _after(option, words) or "VALUE"
        where = "--over" if any(sign in given for sign in ",:") and "--over" in ours else "--set"
        return f"{bare} is a knob of the network: '{where} {bare}={given}'."
    known = next((one for one, others in OPTIONS.items() if option in others and one in ours), None)
    return f"Did you mean '{known}'?" if known else ""


def _for_budget(bare: str, command: click.Command, ours: Collection[str]) -> str:
    """A hint for a budget that a command does not take."""
    if bare == "max_flops" and "--max-macs" in ours:
        whole = ", or '--limit flops=…'" if "--limit" in ours else ""
        return f"FLOPs are 2 × MACs: '--max-macs' with half of it{whole}."
    if "--max-macs" not in ours:
        return f"Budgets are for 'convcost fit' (what fits?) and 'convcost check' (does it hold?); {command.name} takes none."
    return "Weights are params, each in its bytes: '--max-params'." if bare in ("max_weights", "max_flash") else ""


def _spelled(word: str) -> str:
    """The name of the zoo that is spelled so, with other letters or separators; empty if there is none."""
    from convcost.spec.zoo import names

    return next((name for name in names() if plain(name) == plain(word)), "")


def _is_network(word: str) -> bool:
    from convcost.spec.zoo import find, split_name

    with suppress(ConvcostError, OSError, ValueError):
        bare = split_name(word)[0]
        return isfile(bare) or bool(find(bare))
    return False


def _knobs(words: Sequence[str]) -> frozenset[str]:
    """The knobs of the networks among the words of a command line."""
    from convcost.spec.zoo import find, split_name

    found: set[str] = set()
    for word in words:
        if not word.startswith("-"):
            with suppress(ConvcostError, OSError, ValueError):
                found |= {*find(split_name(word)[0]).spec.knobs}
    return frozenset(found)


def _after(name: str, words: Sequence[str]) -> str:
    """The value of an option: what stands behind its sign, or the word behind it."""
    for word, after in zip(words, [*words[1:], ""]):
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
        if word == name and not after.startswith("-"):
            return after
    return ""


def _stands_alone(option: click.Option) -> bool:
    """Whether an option has a value of its own for where none follows."""
    return isinstance(option.flag_value, str)


def swallowed(command: click.Command, words: Sequence[str]) -> tuple[str, str] | None:
    """An option that would take the next option for its value, with that; None if there is none."""
    takes = {
        name
        for one in command.params
        if isinstance(one, click.Option) and not one.is_flag and not one.count and not _stands_alone(one)
        for name in one.opts
    }
    options = {name for one in command.params for name in one.opts if name.startswith("-")}
    before_end = words[: words.index("--")] if "--" in words else words
    pairs = zip(before_end, [*before_end[1:], ""])
    return next(((word, after) for word, after in pairs if word in takes and after.partition("=")[0] in options), None)
