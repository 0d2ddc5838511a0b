"""Segmenters of mmsegmentation, built from the configurations that it ships: the backbone and the head that decides.

Its package imports compiled ops that none of these networks runs; where they are missing, names stand for them.
"""

from __future__ import annotations

import sys
import warnings
from importlib import import_module
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from .frameworks import import_torchvision


class Missing(ModuleType):
    """A module of compiled ops, none of which can be called."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)

        def missing(*_: Any, **__: Any) -> None:
            raise NotImplementedError(f"mmcv was not built with {name}")

        return missing


def import_mmseg() -> ModuleType:
    """Import mmsegmentation with its registry of modules."""
    import_torchvision()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import_module("mmcv")
        try:
            import_module("mmcv._ext")
        except ModuleNotFoundError:
            ops = Missing("mmcv._ext")
            ops.__spec__ = ModuleSpec("mmcv._ext", None)
            sys.modules["mmcv._ext"] = ops
        package = import_module("mmseg")
        import_module("mmseg.models")
        import_module("mmengine.registry").init_default_scope("mmseg")
    return package


def mmseg_network(config: str, *, auxiliary: bool = False) -> Any:
    """Backbone and head of the first configuration whose path begins so; with `auxiliary`, the heads for training run too."""
    from torch import nn

    home = Path(str(import_mmseg().__file__)).parent / ".mim" / "configs"
    (path, *_) = sorted(home.glob(f"{config}*.py"))
    model = import_module("mmengine.config").Config.fromfile(str(path)).model
    model.data_preprocessor = model.pretrained = None
    without_weights(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        net = import_module("mmseg.registry").MODELS.build(model)

    class Segmenter(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone, self.decode_head = net.backbone, net.decode_head
            heads = getattr(net, "auxiliary_head", ()) if auxiliary else ()
            self.auxiliary = nn.ModuleList(heads if isinstance(heads, (tuple, nn.ModuleList)) else [heads])

        def forward(self, x: Any) -> Any:
            maps = self.backbone(x)
            return [head(maps) for head in (self.decode_head, *self.auxiliary)]

    return Segmenter()


def without_weights(config: Any) -> None:
    """Leave out what would be loaded, and normalise on one device."""
    if isinstance(config, dict):
        config.pop("init_cfg", None)
        if config.get("type") == "SyncBN":
            config["type"] = "BN"
        for value in config.values():
            without_weights(value)
    elif isinstance(config, (list, tuple)):
        for value in config:
            without_weights(value)
