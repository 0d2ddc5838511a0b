"""One colour and one mark for each family of networks, the same in every picture.

The table is data: a row for each colour, in the order of `Theme.families`. Among the marks of a row and of its
neighbours none is the same, so that families differ in both wherever one can see to it. New families go to the end of a
row; families that are not listed, as those of one's own tables, take a pair from their name alone.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from convcost.core.patterns import plain
from convcost.render.palette import LIGHT, Look, Theme

MARKS = (
    *("circle", "square", "diamond", "triangle-up", "triangle-down", "triangle-right", "triangle-left", "pentagon"),
    *("hourglass", "bowtie", "diamond-tall", "diamond-wide", "hexagon2", "star-diamond", "x"),
)
"""All can be filled and hollow."""
FAMILIES = (
    # blue
    ("MobileNetV2", "AlexNet", "MaxViT", "RegNetZ", "NFNet", "HRNet", "DLA", "CSPNet", "ESPNetv2", "FishNet",
     "FastViT", "RepViT", "ESNet"),
    # vermilion
    ("EfficientNet", "VGG", "DPN", "SqueezeNext", "DarkNet", "GENet", "SelecSLS", "PP-LCNet", "BagNet", "WRN",
     "EfficientViT-M", "SwiftFormer", "TF-NAS"),
    # green
    ("MnasNet", "DenseNet", "Xception", "EfficientNet-Lite", "Res2Net", "FBNet", "VoVNet", "MobileOne", "ZFNet",
     "EdgeNeXt", "PP-HGNet", "OFA-ResNet50D"),
    # pink
    ("ShuffleNetV1", "ConvNeXt", "NASNet-A", "SENet", "RepVGG", "GhostNet", "HRNetV2", "SPNASNet", "BN-VGG",
     "MobileViT", "StarNet", "AttentiveNAS"),
    # orange
    ("ResNet", "ShuffleNetV2", "ProxylessNAS", "CondenseNet", "MixNet", "ReXNet", "DiCENet", "VoVNetV2",
     "FD-MobileNet", "EfficientFormer", "FasterNet", "ChamNet"),
    # sky
    ("MobileNetV1", "Swin", "SqueezeNet", "WideResNet", "PolyNet", "SE-ResNeXt", "GhostNetV2", "ConvNeXtV2", "IGCV2",
     "EfficientFormerV2", "TinyViT", "FBNetV2"),
    # violet
    ("MobileNetV3", "ViT", "RegNetY", "PNASNet", "SE-ResNet", "FBNetV3", "IGCV3-D", "PeleeNet", "ResNet-D", "NASNet-C",
     "Xception (modified aligned)", "MobileViTV2", "SHViT"),
    # brown
    ("Inception", "ResNeXt", "GoogLeNet", "Inception-ResNet", "BN-Inception", "ResNeSt", "MobileNetV4", "HardCoReNAS",
     "PoolFormer", "LeViT", "OFA", "GhostNetV3"),
    # olive
    ("EfficientNetV2", "RegNetX", "SwinV2", "ResNet-RS", "SKNet", "TinyNet", "IGCV3", "HarDNet", "RepGhostNet",
     "NASNet-B", "SE-ShuffleNetV2", "EfficientNet-EdgeTPU", "EfficientViT", "PP-HGNetV2", "MobileNet-EdgeTPUV2"),
)  # fmt: skip
_PAIRS = len(FAMILIES) * len(MARKS)


def _pair(row: int, place: int) -> int:
    return row * len(MARKS) + (row + place) % len(MARKS)


_KNOWN = {plain(name): _pair(row, place) for row, names in enumerate(FAMILIES) for place, name in enumerate(names)}


def family_look(name: str, theme: Theme = LIGHT) -> Look:
    """How a family is drawn, however its name is spelled.

    >>> family_look("MobileNetV2")
    Look(color='#0072b2', symbol='circle')
    >>> family_look("mobilenet_v2") == family_look("MobileNetV2")
    True
    """
    return family_looks([name], theme)[name]


def family_looks(names: Iterable[str], theme: Theme = LIGHT) -> dict[str, Look]:
    """How families are drawn together: those of the table as always, no other like one of the same picture.

    >>> len(set(family_looks(f"net{index}" for index in range(135)).values()))
    135
    """
    every = list(dict.fromkeys(names))
    chosen = {name: _KNOWN[plain(name)] for name in every if plain(name) in _KNOWN}
    taken = set(chosen.values())
    for name in every:
        if name not in chosen:
            first = zlib.crc32(plain(name).encode()) % _PAIRS
            free = (pair % _PAIRS for pair in range(first, first + _PAIRS) if pair % _PAIRS not in taken)
            chosen[name] = next(free, first)
            taken.add(chosen[name])
    return {name: _look(pair, theme) for name, pair in chosen.items()}


def letters_of(look: Look) -> str:
    """The colour of the light theme in which a family's name is written.

    >>> letters_of(family_look("ResNet"))
    '#946600'
    """
    return LIGHT.letters[LIGHT.families.index(look.color)]


def _look(pair: int, theme: Theme) -> Look:
    return Look(theme.families[pair // len(MARKS)], MARKS[pair % len(MARKS)])
