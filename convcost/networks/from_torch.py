"""Networks from modules of a running PyTorch."""

from __future__ import annotations

from typing import Any

from convcost.importers.imported import Imported
from convcost.importers.torch.program import read
from convcost.networks.network import Network
from convcost.networks.origin import FromSpec
from convcost.spec.foreign import foreign_spec
from convcost.spec.uses import defaults


def from_torch(
    module: Any, shapes: Any = None, *, dtypes: Any = None, training: bool = False, name: str = ""
) -> Network:
    """The network that a module of PyTorch computes, for inputs of these shapes, the batch included.

    `module` is an `nn.Module`, or what `torch.export.export` returned, which has its shapes; `shapes` is that of the only
    input, (1, 3, 224, 224), a list of several, or a mapping from the names of arguments; a batch of images or volumes is taken
    for one of 1, as it is no part of a network. `dtypes` are types in the same form:
    `"int64"` for tokens. Nothing is run, no weight is read or copied, and the module is not changed. Layers are called like
    the modules. It is looked at as in evaluation, unless `training` asks for the mode that it is in. `name` is what the network
    is called instead of the module's class.

    Needs PyTorch, 2.5 or later. Raises `UsageError` if it is not installed, or if torch.export cannot follow the module.
    """
    model = read(module, shapes, dtypes=dtypes, training=training)
    spec = foreign_spec(Imported(model), name or model.name)
    return Network(FromSpec(spec, spec.name, defaults(spec, None)))
