"""The plugin for pytest, as a suite of someone else's would have it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from helpers.checks import macs, net
from helpers.paths import ROOT

PLUGIN = "convcost.testing.plugin"


def suite(folder: Path, text: str, *options: str) -> tuple[str, dict[str, int]]:
    """Run a test file in a folder by itself, with this plugin and no other; what is printed, and how many tests came to what."""
    (folder / "test_it.py").write_text(text)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    words = ["-q", "-p", "no:cacheprovider", "-p", PLUGIN, "--strict-markers", "-W", "error", *options, "test_it.py"]
    command = [sys.executable, "-m", "pytest", *words]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    printed = done.stdout + done.stderr
    counts = {word: int(number) for number, word in re.findall(r"(\d+) (passed|failed|errors?|skipped)", printed)}
    return printed, counts


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.yaml").write_text(net())
    return tmp_path


def test_marked_tests_hold_or_fail(folder: Path) -> None:
    printed, counts = suite(
        folder,
        f"""
import pytest

@pytest.mark.convcost("net.yaml", max_macs={macs()})
def test_holds(): ...

@pytest.mark.convcost("net.yaml", max_macs={macs() - 1}, max_params="1M")
def test_breaks():
    raise AssertionError("the test itself does not run")

@pytest.mark.convcost("net.yaml", max_macs="1M")
def test_its_own_failure():
    assert 1 == 2
""",
    )
    assert counts == {"passed": 1, "failed": 2}
    assert f"net.yaml: macs: {macs():,} of {macs() - 1:,}, over by 1 (0.01 %); largest: stem 6,912 MACs" in printed
    assert "the test itself does not run" not in printed
    assert "assert 1 == 2" in printed
    assert "plugin.py" not in printed  # no traceback into the plugin


def test_what_a_test_returns_is_checked(folder: Path) -> None:
    printed, counts = suite(
        folder,
        """
import pathlib, pytest, convcost

pytestmark = pytest.mark.convcost(max_macs="1k", max_params="1M")

@pytest.fixture
def path():
    return pathlib.Path("net.yaml")

@pytest.mark.convcost(max_macs="1M")  # the closer marker wins
def test_path(path):
    return path

@pytest.mark.parametrize("name", ["lenet5", "mobilenet_v1"])
def test_name(name):
    return name

class TestMethods:
    @pytest.mark.convcost(max_macs="1M")
    def test_network(self):
        return convcost.load("net.yaml", input_shape=(4, 4))

def test_nothing(): ...
""",
    )
    assert counts == {"passed": 2, "failed": 3}
    assert "mobilenet_v1: macs: 568,740,352 of 1,000" in printed  # the paper's Table 4
    assert "convcost: the marker names no network, and the test returns none" in printed


def test_the_budgets_file_beside_the_test(folder: Path) -> None:
    (folder / "convcost-budgets.yaml").write_text("networks: [{model: net.yaml, limits: {macs: 1}}]")
    text = "import pytest\n@pytest.mark.convcost\ndef test_budgets(): ...\n"
    printed, counts = suite(folder, text)
    assert counts == {"failed": 1}
    assert f"net.yaml: macs: {macs():,} of 1," in printed
    (folder / "convcost-budgets.yaml").unlink()
    assert "there is no convcost-budgets.yaml beside the test or in a folder above" in suite(folder, text)[0]


def test_baselines_and_unknown_ops(folder: Path) -> None:
    (folder / "old.yaml").write_text(net(6))
    (folder / "odd.yaml").write_text(net() + "  - {unknown: {type: X}, name: odd}\n")
    printed, counts = suite(
        folder,
        """
import pytest

@pytest.mark.convcost("net.yaml", baseline="old.yaml", tolerance="5%")
def test_grew(): ...

@pytest.mark.convcost("odd.yaml", max_macs="1M")
def test_unproven(): ...

@pytest.mark.convcost("odd.yaml", max_macs="1M", partial=True)
def test_accepted(): ...
""",
    )
    assert counts == {"passed": 1, "failed": 2}
    assert "expand: channels 6 -> 8 (+512 MACs)" in printed
    assert "not proven: some ops are not counted" in printed


def test_the_fixture(folder: Path) -> None:
    printed, counts = suite(
        folder,
        f"""
def test_holds(convcost_check):
    result = convcost_check("net.yaml", max_macs="1M")
    assert result.lines[0].measured == {macs()}

def test_breaks(convcost_check):
    convcost_check("net.yaml", max_macs=1)
""",
    )
    assert counts == {"passed": 1, "failed": 1}
    assert f"net.yaml: macs: {macs():,} of 1," in printed


@pytest.mark.parametrize(
    ("marker", "said"),
    [
        ('"net.yaml", max_mac=1', "convcost: there is no limit 'mac'. Did you mean macs?"),
        ('"net.yaml", max_peak="1KB"', "write 1KiB, or the bytes"),
        ('"none.yaml", max_macs=1', "none.yaml: cannot be read: No such file or directory"),
        ('"net.yaml"', "net.yaml has no limits"),
        ("3, max_macs=1", "convcost: a network is a name, a path or a Network, got int"),
    ],
)
def test_misuse_fails_with_a_line(folder: Path, marker: str, said: str) -> None:
    printed, counts = suite(folder, f"import pytest\n@pytest.mark.convcost({marker})\ndef test_it(): ...\n")
    assert counts == {"failed": 1}
    assert said in printed
    assert "Traceback" not in printed


@pytest.mark.oracle
def test_a_module_of_pytorch(folder: Path) -> None:
    pytest.importorskip("torch")
    printed, counts = suite(
        folder,
        """
import pytest, torch

@pytest.mark.convcost(max_params=9, shapes=(1, 3, 4, 4))
def test_module():
    return torch.nn.Conv2d(3, 3, 1)

@pytest.mark.convcost(max_params=12)
def test_with_its_shapes():
    return torch.nn.Conv2d(3, 3, 1), (1, 3, 4, 4)
""",
        "-W",
        "default",
    )
    assert counts == {"passed": 1, "failed": 1}
    assert "params: 12 of 9, over by 3" in printed


def test_nothing_is_imported_before_a_test_asks(folder: Path) -> None:
    text = """
import sys

def test_unmarked():
    own = {name for name in sys.modules if name.startswith("convcost")}
    assert own == {"convcost", "convcost.core", "convcost.core.doors", "convcost.core.moved", "convcost.core.version",
                   "convcost.testing", "convcost.testing.plugin"}
    assert not {"yaml", "numpy", "click", "pandas"} & {*sys.modules}
"""
    assert suite(folder, text)[1] == {"passed": 1}


def test_it_is_an_entry_point_and_registers_its_marker(folder: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module = project["entry-points"]["pytest11"]["convcost"]
    assert module == PLUGIN
    assert import_module(module).MARKER == "convcost"
    printed, _ = suite(folder, "", "--markers")
    assert "@pytest.mark.convcost(*networks, max_macs=" in printed


def test_the_page_shows_tests_that_run(folder: Path) -> None:
    page = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
    (text,) = re.findall(r"^```python\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
    for name, body in re.findall(r"^<!-- file: (\S+) -->\n```yaml\n(.*?)^```$", page, re.DOTALL | re.MULTILINE):
        (folder / name).write_text(body)
    (folder / "convcost-budgets.yaml").write_text("networks: [keywords.yaml]")
    module = 'def MyNet():\n    return "mobilenet_v1:width=0.5"\n'
    printed, counts = suite(folder, module + text)
    assert counts == {"passed": 3}, printed


def test_a_limit_that_is_none_is_one_message(folder: Path) -> None:
    text = """
import pytest

@pytest.mark.convcost("net.yaml", max_macs="much")
def test_wrong(): ...
"""
    printed, counts = suite(folder, text)
    assert counts == {"failed": 1}
    assert "During handling" not in printed
    report, _, summary = printed.partition("short test summary")
    assert report.count("convcost: ") == summary.count("convcost: ") == 1
