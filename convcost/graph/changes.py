"""What differs between two aligned networks, in words: changes made, and what follows from them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median_low
from typing import NamedTuple

from convcost.core.dims import Shape
from convcost.core.units import exact, input_shapes_text
from convcost.graph.align import Alignment, Pair, Part, same_name
from convcost.graph.items import FROM_SHAPES, Item
from convcost.graph.wording import Siblings, made_words, replaced_words, whole_words

KINDS = ("input", "widened", "added", "removed", "changed", "replaced", "moved", "renamed", "follows", "same")
"""What a difference is."""
MARKS = {"added": "+", "removed": "-", "moved": "↕", "follows": "→", "same": "=", "renamed": "≡"}
"""Kind -> its sign in a table; `~` for all others."""
_LEFT = ("same", "follows", "widened", "renamed")
"""Kinds of what stands where it stood."""
FOLLOWS = "follows: other shapes"
"""The words of what follows."""
_ROUNDING = 8
"""Widened channels are rounded to multiples of so many."""
_FEW, _WIDE = 3, 48
"""So many places are named one by one, in so many characters."""


@dataclass(frozen=True)
class Change:
    """One difference between two networks, and the units whose costs it changes."""

    kind: str
    """One of `KINDS`."""
    name: str
    """Where: the part of the new network, or of the old one where it was removed; empty for the whole network."""
    was: str
    """The name in the old network, empty if there is none."""
    words: str
    """What it is: `kernel 3×3 -> 5×5`."""
    old: tuple[Item, ...] = field(default=(), hash=False)
    new: tuple[Item, ...] = field(default=(), hash=False)
    places: int = 1
    """How many units, or parts of several, it concerns."""
    path: tuple[str, ...] = ()
    """The place as scopes."""
    of: int = 0
    """How many parts there are of that name, if it is a pattern that fits more than the places; else 0."""
    beside: tuple[str, ...] = ()
    """The units in which only ops beside the main one were changed - an activation, a norm -, so that what the others cost
    follows from what they read."""

    @property
    def mark(self) -> str:
        """The sign of its kind."""
        return MARKS.get(self.kind, "~")

    @property
    def macs(self) -> int:
        """How many MACs more the new network has by it, at batch 1."""
        return sum(item.macs for item in self.new) - sum(item.macs for item in self.old)

    @property
    def params(self) -> int:
        """How many parameters more."""
        return sum(item.params for item in self.new) - sum(item.params for item in self.old)


def changes(found: Alignment, inputs: tuple[dict[str, Shape], dict[str, Shape]] | None = None) -> tuple[Change, ...]:
    """What differs, equal changes in many places as one, and all that follows from them as one; none where nothing does.

    `inputs` are the input shapes of both networks. Each unit whose costs differ belongs to exactly one change.

    >>> from convcost import load
    >>> from convcost.graph.align import align
    >>> from convcost.graph.items import items
    >>> a, b = (items(load("vgg16", classes=classes).walked) for classes in (1000, 10))
    >>> [(change.kind, change.name, change.words, change.params) for change in changes(align(a, b))]
    [('changed', 'fc8', 'channels 1000 -> 10', -4056030)]
    """
    every = [*each(found)]
    names = _all_names(found.old), _all_names(found.new)
    single = [change for change in every if change.kind != "same"]
    whole = [change for change in single if change.kind == "widened"]
    follows = [change for change in single if change.kind == "follows"]
    renamed = [change for change in single if change.kind == "renamed"]
    merged = [change for some in (whole, _runs(every), renamed) for change in _merged(some, names)]
    made = [*merged, *_inputs_renamed(inputs)]
    if inputs is not None and list(inputs[0].values()) != list(inputs[1].values()):
        words = f"input {' -> '.join(map(input_shapes_text, inputs))}"
        rest = _all(follows, "input", words)
        return (rest or Change("input", "", "", words, places=0), *made)
    rest = _all(follows, "follows", FOLLOWS)
    return (*made, rest) if rest else tuple(made)


_Names = tuple[frozenset[str], frozenset[str]]
"""Of all parts and units of the old network, and of the new one."""


def _all_names(units: Sequence[Item]) -> frozenset[str]:
    scopes = {".".join(item.scope[:deep]) for item in units for deep in range(1, len(item.scope) + 1)}
    return frozenset(scopes | {item.name for item in units})


def _inputs_renamed(inputs: tuple[dict[str, Shape], dict[str, Shape]] | None) -> Iterator[Change]:
    for was, now in zip(*(inputs or ((), ()))):
        if was != now and inputs and list(inputs[0].values()) == list(inputs[1].values()):
            yield Change("renamed", now, was, f"{was} -> {now}")


def each(found: Alignment) -> Iterator[Change]:
    """Every unit, and every part that was added, removed, moved or replaced, by itself, in order; `same` where nothing differs."""
    factor = _widened(found)
    sorts = {id(leaf): _single(leaf, factor) for leaf in found.leaves}
    wires = _wires(found)
    yield from _under(found.root, _Context(found, sorts, wires))


class _Context(NamedTuple):
    found: Alignment
    single: dict[int, Change]
    wires: dict[str, str]
    """Name of a new unit that reads others than its counterpart does, or uses others' weights -> in words."""


def _under(pair: Pair, context: _Context) -> Iterator[Change]:
    if id(pair) in context.single:
        yield context.single[id(pair)]
        return
    shifted = any(_shifts(child) for child in pair.children)
    beside = Siblings(pair)
    for child in pair.children:
        if renamed := None if context.found.flat else _renamed(pair, child, context, shifted=shifted):
            yield renamed
        for change in _under(child, context):
            if child.children:
                yield change
            elif change.kind in ("added", "removed"):
                yield replace(change, words=whole_words(beside, child, change.words))
            elif len(change.new) == 1 and change.new[0].name in context.wires:
                yield _rewired(change, context.wires[change.new[0].name])
            else:
                yield change


def _shifts(pair: Pair) -> bool:
    """Whether a part makes the numbers of those beside it count from elsewhere."""
    if pair.moved or pair.replaced or not (pair.old and pair.new):
        return True
    return not same_name(pair.old.own_name, pair.new.own_name)


def _rewired(change: Change, words: str) -> Change:
    if change.kind in ("same", "follows"):
        return replace(change, kind="changed", words=words)
    return replace(change, words=f"{change.words}, {words}") if change.kind == "changed" else change


def _single(leaf: Pair, factor: _Factor | None) -> Change:
    old, new = leaf.old, leaf.new
    here = new or old
    assert here is not None
    gone, come = (old.items if old else ()), (new.items if new else ())
    if old is None or new is None:
        kind, words = ("added" if new else "removed"), ""
    elif leaf.moved:
        kind, words = "moved", "the same, in another order"
    elif leaf.replaced:
        kind, words = "replaced", replaced_words(gone, come)
    else:
        kind, words = _compared(gone[0], come[0], factor)
    beside = (here.name,) if kind == "changed" and _is_beside(gone[0], come[0], factor) else ()
    return Change(kind, here.name, old.name if old else "", words, gone, come, path=leaf.path, beside=beside)


def _compared(old: Item, new: Item, factor: _Factor | None) -> tuple[str, str]:
    """What differs between two units that stand for each other, and in words."""
    differing = [key for key in _differing(old, new) if not _is_no_change(key, old, new)]
    words = made_words(old, new, _made(old, new, factor))
    if words:
        return "changed", words
    shapes = [(sorted(item.reads), item.makes, item.macs, item.params) for item in (old, new)]
    if not differing and shapes[0] == shapes[1]:
        return "same", ""
    if factor is not None and _all_channels(old) != _all_channels(new):
        return "widened", factor.text
    return "follows", ""


def _made(old: Item, new: Item, factor: _Factor | None) -> list[str]:
    """The attributes that differ by themselves."""
    differing = [key for key in _differing(old, new) if not _is_no_change(key, old, new)]
    return [key for key in differing if not _follows(key, old, new) and not _is_wider(key, old, new, factor)]


def _is_beside(old: Item, new: Item, factor: _Factor | None) -> bool:
    """Whether the main op of a unit was left as it is, and only reads something else."""
    return old.kind == new.kind and all("." in key for key in _made(old, new, factor))


def _is_no_change(key: str, old: Item, new: Item) -> bool:
    """Whether padding keeps the size on both sides, be it said by a word or as half of the kernel.

    With strides the word may pad the end more than the beginning, which is another network.
    """
    if key != "padding" or not (_keeps_size(old) and _keeps_size(new)):
        return False
    strides = old.choices.get("stride", "1"), new.choices.get("stride", "1")
    by_word = [item.choices.get("padding") == "same" for item in (old, new)]
    return by_word[0] == by_word[1] or strides[0] != strides[1] or set(strides[0]) <= {"1", "×"}


def _keeps_size(item: Item) -> bool:
    padding = item.choices.get("padding", "")
    if padding == "same":
        return True
    kernel, dilation = (item.choices.get(key, "1").split("×") for key in ("kernel", "dilation"))
    zeros = padding.split("×") * (len(kernel) if "×" not in padding else 1)
    dilation = dilation * (len(kernel) if len(dilation) == 1 else 1)
    halves = [str((int(size) - 1) * int(step) // 2) for size, step in zip(kernel, dilation)]
    return zeros == halves and all(int(size) % 2 for size in kernel)


def _all_channels(item: Item) -> list[int]:
    return [shape[-1] for shape in (*item.reads, item.makes) if shape]


def _differing(old: Item, new: Item) -> list[str]:
    keys = dict.fromkeys([*old.choices, *new.choices])
    return [key for key in keys if old.choices.get(key) != new.choices.get(key)]


def _follows(key: str, old: Item, new: Item) -> bool:
    """Whether an attribute differs only because what the unit reads does: a size, or channels in step with those it reads."""
    if old.reads == new.reads:
        return False
    if key.rpartition(".")[2] in FROM_SHAPES:
        return True
    if key != "channels" or old.channels_in == new.channels_in or not (old.channels_in and new.channels_in):
        return False
    was, now = _channels(old), _channels(new)
    off = abs(now * old.channels_in - was * new.channels_in)
    is_gate = new.makes[:-1] == (1, 1) and was % _ROUNDING == now % _ROUNDING == 0
    return off < min(old.channels_in, new.channels_in) * (_ROUNDING // 2 + 1 if is_gate else 1)


def _channels(item: Item) -> int:
    return int(item.choices.get("channels", "0"))


class _Factor(NamedTuple):
    """By what the channels of nearly all layers were multiplied, or divided; the same in both directions."""

    of: float
    """At least 1."""
    grows: bool

    @property
    def text(self) -> str:
        return f"channels × {self.of if self.grows else 1 / self.of:.3g}"

    def fits(self, old: int, new: int) -> bool:
        """Whether channels differ by it, about: they are rounded, the narrow ones most."""
        narrow, wide = (old, new) if self.grows else (new, old)
        return abs(wide - self.of * narrow) <= max(_ROUNDING, 0.15 * self.of * narrow)


def _widened(found: Alignment) -> _Factor | None:
    """By what the channels of (nearly) all layers were multiplied; None if they were not.

    Layers count that state channels of their own; a classifier, whose channels are classes, may stay.
    """
    weighted = [(old, new) for old, new in found.units if old.weighted and new.weighted]
    stated = [(a, b) for a, b in ((_channels(old), _channels(new)) for old, new in weighted) if a and b]
    differing = [(old, new) for old, new in stated if old != new]
    grow = sum(new > old for old, new in differing)
    one_way = max(grow, len(differing) - grow)
    few = len(differing) < 3 or 5 * len(differing) < 3 * len(stated)
    if few or 10 * one_way < 9 * len(differing) or 4 * len(stated) < min(len(found.old), len(found.new)):
        return None
    grows = grow == one_way
    factor = _Factor(median_low([new / old if grows else old / new for old, new in differing]), grows)
    near = sum(factor.fits(old, new) for old, new in differing)
    return factor if 5 * near >= 4 * len(differing) else None


def _is_wider(key: str, old: Item, new: Item, factor: _Factor | None) -> bool:
    """Whether an attribute differs as it does where the whole network was widened."""
    if factor is None or key.rpartition(".")[2] not in ("channels", *FROM_SHAPES):
        return False
    return key != "channels" or factor.fits(_channels(old), _channels(new))


def _renamed(parent: Pair, pair: Pair, context: _Context, *, shifted: bool) -> Change | None:
    """Whether a part is the same but for its name, and for numbers that are shifted by what was added or removed."""
    old, new = pair.old, pair.new
    if old is None or new is None or pair.moved or pair.replaced:
        return None
    names = _called(old, parent.old), _called(new, parent.new)
    first = next(((was, now) for was, now in zip(*names) if was != now and was and now), None)
    if first is None or (shifted and same_name(*first)) or not _is_same(pair, context):
        return None
    return Change("renamed", new.name, old.name, f"{first[0]} -> {first[1]}", path=pair.path)


def _called(part: Part, parent: Part | None) -> list[str]:
    """The name of a part without those of what contains it; of a unit also the names of its layers."""
    above = ".".join(parent.path) if parent else ""
    names = [part.name, *part.items[0].steps] if part.is_unit else [part.name]
    own = [name.removeprefix(above).removeprefix(".") for name in names]
    return [own[0], *(name.removeprefix(own[0]).removeprefix(".") for name in own[1:])]


def _is_same(pair: Pair, context: _Context) -> bool:
    leaves = [pair]
    while any(leaf.children for leaf in leaves):
        leaves = [child for leaf in leaves for child in (leaf.children or (leaf,))]
    return all(context.single[id(leaf)].kind in ("same", "follows", "widened") for leaf in leaves)


def _wires(found: Alignment) -> dict[str, str]:
    """Units that read other units than their counterparts do, where all of these stand in both networks, and none was moved;
    and those that use the weights of others.
    """
    stands_for = {old.name: new.name for old, new in found.units}
    moved = {item.name for leaf in found.leaves if leaf.moved and leaf.new for item in leaf.new.items}
    known = set(stands_for.values()) - moved
    said = {}
    for old, new in found.units:
        before = {stands_for.get(name, name if name not in known else "") for name in old.inputs}
        gone, come = sorted(before - set(new.inputs)), sorted(set(new.inputs) - before)
        words = []
        if (gone or come) and known >= {new.name, *gone, *come}:
            words.append(f"reads {', '.join(gone) or 'no other'} -> {', '.join(come) or 'no other'}")
        if shared := _shared(old, new, stands_for):
            words.append(shared)
        if words:
            said[new.name] = ", ".join(words)
    return said


def _shared(old: Item, new: Item, stands_for: Mapping[str, str]) -> str:
    """Whose weights a unit uses where both use others', but not those of units that stand for each other; else empty."""
    before, after = ({(role, at): owner for role, at, owner in item.shares} for item in (old, new))
    both = [
        (owner, after[key])
        for key, owner in before.items()
        if key in after and stands_for.get(owner, owner) != after[key]
    ]
    gone, come = (", ".join(dict.fromkeys(owners)) for owners in zip(*both)) if both else ("", "")
    return f"shares {gone} -> {come}" if both else ""


def _runs(found: Iterable[Change]) -> list[Change]:
    """Units that were added or removed side by side, or equal repeats, as one change; without what stays."""
    runs: list[Change] = []
    beside = False
    for change in found:
        if change.kind in _LEFT:
            beside = False
            continue
        last = runs[-1] if runs else None
        goes_on = last is not None and change.kind in ("added", "removed") and _continues(last, change, beside=beside)
        beside = True
        if last is None or not goes_on:
            runs.append(change)
            continue
        words = change.words if change.words == last.words else f"{last.words}, {change.words}"
        own = change.name.rpartition(".")[2]
        runs[-1] = replace(
            last,
            name=(name := f"{last.name.partition(' … ')[0]} … {own}"),
            was=name if last.was else "",
            words=words,
            old=last.old + change.old,
            new=last.new + change.new,
            places=last.places + 1,
        )
    return [_shortened(run) for run in runs]


def _continues(last: Change, change: Change, *, beside: bool) -> bool:
    if (last.kind, last.path[:-1]) != (change.kind, change.path[:-1]):
        return False
    single = len(change.old + change.new) == 1 and len(last.old + last.new) == last.places
    return (single and beside) or (change.words == last.words and change.words.startswith("repeats"))


def _shortened(run: Change) -> Change:
    if run.places > 4 and not run.words.startswith("repeats"):
        first = ", ".join(run.words.split(", ")[:3])
        return replace(run, words=f"{run.places} units: {first}, …")
    return run


def _merged(found: Iterable[Change], names: _Names) -> list[Change]:
    """Changes of the same kind in the same words, as one in many places."""
    groups: dict[tuple[str, str, str], list[Change]] = {}
    for at, change in enumerate(found):
        apart = change.kind in ("added", "removed", "replaced")
        groups.setdefault((change.kind, change.words, _kept_apart(at, change) if apart else ""), []).append(change)
    return [_one(members, names) for members in groups.values()]


def _kept_apart(at: int, change: Change) -> str:
    """A key that is equal for the same part of several blocks, and for repeats beside each other; a part of the whole network
    has a row of its own.
    """
    names = [name.rpartition(".") for name in (change.was, change.name) if name]
    if change.words.startswith("repeats"):
        return " ".join(before for before, _, _ in names)
    return " ".join(own for _, _, own in names) if all(before for before, _, _ in names) else str(at)


def _one(members: Sequence[Change], names: _Names) -> Change:
    first = members[0]
    if len(members) == 1:
        return first
    mine, theirs = [change.name for change in members], [change.was for change in members]
    listed = [", ".join(one) if all(one) else "" for one in (mine, theirs)]
    few = len(members) <= _FEW and max(map(len, listed)) <= _WIDE
    every = names[1] if any(change.new for change in members) else names[0]
    name = listed[0] if few else _place(mine, every)
    return replace(
        first,
        name=name,
        was=listed[1] if few else _place(theirs, names[0]),
        path=_common([change.path for change in members]),
        old=tuple(item for change in members for item in change.old),
        new=tuple(item for change in members for item in change.new),
        beside=tuple(name for change in members for name in change.beside),
        places=sum(change.places for change in members),
        of=0 if few else _fitting(name, mine, every),
    )


def _all(found: Sequence[Change], kind: str, words: str) -> Change | None:
    """Changes of any place as one of the whole network."""
    if not found:
        return None
    one = _one(found, (frozenset(), frozenset()))
    return replace(one, kind=kind, words=words, name="", was="", path=(), of=0)


def _place(names: Sequence[str], every: Collection[str]) -> str:
    """What the names of several places have in common: what contains them all, or what each is called inside; the pattern
    that fits no other part, if there is one.

    >>> _place(["a.b1.c", "a.b2.c"], ()), _place(["a.c", "b.c"], ()), _place(["a", "b"], ())
    ('a', '*.c', '')
    >>> _place(["b1.c", "b2.c"], ["b1.c", "b2.c", "stem.c"]), _place(["b1.c", "b2.c"], ["b1.c", "b2.c", "b3.c"])
    ('b*.c', '*.c')
    """
    paths = [tuple(name.split(".")) for name in names]
    if before := ".".join(_common(paths)):
        return before
    behind = ".".join(_common([path[::-1] for path in paths])[::-1])
    if not behind:
        return ""
    usual, begins = f"*.{behind}", "".join(_common([tuple(name) for name in names])).rstrip("0123456789")
    narrow = f"{begins}{usual}"
    return narrow if _fitting(usual, names, every) and not _fitting(narrow, names, every) else usual


def _fitting(pattern: str, names: Sequence[str], every: Collection[str]) -> int:
    """How many parts a pattern fits, if these are more than the names; 0 if not, and for what is no pattern.

    >>> _fitting("*.c", ["a.c", "b.c"], ["a.c", "b.c", "d.c", "d"]), _fitting("*.c", ["a.c", "b.c"], ["a.c", "b.c"])
    (3, 0)
    """
    begin, star, end = pattern.partition("*")
    if not star or not set(names) <= set(every):
        return 0
    fit = sum(name.startswith(begin) and name.endswith(end) for name in every)
    return fit if fit > len(set(names)) else 0


def placed(name: str, places: int, of: int) -> str:
    """A name with how many places it stands for, and of how many; nothing where each is named.

    >>> placed("*.c", 17, 0), placed("*.c", 2, 17), placed("a.c, b.c", 2, 0), placed("block2 … block9", 8, 0)
    ('*.c (17×)', '*.c (2 of 17)', 'a.c, b.c', 'block2 … block9')
    """
    if places < 2 or " … " in name or name.count(", ") + 1 == places:
        return name
    return f"{name} ({exact(places)} of {exact(of)})" if of else f"{name} ({exact(places)}×)"


def _common(paths: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """What paths begin with."""
    common = []
    for parts in zip(*paths):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return tuple(common)
