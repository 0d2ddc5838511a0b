"""Edits of specs as people make them, each with what it is, written down before anything was compared.

What is expected of a difference is all of its changes made: kind, place and words (globs), in how many places. What
follows from them is only said to be there or not.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import convcost
from convcost.core.places import zoo_directory

CHAIN = """\
convcost: 1
name: chain
input: [32, 32, 16]
layers:
  - {conv2d: {channels: 32, kernel: 3, padding: same}, name: first}
  - batch_norm
  - relu
  - {conv2d: {channels: 32, kernel: 3, padding: same}, name: second}
  - batch_norm
  - relu
  - {conv2d: {channels: 32, kernel: 5, padding: same}, name: third}
  - batch_norm
  - relu
  - {max_pool: {kernel: 2}, name: pool}
  - {conv2d: {channels: 64, kernel: 3, padding: same}, name: fourth}
  - batch_norm
  - {relu: , name: fourth_out}
  - {conv2d: {channels: 64, kernel: 1}, name: fifth}
  - {add: , in: [fifth, fourth_out], name: sum}
  - global_avg_pool
  - flatten
  - {linear: {channels: 10}, name: out}
"""
"""Layers in a row, none in a block."""

TWO_BRANCHES = """\
convcost: 1
name: branches
input: [28, 28, 64]
blocks:
  cell:
    layers:
      - parallel:
          narrow:
            - {conv2d: {channels: 16, kernel: 1}, name: narrow}
          wide:
            - {conv2d: {channels: 24, kernel: 1}, name: reduce}
            - {conv2d: {channels: 32, kernel: 5, padding: same}, name: wide}
          pool:
            - {max_pool: {kernel: 3, stride: 1, padding: same}, name: pool}
            - {conv2d: {channels: 16, kernel: 1}, name: project}
        join: concat
layers:
  - {cell: , name: a}
  - {cell: , name: b}
  - global_avg_pool
"""
WIDE = """\
          wide:
            - {conv2d: {channels: 24, kernel: 1}, name: reduce}
            - {conv2d: {channels: 32, kernel: 5, padding: same}, name: wide}
"""
POOL = """\
          pool:
            - {max_pool: {kernel: 3, stride: 1, padding: same}, name: pool}
            - {conv2d: {channels: 16, kernel: 1}, name: project}
"""
ONE_BY_ONE = """\
          1x1:
            - {conv: {channels: n1x1}, name: 1x1}
"""
THREE_BY_THREE = """\
          3x3:
            - {conv: {channels: n3x3_reduce}, name: 3x3_reduce}
            - {conv: {channels: n3x3, kernel: 3}, name: 3x3}
"""
"""Branches of GoogLeNet's cells."""


@dataclass(frozen=True)
class Expected:
    """One change that a person would say was made."""

    kind: str
    name: str
    words: str
    places: int = 1


@dataclass(frozen=True)
class Edit:
    """A text that is replaced wherever it stands in a spec, and what that changes."""

    base: str
    """A file of the zoo, with a preset of it or without, or the text of a spec."""
    old: str
    new: str
    expected: tuple[Expected, ...]
    follows: bool = False
    """Whether other layers cost something else by it."""
    times: int | None = 1
    """How often the text stands there; None for any number."""
    macs: int | None = None
    """The difference, counted by hand."""

    def write(self, folder: Path) -> tuple[str, str]:
        """Both specs, as names for `load`."""
        file, _, preset = self.base.partition(":") if "\n" not in self.base else ("net", "", "")
        text = self.base if "\n" in self.base else (Path(zoo_directory()) / f"{file}.yaml").read_text(encoding="utf-8")
        assert text.count(self.old) == self.times or (self.times is None and self.old in text), text.count(self.old)
        names = []
        for when, said in (("old", text), ("new", text.replace(self.old, self.new))):
            path = folder / when / f"{file}.yaml"
            path.parent.mkdir(exist_ok=True)
            path.write_text(said, encoding="utf-8")
            names.append(f"{path}:{preset}" if preset else str(path))
        return names[0], names[1]

    def difference(self, folder: Path) -> convcost.Difference:
        """What is said to differ."""
        return convcost.diff(*self.write(folder))


PIXELS = 56 * 56
EDITS: dict[str, Edit] = {
    # MobileNetV2: blocks in a table
    "a row more in the third place of the table": Edit(
        "mobilenet_v2",
        "      - [6,  24, 2, 2]\n",
        "      - [6,  24, 2, 2]\n      - [6,  24, 1, 1]\n",
        (Expected("added", "stage3", "conv2d 1×1, conv2d 3×3 depthwise, conv2d 1×1, add"),),
        macs=PIXELS * (24 * 144 + 9 * 144 + 144 * 24),
    ),
    "a row with other channels and a stride more": Edit(
        "mobilenet_v2",
        "      - [6,  32, 3, 2]\n",
        "      - [6,  28, 1, 2]\n      - [6,  32, 3, 2]\n",
        (Expected("added", "stage3", "conv2d 1×1, conv2d 3×3 depthwise /2, conv2d 1×1"),),
        follows=True,
    ),
    "a row less": Edit(
        "mobilenet_v2",
        "      - [6,  96, 3, 1]\n",
        "",
        (Expected("removed", "stage5", "11 units: conv2d 1×1, conv2d 3×3 depthwise, conv2d 1×1, …"),),
        follows=True,
    ),
    "more channels of a stage": Edit(
        "mobilenet_v2",
        "      - [6,  32, 3, 2]\n",
        "      - [6,  40, 3, 2]\n",
        (Expected("changed", "stage3.block1.project", "channels 32 -> 40"),),
        follows=True,
    ),
    "one block more of a stage": Edit(
        "mobilenet_v2",
        "      - [6,  64, 4, 2]\n",
        "      - [6,  64, 5, 2]\n",
        (Expected("added", "stage4.block5", "repeats 4 -> 5 (+ 1 block)"),),
        macs=14 * 14 * (64 * 384 + 9 * 384 + 384 * 64),
    ),
    "two blocks less of a stage": Edit(
        "mobilenet_v2",
        "      - [6,  64, 4, 2]\n",
        "      - [6,  64, 2, 2]\n",
        (Expected("removed", "stage4.block3 … block4", "repeats 4 -> 2 (- 2 blocks)", 2),),
        macs=-2 * 14 * 14 * (64 * 384 + 9 * 384 + 384 * 64),
    ),
    "a stage without its stride": Edit(
        "mobilenet_v2",
        "      - [6, 160, 3, 2]\n",
        "      - [6, 160, 3, 1]\n",
        (Expected("changed", "stage6.block1.depthwise", "stride 2 -> 1"),),
        follows=True,
    ),
    "a larger kernel in every block": Edit(
        "mobilenet_v2",
        "channels: in.channels, kernel: 3",
        "channels: in.channels, kernel: 5",
        (Expected("changed", "*.depthwise", "kernel 3 -> 5", 17),),
    ),
    "another activation everywhere": Edit(
        "mobilenet_v2",
        "relu6",
        "hard_swish",
        (Expected("changed", "", "relu6 -> hard_swish", 35),),  # 17 blocks, one of which does not expand; stem and head
        times=None,
        macs=0,
    ),
    "squeeze and excite in every block": Edit(
        "mobilenet_v2",
        "            - {conv_bn: {channels: channels}, name: project}\n",
        "            - {squeeze_excite: , name: se}\n            - {conv_bn: {channels: channels}, name: project}\n",
        (Expected("added", "*.se", "global_avg_pool, conv2d 1×1, conv2d 1×1, multiply", 17),),
    ),
    "no shortcuts": Edit(
        "mobilenet_v2",
        "shortcut: {if: stride == 1 and in.channels == channels, layers: []}",
        "shortcut: {if: false, layers: []}",
        (Expected("removed", "*.add", "add", 10),),
        macs=0,
    ),
    "a layer called otherwise": Edit(
        "mobilenet_v2", "name: head\n", "name: top\n", (Expected("renamed", "top", "head -> top"),), macs=0
    ),
    "another resolution": Edit(
        "mobilenet_v2",
        "resolution: 224",
        "resolution: 192",
        (Expected("input", "", "input 224×224×3 -> 192×192×3 (resolution 224 -> 192)", 63),),
    ),
    "all channels": Edit(
        "mobilenet_v2",
        "width: 1.0\n",
        "width: 1.5\n",
        (Expected("widened", "", "channels × 1.5 (width 1 -> 1.5)", 64),),
    ),
    # networks with shortcuts, branches, skips
    "the strides of the first blocks in another convolution": Edit(
        "resnet:resnet50",
        "  resnet50: {config: 50}",
        "  resnet50: {config: 50, stride_at: conv1}",
        (
            Expected("changed", "*.block1.conv1", "stride 1 -> 2", 3),
            Expected("changed", "*.block1.conv2", "stride 2 -> 1", 3),
        ),
        # in three stages the 1×1 has a quarter of the positions: of a 256, 512, 1024 channel input 128, 256, 512 channels
        macs=-3 * (3 * 28 * 28) * 256 * 128,
    ),
    "a deeper ResNet": Edit(
        "resnet:resnet50",
        "  resnet50: {config: 50}",
        "  resnet50: {config: 101}",
        (Expected("added", "conv4_x.block7 … block23", "repeats 6 -> 23 (+ 17 blocks)", 17),),
        macs=17 * 14 * 14 * (1024 * 256 + 9 * 256 * 256 + 256 * 1024),
    ),
    "groups": Edit(
        "resnet:resnet50",
        "                groups: groups\n",
        "                groups: 2\n",
        (Expected("changed", "*.conv2", "groups 1 -> 2", 16),),
    ),
    "separable convolutions in place of normal ones": Edit(
        "resnet:resnet18",
        "            - {conv_bn: {channels: channels, kernel: 3, dilation: dilation}, name: conv2}\n",
        "            - {conv_bn: {channels: channels, kernel: 3, groups: channels}, name: conv2}\n"
        "            - {conv_bn: {channels: channels}, name: conv2b}\n",
        (
            Expected(
                "replaced", "*.conv2", "standard -> separable: conv2d 3×3 + bn -> conv2d 3×3 depthwise, conv2d 1×1", 8
            ),
        ),
    ),
    "other classes": Edit(
        "mobilenet_v1",
        "classes: 1000",
        "classes: 10",
        (Expected("changed", "classifier", "channels 1000 -> 10"),),
        macs=-990 * 1024,
    ),
    "no batch-norm": Edit("mobilenet_v1", "      - batch_norm\n", "", (Expected("changed", "", "- bn", 27),), macs=0),
    "a block more of those in a row": Edit(
        "ds_cnn",
        "blocks: {default: 4,",
        "blocks: {default: 5,",
        (Expected("added", "block5", "repeats 4 -> 5 (+ 1 block)"),),
        macs=25 * 5 * (9 * 64 + 64 * 64),
    ),
    "branches in another order": Edit(
        "googlenet",
        ONE_BY_ONE + THREE_BY_THREE,
        THREE_BY_THREE + ONE_BY_ONE,
        (Expected("moved", "*.1x1", "the same, in another order", 9),),
        macs=0,
    ),
    "more channels of a branch": Edit(
        "googlenet",
        "[inception_3a,       64,  96, 128,",
        "[inception_3a,       64,  96, 160,",
        (Expected("changed", "inception_3a.3x3", "channels 128 -> 160"),),
        follows=True,
    ),
    "no local response normalisation": Edit(
        "googlenet",
        "  - {local_response_norm: {size: 5}, name: norm2}\n",
        "",
        (Expected("changed", "conv2", "- lrn"),),
        macs=0,
    ),
    "averages in place of maxima": Edit(
        "unet",
        "  - max_pool: {kernel: 2}\n",
        "  - avg_pool: {kernel: 2}\n",
        (Expected("changed", "", "max_pool 2×2 -> avg_pool 2×2", 4),),
        times=4,
        macs=0,
    ),
    "one of equal blocks more": Edit(
        "squeezenet",
        "      - [fire7,      48, 192, 192, none]\n",
        "      - [fire7,      48, 192, 192, none]\n      - [fire7b,     48, 192, 192, none]\n",
        (Expected("added", "fire7b", "repeats 2 -> 3 (+ 1 block)"),),
    ),
    "a convolution more in every stage": Edit(
        "vgg:vgg16",
        "  vgg16: {config: D}",
        "  vgg16: {config: E}",
        (
            Expected("added", "stage3.conv4", "repeats 3 -> 4 (+ 1 layer)"),
            Expected("added", "stage4.conv4", "repeats 3 -> 4 (+ 1 layer)"),
            Expected("added", "stage5.conv4", "repeats 3 -> 4 (+ 1 layer)"),
        ),
        macs=56 * 56 * 9 * 256 * 256 + (28 * 28 + 14 * 14) * 9 * 512 * 512,
    ),
    # layers in a row
    "a layer more": Edit(
        CHAIN,
        "  - {max_pool: {kernel: 2}, name: pool}\n",
        "  - {max_pool: {kernel: 2}, name: pool}\n  - {conv2d: {channels: 32, kernel: 7, padding: same}, name: new}\n",
        (Expected("added", "new", "conv2d 7×7"),),
        macs=16 * 16 * 49 * 32 * 32,
    ),
    "a bottleneck of plain layers more": Edit(
        CHAIN,
        "  - {max_pool: {kernel: 2}, name: pool}\n",
        "  - {conv2d: {channels: 8, kernel: 1}, name: down}\n  - {conv2d: {channels: 8, kernel: 7, padding: same}, name: mix}\n"
        "  - {conv2d: {channels: 32, kernel: 1}, name: up}\n  - {max_pool: {kernel: 2}, name: pool}\n",
        (Expected("added", "down … up", "conv2d 1×1, conv2d 7×7, conv2d 1×1", 3),),
        macs=32 * 32 * (32 * 8 + 49 * 8 * 8 + 8 * 32),
    ),
    "a pool less": Edit(
        CHAIN,
        "  - {max_pool: {kernel: 2}, name: pool}\n",
        "",
        (Expected("removed", "pool", "max_pool 2×2"),),
        follows=True,
    ),
    "a bias": Edit(
        CHAIN,
        "{channels: 64, kernel: 1}, name: fifth}",
        "{channels: 64, kernel: 1, bias: false}, name: fifth}",
        (Expected("changed", "fifth", "- bias"),),
        macs=0,
    ),
    "a dilation": Edit(
        CHAIN,
        "kernel: 5, padding: same}, name: third}",
        "kernel: 5, padding: same, dilation: 2}, name: third}",
        (Expected("changed", "third", "dilation 1 -> 2"),),
        macs=0,
    ),
    "a depthwise convolution in place of a normal one": Edit(
        CHAIN,
        "{channels: 32, kernel: 5, padding: same}, name: third}",
        "{channels: 32, kernel: 5, padding: same, groups: 32}, name: third}",
        (Expected("changed", "third", "groups 1 -> depthwise"),),
        macs=-32 * 32 * 25 * 32 * 31,
    ),
    "two layers in the other order": Edit(
        CHAIN,
        "kernel: 3, padding: same}, name: second}\n  - batch_norm\n  - relu\n  - {conv2d: {channels: 32, kernel: 5, padding: same}, name: third}",
        "kernel: 5, padding: same}, name: third}\n  - batch_norm\n  - relu\n  - {conv2d: {channels: 32, kernel: 3, padding: same}, name: second}",
        (Expected("moved", "*", "the same, in another order"),),
        macs=0,
    ),
    "a shortcut from elsewhere": Edit(
        CHAIN.replace(
            "  - {conv2d: {channels: 64, kernel: 1}, name: fifth}\n",
            "  - {conv2d: {channels: 64, kernel: 3, padding: same}, name: between}\n  - {conv2d: {channels: 64, kernel: 1}, name: fifth}\n",
        ),
        "[fifth, fourth_out]",
        "[fifth, between]",
        (Expected("changed", "sum", "reads fourth -> between"),),
        macs=0,
    ),
    "a dropout": Edit(
        CHAIN,
        "  - flatten\n",
        "  - flatten\n  - dropout: {rate: 0.2}\n",
        (Expected("changed", "global_avg_pool", "+ dropout"),),
        macs=0,
    ),
    "a branch that changes places": Edit(
        TWO_BRANCHES,
        WIDE + POOL,
        POOL + WIDE,
        (Expected("moved", "*", "the same, in another order", 4),),
        macs=0,
    ),
    "a branch less": Edit(
        TWO_BRANCHES,
        WIDE,
        "",
        (Expected("removed", "*.reduce … wide", "conv2d 1×1, conv2d 5×5", 4),),
        follows=True,
    ),
    "a branch called otherwise": Edit(
        TWO_BRANCHES,
        "name: project}",
        "name: projection}",
        (Expected("renamed", "*.projection", "project -> projection", 2),),
        macs=0,
    ),
}
