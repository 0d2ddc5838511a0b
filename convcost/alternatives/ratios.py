"""How the ratio of a way to build a layer to the standard convolution depends on the number and the size of the filters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from convcost.alternatives.comparison import law_text
from convcost.alternatives.recipes import LayerToBuild, compare, ratio
from convcost.core.errors import UsageError
from convcost.core.units import shape_text
from convcost.core.version import __version__
from convcost.render.table import Table, Tabular

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

    @property
    def law(self) -> str:
        """What they follow."""
        return law_text(self.way, LayerToBuild(self.layer.input_shape, 1, self.kernels[0], self.layer.stride))

    def table(self) -> Table:
        """A row per number of filters, a column per filter size, to show or to `render`."""
        pairs = list(zip(self.filters, self.points, strict=True))
        rows = [[f"{n:,}", *(f"{float(one):.4f}" if one else "-" for one in found)] for n, found in pairs]
        cells = [(n, f, one) for n, found in pairs for f, one in zip(self.kernels, found, strict=True)]
        return Table(
            title=f"{self.way} / standard = {self.law}, over n_c' and f, input {shape_text(self.layer.input_shape)}",
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
                "law": self.law,
                "input_shape": list(self.layer.input_shape),
                "stride": list(self.layer.stride),
                "kernels": list(self.kernels),
                "filters": list(self.filters),
                "ratios": [[str(one) if one else None for one in found] for found in self.points],
            },
            notes=[
                ("ratio", "multiplications, of the standard convolution's; n_c' filters of size f, padding same"),
                *(
                    [("-", "where the way does not fit so many filters")]
                    if any(one is None for *_, one in cells)
                    else []
                ),
            ],
        )

    def __repr__(self) -> str:
        return f"<Ratios {self.way} · {self.law}>"


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
    points = tuple(tuple(_ratio(layer, way, kernel, number) for kernel in kernels) for number in filters)
    if not any(one for found in points for one in found):
        compare(LayerToBuild(layer.input_shape, filters[-1], kernels[-1], layer.stride, "same"), (way,))  # says why
    return Ratios(layer, way, tuple(kernels), tuple(filters), points)


def _ratio(layer: LayerToBuild, way: str, kernel: int, filters: int) -> Fraction | None:
    one = LayerToBuild(layer.input_shape, filters, kernel, layer.stride, "same", layer.bias)
    try:
        standard, other = compare(one, (way,))
    except UsageError:
        return None
    return ratio(other, standard)
