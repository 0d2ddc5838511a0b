"""How the ratio of a way to build a layer to the standard convolution depends on the number and the size of the filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from convcost.alternatives.comparison import law_said, law_to_standard
from convcost.alternatives.recipes import LayerToBuild, compare, ratio_to_standard
from convcost.core.checks import check_integer
from convcost.core.dims import LARGEST
from convcost.core.errors import UsageError
from convcost.core.reading import each
from convcost.core.units import exact, shape_text
from convcost.core.version import __version__
from convcost.render.table import Table, Tabular

MOST_RATIOS = 10_000
"""Sizes of filters times numbers of them."""
KERNELS = (1, 3, 5, 7)
FILTERS = tuple(2**power for power in range(11))


@dataclass(frozen=True, slots=True)
class Ratios(Tabular):
    """The ratios of one way, each counted by the ops' rules."""

    layer: LayerToBuild
    """Its input, stride and bias are those of every ratio; the padding is `same`, so that every filter fits."""
    way: str
    kernels: tuple[int, ...]
    filters: tuple[int, ...]
    points: tuple[tuple[Fraction | None, ...], ...]
    """Of each number of filters, those of the kernels; None where the way does not fit."""
    applies: bool
    """Whether every ratio is what the law says: where the stride does not divide the map, some laws only come near."""

    @property
    def law(self) -> str:
        """What they follow, if it `applies`."""
        return str(law_to_standard(self.way, self._first))

    @property
    def title(self) -> str:
        """What is shown over the number and the size of the filters, with the law if it applies."""
        return f"{self.way} / standard{f' = {self.law}' if self.applies else ''}"

    @property
    def _first(self) -> LayerToBuild:
        return _made(self.layer, self.kernels[0], self.filters[0])

    def table(self) -> Table:
        """A row per number of filters, a column per filter size, to show or to `render`."""
        pairs = list(zip(self.filters, self.points, strict=True))
        rows = [[f"{n:,}", *(f"{float(one):.4f}" if one else "-" for one in found)] for n, found in pairs]
        law, applies = law_to_standard(self.way, self._first), self.applies
        cells = [(n, f, one) for n, found in pairs for f, one in zip(self.kernels, found, strict=True)]
        return Table(
            title=f"{self.title}, over n_c' and f, input {shape_text(self.layer.input_shape)}",
            headers=("n_c'", *(f"f = {kernel}" for kernel in self.kernels)),
            numeric=(True,) * (len(self.kernels) + 1),
            rows=rows,
            records=[
                {"filters": n, "kernel": f, "ratio": float(one) if one else None, "exact": str(one) if one else None}
                for n, f, one in cells
            ],
            data={
                "schema": "convcost.ratios/1",
                "version": __version__,
                "way": self.way,
                "law": str(law),
                "assumptions": list(law.assumptions),
                "applies": applies,
                "input_shape": list(self.layer.input_shape),
                "stride": list(self.layer.stride),
                "kernels": list(self.kernels),
                "filters": list(self.filters),
                "ratios": [[str(one) if one else None for one in found] for found in self.points],
            },
            notes=[
                ("ratio", "multiplications, of the standard convolution's; n_c' filters of size f, padding same"),
                *([] if applies else [("law", f"{law_said(law)} is not the ratio for this input")]),
                *(
                    [("-", "where the way does not fit so many filters")]
                    if any(one is None for *_, one in cells)
                    else []
                ),
            ],
        )

    def __repr__(self) -> str:
        return f"<Ratios {self.title}>"


def ratios(
    layer: LayerToBuild,
    way: str = "separable",
    kernels: Sequence[int] = KERNELS,
    filters: Sequence[int] = FILTERS,
) -> Ratios:
    """The ratios of a way over filters and their sizes; raises `UsageError` where it fits none.

    >>> found = ratios(LayerToBuild((6, 6, 3), 5, 3), filters=[5, 10])
    >>> found.law, [str(one) for one in found.points[0]]
    ("1/n_c' + 1/f²", ['6/5', '14/45', '6/25', '54/245'])
    """
    sizes = tuple(check_integer(one, "a filter size", LARGEST) for one in each(kernels))
    numbers = tuple(check_integer(one, "a number of filters", LARGEST) for one in each(filters))
    if not sizes or not numbers:
        raise UsageError("ratios are over filter sizes and numbers of filters: give one of each, or more")
    if (pairs := len(sizes) * len(numbers)) > MOST_RATIOS:
        raise UsageError(
            f"ratios are of at most {exact(MOST_RATIOS)} filters, got {exact(pairs)}: give fewer sizes, or numbers"
        )
    points = tuple(tuple(_ratio(layer, way, kernel, number) for kernel in sizes) for number in numbers)
    if not any(one for found in points for one in found):
        compare(_made(layer, sizes[-1], numbers[-1]), (way,))  # says why
    applies = all(
        one is None or one == law_to_standard(way, _made(layer, kernel, number)).value()
        for number, found in zip(numbers, points, strict=True)
        for kernel, one in zip(sizes, found, strict=True)
    )
    return Ratios(layer, way, sizes, numbers, points, applies)


def _ratio(layer: LayerToBuild, way: str, kernel: int, filters: int) -> Fraction | None:
    try:
        return ratio_to_standard(_made(layer, kernel, filters), way)
    except UsageError:
        return None


def _made(layer: LayerToBuild, kernel: int, filters: int) -> LayerToBuild:
    """The layer with other filters, padded so that they fit."""
    return LayerToBuild(layer.input_shape, filters, kernel, layer.stride, "same", layer.bias)
