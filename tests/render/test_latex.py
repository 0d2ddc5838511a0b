"""LaTeX: what is escaped, what becomes a column of numbers, and what stays text."""

from __future__ import annotations

import re

import pytest

from convcost.render.latex import escaped, tabular
from convcost.render.table import Table


@pytest.mark.parametrize("sign", "{}&%$#_")
def test_what_latex_would_read_as_a_command_is_escaped_once(sign: str) -> None:
    assert escaped(f"a{sign}b") == f"a\\{sign}b"


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("3×3 /2", r"3$\times$3 /2"),
        (">= 5, ≥ 5, <= 5", r"$\geq$ 5, $\geq$ 5, $\leq$ 5"),
        ("a -> b > c", r"a $\to$ b $>$ c"),
        ("n² and n_c'", r"n\textsuperscript{2} and n\_c'"),
        ("α·β, Ω", r"$\alpha$$\cdot$$\beta$, $\Omega$"),
        (r"C:\new", r"C:\textbackslash{}new"),
        ("~/x^2", r"\textasciitilde{}/x\textasciicircum{}2"),
    ],
)
def test_signs_are_written_as_latex_prints_them(text: str, source: str) -> None:
    assert escaped(text) == source


def columns(heads: str, *rows: str) -> tuple[str, list[list[str]]]:
    """The kinds and the cells of a tabular whose columns all hold numbers."""
    headers = heads.split("|")
    text = tabular(headers, [True] * len(headers), [row.split("|") for row in rows])
    found = re.search(r"\\begin\{tabular\}\{(.*)\}\n", text)
    assert found
    body = [line for line in text.splitlines() if line.endswith(r"\\")]
    return found[1], [[cell.strip() for cell in line.removesuffix(r"\\").split("&")] for line in body]


def test_numbers_of_one_unit_are_a_column_with_the_unit_in_its_head() -> None:
    kinds, (head, *rows) = columns("share|peak|by", "5.50 %|9.19 MiB|+1,000", "100.00 %|23.0 MiB|0")
    assert kinds == "S[table-format=3.2]S[table-format=2.2]S[table-format=+4.0]"
    assert head == [r"{share (\%)}", "{peak (MiB)}", "{by}"]
    assert rows == [["5.50", "9.19", "+1000"], ["100.00", "23.0", "0"]]


def test_nothing_is_nothing_in_any_unit() -> None:
    kinds, (head, *rows) = columns("params|MACs", "0.0750 M|118 M", "0|0", "1 M|-")
    assert (kinds, head) == ("S[table-format=1.4]S[table-format=3.0]", ["{params (M)}", "{MACs (M)}"])
    assert rows == [["0.0750", "118"], ["0", "0"], ["1", "{--}"]]
    assert columns("params", "0.0750 M", "5")[0] == "r"


def test_several_units_stay_text_and_so_does_what_is_mostly_no_number() -> None:
    kinds, (head, *rows) = columns("peak|printed", "9.19 MiB|4.13G, 4.1G", "241 KiB|x")
    assert kinds == "rr"
    assert head == ["peak", "printed"]
    assert rows == [["9.19 MiB", "4.13G, 4.1G"], ["241 KiB", "x"]]


def test_what_is_no_number_is_braced_among_numbers() -> None:
    kinds, (_, *rows) = columns("MACs|ratio", ">= 1,000|-", "25|0.5000", "7|?", "9|", "8|1.0000", "7|2.0")
    assert kinds == "S[table-format=2.0]S[table-format=1.4]"
    assert [row[0] for row in rows] == [r"{$\geq$ 1,000}", "25", "7", "9", "8", "7"]
    assert [row[1] for row in rows] == ["{--}", "0.5000", "{?}", "", "1.0000", "2.0"]


def test_a_note_of_several_lines_stays_a_comment() -> None:
    table = Table("a\nb", ("x",), (False,), [["y"]], [], {}, notes=[("note", "one\n\\end{document}")])
    assert all(line.startswith("%") for line in table.render("latex").split("\\begingroup")[0].splitlines())
