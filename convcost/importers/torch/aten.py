"""The ops of PyTorch as nodes of a graph: the table, into which the modules of the families enter their rules."""

from convcost.importers.torch import control, made, moves, pointwise, weighted, windows
from convcost.importers.torch.arguments import RULES
from convcost.importers.torch.spelling import spell

__all__ = ["RULES"]
# Importing a family enters its rules into the table.
RULES.spell = spell
_FAMILIES = (control, made, moves, pointwise, weighted, windows)
