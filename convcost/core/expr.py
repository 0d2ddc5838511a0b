"""Safe arithmetic: the expressions of the spec language, parsed without `eval` and exact in every number system.

    or  and  not  == != < <= > >=  + -  * // %  -x  name.channels  name[index]  helper(…)  ( … )

A quotient `a / b` stands where it is rounded: inside ceil(…), floor(…) and round_to(…).

Numbers are exact: `0.75` is three quarters. Nothing can be called but the helpers listed in `HELPERS`.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import lru_cache, reduce
from typing import Any

from convcost.core import axes, dims
from convcost.core.ratio import quotient
from convcost.core.units import shape_text

Names = Mapping[str, Any]
Evaluation = Callable[[Names], Any]
_TOKEN = re.compile(
    r"(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<name>[A-Za-z_]\w*)|(?P<op>//|[=!<>]=|[-+*/%<>()\[\].,])|(?P<bad>\S)"
)
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?")
_LONGEST = 400  # characters of an expression
_DEEPEST = 40  # nested brackets
#: Operators of other languages -> what to write in this one.
_MEANT = {
    "/": "; // divides and rounds down, ceil(a / b) rounds up, * 0.25 takes an exact quarter",
    "=": "; == compares",
    **dict.fromkeys(("**", "^"), "; a power is written out, as x * x"),
}
_FUNCTIONS_ELSEWHERE = {
    "round": "floor(x + 0.5) is the nearest integer",
    "int": "floor(x) rounds down",
    "pow": "a power is written out, as x * x",
    "make_divisible": "round_to(x, 8) does it",
    "abs": "max(x, -x) is the same",
}
_DIGITS = 18  # of a number
_EXPONENT = 99


def _numbers(function: Callable[..., Any]) -> Callable[..., Any]:
    """Keep strings, lists and booleans out of arithmetic: Python would repeat a string or count true as 1."""

    def checked(*args: Any) -> Any:
        if any(type(arg) is not int and (isinstance(arg, (str, tuple, list)) or _is_truth(arg)) for arg in args):
            raise TypeError
        return function(*args)

    return checked


def _is_truth(value: Any) -> bool:
    """Whether it is true or false, here or at each point of an array."""
    return isinstance(value, bool) or (dims.is_array(value) and value.dtype == bool)


def _is_number(value: Any) -> bool:
    return (isinstance(value, (int, Fraction)) or dims.is_array(value)) and not _is_truth(value)


def _same(a: Any, b: Any) -> Any:
    """Equality of values of the same type: in Python, True == 1."""
    if (_is_truth(a) and _is_number(b)) or (_is_number(a) and _is_truth(b)):
        raise TypeError
    return dims.equal(a, b)


def _truth(value: Any) -> Any:
    """Keep numbers and strings out of boolean operators."""
    if isinstance(value, (str, tuple, list)) or _is_number(value):
        raise TypeError
    return value


HELPERS: dict[str, tuple[Callable[..., Any], int, int]] = {
    "round_to": (_numbers(dims.round_to), 1, 2),
    "ceil": (_numbers(dims.ceil), 1, 1),
    "floor": (_numbers(dims.floor), 1, 1),
    "min": (lambda *args: reduce(_numbers(dims.minimum), args), 2, 8),
    "max": (lambda *args: reduce(_numbers(dims.maximum), args), 2, 8),
    "where": (lambda condition, a, b: dims.where(_truth(condition), a, b), 3, 3),
}
"""Name -> function, fewest and most arguments."""
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": _same,
    "!=": lambda a, b: dims.negate(_same(a, b)),
    "<": _numbers(operator.lt),
    "<=": _numbers(operator.le),
    ">": _numbers(operator.gt),
    ">=": _numbers(operator.ge),
}
_negative = _numbers(operator.neg)
_SUM = {"+": _numbers(operator.add), "-": _numbers(operator.sub)}
_PRODUCT = {"*": _numbers(operator.mul), "//": _numbers(operator.floordiv), "%": _numbers(operator.mod)}
_QUOTIENT = {"/": _numbers(quotient)}
_ROUNDING = ("ceil", "floor", "round_to")
"""Functions whose first argument may be a quotient, because an integer comes out."""


class ExprError(ValueError):
    """An expression cannot be read or evaluated; `offset` counts characters from its start."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset


class Expr:
    """A parsed expression: `names` are the names it reads, `shapes` those whose sizes it reads (`in.channels`)."""

    __slots__ = ("_run", "names", "shapes", "text")

    def __init__(self, text: str, run: Evaluation, names: frozenset[str], shapes: frozenset[str]) -> None:
        self.text = text
        self.names = names
        self.shapes = shapes
        self._run = run

    def __reduce__(self) -> tuple[Callable[[str], Expr], tuple[str]]:
        """Pickled and copied as its text, because its closures cannot be pickled.

        >>> import pickle
        >>> pickle.loads(pickle.dumps(parse("2 * n"))).evaluate({"n": 21})
        42
        """
        return parse, (self.text,)

    def evaluate(self, env: Names) -> Any:
        """The value, with names taken from `env` (the shape of a layer x under ".x"); raises `ExprError`.

        >>> parse("round_to(32 * width)").evaluate({"width": Fraction("0.75")})
        24
        """
        try:
            value = self._run(env)
        except ZeroDivisionError:
            raise ExprError(f"division by zero in {self.text!r}") from None
        except KeyError as error:
            raise ExprError(f"there is no {str(error.args[0]).removeprefix('.')!r} here") from None
        except (TypeError, AttributeError):
            raise ExprError(f"{self.text!r} mixes numbers, words, lists or truth values{self._said(env)}") from None
        if isinstance(value, (int, Fraction)) and max(abs(value.numerator), value.denominator) >= 10**_EXPONENT:
            raise ExprError(f"{self.text!r} is too large a number (at most {_EXPONENT} digits)")
        return value.numerator if isinstance(value, Fraction) and value.denominator == 1 else value

    def _said(self, env: Names) -> str:
        """What may be missing: names that stand for themselves, as words, where a knob was meant."""
        words = [name for name in sorted(self.names) if env.get(name) == name]
        return (
            f"; {' and '.join(words)} {'is a word' if len(words) == 1 else 'are words'} here, and no knob"
            if words
            else ""
        )


def number(text: str) -> int | Fraction | None:
    """The exact value of a decimal, None if the text is not one; an int for whole numbers (1e3 too, but not 1.0).

    >>> number("1e3"), number("0.75"), number("1.0"), number("12:30")
    (1000, Fraction(3, 4), Fraction(1, 1), None)
    """
    if not _NUMBER.fullmatch(text):
        return None
    mantissa, _, exponent = text.lower().partition("e")
    if sum(map(str.isdigit, mantissa)) > _DIGITS or len(exponent) > 9 or abs(int(exponent or 0)) > _EXPONENT:
        raise ExprError(
            f"the number {text[:24]}{'…' * (len(text) > 24)} has too many digits (at most {_DIGITS}, exponents up to {_EXPONENT})"
        )
    if "." not in mantissa and not exponent.startswith("-"):
        return int(mantissa + "0" * int(exponent or 0))
    return Fraction(text)


@lru_cache(maxsize=4096)
def parse(text: str) -> Expr:
    """Read an expression; raises `ExprError` with the offset of what is wrong.

    >>> sorted(parse("t * in.channels + classes").names)
    ['classes', 't']
    """
    if len(text) > _LONGEST:
        raise ExprError(f"an expression may have {_LONGEST} characters, this one has {len(text)}")
    return _Parser(text).expression()


class _Parser:
    """Recursive descent, one method per level of precedence; each returns a closure over the environment."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.tokens = [(m.lastgroup or "", m.group(), m.start()) for m in _TOKEN.finditer(text)]
        self.tokens.append(("end", "", len(text)))
        self.at = 0
        self.depth = 0
        self.rounded = False
        """Whether the value of what is read is rounded, so that it may be a quotient."""
        self.names: set[str] = set()
        self.shapes: set[str] = set()

    def expression(self) -> Expr:
        run = self.disjunction()
        if self.tokens[self.at][0] != "end":
            raise self.unexpected()
        return Expr(self.text, run, frozenset(self.names), frozenset(self.shapes))

    def unexpected(self) -> ExprError:
        kind, token, offset = self.tokens[self.at]
        token = "**" if self.text[max(offset - 1, 0) : offset + 1] == "**" else token
        what = f"{token!r} is not expected there{_MEANT.get(token, '')}"
        if kind == "end":
            open_bracket = self.text.count("(") > self.text.count(")")
            what = "it ends too early" + "; inside { } a comma ends a value, so quote it" * open_bracket
        return ExprError(f"cannot read {self.text!r}: {what}", offset)

    def take(self, *tokens: str) -> str | None:
        """The next token if it is one of these."""
        kind, token, _ = self.tokens[self.at]
        if kind in ("name", "op") and token in tokens:
            self.at += 1
            return token
        return None

    def need(self, token: str) -> None:
        if not self.take(token):
            raise self.unexpected()

    def disjunction(self) -> Evaluation:
        left = self.conjunction()
        while self.take("or"):
            left = _or(left, self.conjunction())
        return left

    def conjunction(self) -> Evaluation:
        left = self.negation()
        while self.take("and"):
            left = _and(left, self.negation())
        return left

    def negation(self) -> Evaluation:
        if not self.take("not"):
            return self.comparison()
        with self.nested():
            inner = self.negation()
        return lambda env: dims.negate(_truth(inner(env)))

    def comparison(self) -> Evaluation:
        left = self.sum()
        sign = self.take(*_COMPARE)
        return _binary(_COMPARE[sign], left, self.sum()) if sign else left

    def sum(self) -> Evaluation:
        left = self.product()
        while sign := self.take(*_SUM):
            left = _binary(_SUM[sign], left, self.product())
        return left

    def product(self) -> Evaluation:
        left = self.unary()
        signs = {**_PRODUCT, **_QUOTIENT} if self.rounded else _PRODUCT
        while sign := self.take(*signs):
            left = _binary(signs[sign], left, self.unary())
        return left

    def unary(self) -> Evaluation:
        if not self.take("-"):
            return self.postfix()
        with self.nested():
            inner = self.unary()
        return lambda env: _negative(inner(env))

    def postfix(self) -> Evaluation:
        run = self.atom()
        while self.take("["):
            with self.nested():
                run = _index(run, self.argument(rounded=False), self.text)
            self.need("]")
        return run

    def argument(self, *, rounded: bool) -> Evaluation:
        """An expression in brackets of its own, in which `/` divides if the value is rounded."""
        around, self.rounded = self.rounded, rounded
        run = self.disjunction()
        self.rounded = around
        return run

    def atom(self) -> Evaluation:
        kind, token, offset = self.tokens[self.at]
        if self.take("("):
            with self.nested():
                run = self.disjunction()
            self.need(")")
            return run
        if kind == "number":
            self.at += 1
            try:
                value = number(token)
            except ExprError as error:
                raise ExprError(str(error), offset) from None
            return lambda _env: value
        if kind != "name" or token in ("and", "or", "not"):
            raise self.unexpected()
        self.at += 1
        if self.take("("):
            return self.call(token, offset)
        if self.take("."):
            return self.size(token)
        if token in ("true", "false"):
            return lambda _env: token[0] == "t"
        self.names.add(token)
        return lambda env: env[token]

    def call(self, name: str, offset: int) -> Evaluation:
        if name not in HELPERS:
            hint = _FUNCTIONS_ELSEWHERE.get(name) or f"there are {', '.join(HELPERS)}"
            raise ExprError(f"{name!r} is not a function; {hint}", offset)
        function, least, most = HELPERS[name]
        args: list[Evaluation] = []
        with self.nested():
            while not self.take(")"):
                rounded = not args if name in _ROUNDING else self.rounded
                args.append(self.argument(rounded=rounded))
                if not self.take(","):
                    self.need(")")
                    break
        if not least <= len(args) <= most:
            counts = str(least) if least == most else f"{least} to {most}"
            raise ExprError(f"{name} takes {counts} argument{'s' * (counts != '1')}, got {len(args)}", offset)
        return lambda env: function(*[arg(env) for arg in args])

    def size(self, name: str) -> Evaluation:
        """The size of `in` or of an earlier layer, which may be one inside another: `stem.conv1.channels`."""
        while self.tokens[self.at][0] == "name" and self.tokens[self.at + 1][1] == ".":
            name = f"{name}.{self.tokens[self.at][1]}"
            self.at += 2
        axis = self.take(*axes.WORDS)
        if not axis:
            raise ExprError(
                f"after {name!r}. comes {', '.join(axes.WORDS[:-1])} or {axes.WORDS[-1]}", self.tokens[self.at][2]
            )
        self.shapes.add(name)

        def run(env: Names) -> Any:
            shape = env["." + name]
            at = axes.position(len(shape), axis)
            if at is None:
                has = " and ".join(axes.NAMES.get(len(shape), ("channels",)))
                raise ExprError(
                    f"{name} is {axes.kind(len(shape))} of {shape_text(shape)}; it has {has}, but no {axis}"
                )
            return shape[at]

        return run

    def nested(self) -> _Depth:
        return _Depth(self)


class _Depth:
    """Counts nesting, so that no input can exhaust the stack."""

    def __init__(self, parser: _Parser) -> None:
        self.parser = parser

    def __enter__(self) -> None:
        self.parser.depth += 1
        if self.parser.depth > _DEEPEST:
            raise ExprError(f"brackets nest deeper than {_DEEPEST}")

    def __exit__(self, *_: object) -> None:
        self.parser.depth -= 1


def _binary(function: Callable[[Any, Any], Any], left: Evaluation, right: Evaluation) -> Evaluation:
    return lambda env: function(left(env), right(env))


def _or(left: Evaluation, right: Evaluation) -> Evaluation:
    """Short-circuits where the left side is decided, so that `n == 0 or 8 % n == 0` never divides by zero."""
    return lambda env: a if (a := _truth(left(env))) is True else dims.either(a, _beside(a, right, env))


def _and(left: Evaluation, right: Evaluation) -> Evaluation:
    return lambda env: a if (a := _truth(left(env))) is False else dims.both(a, _beside(a, right, env))


def _beside(left: Any, right: Evaluation, env: Names) -> Any:
    """The truth of the right side; where that has none, the left side must say at which points it is asked at all."""
    try:
        return _truth(right(env))
    except (TypeError, AttributeError, KeyError, ArithmeticError, ExprError):
        if dims.is_array(left):
            bool(left)  # of a number over a grid: splits it
        raise


def _index(values: Evaluation, index: Evaluation, text: str) -> Evaluation:
    def run(env: Names) -> Any:
        sequence, at = values(env), index(env)
        at = at.numerator if isinstance(at, Fraction) and at.denominator == 1 else at
        at = operator.index(at) if dims.is_array(at) else at
        if isinstance(sequence, Mapping):
            if at in sequence:
                return sequence[at]
            raise ExprError(f"{text!r} asks for {at}, but there are {', '.join(map(str, sequence))}")
        if not isinstance(sequence, (tuple, list)) or isinstance(at, bool) or not isinstance(at, int):
            raise ExprError(f"{text!r}: only a list can be indexed, and only by an integer")
        if not 0 <= at < len(sequence):
            raise ExprError(f"{text!r} asks for item {at} of a list of {len(sequence)} (the first is item 0)")
        return sequence[at]

    return run
