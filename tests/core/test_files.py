"""Files are written whole or not at all, and keep what is theirs."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest
from helpers.limits import posix

from convcost.core import files
from convcost.core.files import whole


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "old.txt"
    path.write_text("old and longer")
    return path


def write(path: object, text: str = "new") -> None:
    with whole(os.fspath(path)) as file:  # type: ignore[call-overload]
        file.write(text.encode())


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_new_file_has_its_name_once_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new.txt"
    with whole(str(path)) as file:
        file.write(b"half")
        file.flush()
        assert not path.exists()
        file.write(b" and half")
    assert path.read_text() == "half and half"
    assert names(tmp_path) == ["new.txt"]


def test_a_file_is_as_it_was_if_writing_fails(old: Path) -> None:
    for error in (RuntimeError, KeyboardInterrupt):
        writing = whole(str(old))
        writing.__enter__().write(b"half")
        assert not writing.__exit__(error, error(), None)
    assert old.read_text() == "old and longer"
    assert names(old.parent) == ["old.txt"]


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o666, 0o755])
def test_a_file_keeps_its_mode(old: Path, mode: int) -> None:
    old.chmod(mode)
    write(old)
    assert (old.read_text(), stat.S_IMODE(old.stat().st_mode)) == ("new", mode)


@posix
def test_a_file_keeps_its_other_names(old: Path) -> None:
    """In one of them the same bytes are read as in the other: it is one file still."""
    other, link = old.with_name("other.txt"), old.with_name("link.txt")
    os.link(old, other)
    link.symlink_to(other)
    for path, text in ((old, "new"), (link, "longer than the old one was"), (other, "")):
        write(path, text)
        assert old.read_text() == other.read_text() == text
        assert old.stat().st_ino == other.stat().st_ino
    assert names(old.parent) == ["link.txt", "old.txt", "other.txt"]


@posix
@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_file_keeps_its_owner(old: Path) -> None:
    os.chown(old, 12345, 54321)
    write(old)
    assert (old.read_text(), old.stat().st_uid, old.stat().st_gid) == ("new", 12345, 54321)


@posix
def test_a_file_whose_owner_cannot_be_kept_is_written_in_place(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "no")

    number = old.stat().st_ino
    monkeypatch.setattr("shutil.copystat", refuse)
    write(old)
    assert (old.read_text(), old.stat().st_ino, names(old.parent)) == ("new", number, ["old.txt"])


@posix
def test_a_full_disk_changes_nothing_of_a_file_with_two_names(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    os.link(old, old.with_name("other.txt"))
    monkeypatch.setattr(files.os, "posix_fallocate", full)
    with pytest.raises(OSError, match="No space left"):
        write(old, "new " * 100)
    assert old.read_text() == "old and longer"
    assert names(old.parent) == ["old.txt", "other.txt"]


@posix
@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EINVAL])
def test_a_file_system_that_keeps_no_room_is_written_to_all_the_same(
    old: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    other = old.with_name("other.txt")
    os.link(old, other)
    monkeypatch.setattr(files.os, "posix_fallocate", unsupported)
    write(old, "new " * 100)
    assert old.read_text() == other.read_text() == "new " * 100
    assert names(old.parent) == ["old.txt", "other.txt"]


@posix
def test_a_protected_file_is_left_alone_by_root_too(old: Path) -> None:
    old.chmod(0o444)
    with pytest.raises(PermissionError, match="it is protected against writing"):
        write(old)
    assert (old.read_text(), stat.S_IMODE(old.stat().st_mode)) == ("old and longer", 0o444)


@posix
@pytest.mark.parametrize("name", [b"x" * 255, "é".encode() * 127 + b"x", b"\xff.json", b"a\nb", b" ", b"-"])
def test_any_name_that_a_file_can_have(tmp_path: Path, name: bytes) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/" + name)
    for text in ("first", "second"):
        write(path, text)
        assert os.listdir(os.fsencode(tmp_path)) == [name]
        assert Path(path).read_text() == text


def test_a_name_with_a_zero_byte_is_refused_like_one_that_the_system_knows_nothing_of() -> None:
    for door in (files.state_to_read, lambda path: whole(path).__enter__()):
        with pytest.raises(OSError, match="no name of a file has a zero byte") as raised:
            door("a\0b")
        assert raised.value.filename == "a\0b"
