"""Texts that would be markup, code or a command where they are shown, and every sort of file that can say them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import yaml

from helpers.onnx_bytes import onnx_graph, onnx_model, onnx_node, onnx_value

MARK = "document.documentElement.dataset.ran=1"
"""What a page would do that ran a word."""
TEX = "\\input{/etc/passwd}"
WORD = (
    f"=1+1</script><script>{MARK}</script><img src=x onerror={MARK}><style>*{{display:none}}</style>&lt;b"
    f"\x1b]0;owned\x07\x1b[31m\x9b1m\u202e\u2066\u200f\r\n{TEX}$x$%^~`c`|[a](javascript:{MARK})**b**_c_ #畳é--\x00"
)
"""HTML, a script, a style, a terminal's title and colours, marks of direction, ends of lines, LaTeX, Markdown, a formula."""
SHORT = "=1+1|<b>x</b>&amp;$\\"
"""What a knob can be set to on a command line as well."""
NAME = "=n <img src=x onerror=y>|$x_~^&%#`[a](b)\x1b[31m\u202e.yaml"
"""A file's name."""


class Files(NamedTuple):
    """Files that say the words wherever a file can say any."""

    spec: Path
    other: Path
    table: Path
    device: Path
    budgets: Path
    model: Path
    board: Path
    measured: Path
    metafile: Path


def files(folder: Path) -> Files:
    """Write them."""
    said = json.dumps(WORD)
    choice = json.dumps(SHORT)
    layers = "layers:\n  - {conv2d: {channels: 4, kernel: 3}, name: a}\n  - {relu: {}, if: v != plain, name: b}\n"
    knobs = (
        f"knobs:\n  resolution: {{default: 8, about: {said}}}\n  v: {{default: {choice}, choices: [plain, {choice}]}}\n"
    )
    head = f"convcost: 1\nname: {said}\ntitle: {said}\nsource: {said}\nabout: {said}\n"
    made = Files(
        *(
            folder / name
            for name in (
                NAME,
                "other.yaml",
                "t.csv",
                "d.yaml",
                "b.yaml",
                "m.onnx",
                "board.yaml",
                "m.csv",
                "metafile.yml",
            )
        )
    )
    made.spec.write_text(f"{head}{knobs}input: [resolution, resolution, 3]\n{layers}", encoding="utf-8")
    made.other.write_text(
        f"{head}input: [8, 8, 3]\nlayers:\n  - conv2d: {{channels: 2, kernel: 1}}\n", encoding="utf-8"
    )
    cell = '"' + WORD.replace("\x00", "").replace('"', '""') + '"'
    rows = "".join(f"{cell},{cell},7{n}.1,{n}00M,{cell},{cell}\n" for n in (1, 2))
    made.table.write_text(f"item,label,top1,macs,source,note\n{rows}", encoding="utf-8", newline="")
    times = [
        ("vgg11:resolution=32", 1),
        ("vgg13:resolution=32", 2),
        ("vgg16:resolution=32", 3),
        ("resnet20", 2),
        ("resnet32", 3),
    ]
    times_of = "".join(f"{name},{ms},{cell}\n" for name, ms in times)
    made.measured.write_text(f"network,ms,threads\n{times_of}", encoding="utf-8", newline="")
    scored = {"Dataset": WORD, "Metrics": {"Top 1 Accuracy": 70.1}}
    listed = {"Name": WORD, "In Collection": WORD, "Metadata": {"FLOPs": 10**9}, "Results": [scored]}
    made.metafile.write_text(json.dumps({"Models": [listed, {**listed, "Name": "vgg11_x_in1k"}]}), encoding="utf-8")
    device = {"title": WORD, "source": WORD, "macs_per_second": {"fp32": 10**12}, "bytes_per_second": 10**10}
    made.device.write_text(yaml.safe_dump(device), encoding="utf-8")
    limits = {"convcost-budgets": 1, "networks": [{"model": made.other.name, "name": WORD, "limits": {"macs": 1}}]}
    made.budgets.write_text(yaml.safe_dump(limits), encoding="utf-8")
    made.board.write_text(yaml.safe_dump({"ram": "64KiB", "flash": "1MiB", "sources": [WORD]}), encoding="utf-8")
    inside = WORD.replace("\x00", "")
    nodes = [onnx_node(inside[:60], ["x"], ["h"], name=inside), onnx_node("Relu", ["h"], ["y"], name=inside)]
    graph = onnx_graph(nodes, [onnx_value("x", [1, 3, 8, 8])], ["y"], name=inside)
    made.model.write_bytes(onnx_model(graph, producer=inside))
    return made
