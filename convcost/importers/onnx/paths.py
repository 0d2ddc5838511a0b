"""Where in the modules of its author an op stands, as far as the exporter kept it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from convcost.importers.forms import Call, form

LONGEST = 2000
"""Characters of a text that is searched for modules."""
_QUOTED = re.compile(r"'([^']*)'")


def module_path(name: str, kept: Mapping[str, str]) -> tuple[str, ...]:
    """The modules that contain an op, outermost first, from its name and from what the exporter keeps beside it.

    torch's exporter by tracing names ops by their scopes, the newer one keeps these beside the op; tf2onnx keeps the names
    of TensorFlow, several of them where it made one op of them.

    >>> module_path("/layer1/layer1.0/conv1/Conv", {})
    ('layer1', '0', 'conv1')
    >>> module_path("node_conv2d_1", {"pkg.torch.onnx.name_scopes": "['', 'layer1', 'layer1.0', 'conv2d_1']"})
    ('layer1', '0')
    >>> module_path("node_conv2d_1", {"namespace": ": net.Net/layer1: torch.nn.Sequential/conv2d_1: aten.conv2d.default"})
    ('layer1',)
    >>> module_path("model/block/bn/FusedBatchNormV3;model/block/conv/Conv2D", {}), module_path("Conv_7", {})
    (('model', 'block'), ())
    """
    if scopes := kept.get("pkg.torch.onnx.name_scopes", "")[:LONGEST]:
        return relative(_QUOTED.findall(scopes)[:-1])
    if (scopes := kept.get("namespace", "")[:LONGEST]) and ":" in scopes:
        return relative([part.partition(":")[0].strip() for part in scopes.split("/")][:-1])
    paths = [one.strip("/").split("/")[:-1] for one in name[:LONGEST].split(";") if one]
    return relative(_common(paths))


def written(kept: Mapping[str, str], own: bool) -> str:
    """How the call that an op stands for is written, where torch's exporter keeps the classes of the modules around it.

    >>> classes = "['net.Net', 'torch.nn.modules.conv.Conv2d', 'aten.conv2d.default']"
    >>> written({"pkg.torch.onnx.class_hierarchy": classes}, False), written({}, False)
    ('module', '')
    """
    classes = _QUOTED.findall(kept.get("pkg.torch.onnx.class_hierarchy", "")[:LONGEST])
    if len(classes) < _CLASS_AND_CALL or not classes[-1].startswith(("aten.", "torchvision.")):
        return ""
    line = kept.get("pkg.torch.onnx.stack_trace", "").rstrip().rpartition("\n")[2]
    return form(Call(classes[-1].split(".")[1], classes[-2], line=line, own=own))


_CLASS_AND_CALL = 2


def relative(scopes: list[str]) -> tuple[str, ...]:
    """Scopes of which each may repeat those around it, as what each adds to them.

    >>> relative(["features", "features.0", "features.0.block.1"]), relative(["conv", "conv"])
    (('features', '0', 'block', '1'), ('conv', 'conv'))
    """
    path: list[str] = []
    around = ""
    for scope in scopes:
        if not scope:
            continue
        own = scope[len(around) + 1 :] if around and scope.startswith(f"{around}.") else scope
        path += [part for part in own.split(".") if part]
        around = scope
    return tuple(path)


def _common(paths: list[list[str]]) -> list[str]:
    """The beginning that all have in common."""
    first, last = min(paths, default=[]), max(paths, default=[])
    same = 0
    while same < min(len(first), len(last)) and first[same] == last[same]:
        same += 1
    return first[:same]
