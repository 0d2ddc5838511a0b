"""Amounts as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import convcost
from convcost.core.reading import parse_bytes

if TYPE_CHECKING:
    from helpers.cli import Cli


class TestSizes:
    @pytest.mark.parametrize(
        ("text", "size"),
        [
            ("256KiB", 2**18),
            ("256 kib", 2**18),
            ("1.5MiB", 1_572_864),
            ("100000", 100_000),
            ("7B", 7),
            ("0", 0),
            ("1e6", 1_000_000),
            ("1,048,576", 2**20),
        ],
    )
    def test_what_is_meant(self, text: str, size: int) -> None:
        assert parse_bytes(text) == size

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("256KB", "'256KB': KB may mean powers of 1,000 or of 1,024; write 256KiB, or the bytes"),
            ("1.5M", "'1.5M': M may mean powers of 1,000 or of 1,024; write 1.5MiB, or the bytes"),
            ("0.3KiB", "'0.3KiB' is not a whole number of bytes"),
            ("-5", "'-5' is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"),
            ("lots", "'lots' is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"),
            ("5 pages", "'5 pages' is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"),
            ("1,5KiB", "'1,5KiB' is not a number of bytes, e.g. 256KiB, 1.5MiB or 100000"),
        ],
    )
    def test_what_is_refused(self, cli: Cli, text: str, message: str) -> None:
        with pytest.raises(convcost.UsageError) as caught:
            parse_bytes(text)
        assert str(caught.value) == message
        assert message in " ".join(cli("memory", "lenet5", "--limit", text, code=2).stderr.split())
