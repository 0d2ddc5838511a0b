"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar

import click

from convcost.core.axes import channels_first
from convcost.core.dtypes import DEPLOYED_AS, DTYPE_BITS, check_dtype
from convcost.core.errors import ConvcostError, UsageError
from convcost.core.limits import read_limit
from convcost.core.reading import parse_bytes, parse_count, parse_years, twice
from convcost.memory.policies import POLICIES
from convcost.render.table import FORMATS, ending

if TYPE_CHECKING:
    from convcost.graph.partial import UnknownOp
    from convcost.networks.inputs import GivenShape
    from convcost.networks.network import Network
    from convcost.spec.syntax import Spec

Command = TypeVar("Command", bound=Callable[..., Any])


def complete_model(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[Any]:
    """Names of the zoo that begin so; without one, the shell completes file names."""
    from click.shell_completion import CompletionItem

    from convcost.spec.zoo import names

    try:
        found = [CompletionItem(name) for name in names() if name.startswith(begun)]
    except ConvcostError:
        found = []
    return found or [CompletionItem(begun, type="file")]


def complete_convention(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Names of conventions that begin so."""
    from convcost.conventions.catalog import all_conventions

    return [name for name in all_conventions() if name.startswith(begun)]


def complete_knob(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Knobs of the networks on the command line that begin so, with the sign that follows."""
    return [f"{knob}=" for spec in _specs_of(context) for knob in spec.knobs if knob.startswith(begun)]


def complete_device(_context: click.Context, _parameter: click.Parameter, begun: str) -> list[Any]:
    """Names of devices that begin so; without one, the shell completes file names."""
    from click.shell_completion import CompletionItem

    from convcost.devices.stored import list_devices

    found = [CompletionItem(name) for name in list_devices() if name.startswith(begun)]
    return found or [CompletionItem(begun, type="file")]


def complete_layer(context: click.Context, _parameter: click.Parameter, begun: str) -> list[str]:
    """Layers of the network on the command line that begin so, and the stages and blocks that contain them."""
    from convcost.networks.load import load

    with suppress(ConvcostError, OSError):
        nodes = load(str(context.params["model"])).graph.nodes
        scopes = (".".join(node.scope[:deep]) for node in nodes for deep in range(1, len(node.scope) + 1))
        return [name for name in dict.fromkeys([*scopes, *(node.name for node in nodes)]) if name.startswith(begun)]
    return []


def _specs_of(context: click.Context) -> Iterator[Spec]:
    """The specs of the networks on the command line, as far as it is typed."""
    from convcost.spec.zoo import find, split_name

    named = [*(context.params.get("models") or ()), context.params.get("model")]
    for model in filter(None, [*named, *context.args]):  # what no option has taken yet, while one has no value
        with suppress(ConvcostError, OSError):
            yield find(split_name(str(model))[0]).spec


class InputShape(click.ParamType[tuple[int, ...]]):
    """224, 224x224 or 224x224x3: height, width, channels."""

    name = "shape"
    need = "SIZE, HxW or HxWxC, e.g. 224 or 224x224x3"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if re.fullmatch(r"\d{1,18}([x×]\d{1,18}){0,8}", str(value), re.ASCII | re.IGNORECASE):
            return tuple(map(int, re.split("[x×]", str(value).lower())))
        listed = re.fullmatch(r"[(\[]?(\d+(?:, *\d+)+)[)\]]?", str(value), re.ASCII)
        hint = f". Did you mean {'x'.join(_in_order(re.split(', *', listed[1])))}?" if listed else ""
        return self.fail(f"{value!r} is not {self.need}{hint}", param, ctx)


def _in_order(sizes: Sequence[str]) -> list[str]:
    """Sizes without a batch of one, channels last.

    >>> _in_order(["1", "3", "224", "224"]), _in_order(["96", "64", "3"])
    (['224', '224', '3'], ['96', '64', '3'])
    """
    kept = list(sizes[1:] if len(sizes) > 3 and sizes[0] == "1" else sizes)
    return [*kept[1:], kept[0]] if channels_first(tuple(map(int, kept))) else kept


class NamedShape(InputShape):
    """A shape after the name of its input, image=224, or its value, flag=true; the name is empty where it is left out."""

    need = f"{InputShape.need}; NAME=SHAPE where there are several inputs"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        name, sign, text = (part.strip() for part in str(value).rpartition("="))
        if bool(name) != bool(sign):
            return self.fail(f"{value!r} is not {self.need}", param, ctx)
        if name and text.lower() in ("true", "false"):
            return name, text.lower() == "true"
        shape = super().convert(text, param, ctx)
        return name, shape[0] if name and len(shape) == 1 else shape


def input_shapes(
    _context: click.Context, _parameter: click.Parameter, given: tuple[tuple[str, tuple[int, ...] | int], ...]
) -> GivenShape | None:
    """The shapes by name, or the only one; more than one for the same input is an error."""
    names = [name for name, _ in given]
    if "" not in names:
        if again := twice(names):
            raise click.BadParameter(f"{again[0]} is given twice")
        return dict(given) or None
    if len(given) > 1:
        raise click.BadParameter(
            "of several shapes each needs its input's name, as in --input image=224 --input tokens=77"
        )
    return given[0][1]


class Word(click.Choice[str]):
    """One of some words; for another one the nearest is said, or what another tool's word for it is called here."""

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        from convcost.cli.mistakes import for_word

        said = super().get_invalid_choice_message(value, ctx)
        hint = for_word(str(value), list(self.choices))
        return f"{said.rstrip('.')}. {hint}" if hint else said


class Dtype(Word):
    """The name that reports give a type, or another framework's name of it."""

    def __init__(self) -> None:
        super().__init__(list(DTYPE_BITS))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        with suppress(UsageError):
            value = check_dtype(value)
        return str(super().convert(value, param, ctx))


class DeployedDtype(Word):
    """A type that networks are deployed as; nothing, where only the option is given, stands for the usual one."""

    def __init__(self) -> None:
        super().__init__(list(DEPLOYED_AS))

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value in ("", True, False):
            return value is not False
        with suppress(UsageError):
            value = check_dtype(value)
        return super().convert(value, param, ctx)

    def get_invalid_choice_message(self, value: Any, ctx: click.Context | None) -> str:
        said = super().get_invalid_choice_message(value, ctx)
        return said if value in DTYPE_BITS else f"{said.rstrip('.')}; without a type it stands behind MODEL."


def deploy_option(about: str) -> Callable[[Command], Command]:
    """--deploy with what it does: a type; True where the option is given without one, False where it is not given."""
    return click.option(
        "--deploy", type=DeployedDtype(), is_flag=False, flag_value="", default=False, metavar="[DTYPE]", help=about
    )


class Sizes(click.ParamType[tuple[int, ...]]):
    """One number for all axes, or one for each: 3, 1x7, 3x1x1. How many there are follows from the input."""

    name = "sizes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if numbers := _numbers(value, most=3):
            return numbers
        return self.fail(f"{value!r} is not a number or numbers with x between them, e.g. 3 or 1x7", param, ctx)


class Zeros(click.ParamType[Any]):
    """A word, or zeros: 1, one for each axis (1x2: height, width), or both sides of each (1x0x1x0: top, bottom, left, right)."""

    name = "padding"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = str(value).lower()
        if text in ("same", "valid", "causal"):
            return text
        if numbers := _numbers(text, most=6):
            return list(numbers)
        return self.fail(f"{value!r} is not valid, same, causal, or zeros, e.g. 1, 1x2 or 1x0x1x0", param, ctx)


def _numbers(value: Any, most: int) -> tuple[int, ...]:
    """The numbers that stand with x between them; none if there are more or it is no such text."""
    parts = re.split("[x×]", str(value).lower())
    fit = len(parts) <= most and all(re.fullmatch(r"[0-9]{1,9}", part) for part in parts)
    return tuple(map(int, parts)) if fit else ()


class Bytes(click.ParamType[int]):
    """256KiB, 1.5MiB, 100000."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return parse_bytes(value)
        except ConvcostError as error:
            return self.fail(str(error), param, ctx)


class Count(click.ParamType[int]):
    """600M, 4.1G, 100000."""

    name = "count"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return parse_count(value)
        except ConvcostError as error:
            return self.fail(str(error), param, ctx)


class Years(click.ParamType[str]):
    """2018, 2015-2019: checked here, and passed on as it was written."""

    name = "years"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            parse_years(str(value))
        except ConvcostError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class Amount(click.ParamType[str]):
    """The amount of a limit, by the name that `limits:` has for it: checked here, and passed on as it was written."""

    name = "amount"

    def __init__(self, limit: str) -> None:
        self.limit = limit

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            read_limit(self.limit, value)
        except ConvcostError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class Setting(click.ParamType[tuple[str, str]]):
    """KEY=VALUE."""

    name = "setting"

    def __init__(self, example: str = "width=0.75") -> None:
        self.example = example

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        key, sign, text = str(value).partition("=")
        if not sign or not key.strip() or not text.strip():
            self.fail(f"{value!r} is not KEY=VALUE, e.g. {self.example}", param, ctx)
        return key.strip(), text.strip()


class Limited(Setting):
    """NAME=AMOUNT of a limit, checked here."""

    def __init__(self) -> None:
        super().__init__("layer_macs=20M")

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        name, amount = super().convert(value, param, ctx)
        return name, Amount(name).convert(amount, param, ctx)


def settings(pairs: tuple[tuple[str, str], ...], option: str = "--set") -> dict[str, str]:
    """The settings as a dict; the same key twice is an error."""
    if again := twice(key for key, _ in pairs):
        raise click.BadParameter(f"{again[0]} is set twice", param_hint=f"'{option}'")
    return dict(pairs)


class Axis(Setting):
    """KNOB=VALUES, or names alone with commas between them: KNOB,KNOB."""

    name = "axis"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        text = str(value)
        if "=" in text:
            return (super().convert(text, param, ctx),)
        return tuple((name, None) for name in listed(text, "--over"))


def named(axes: tuple[tuple[tuple[str, str | None], ...], ...]) -> dict[str, str | None]:
    """Axes as a dict, with None for the values of one that is only named; the same one twice is an error."""
    pairs = [pair for some in axes for pair in some]
    settings(tuple((name, values or "") for name, values in pairs), "--over")
    return dict(pairs)


def listed(text: str, option: str) -> list[str]:
    """The names in `a,b,c`; none, an empty one or the same twice is an error."""
    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise click.BadParameter(f"needs names with commas between them, got {text!r}", param_hint=f"'{option}'")
    if again := twice(names):
        raise click.BadParameter(f"{again[0]} stands twice", param_hint=f"'{option}'")
    return names


_OPENED, _ACCEPTED, _BESIDE = "convcost.opened", "convcost.partial", "convcost.beside"
"""Where a command's context has the networks that it shows, whether unknown ops in them are accepted, and whether files beside
those of models were read."""


def opened(model: str, knobs: Mapping[str, Any], input_: GivenShape | None) -> Network:
    """The network of MODEL; one with unknown ops is remembered, for `unaccepted`."""
    from convcost.graph.partial import unknown_ops
    from convcost.networks.load import open_network

    network = open_network(model, knobs, input_)
    remember(model, unknown_ops(network.steps))
    if not network.origin.alone:
        click.get_current_context().meta[_BESIDE] = True
    return network


def remember(model: str, unknown: Sequence[UnknownOp]) -> None:
    """Remember that what is shown of MODEL has these unknown ops, if there are any."""
    from convcost.graph.partial import unknown_text

    if unknown:
        click.get_current_context().meta.setdefault(_OPENED, {})[model] = unknown_text(unknown)


def unaccepted(context: click.Context) -> list[str]:
    """A line for each network whose answer was partial, unless --partial accepts that."""
    found = {} if accepts_partial(context) else context.meta.get(_OPENED, {})
    said = "; counts are lower bounds; --partial accepts it"
    return [f"partial: {f'{model}: ' if len(found) > 1 else ''}{text}{said}" for model, text in found.items()]


def accepts_partial(context: click.Context) -> bool:
    """Whether --partial was given."""
    return bool(context.meta.get(_ACCEPTED))


def can_be_kept(context: click.Context) -> bool:
    """Whether what is shown depends on the named files alone, and none of its networks has unknown ops, which are to be said."""
    return not context.meta.get(_OPENED) and not context.meta.get(_BESIDE)


def _accept(context: click.Context, _parameter: click.Parameter, given: bool) -> None:
    context.meta[_ACCEPTED] = given


partial_option = click.option(
    "--partial",
    is_flag=True,
    expose_value=False,
    callback=_accept,
    help="Accept unknown ops: counts are lower bounds, and the exit status is 0, not 3.",
)
model_argument = click.argument("model", shell_complete=complete_model)
models_argument = click.argument("models", nargs=-1, required=True, metavar="MODEL...", shell_complete=complete_model)
set_option = click.option(
    "--set",
    "set_",
    type=Setting(),
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=complete_knob,
    help="Set a knob of the spec; repeatable.",
)
input_option = click.option(
    "--input",
    "input_",
    type=NamedShape(),
    multiple=True,
    callback=input_shapes,
    metavar="SHAPE",
    help="Input shape: 224, 224x224 or 224x224x3 (HxWxC); NAME=SHAPE, repeatable, where there are several; "
    "NAME=NUMBER for an input of a model file that is one: a rate, a flag.",
)
convention_option = click.option(
    "--convention",
    default="paper",
    show_default=True,
    shell_complete=complete_convention,
    help="What counts as an operation.",
)
dtype_option = click.option(
    "--dtype", type=Dtype(), help="Type of every element; default: what the network states, fp32 where it states none."
)
device_option = click.option(
    "--device",
    metavar="NAME",
    shell_complete=complete_device,
    help="How long it takes there too: one of `convcost devices`, or a file that states one.",
)
memory_option = click.option(
    "--memory", type=Word(list(POLICIES)), default="fused", show_default=True, help="Policy of peak memory."
)
batch_option = click.option("--batch", type=int, default=1, show_default=True, help="Images at once.")
rewrite_option = click.option(
    "--rewrite", default="", metavar="WAY", help="Rebuild the convolutions: separable, standard, grouped:G or deployed."
)


class FileOf(click.Path):
    """A file of one kind, which its ending says; none and .txt say nothing, and any other one is that of another kind."""

    def __init__(self, what: str, *endings: str) -> None:
        super().__init__()
        self.what, self.endings = what, endings

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if ending(value) not in ("", ".txt", *self.endings):
            self.fail(f"{value}: {self.what} is written as FILE{self.endings[0]}", param, ctx)
        return super().convert(value, param, ctx)


SPEC_FILE = FileOf("a spec", ".yaml", ".yml")


def output_to(type_: click.Path) -> Callable[[Command], Command]:
    """-o of a command that writes one kind of file."""
    return click.option(
        "-o",
        "--output",
        metavar="FILE",
        type=type_,
        help="Write to FILE, whole or not at all, instead of standard output.",
    )


output_option = output_to(click.Path())
format_option = click.option(
    "--format", "format_", type=Word(FORMATS), help="Default: what FILE ends with, else table."
)


columns_option = click.option(
    "--columns",
    metavar="NAME,…",
    callback=lambda _context, _parameter, given: None if given is None else tuple(listed(given, "--columns")),
    help="Which columns, in this order; a wrong one says which there are.",
)
units_option = click.option(
    "--units",
    metavar="UNIT",
    default="",
    help="Numbers in text in k, M, G, …, exact, or auto; one for each column as in macs=G,params=M. CSV and JSON stay exact.",
)
digits_option = click.option(
    "--digits", type=int, help="Significant digits of numbers in text; 3 where only a unit is given."
)


def number_options(command: Command) -> Command:
    """--columns, --units and --digits: how a table for people is written; `core.display.display(units, digits)` reads the latter."""
    return columns_option(units_option(digits_option(command)))


def output_options(command: Command) -> Command:
    """--format and -o."""
    return format_option(output_option(command))
