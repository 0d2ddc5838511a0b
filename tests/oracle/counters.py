"""What the counters of other projects print for a network of torchvision, each run as its manual says.

    pip install fvcore ptflops thop torchinfo torchprofile calflops

calflops imports transformers, accelerate and huggingface_hub for language models; empty modules stand in for them while
it is imported.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from types import ModuleType
from typing import Any

from .frameworks import import_torchvision

Count = Callable[[Any, tuple[int, ...]], int]
"""(network, input without the batch, as PyTorch reads it: (channels, height, width)) -> what the tool prints as its total."""


def _image(shape: tuple[int, ...]) -> Any:
    import torch

    return torch.zeros(1, *shape)


def _ptflops(backend: str) -> Count:
    def count(net: Any, shape: tuple[int, ...]) -> int:
        from ptflops import get_model_complexity_info

        total, _ = get_model_complexity_info(net, shape, as_strings=False, print_per_layer_stat=False, backend=backend)
        return int(total)

    return count


def _fvcore(net: Any, shape: tuple[int, ...]) -> int:
    from fvcore.nn import FlopCountAnalysis

    analysis = FlopCountAnalysis(net, _image(shape))
    return int(analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())


def _thop(net: Any, shape: tuple[int, ...]) -> int:
    from thop import profile

    return int(profile(net, (_image(shape),), verbose=False)[0])


def _torchinfo(net: Any, shape: tuple[int, ...]) -> int:
    from torchinfo import summary

    return int(summary(net, input_data=_image(shape), verbose=0).total_mult_adds)


def _torchprofile(net: Any, shape: tuple[int, ...]) -> int:
    from torchprofile import profile_macs

    return int(profile_macs(net, _image(shape)))


def _torch(net: Any, shape: tuple[int, ...]) -> int:
    """On the meta device, where PyTorch takes apart what is one call elsewhere: attention, recurrent layers."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        net.to("meta")(_image(shape).to("meta"))
    return int(counter.get_total_flops())


def _calflops(net: Any, shape: tuple[int, ...]) -> int:
    options = {"output_as_string": False, "print_results": False, "print_detailed": False}
    flops, _, _ = import_calflops().calculate_flops(net, input_shape=(1, *shape), **options)
    return int(flops)


COUNTERS: dict[str, tuple[str, Count]] = {
    "ptflops": ("ptflops", _ptflops("pytorch")),
    "ptflops_aten": ("ptflops", _ptflops("aten")),
    "fvcore": ("fvcore", _fvcore),
    "thop": ("thop", _thop),
    "torchinfo": ("torchinfo", _torchinfo),
    "torchprofile": ("torchprofile", _torchprofile),
    "torch": ("torch", _torch),
    "calflops": ("calflops", _calflops),
}
"""Convention of convcost -> the package it is the convention of, and how to run that."""


def import_calflops() -> ModuleType:
    """Import calflops, with empty modules in the place of the language-model packages that it names and does not need."""
    importlib.import_module("torch")  # looks at all modules as it is imported, and would stumble over empty ones
    absent = ("transformers", "accelerate", "accelerate.utils", "accelerate.commands", "accelerate.commands.utils")
    with _standing_in((*absent, "huggingface_hub", "huggingface_hub.utils")):
        return importlib.import_module("calflops")


@contextmanager
def _standing_in(names: tuple[str, ...]) -> Iterator[None]:
    before = {name: sys.modules[name] for name in names if name in sys.modules}
    for name in names:
        module = ModuleType(name)
        module.__getattr__ = lambda attribute: type(attribute, (), {})  # type: ignore[method-assign]
        sys.modules[name] = module
    try:
        yield
    finally:
        for name in names:
            del sys.modules[name]
        sys.modules.update(before)


def counted(convention: str, net: Any, shape: tuple[int, ...]) -> int:
    """The total that a tool prints for a network."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        return COUNTERS[convention][1](net, shape)


def printed(convention: str, network: str, shape: tuple[int, ...], **options: Any) -> int:
    """The total that a tool prints for a network of torchvision on an input without the batch."""
    net = import_torchvision().models.get_model(network, weights=None, **options).eval()
    return counted(convention, net, shape)
