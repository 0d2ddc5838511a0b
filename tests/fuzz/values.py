"""Values that programs stumble over, as they stand in texts: numbers, words, characters, formulas."""

from __future__ import annotations

import re
from random import Random

NUMBERS = re.findall(
    r"\S+",
    """
    0 1 -1 2 3 4 5 7 8 9 16 17 31 32 33 63 64 100 127 128 224 255 256 999 1000 1001 4999 5000 5001 65535 65536 1000000 999999999
    1000000000 1000000001 2147483647 2147483648 4294967296 9223372036854775807 9223372036854775808 1e9 1e15 1e18 1e30 1e99 1e308
    1e999 -1e9 1e-9 1e-99 0.5 0.25 1.5 0.1 0.3333333333333333 1.0 -0.5 0.0 -0 +1 .5 1. 010 0x10 0b1 1_000 1,000 1/3 nan inf -inf
    .nan .inf ² Ⅷ ٣ 4.1G 300M 5e8 1KiB 256KiB 1kB 3B 100% 1% 20ms 1.5s 3us
    """,
)
WORDS = re.findall(
    r"\S+",
    r"""
    true false null ~ yes no none same valid causal input in row name in.channels in.height in.width input.channels input:0 name:0
    channels height width length depth relu conv2d linear add concat multiply split flatten source unknown use each self batch dtype
    model memory device x é 名 🦜 a.b a..b . .. / ../x [] {} [0] [1,2] [[1]] {a: 1} '' "" * ** [ ? =1+1 $(id) `id` %s {0} \n <b>
    </script> a|b a&b c# - ? : ! & | > % @ int8 fp32 binary mean argmax first nosuch
    """,
)
CHARACTERS = (
    "{}[]:,-#\"'&*!|>%@`\t\n\r 0123456789abcz²é.()=<>+/\\$_^~\0\x07\x1b\x7f\x85\u2028\u202e\ufeff\ufffe\U0001f99c"
)
LONG = (
    "x" * 300,
    "9" * 18,
    "9" * 19,
    "9" * 400,
    "9" * 5000,
    "9" * 5000 + "x",
    "*" * 400,
    "[" * 200,
    "a*" * 200 + "b",
    "-" * 500,
    ".".join("a" * 150),
    ".".join("a" * 3000),
)
UGLY = (
    "",
    " ",
    "\t",
    "a b",
    "a\nb",
    "\x1b[31m",
    "\x1b]0;t\x07",
    "\u202e",
    "\u2028",
    "\ufeff",
    "\x00",
    "<img src=x onerror=alert(1)>",
)
FORMULAS = (
    *(
        "{n} * {k}",
        "round_to({n} * {k})",
        "max(ceil({n} * {k}), 1)",
        "{k}",
        "{k} % {n} + 1",
        "max({n} // {k}, 1)",
        "floor({k}) + {n}",
    ),
    *(
        "where({k} > 1, {n}, {n} + 1)",
        "floor({n} * {k} + 0.5)",
        "min({k}, {n}) * {n}",
        "max({n} - {k}, 1)",
        "ceil({n} / {k})",
    ),
    *(
        "round_to({n} * {k} * {k}, 4)",
        "max(floor({n} * {k}) // 8 * 8, 8)",
        "where({k} == 2, {n}, {n} + {n})",
        "[{n}, {k}, 3][{k} % 3]",
    ),
    *(
        "where({k} >= 1 and {k} < 3, {n}, 2)",
        "{n} + {k} - {k}",
        "max({k}, {n})",
        "max({n} * {k}, 16)",
        "ceil(max({n} * {k}, 10.5) * {k})",
        "where(max({n} * {k}, 2.5) >= 2.25, {n}, 1)",
        "min({n} * {k} * {k}, {n} * 3)",
        "({n} + {k}) // 2 + 1",
        "{n} * ({k} % 2) + 1",
    ),
)
"""Of a number n and a knob k."""
DEEP = (
    *(
        "max(" * 39 + "1" + ",1)" * 39,
        "(" * 41 + "1" + ")" * 41,
        "-" * 39 + "1",
        "not " * 39 + "true",
        "[" * 39 + "1" + "]" * 39,
    ),
    *(
        "10**9",
        "2 ** 99",
        "+".join(["1"] * 190),
        "*".join(["999999999"] * 39),
        "//".join(["9"] * 130),
        "1e99*1e99*1e99",
        "1e99//1e-99",
    ),
    *(
        "1 // 0",
        "1 % 0",
        "1 // 0.5",
        "7 % 0.3",
        "-7 // 2",
        "1 / 3",
        "ceil(1 / 3)",
        "floor(-0.5)",
        "round_to(5, 0)",
        "round_to(5, 1e30)",
    ),
    *(
        "in.channels // 3",
        "in.channels - 1",
        "in.channels * in.height * in.width",
        "x.channels",
        "row[0]",
        "row[1e9]",
        "[1, 2][1e9]",
    ),
    *(
        "true + 1",
        "a < b < c",
        "min(a)",
        "max()",
        "eval('1')",
        "__import__('os')",
        "in.__class__",
        "where(1, 2)",
        "where(true, 1, 1 // 0)",
    ),
)


def value(rng: Random) -> str:
    """One of them."""
    pool = rng.choices((NUMBERS, WORDS, DEEP, UGLY, LONG), (50, 25, 15, 7, 3))[0]
    return rng.choice(pool)
