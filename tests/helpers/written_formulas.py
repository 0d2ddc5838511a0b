"""A reader of the formulas that convcost writes, to compute what they say."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
TOKEN = re.compile(r"(?:mod|and|or|max|min|where)\b|[A-Za-z_][A-Za-z0-9_]*'*|[0-9]+|[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+|[·⌊⌋⌈⌉=≠≤≥]")
WORDS = {word: word for word in ("and", "or", "max", "min", "where")}
SIGNS = {
    "·": "*",
    "⌊": "floor(",
    "⌋": ")",
    "⌈": "ceil(",
    "⌉": ")",
    "mod": "%",
    "=": "==",
    "≠": "!=",
    "≤": "<=",
    "≥": ">=",
}


def as_python(text: str) -> str:
    """A formula in Python's writing; products, fractions and mod bind alike, from left to right."""

    def token(match: re.Match[str]) -> str:
        found = match[0]
        if found[0] in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻":
            return f"**({found.translate(RAISED)})"
        return {**SIGNS, **WORDS}.get(found) or (f"F({found})" if found.isdecimal() else f"sizes[{found!r}]")

    return TOKEN.sub(token, text)


def evaluate(text: str, sizes: Mapping[str, Any] | None = None) -> Fraction:
    """The value of a formula, in exact arithmetic."""
    exact = {name: Fraction(size if isinstance(size, Fraction) else int(size)) for name, size in (sizes or {}).items()}
    known = {"F": Fraction, "floor": math.floor, "ceil": math.ceil, "where": where, "sizes": exact}
    return eval(as_python(text), known)


def where(condition: bool, first: Any, second: Any) -> Any:
    return first if condition else second
