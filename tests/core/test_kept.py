"""What is kept saves counting, and is never the answer to another question than the one that was asked."""

from __future__ import annotations

import compileall
import errno
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from helpers.paths import ROOT

import convcost.core
from convcost.core import kept
from convcost.core.kept import SHIPPED, Answers, answers, content, fingerprint, kept_text, place
from convcost.core.places import of_zoo, zoo_directory

#: Runs a command and says on standard error how many networks were built for it.
COUNTING = """
import sys
import convcost.networks.origin as network
from convcost.cli import main
attempt, built = network.attempt, []
network.attempt = lambda *given: built.append(given) or attempt(*given)
try:
    main(sys.argv[1:])
finally:
    print(len(built), file=sys.stderr)
"""
COMMANDS = [
    ["report", "lenet5", "--format", "csv"],
    ["report", "lenet5", "lenet5:classes=7"],
    ["list", "lenet*"],
    ["frontier", "--family", "squeezenet*", "--format", "json"],
    ["verify", "lenet5_1998", "--format", "json"],
]


def run(arguments: list[str], cache: Path | str, house: Path = ROOT) -> tuple[str, int]:
    """What a command prints in a process of its own, and how many networks it built."""
    env = {**os.environ, "PYTHONPATH": str(house), "CONVCOST_CACHE": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", COUNTING, *arguments], env=env, cwd=house, capture_output=True, text=True, check=False
    )
    assert done.stderr.strip().isdecimal(), done.stderr
    return done.stdout, int(done.stderr)


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package and the zoo; compiled once, and not by each process that looks at a copy of it."""
    folder = tmp_path_factory.mktemp("original")
    for name in ("convcost", "specs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(folder / "convcost", quiet=1)
    return folder


@pytest.fixture
def house(original: Path, tmp_path: Path) -> Path:
    """A copy to edit."""
    shutil.copytree(original, tmp_path / "house")
    time.sleep(0.05)
    return tmp_path / "house"


# The second call counts nothing.


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_the_second_call_counts_nothing_and_prints_the_same(arguments: list[str], tmp_path: Path) -> None:
    first, built = run(arguments, tmp_path / "cache")
    assert built > 0
    assert run(arguments, tmp_path / "cache") == (first, 0)
    assert run(arguments, "0") == (first, built)


def test_another_question_is_counted(tmp_path: Path) -> None:
    run(["list", "lenet*"], tmp_path)
    assert run(["list", "lenet5"], tmp_path)[1] == 0
    assert run(["list", "lenet5", "nin"], tmp_path)[1] > 0
    assert run(["list", "lenet5", "nin"], tmp_path)[1] == 0
    assert run(["list", "lenet5", "--convention", "thop"], tmp_path)[1] == 1


# What is edited is counted anew.

EDITS = {
    "a number in a spec": ("specs/lenet5.yaml", lambda text: text.replace("channels: 84", "channels: 85")),
    "a rule": (
        "convcost/core/dims.py",
        lambda text: f"{text}\nright = elements\ndef elements(shapes): return right(shapes) + 1\n",
    ),
    "a convention": (
        "convcost/conventions/conventions.yaml",
        lambda text: text.replace("{macs: 1, bias_adds: 1}", "{macs: 1, bias_adds: 3}", 1),
    ),
    "a knob of another spec": ("specs/nin.yaml", lambda text: f"{text}\n# nothing but a comment\n"),
}
SEEN = {
    "report": ["report", "lenet5", "--convention", "with_bias", "--format", "json"],
    "list": ["list", "lenet5", "--convention", "with_bias", "--format", "json"],
}


@pytest.mark.parametrize("command", SEEN)
@pytest.mark.parametrize("what", EDITS)
def test_what_is_edited_is_counted_anew(house: Path, tmp_path: Path, what: str, command: str) -> None:
    cache, (file, change) = tmp_path / "cache", EDITS[what]
    before, _ = run(SEEN[command], cache, house)
    assert run(SEEN[command], cache, house) == (before, 0)
    path = house / file
    text, stat = path.read_text(encoding="utf-8"), path.stat()
    assert change(text) != text
    path.write_text(change(text), encoding="utf-8")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))  # as if nothing had happened
    time.sleep(0.05)
    after, built = run(SEEN[command], cache, house)
    assert built == 1
    assert after == run(SEEN[command], "0", house)[0]
    shows = what != "a knob of another spec" and (what, command) != ("a rule", "list")  # a list has no activations
    assert (after != before) == shows
    path.write_text(text, encoding="utf-8")  # and what held before holds again
    time.sleep(0.05)
    assert run(SEEN[command], cache, house) == (before, 0)


def test_an_edited_table_is_answered_from_anew(house: Path, tmp_path: Path) -> None:
    """The front of measured latencies has torchvision's ResNet-18 from accuracy.csv."""
    asked = ["frontier", "--x", "latency", "--setup", "s24_tflite", "--family", "resnet"]
    before, _ = run(asked, tmp_path / "cache", house)
    path = house / "specs/published/accuracy.csv"
    row = "resnet18,,224,69.758,89.078,"
    text = path.read_text(encoding="utf-8")
    assert text.count(row) == 1
    path.write_text(text.replace(row, row.replace("69.758", "61.758")), encoding="utf-8")
    time.sleep(0.05)
    after, _ = run(asked, tmp_path / "cache", house)
    assert ("69.758" in before, "61.758" in before) == (True, False)
    assert after == before.replace("69.758", "61.758")


def test_an_edited_spec_has_the_number_that_it_should(house: Path, tmp_path: Path) -> None:
    run(SEEN["list"], tmp_path, house)
    path = house / "specs/lenet5.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("channels: 84", "channels: 85"), encoding="utf-8")
    found = json.loads(run(SEEN["list"], tmp_path, house)[0])
    assert found["networks"][0]["params"] == 61_706 + 121 + 10  # 120 weights and a bias in, 10 weights out


def test_a_file_in_the_place_of_a_network_is_always_counted(tmp_path: Path) -> None:
    """A file in the working directory goes before a name of the zoo."""
    asked = ["report", "lenet5", "--format", "json"]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "CONVCOST_CACHE": str(tmp_path / "cache")}

    def params() -> int:
        done = subprocess.run(
            [sys.executable, "-m", "convcost", *asked],
            env=env,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return json.loads(done.stdout)["totals"]["params"]

    assert [params(), params()] == [61_706, 61_706]
    text = (ROOT / "specs/lenet5.yaml").read_text(encoding="utf-8")
    (tmp_path / "lenet5").write_text(text.replace("channels: 84", "channels: 85"), encoding="utf-8")
    assert params() == 61_837
    (tmp_path / "lenet5").write_text(text.replace("channels: 84", "channels: 86"), encoding="utf-8")
    assert params() == 61_968
    (tmp_path / "lenet5").unlink()
    assert params() == 61_706


@pytest.mark.parametrize(
    ("model", "zoo"),
    [("vgg16", True), ("vgg16:width=2", True), ("", True), ("a/b", False), ("net.yaml", False), ("net.yml:a=1", False)],
)
def test_names_that_may_be_files_are_told_from_names_of_the_zoo(model: str, zoo: bool) -> None:
    assert of_zoo(model) == zoo


# In this process, with source that counts as old.


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("CONVCOST_CACHE", str(folder))
    monkeypatch.setattr(convcost.core, "BEGUN", time.time_ns() + 10**12)
    return folder


def asked(answer: object = 1, kind: str = "test") -> object:
    with answers(kind) as known:
        return known.of(("question",), lambda: answer)


def test_an_answer_is_kept(cache: Path) -> None:
    assert [asked(1), asked(2)] == [1, 1]
    (file,) = cache.iterdir()
    assert file.name == f"{fingerprint()}-test.json"


@pytest.mark.parametrize("answer", [10**400, [1, [2, "3"]], {"a": None, "b": -0.1}, "×", ""])
def test_an_answer_comes_back_as_it_went_in(cache: Path, answer: object) -> None:
    assert asked(answer) == answer
    assert asked("other") == answer
    assert repr(asked("other")) == repr(answer)
    assert cache.exists()


def spoilt(data: bytes) -> dict[str, bytes]:
    return {
        "nothing": b"",
        "half of it": data[: len(data) // 2],
        "another digit": data.replace(b":1}", b":2}"),
        "without its checksum": data.partition(b"\n")[2],
        "more": data + b" ",
        "no text": b"\xff\xfe" * 50,
        "no JSON": b"not json\n" * 3,
    }


@pytest.mark.parametrize("how", spoilt(b""))
def test_a_file_that_is_not_as_it_was_written_is_not_read(cache: Path, how: str) -> None:
    asked(1)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(spoilt(whole)[how])
    assert asked(3) == 3
    assert asked(4) == 3  # and is written anew


def test_a_file_of_another_content_or_kind_is_not_read_under_this_name(cache: Path) -> None:
    asked(1, "one")
    (file,) = cache.iterdir()
    shutil.copy(file, cache / file.name.replace("one", "two"))
    assert asked(2, "two") == 2


def test_a_file_cannot_run_anything(cache: Path) -> None:
    import pickle

    asked(1)
    (file,) = cache.iterdir()
    file.write_bytes(pickle.dumps({"question": 2}))
    assert asked(3) == 3


def test_where_nothing_can_be_written_everything_is_counted(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", "/dev/null/below", "/proc/none"):
        monkeypatch.setenv("CONVCOST_CACHE", str(folder))
        assert [asked(1), asked(2)] == [1, 2]
    monkeypatch.setenv("CONVCOST_CACHE", str(cache))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(kept, "packed", full)
    assert [asked(1), asked(2)] == [1, 2]
    assert list(cache.iterdir()) == []  # no part is left either


def test_a_folder_in_the_place_of_the_file_is_let_be(cache: Path) -> None:
    (cache / f"{fingerprint()}-test.json").mkdir(parents=True)
    assert [asked(1), asked(2)] == [1, 2]
    assert len(list(cache.iterdir())) == 1


@pytest.mark.usefixtures("cache")
def test_nothing_is_read_or_kept_once_the_source_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    asked(1)
    monkeypatch.setattr(convcost.core, "BEGUN", 0)
    assert fingerprint() is None
    assert asked(2) == 2
    monkeypatch.setattr(convcost.core, "BEGUN", time.time_ns() + 10**12)
    assert asked(3) == 1


def test_nothing_is_kept_of_what_was_counted_while_somebody_edited(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = iter(["a" * 32, "b" * 32])
    monkeypatch.setattr(kept, "fingerprint", lambda: next(states))
    assert asked(1) == 1
    assert not cache.exists()


def test_nothing_is_kept_of_what_failed(cache: Path) -> None:
    with pytest.raises(ZeroDivisionError), answers("test") as known:
        known.of(("question",), lambda: 1 // 0)
    assert not cache.exists()


def test_a_text_has_a_file_of_its_own(cache: Path) -> None:
    said = [kept_text("report", (number,), lambda n=number: f"{n}", ["lenet5"]) for number in (1, 2, 1)]
    assert said == ["1", "2", "1"]
    assert len(list(cache.iterdir())) == 2
    assert kept_text("report", (1,), lambda: "counted", ["my.yaml"]) == "counted"


def test_questions_cannot_be_taken_for_each_other() -> None:
    known = Answers({})
    questions = [("a b", "c"), ("a", "b c"), ("a", "b", "c"), ("1",), (1,)]
    assert [known.of(question, lambda q=question: repr(q)) for question in questions] == list(map(repr, questions))


def test_the_folder_stays_small_and_what_others_put_there_stays(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "_MOST_FILES", 3)
    cache.mkdir()
    (cache / "notes.txt").write_text("mine")
    (cache / ".convcost-1-2.part").write_text("left by a process that was ended")
    for number in range(6):
        asked(number, f"kind-{number}")
        time.sleep(0.01)
        if number > 1:
            assert asked("used", "kind-0") == 0
    names = {file.name.partition("-")[2] for file in cache.iterdir()}
    assert names == {"", "kind-0.json", "kind-4.json", "kind-5.json"}  # the one that is used stays
    monkeypatch.setattr(kept, "_MOST_BYTES", 100)
    asked("x" * 80, "large")
    assert {file.name.partition("-")[2] for file in cache.iterdir()} <= {"", "large.json"}


def test_several_processes_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(ROOT), "CONVCOST_CACHE": str(tmp_path)}
    commands = [["list", "lenet*"], ["list", "nin"], ["list", "lenet*"], ["report", "lenet5"], ["report", "lenet5"]]
    running = [
        subprocess.Popen([sys.executable, "-m", "convcost", *one], env=env, stdout=subprocess.PIPE, text=True)
        for one in commands
    ]
    said = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0] * len(running)
    assert said == [run(one, "0")[0] for one in commands]
    assert not [file for file in tmp_path.iterdir() if file.suffix == ".part"]
    assert said == [run(one, tmp_path)[0] for one in commands]


# Where.


@pytest.mark.parametrize(
    ("variables", "folder"),
    [
        ({"CONVCOST_CACHE": "0"}, None),
        ({"CONVCOST_CACHE": "here"}, "here"),
        ({"CONVCOST_CACHE": "", "XDG_CACHE_HOME": "/c"}, "/c/convcost"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/convcost"),
        ({"HOME": "/home/me"}, "/home/me/.cache/convcost"),
        ({"HOME": "/home/me", "XDG_CACHE_HOME": "relative"}, "/home/me/.cache/convcost"),  # as XDG says
    ],
)
@pytest.mark.skipif(sys.platform in ("darwin", "win32"), reason="names of Linux")
def test_the_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], folder: str) -> None:
    for name in ("CONVCOST_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert place() == folder


def test_turned_off_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONVCOST_CACHE", "0")
    monkeypatch.setattr(kept, "fingerprint", lambda: pytest.fail("nobody asked"))
    assert [asked(1), asked(2)] == [1, 2]


def test_the_content_is_names_and_bytes_of_source_and_data(tmp_path: Path) -> None:
    def of() -> str:
        return content([str(tmp_path)])[0]

    (tmp_path / "a.py").write_text("1")
    seen = [of()]
    (tmp_path / "readme.txt").write_text("1")
    assert of() == seen[0]
    for file, text in {"a.py": "2", "b.yaml": "", "c.py": "1"}.items():
        (tmp_path / file).write_text(text)
        seen.append(of())
    (tmp_path / "b.yaml").rename(tmp_path / "d.yaml")
    seen.append(of())
    assert len(set(seen)) == len(seen)


def test_the_content_has_each_file_of_data(original: Path, tmp_path: Path) -> None:
    """Tables, scripts, styles, the schema, the YAML of conventions and devices - and of the specs, all of one kind, one."""
    shutil.copytree(original, tmp_path / "house")
    roots = [str(tmp_path / "house" / name) for name in ("convcost", "specs")]
    zoo = set((tmp_path / "house/specs").glob("*.yaml")) - {tmp_path / "house/specs/nin.yaml"}
    files = {
        path
        for root in roots
        for path in Path(root).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }
    data = [
        path for path in sorted(files - zoo) if path.name != "py.typed"
    ]  # which is empty, and says all by being there
    assert {path.suffix for path in data} == {".yaml", ".csv", ".json", ".css", ".js"}
    seen = [content(roots)[0]]
    for path in data:
        with path.open("ab") as file:
            file.write(b"\n")
        seen.append(content(roots)[0])
    assert [path.name for path, key, before in zip(data, seen[1:], seen, strict=False) if key == before] == []


def test_the_wheel_and_a_checkout_have_the_same_content(original: Path, tmp_path: Path) -> None:
    """In a wheel the zoo stands inside the package, and so do the answers that it ships with."""
    shutil.copytree(original, tmp_path / "wheel")
    (tmp_path / "wheel/convcost/counted").mkdir()
    (tmp_path / "wheel/convcost/counted/0123-list.json").write_text("{}")
    assert Path(SHIPPED).name == "counted"
    shutil.move(tmp_path / "wheel/specs", tmp_path / "wheel/convcost/specs")
    found = [
        content([str(folder / package), str(folder / zoo)])[0]
        for folder, package, zoo in (
            (original, "convcost", "specs"),
            (tmp_path / "wheel", "convcost", "convcost/specs"),
        )
    ]
    assert found[0] == found[1]
    assert Path(zoo_directory()).name == "specs"


def test_the_text_of_a_model_file_is_that_of_its_state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is written again once the file changes, even to one of the same size and age."""
    monkeypatch.setenv("CONVCOST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(convcost.core, "BEGUN", time.time_ns())
    model = tmp_path / "net.onnx"
    counted: list[str] = []

    def text() -> str:
        counted.append(model.read_text())
        return counted[-1]

    def asked() -> str:
        return kept_text("report", ("layer",), text, [str(model)])

    model.write_text("one")
    assert asked() == "one"  # just written: the clock of files may lag behind
    time.sleep(0.1)
    assert [asked(), asked()] == ["one", "one"]
    assert len(counted) == 2
    age = model.stat().st_mtime_ns
    model.write_text("two")
    os.utime(model, ns=(age, age))
    time.sleep(0.1)
    assert asked() == "two"
