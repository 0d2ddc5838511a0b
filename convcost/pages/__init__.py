"""Self-contained HTML pages: of figures and tables, of a network, of its design space, of accuracy against cost."""

from typing import Any

__all__ = ["document"]


def __getattr__(name: str) -> Any:
    if name != "document":
        raise AttributeError(f"module 'convcost.pages' has no attribute {name!r}")
    from convcost.pages.files import document

    return document
