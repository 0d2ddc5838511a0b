"""What stands beside the boxes: names, what they compute or consist of, sizes and shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from convcost.core.dims import Shape
from convcost.core.units import shape_text
from convcost.diagrams.architecture.parts import Part, Wiring, stem

_MOST_TOKENS, _MOST_KINDS = 5, 2


def size_lines(shape: Shape) -> tuple[str, ...]:
    """The size of a tensor over and under an arrow: its map, and its channels.

    >>> size_lines((56, 56, 24)), size_lines((1000,))
    (('56×56', '×24'), ('1000',))
    """
    if len(shape) < 2:
        return (shape_text(shape) or "scalar",)
    return (shape_text(shape[:-1]), f"×{shape[-1]}")


def share_text(share: float) -> str:
    """A share as a short number of per cent.

    >>> share_text(0.1234), share_text(0.0312), share_text(0.0004), share_text(0)
    ('12 %', '3.1 %', '< 0.1 %', '0 %')
    """
    per_cent = 100 * share
    if per_cent >= 9.95:
        return f"{per_cent:.0f} %"
    if per_cent >= 0.095:
        return f"{per_cent:.1f} %"
    return "< 0.1 %" if share > 0 else "0 %"


def titles(parts: Sequence[Part]) -> list[str]:
    """How parts are called beside each other: their own names, with the scope where that says too little.

    Where two have one name, all that lie as deep as the deeper one are called with their scopes.
    """
    count = Counter(part.name for part in parts)
    depths: dict[str, list[int]] = {part.name: [] for part in parts}
    for part in parts:
        depths[part.name].append(len(part.path))
    deep = {max(depths[name]) for name, times in count.items() if times > 1}
    found = []
    for part in parts:
        bare = not any(letter.isalpha() for letter in part.name)
        qualified = len(part.path) > 1 and (bare or len(part.path) in deep)
        name = f"{part.path[-2]}.{part.name}" if qualified else part.name
        found.append(f"{name} ×{part.repeats}" if part.is_run else name)
    return found


def contents(part: Part, wired: Wiring, letters: Mapping[tuple[int, ...], str]) -> str:
    """What a part computes: the unit's text, or the blocks that it consists of, by letter where they are drawn."""
    inner = part.first
    if inner.is_unit:
        return wired.units[inner.units[0]].text
    if inner.units in letters:
        return f"{part.repeats}×{letters[inner.units]}" if part.is_run else letters[inner.units]
    tokens = list(_tokens(inner, wired, letters))
    if any(token in letters.values() for token in tokens):
        terms = together(tokens)
        return " + ".join(terms if len(terms) <= _MOST_TOKENS else [*terms[: _MOST_TOKENS - 1], "…"])
    scopes = [one for one in inner.parts if not one.is_unit]
    common = stem([one.name for one in scopes]) if len(scopes) > 1 else ""
    if common:
        return f"{sum(one.repeats for one in scopes)} × {common}"
    said = [(kind, len(list(same))) for kind, same in groupby(wired.units[unit].anchor.kind for unit in inner.units)]
    if len(said) <= _MOST_KINDS:
        return " + ".join(f"{count} × {kind}" if count > 1 else kind for kind, count in said)
    return f"{len(inner.units)} layers"


def together(tokens: Sequence[str]) -> list[str]:
    """Terms of a sum, repeated ones and pairs as multiples.

    >>> together(["merging", "A", "B", "A", "B"]), together(["A", "B", "B"])
    (['merging', '2×(A + B)'], ['A', '2×B'])
    """
    terms: list[str] = []
    at = 0
    while at < len(tokens):
        first, second, *_ = *tokens[at : at + 2], ""
        pairs = first != second and tokens[at : at + 2] == tokens[at + 2 : at + 4]
        pattern, times = tokens[at : at + (2 if pairs else 1)], 1
        while tokens[at + times * len(pattern) : at + (times + 1) * len(pattern)] == pattern:
            times += 1
        one = f"({' + '.join(pattern)})" if pairs else first
        terms.append(f"{times}×{one}" if times > 1 else one)
        at += times * len(pattern)
    return terms


def _tokens(part: Part, wired: Wiring, letters: Mapping[tuple[int, ...], str]) -> Iterator[str]:
    """The blocks of a part in their order: letters of those that are drawn, names or ops of others."""
    for inner in part.parts:
        if inner.units in letters:
            yield letters[inner.units]
        elif inner.is_unit:
            yield wired.units[inner.units[0]].anchor.node.op
        elif any(set(units) < set(inner.units) for units in letters):
            tokens = list(_tokens(inner, wired, letters))
            drawn = [token for token in tokens if token in letters.values()]
            if len(drawn) == len(tokens):
                yield from drawn
            else:
                yield f"{inner.name} ({' + '.join(together(drawn))})" if drawn else inner.name
        else:
            yield inner.name
