"""Records of which some fields are computed when they are first asked for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self


class _Names:
    """The names of a record's fields, as those of a `NamedTuple`."""

    def __get__(self, record: object, of: Any) -> tuple[str, ...]:
        return tuple(of.__dataclass_fields__)


class Deferred:
    """The base of frozen dataclasses whose fields need not all be known when they are made.

    What is compared, shown, copied or pickled is the values, whether they were computed before or not. A field that is
    computed later has no default, which would stand in its place.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class Circle(Deferred):
    ...     radius: int
    ...     area: float
    >>> one = Circle.deferred(lambda field: 3.14 * one.radius**2, radius=10)
    >>> one, one == Circle(10, 314.0), one._replace(radius=1).area
    (Circle(radius=10, area=314.0), True, 314.0)
    """

    _fields = _Names()
    _apart: frozenset[str] = frozenset()
    """The fields that no other is computed from."""

    @classmethod
    def deferred(cls, compute: Callable[[str], Any], **known: Any) -> Self:
        """A record of what is known; `compute` finds each other field by its name, once."""
        made = object.__new__(cls)
        vars(made).update(known, _compute=compute)
        return made

    if not TYPE_CHECKING:  # which would take any name for that of a field

        def __getattr__(self, name: str) -> Any:
            compute = vars(self).get("_compute")
            if compute is None or name not in self.__dataclass_fields__:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            value = vars(self)[name] = compute(name)
            return value

    def __getstate__(self) -> dict[str, Any]:
        return self._asdict()

    def _asdict(self) -> dict[str, Any]:
        """Field -> value, as of a `NamedTuple`."""
        return {name: getattr(self, name) for name in self._fields}

    def _replace(self, **changes: Any) -> Self:
        """The same with other values of some fields, as of a `NamedTuple`; what is not computed yet is not for this.

        Raises `ValueError` where that may be computed from a field that is changed: it would be what it was before.
        """
        missing = [name for name in self._fields if name not in vars(self) and name not in changes]
        if missing and (unsure := changes.keys() - self._apart):
            first = min(unsure, key=self._fields.index)
            raise ValueError(
                f"{type(self).__name__}: {first} cannot be replaced before {missing[0]}, which may follow from it, is "
                "computed; dataclasses.replace computes all first"
            )
        made = object.__new__(type(self))
        vars(made).update(vars(self), **changes)
        return made
