"""What something in a picture covers: a rectangle in pixels, y down."""

from __future__ import annotations

from typing import NamedTuple


class Rectangle(NamedTuple):
    """A rectangle by its edges."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def middle(self) -> tuple[float, float]:
        """Its centre."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2

    def meets(self, other: Rectangle) -> bool:
        """Whether they have more than an edge in common.

        >>> Rectangle(0, 0, 2, 2).meets(Rectangle(1, 1, 3, 3)), Rectangle(0, 0, 2, 2).meets(Rectangle(2, 0, 3, 2))
        (True, False)
        """
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def holds(self, other: Rectangle) -> bool:
        """Whether the other one is inside.

        >>> Rectangle(0, 0, 2, 2).holds(Rectangle(0, 1, 2, 2)), Rectangle(0, 0, 2, 2).holds(Rectangle(1, 1, 3, 2))
        (True, False)
        """
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom

    def wider(self, by: float) -> Rectangle:
        """The rectangle with a margin."""
        return Rectangle(self.left - by, self.top - by, self.right + by, self.bottom + by)
