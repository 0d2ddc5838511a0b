r"""Tables as LaTeX: rules of booktabs, numbers in siunitx's `S` columns, units in the heads, everything escaped.

What is written compiles as it stands in a document with `\usepackage{booktabs,siunitx}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from convcost.render.escape import printable

NEEDS = r"% needs \usepackage{booktabs,siunitx}"
_SETUP = (
    r"\sisetup{group-separator={,}, group-digits=integer, group-minimum-digits=4, retain-explicit-plus,"
    r" table-number-alignment=right, table-text-alignment=right}"
)
"""As tables for people write numbers: commas between thousands (not behind the point), the sign of a difference, all flush
right."""

_MATH = {
    ">=": "geq", "<=": "leq", "->": "to", "≥": "geq", "≤": "leq", "→": "to", "≈": "approx", "≠": "neq",
    "×": "times", "·": "cdot", "±": "pm", "∞": "infty", "√": "surd", "∑": "sum", "∏": "prod", "∈": "in", "≡": "equiv", "↕": "updownarrow",
}  # fmt: skip
_SMALL = dict(
    zip(
        "αβγδεζηθικλμνξπρστυφχψωµϕ",
        [
            "alpha",
            "beta",
            "gamma",
            "delta",
            "varepsilon",
            "zeta",
            "eta",
            "theta",
            "iota",
            "kappa",
            "lambda",
            "mu",
            "nu",
            "xi",
            "pi",
            "rho",
            "sigma",
            "tau",
            "upsilon",
            "varphi",
            "chi",
            "psi",
            "omega",
            "mu",
            "phi",
        ],
        strict=True,
    )
)
_LARGE = dict(
    zip("ΓΔΘΛΞΠΣΦΨΩ", ["Gamma", "Delta", "Theta", "Lambda", "Xi", "Pi", "Sigma", "Phi", "Psi", "Omega"], strict=True)
)


def _signs() -> Iterator[tuple[str, str]]:
    yield from ((sign, f"\\{sign}") for sign in "{}&%$#_")
    yield from (("\\", r"\textbackslash{}"), ("~", r"\textasciitilde{}"), ("^", r"\textasciicircum{}"))
    yield from (("`", r"\textasciigrave{}"), ("--", "-{}-"))
    yield from ((sign, f"$\\{name}$") for names in (_MATH, _SMALL, _LARGE) for sign, name in names.items())
    yield from (("<", "$<$"), (">", "$>$"), ("|", "$|$"), ("−", "$-$"), ("⌈", r"$\lceil$"), ("⌉", r"$\rceil$"))
    yield from (("⌊", r"$\lfloor$"), ("⌋", r"$\rfloor$"), ("°", r"\textsuperscript{o}"), ("…", r"\ldots{}"))
    yield from (("\N{EN DASH}", "--"), ("\N{EM DASH}", "---"), ("\N{NO-BREAK SPACE}", "~"))
    yield from ((sign, rf"\textsuperscript{{{plain}}}") for sign, plain in zip("⁰¹²³⁴⁵⁶⁷⁸⁹ⁿ", "0123456789n"))
    yield from ((sign, rf"\textsubscript{{{plain}}}") for sign, plain in zip("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
    # Bars are drawn with block characters, in eighths of a character.
    yield from ((sign, rf"\rule{{{at * 0.0625:g}em}}{{1.2ex}}") for at, sign in enumerate("▏▎▍▌▋▊▉█", start=1))
    yield "░", r"\rule{0.5em}{0.2ex}"


_SIGNS = dict(_signs())
_BEYOND = "«»ÐÞðþĄąĐđĘęĦħĮįĸĿŀŉŊŋŦŧŲųſ"
"""Of Latin-1 and Latin Extended-A what LaTeX has in no font that it uses unasked."""
_SIGN = re.compile(
    "|".join([*map(re.escape, sorted(_SIGNS, key=len, reverse=True)), f"[{_BEYOND}]", "[^ -\u017f‘’“”€]"])
)


def escaped(text: str) -> str:
    r"""A text as LaTeX source that prints it.

    >>> print(escaped("s1_conv 3×3 & 50 %, n² >= 4, n_c' -> α"))
    s1\_conv 3$\times$3 \& 50 \%, n\textsuperscript{2} $\geq$ 4, n\_c' $\to$ $\alpha$

    A letter that only fonts of other engines have is its code: an article compiles whatever a network is called.

    >>> print(escaped("élan 畳"))
    élan \texttt{U+7573}
    """
    return _SIGN.sub(lambda found: _SIGNS.get(found[0]) or _code(found[0]), printable(text))


def _code(letter: str) -> str:
    return rf"\texttt{{U+{ord(letter):04X}}}"


class _Number(NamedTuple):
    """A cell that is a number, with its unit if it has one."""

    sign: str
    whole: str
    places: str
    unit: str

    @property
    def zero(self) -> bool:
        """Whether it is 0, which is that in any unit."""
        return not (self.whole + self.places).strip("0")

    @property
    def source(self) -> str:
        """As siunitx reads it."""
        return f"{self.sign}{self.whole}{'.' * bool(self.places)}{self.places}"


_NUMBER = re.compile(r"([+-]?)(\d{1,3}(?:,\d{3})*|\d+)(?:\.(\d+))?(?: ?(%|[A-Za-z]{1,4}))?", re.ASCII)


def _number(cell: str) -> _Number | None:
    found = _NUMBER.fullmatch(cell)
    return _Number(found[1], found[2].replace(",", ""), found[3] or "", found[4] or "") if found else None


class _Column(NamedTuple):
    """A column as LaTeX: how it is set, its head, its cells."""

    kind: str
    head: str
    cells: list[str]


def _column(head: str, numeric: bool, cells: Sequence[str]) -> _Column:
    r"""Numbers of one unit become an `S` column with that unit in its head; all else is text.

    >>> _column("share", True, ["0.00 %", "100.00 %", "-"])
    _Column(kind='S[table-format=3.2]', head='{share (\\%)}', cells=['0.00', '100.00', '{--}'])
    """
    numbers = [_number(cell) for cell in cells]
    found = [number for number in numbers if number]
    filled = sum(bool(cell) for cell in cells)
    units = dict.fromkeys(number.unit for number in found if number.unit or not number.zero)
    if not numeric or 2 * len(found) < max(filled, 1) or len(units) > 1:
        return _Column("r" if numeric else "l", escaped(head), [_dash(cell) for cell in cells])
    sign = "+" if any(number.sign == "+" for number in found) else "-" if any(number.sign for number in found) else ""
    whole, places = (max(len(getattr(number, part)) for number in found) for part in ("whole", "places"))
    unit = "".join(f"({name})" for name in units if name)
    return _Column(
        f"S[table-format={sign}{whole}.{places}]",
        f"{{{escaped(' '.join(filter(None, (head, unit))))}}}",
        [number.source if number else _text(cell) for number, cell in zip(numbers, cells)],
    )


def _text(cell: str) -> str:
    """A cell of an `S` column that is no number."""
    return f"{{{_dash(cell)}}}" if cell else ""


def _dash(cell: str) -> str:
    """A cell as text; one for nothing is a dash."""
    return "--" if cell == "-" else escaped(cell)


def tabular(
    headers: Sequence[str],
    numeric: Sequence[bool],
    rows: Sequence[Sequence[str]],
    total: Sequence[str] | None = None,
) -> str:
    r"""A table as a tabular; the total stands below a rule of its own.

    >>> print(tabular(("op", "MACs"), (False, True), [["conv2d", "2,160"]]).splitlines()[2])
    \begin{tabular}{lS[table-format=4.0]}
    """
    body = [*rows, *([total] if total else [])]
    columns = [
        _column(head, number, [row[at] for row in body]) for at, (head, number) in enumerate(zip(headers, numeric))
    ]
    lines = _lines([[column.head, *column.cells] for column in columns])
    if total:
        lines.insert(-1, r"\midrule")
    return _framed("".join(column.kind for column in columns), lines)


def formulas(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose cells are LaTeX source already."""
    ascii_rows = [[re.sub("[^ -~]", lambda found: _code(found[0]), cell) for cell in row] for row in rows]
    return _framed("l" * len(headers), _lines([[escaped(head), *cells] for head, *cells in zip(headers, *ascii_rows)]))


def _lines(columns: Sequence[Sequence[str]]) -> list[str]:
    """The lines of a tabular, columns below each other for who reads the source.

    A bracket or a star that begins a line would belong to the end of the line before.
    """
    columns = [[f"{{}}{cell}" if cell[:1] in ("[", "*") else cell for cell in columns[0]], *columns[1:]]
    widths = [max(map(len, column)) for column in columns]
    return [f"  {' & '.join(cell.ljust(width) for cell, width in zip(line, widths))} \\\\" for line in zip(*columns)]


def _framed(kinds: str, lines: Sequence[str]) -> str:
    head, *body = lines
    begun = (r"\begingroup", _SETUP, f"\\begin{{tabular}}{{{kinds}}}", r"\toprule", head, r"\midrule")
    return "\n".join([*begun, *body, r"\bottomrule", r"\end{tabular}", r"\endgroup", ""])


Notes = Sequence[tuple[str, str]]


def references(notes: Notes) -> tuple[str, Notes]:
    r"""The notes that cells refer to by a mark, as a text below the table; and the other notes.

    >>> references([("[1]", "arXiv 1801.04381"), ("memory", "as fp32")])[0].splitlines()[2]
    '[1]~arXiv 1801.04381'
    """
    marked = [(word, said) for word, said in notes if re.fullmatch(r"\[\w+\]", word)]
    if not marked:
        return "", notes
    lines = "\\par\n".join(f"{escaped(word)}~{escaped(said)}" for word, said in marked)
    begun = "\\par\\smallskip\n\\begin{minipage}{\\linewidth}\\footnotesize\\raggedright"
    return f"{begun}\n{lines}\n\\end{{minipage}}\n", [note for note in notes if note not in marked]


def comments(lines: Iterable[str]) -> str:
    """Lines that LaTeX does not read."""
    return "".join(f"% {printable(line)}\n" for line in lines)
