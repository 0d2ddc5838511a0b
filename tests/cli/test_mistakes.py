"""What people type who know other tools leads to the right command within one message."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from helpers.cli import Cli

from convcost.cli import mistakes
from convcost.cli.main import SECTIONS, main

run = Cli()
LISTED = "convcost: 1\nname: net\nknobs: {ks: [3, 5], c: 8}\ninput: [8, 8, 3]\nlayers:\n  - {conv2d: {channels: c, kernel: 'ks[0]', padding: same}}\n"

MISTAKES = {
    "mobilenet_v2": "What a network costs, says 'convcost report mobilenet_v2'.",
    "mobilenet_v2:width=0.5": "says 'convcost report mobilenet_v2:width=0.5'.",
    "summary mobilenet_v2": "Did you mean 'convcost report'?",
    "report mobilenet_v2 --width 0.5": "No such option '--width'. width is a knob of the network: '--set width=0.5'.",
    "report mobilenet_v2 --width=0.5": "'--set width=0.5'.",
    "report mobilenet_v2 --width": "'--set width=VALUE'.",
    "sweep mobilenet_v2 --width 0.5,1": "'--over width=0.5,1'.",
    "report mobilenet_v2 --json": "Did you mean '--format json'?",
    "report mobilenet_v2 --tex": "Did you mean '--format latex'?",
    "report mobilenet_v2 --batch-size 8": "Did you mean '--batch'?",
    "report mobilenet_v2 --image-size 96": "Did you mean '--input'?",
    "report mobilenet_v2 --by stages": "Did you mean stage?",
    "report mobilenet_v2 --by type": "Did you mean op?",
    "report mobilenet_v2 --format tex": "Did you mean latex?",
    "report mobilenet_v2 --dtype flot32": "Did you mean fp32?",
    "memory mobilenet_v2 --policy inplac": "Did you mean inplace?",
    "report mobilenet_v2 --input 224,224,3": "Did you mean 224x224x3?",
    "report mobilenet_v2 --convention flops": "there is no convention 'flops'; FLOPs are what torch, calflops and tf_profiler count",
    "sweep mobilenet_v2 --over width=1,2 --front --format csv": "--front needs a value before --format.",
    "report mobilenet_v2 --batch --by stage": "--batch needs a value before --by.",
    "fit mobilenet_v2 --max-params 1MiB": "'1MiB' is not a count, e.g. 300M, 4.1G or 4,089,184,256; MiB is memory",
    "report vgg16 -o nodir/x.json": "cannot write nodir/x.json: there is no folder nodir",
    "report net.yaml --set ks=7,7": "ks must be a list of integers, as in [3, 5], got 7,7",
    "sweep net.yaml --over ks[0]=3,5": "net has no knob 'ks[0]'; ks is given as a whole, as in ks=[3, 3, 5]",
    "net.yaml": "'convcost report net.yaml'.",
    "nofile.onnx": "'convcost report nofile.onnx'.",
    "MobileNet-V2": "'convcost report mobilenet_v2'.",
    "help report": "Did you mean 'convcost report --help'?",
    "convert a.onnx": "Did you mean 'convcost import'?",
    "report --model vgg16": "MODEL stands by itself: 'convcost report vgg16'.",
    "report resnet50 --input 1,3,224,224": "Did you mean 224x224x3?",
    "report resnet50 --input 3x224x224": "the input of resnet50 is 224x224x3, not 3x224x224",
    "fit vgg16 --budget 300M": "Did you mean '--max-macs'?",
    "fit vgg16 --max-weights 1MiB": "Weights are params, each in its bytes: '--max-params'.",
    "fit vgg16": "give at least one budget: max_macs, max_params, max_peak, max_ram, max_flash or max_latency (--max-macs 300M, --max-params 4M, --max-peak 256KiB, --max-ram 256KiB, --max-flash 1MiB, --max-latency 20ms --device NAME)",
    "check vgg16 --max-flops 300M": "FLOPs are 2 × MACs: '--max-macs' with half of it, or '--limit flops=…'.",
    "explore vgg16 --max-macs 1G": "'convcost check' (does it hold?); explore takes none.",
    "sweep mobilenet_v2 --over width": "'width' is not KEY=VALUE, e.g. width=0.25:1:0.25",
    "sweep mobilenet_v2 width=0.5,1": "Did you mean '--over width=0.5,1'?",
    "sweep mobilenet_v2 --over width=0.1-1.0": "a range is 0.1:1.0:0.1, as a value of --over",
    "report mobilenet_v2 --set width=0,5": "a decimal point is meant: 0.5",
    "report mobilenet_v2 --set alpha=0.5": "mobilenet_v2 has no knob 'alpha'. Did you mean width?",
    "report net": "there is no network 'net' in the zoo; the file is net.yaml",
    "report folder": "folder is a folder; a network is a file in it, or a name that 'convcost list' shows",
    "report torchvision.models.resnet50": "Did you mean resnet50? ('convcost list' shows all; a file needs its path)",
    "report https://host/x.onnx": "https://host/x.onnx: networks are read from files; download it first",
    "diff HEAD net.yaml": "of a git revision it is HEAD:net.yaml, or HEAD: for the same file",
    "diff HEAD: net.yaml": "HEAD:./net.yaml: this folder is in no git repository, and there is no file of this name",
    "explain vgg16 layer5": "('convcost report vgg16 --by layer' lists them)",
    "report vgg16 --columns macs,x": "activations, bytes_moved, bytes_read, bytes_written, weight_bytes_read, intensity, share",
}


@pytest.mark.parametrize("typed", MISTAKES)
def test_a_mistake_leads_to_what_was_meant(typed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("net.yaml").write_text(LISTED)
    Path("folder").mkdir()
    result = run(*typed.split())
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].endswith(MISTAKES[typed]), result.stderr
    assert result.stdout == ""


def test_words_that_mean_nothing_get_no_hint() -> None:
    assert run("zzzz").stderr.splitlines()[-1] == "Error: No such command 'zzzz'."
    assert run("report", "vgg16", "--zzzz").stderr.splitlines()[-1] == "Error: No such option '--zzzz'."


def commands() -> dict[str, click.Command]:
    context = click.Context(main)
    found: dict[str, click.Command] = {}
    for name in (name for names in SECTIONS.values() for name in names):
        command = main.get_command(context, name)  # type: ignore[attr-defined]
        assert command is not None
        found[name] = command
        if isinstance(command, click.Group):
            found |= {f"{name} {sub}": each for sub, each in command.commands.items()}
    return found


def test_what_is_suggested_exists() -> None:
    known = commands()
    options = {name for command in known.values() for one in command.params for name in one.opts}
    assert {*mistakes.COMMANDS} <= {*known}
    assert {*mistakes.OPTIONS} <= options
    words = [word for others in mistakes.COMMANDS.values() for word in others]
    assert len({*words}) == len(words)
    assert not {*words} & {*known}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("report mobilenet_v2 --set wi", ["width="]),
        ("report vgg16 mobilenet_v2:depth=2 --set wi", ["width="]),
        ("sweep mobilenet_v2 --over re", ["resolution="]),
        ("explain alexnet conv2", ["conv2"]),
        ("explain mobilenet_v2 stage2.block1.ex", ["stage2.block1.expand"]),
    ],
)
def test_a_shell_completes_knobs_and_layers(line: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    words = ["convcost", *line.split()]
    env = {"_CONVCOST_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    found = [item.partition(",")[2] for item in run().stdout.split()]
    assert [name for name in expected if name not in found] == []
    assert all(name.startswith(words[-1]) for name in found)


def test_a_reason_is_said_once_for_all_of_its_kind() -> None:
    lines = run("sweep", "alexnet", "--over", "resolution=50:70:10", "--metric", "macs").stdout.splitlines()
    assert [line.split()[-1] for line in lines[4:7]] == ["[1]", "[1]", "-"]
    assert sum("pool5: the 3×3 window must fit" in line for line in lines) == 1
