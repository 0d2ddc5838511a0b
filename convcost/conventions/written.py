"""Ops that a convention counts by how they are written, where nothing says how."""

from __future__ import annotations

from collections.abc import Iterable

from convcost.conventions.convention import Convention
from convcost.graph.graph import FORMS
from convcost.graph.walk import Step


def unsaid(steps: Iterable[Step], convention: Convention) -> tuple[str, ...]:
    """The ops of a model file, in order, that a convention counts by how they are written, which the file does not say."""
    open_ = {(step.node.op, step.cost.variant): None for step in steps if not step.node.form_known}
    return tuple(dict.fromkeys(op for op, variant in open_ if depends_on_form(convention, op, variant)))


def depends_on_form(convention: Convention, op: str, variant: str = "") -> bool:
    """Whether a convention counts an op otherwise where it is written otherwise.

    >>> from convcost.conventions.catalog import convention
    >>> depends_on_form(convention("thop"), "conv2d"), depends_on_form(convention("paper"), "conv2d")
    (True, False)
    """
    plain = convention.factors(op, "", variant)
    return any(convention.factors(op, form, variant) != plain for form in FORMS)
