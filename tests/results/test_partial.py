"""A network with ops that nobody knows: what is known stays exact, and every sum says that it is a lower bound.

The network is tests/cases/valid/partial.yaml, whose comments derive its numbers: conv 221,184 MACs and 224 params, head
65,536 and 68; mix, nms, what stands behind it, and noise are unknown.
"""

from __future__ import annotations

import csv
import io
import pickle
from pathlib import Path

import pytest
from helpers.paths import CASES

import convcost
from convcost import plots
from convcost.core.printed import Printed
from convcost.formulas.closed_form import closed_form_table
from convcost.graph.partial import UnknownOp, unknown_text
from convcost.networks.before_after import rewrite_table
from convcost.networks.conventions import printed_table
from convcost.networks.within_memory import limited
from convcost.pages.report import report_page
from convcost.render.table import FORMATS
from convcost.results.costs import SUMMED
from convcost.results.memory import memory_table

FILE = str(CASES / "valid" / "partial.yaml")
KNOWN = str(CASES / "valid" / "functions.yaml")
UNKNOWN = ("mix", "nms", "unknown", "inner.twice", "noise")
COUNTED = ("macs", "padding_macs", "operations", "params", "used_params", "buffers", "activations")
TYPES = "4 ops are unknown (1 com.example.Mix, 1 NonMaxSuppression, 1 3, 1 RandomNormal), and so is 1 behind"


@pytest.fixture(scope="module")
def network() -> convcost.Network:
    return convcost.load(FILE)


@pytest.fixture(scope="module")
def report(network: convcost.Network) -> convcost.Report:
    return network.report()


def rows(table: convcost.Table) -> dict[str, list[str]]:
    return {row[0]: row[1:] for row in table.rows}


def noted(table: convcost.Table, word: str) -> str:
    return next(said for name, said in table.notes if name == word)


def test_the_report_says_what_is_unknown(report: convcost.Report) -> None:
    assert not report.complete
    assert tuple(layer.name for layer in report.unknown) == UNKNOWN
    assert report.unknown[0] == UnknownOp("mix", "com.example.Mix", "no rule: made up", behind=False)
    assert report.unknown[1] == UnknownOp("nms", "NonMaxSuppression", "", behind=False)
    assert report.totals.unknown == 5
    assert repr(report) == "<Report partial · input 32×32×3 · batch 1 · >= 286,720 MACs (paper)>"
    assert convcost.report(KNOWN).complete
    assert convcost.report(KNOWN).unknown == ()


def test_sums_stay_those_of_what_is_known(report: convcost.Report) -> None:
    assert (report.totals.macs, report.totals.params) == (286_720, 292)


def test_rows_of_unknown_layers_have_no_numbers(report: convcost.Report) -> None:
    table = report.table("layer")
    found = rows(table)
    assert found["mix"] == ["unknown com.example.Mix", "32×32×8", "32×32×16", "?", "?", "?"]
    assert found["nms"] == ["unknown NonMaxSuppression", "32×32×4 + 32×32×16", "?", "?", "?", "?"]
    assert found["unknown"] == ["unknown 3", "", "?", "?", "?", "?"]
    assert found["conv"] == ["conv2d 3×3", "32×32×3", "32×32×8", "224", "221,184", "<= 77.14 %"]  # 221184 / 286720
    assert table.total == ["total", "", "", "", ">= 292", ">= 286,720", "100.00 %"]
    assert noted(table, "unknown").startswith(f"{TYPES}: sums are lower bounds, shares upper bounds.")
    assert "com.example.Mix: no rule: made up" in noted(table, "unknown")
    assert noted(table, "MACs").startswith(">= 286,720 (287 k)")
    assert all(noted(table, word).startswith(">= ") for word in ("params", "activations", "peak memory"))


def test_groups_of_known_and_unknown_layers_are_lower_bounds(tmp_path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "convcost: 1\nname: net\ninput: [8, 8, 3]\nlayers:\n"
        "  - name: some\n    layers: [{conv2d: {channels: 4, kernel: 1}}, {unknown: {type: Foo, shape: [8, 8, 4]}}]\n"
        "  - name: none\n    layers: [{unknown: {type: Foo, shape: [8, 8, 4]}}, {unknown: {type: Bar, shape: [8, 8, 4]}}]\n"
        "  - name: all\n    layers: [{conv2d: {channels: 4, kernel: 1, bias: false}}]\n"
    )
    report = convcost.report(str(path))
    some, none, every = report.by("stage")
    assert [group.unknown for group in (some, none, every)] == [1, 2, 0]
    found = rows(report.table("stage"))
    assert found["some"] == ["2", "8×8×3", "8×8×4", ">= 16", ">= 768", "?"]  # 3·4 + 4; 8·8·4 · 3
    assert found["none"] == ["2", "8×8×4", "8×8×4", "?", "?", "?"]
    assert found["all"] == ["1", "8×8×4", "8×8×4", "16", "1,024", "<= 57.14 %"]  # 4·4; 8·8·4 · 4 of 1792
    groups = report.table("stage").data["groups"]
    assert [(group["macs"], group["unknown"]) for group in groups] == [(768, 1), (None, 2), (1024, 0)]
    frame = report.to_frame("stage")
    assert frame["macs"].tolist()[::2] == [768, 1024]
    assert frame["macs"].isna().tolist() == [False, True, False]
    assert frame["unknown"].tolist() == [1, 2, 0]
    kinds = rows(report.table("op"))
    assert kinds["unknown Foo"] == ["2", "?", "?", "?"]
    assert kinds["conv2d 1×1"] == ["2", "32", "1,792", "<= 100.00 %"]


@pytest.mark.parametrize("level", ["layer", "unit", "stage", "op", 1])
def test_rows_add_up_to_totals(report: convcost.Report, level: str | int) -> None:
    """In every count, written elements and moved bytes among them: of unknown ops there is none in any sum."""
    records, frame = report.table(level).records, report.to_frame(level)
    for key in SUMMED:
        assert sum(record[key] or 0 for record in records) == getattr(report.totals, key), key
        assert frame[key].sum() == getattr(report.totals, key), key


def test_sums_are_lower_bounds_even_if_what_is_unknown_does_nothing(tmp_path: Path) -> None:
    """64·64·3 and 32·32·16 are read, 32·32·16 and 32·32·84 written, beside 448 and 1,428 parameters, of 4 bytes each."""
    spec = (
        "convcost: 1\nname: net\ninput: [64, 64, 3]\nlayers:\n"
        "  - {conv2d: {channels: 16, kernel: 3, stride: 2, padding: 1}, name: stem}\n"
        "  - {UNKNOWN, name: mix}\n"
        "  - {conv2d: {channels: 84, kernel: 1}, name: head}\n"
    )
    found = []
    for op in ("unknown: {type: Alias, shape: [32, 32, 16]}", "identity: "):
        (tmp_path / "net.yaml").write_text(spec.replace("UNKNOWN", op), encoding="utf-8")
        totals = convcost.report(tmp_path / "net.yaml", memory_policy="unfused").totals
        found.append((totals.bytes_moved, totals.activations))
    maps = 16_384 + 86_016
    assert found == [(4 * (12_288 + 16_384 + maps + 448 + 1_428), maps)] * 2


def test_json_has_null_for_what_nobody_knows(report: convcost.Report) -> None:
    data = report.to_dict()
    assert data["complete"] is False
    assert [layer["name"] for layer in data["unknown"]] == list(UNKNOWN)
    assert data["unknown"][0] == {"name": "mix", "type": "com.example.Mix", "why": "no rule: made up", "behind": False}
    layers = {layer["name"]: layer for layer in data["layers"]}
    for name, layer in layers.items():
        assert [layer[key] is None for key in COUNTED] == [name in UNKNOWN] * len(COUNTED)
    assert layers["nms"]["output_shape"] is None
    assert layers["mix"]["output_shape"] == [32, 32, 16]
    assert layers["noise"]["output_shapes"] == [[5], [5, 1]]
    assert data["totals"]["macs"] == 286_720
    assert "unknown" not in data["totals"]
    known = convcost.report(KNOWN).to_dict()
    assert (known["complete"], known["unknown"]) == (True, [])


def test_csv_has_empty_cells(report: convcost.Report) -> None:
    read = list(csv.DictReader(io.StringIO(report.table().render("csv"))))
    found = {row["name"]: [row[key] for key in ("output_shape", "macs", "params", "activations")] for row in read}
    assert found["conv"] == ["32x32x8", "221184", "224", "8192"]
    assert found["mix"] == ["32x32x16", "", "", ""]
    assert found["nms"] == ["", "", "", ""]


def test_frames_have_missing_values_and_stay_whole_numbers(report: convcost.Report) -> None:
    frame = report.to_frame().set_index("name")
    assert frame["macs"].isna().sum() == 5
    assert str(frame["macs"].dtype) == "Int64"
    assert int(frame["macs"].sum()) == 286_720
    assert frame["unknown"].sum() == 5


@pytest.mark.parametrize("fmt", FORMATS)
@pytest.mark.parametrize("level", ["layer", "block", "stage", "op"])
def test_every_format_writes_it(report: convcost.Report, level: str, fmt: str) -> None:
    text = report.table(level).render(fmt)
    marks = {"table": ">= 286,720", "markdown": ">= 286,720", "html": "&gt;= 286,720", "latex": r"$\geq$ 286,720"}
    assert marks.get(fmt, "") in text
    assert "<= 77.14 %".replace("<=", r"$\leq$").replace("%", r"\%") in text or fmt != "latex"


@pytest.mark.parametrize("name", convcost.list_conventions())
def test_no_convention_knows_it(network: convcost.Network, name: str) -> None:
    report = network.report(name)
    assert report.not_counted == {"unknown": 5}
    assert [layer.name for layer in report.layers if not layer.counted] == list(UNKNOWN)
    assert rows(report.table())["mix"][-1] == "?"
    assert "not counted" not in dict(report.table().notes)  # the note on what is unknown says it


def test_a_network_that_is_known_is_written_as_ever() -> None:
    table = convcost.report("mobilenet_v1").table()
    text = table.render("table")
    assert not any(mark in text for mark in (">=", "<=", "?", "unknown"))


# --- other results ------------------------------------------------------------------------------------------------


def test_the_explanation_of_an_unknown_layer_says_so(network: convcost.Network) -> None:
    table = network.explain("mix").table()
    found = rows(table)
    assert found["h'"][-1] == "32"
    assert [found[name][-1] for name in ("MACs", "bias additions", "params", "buffers", "activations")] == ["?"] * 5
    assert noted(table, "unknown") == "what com.example.Mix computes is not known: no rule: made up"
    assert noted(table, "share") == "? of the network's MACs; batch 1"
    assert table.data["complete"] is False
    assert rows(network.explain("nms").table())["MACs"] == ["?", "", "?"]
    assert noted(network.explain("conv").table(), "share").startswith("<= 77.14 %")


def test_the_explanation_of_the_totals_and_of_a_part(network: convcost.Network) -> None:
    totals = network.explain().table()
    assert totals.total == ["total", "", "", ">= 286,720", "100.00 %"]
    assert not set(rows(totals)) & set(UNKNOWN)
    assert rows(totals)["all others"][-2:] == [">= 0", "?"]
    inner = network.explain("inner").table()
    assert rows(inner)["inner.twice"][-4:] == ["", "?", "?", "?"]


def test_closed_forms_are_lower_bounds(tmp_path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "convcost: 1\nname: net\nknobs: {width: 8}\ninput: [8, 8, 3]\nlayers:\n"
        "  - conv2d: {channels: width, kernel: 1, bias: false}\n  - unknown: {type: Foo, shape: [8, 8, 2]}\n"
    )
    table = closed_form_table(str(path), None, ["width"], {})
    assert rows(table)["MACs"] == [">= 192·width"]  # 8·8 · 3
    assert table.latex is not None
    assert table.latex[0] == ["MACs", r"$\geq 192 width$"]
    assert [op["type"] for op in table.data["unknown"]] == ["Foo"]
    assert table.data["complete"] is False


def test_memory_is_a_lower_bound(network: convcost.Network, report: convcost.Report) -> None:
    usage = network.memory()
    table = memory_table(report, usage)
    assert usage.peak == 4 * 32 * 32 * (8 + 16)  # while mix runs: 8 read, 16 written
    assert noted(table, "peak memory").startswith(">= 96.0 KiB (98,304 bytes)")
    assert noted(table, "unknown").startswith(TYPES)
    assert (table.data["complete"], len(table.data["unknown"])) == (False, 5)
    for policy in ("unfused", "inplace", "concat_alias", "largest", "sum", "training", "fused_attention"):
        assert network.memory(policy).peak > 0
    assert network.memory(order="best").peak <= usage.peak


def test_a_limit_that_may_be_kept_is_not_decided(network: convcost.Network) -> None:
    usage = network.memory()
    over = limited(network, usage, 98_303)
    assert over is not None
    assert (over.kept, over.partial, over.remedies) == (False, True, ())
    with pytest.raises(convcost.UsageError, match="so that whether the limit is kept is not known"):
        limited(network, usage, 98_304)
    accepted = limited(network, usage, 98_304, partial=True)
    assert accepted is not None
    assert accepted.kept


def test_networks_side_by_side_have_no_ratio_to_what_is_unknown() -> None:
    table = convcost.side_by_side(KNOWN, FILE)
    names = ["layers", "layers_ratio", "params", "params_ratio"]
    _, (_, *partial) = convcost.side_by_side(KNOWN, FILE, columns=names).rows
    assert partial == ["8", f"{8 / 15:.4f}", ">= 292", "?"]
    assert convcost.side_by_side(KNOWN, FILE, columns=names, digits=2).rows[1][3:] == [">= 292", "?"]
    assert [network["complete"] for network in table.data["networks"]] == [True, False]
    assert table.data["networks"][1]["ratios"]["params"] is None
    by_layer = convcost.side_by_side(FILE, FILE, by="layer")
    assert rows(by_layer)["mix"][1:] == ["?", "?", "?", "?", "?"]
    assert rows(by_layer)["conv"][1:4] == ["221,184", "221,184", "1.0000"]
    assert by_layer.data["rows"][1]["differences"] == [None, None]


def test_a_rewrite_keeps_what_is_unknown(network: convcost.Network) -> None:
    table = rewrite_table(network, network.rewrite("separable"))
    # conv becomes 32·32·3 · 9 + 32·32·8 · 3 = 52224; head is pointwise already
    assert table.total is not None
    assert table.total[3:6] == [">= 286,720", ">= 117,760", "?"]
    assert table.data["complete"] is False


def test_two_conventions_differ_by_what_is_known(network: convcost.Network) -> None:
    found = network.reconcile("paper", "with_bias")
    assert [term.difference for term in found.terms] == [32 * 32 * (8 + 4)]
    assert len(found.unknown) == 5
    table = found.table()
    assert table.total == ["with_bias", "", "", "", "", "+12,288", ">= 299,008"]
    assert noted(table, "unknown").startswith(TYPES)
    with pytest.raises(convcost.UsageError, match="no convention gives a figure that could be compared"):
        printed_table(network, [Printed.parse("287k")])


def test_pages_and_pictures_say_it(network: convcost.Network, report: convcost.Report) -> None:
    page = report_page(network, report)
    assert "&gt;= 286,720" in page
    assert TYPES in page
    for figure, said in (
        (plots.cost_by(report), "cost by stage, without 5 unknown ops<br><sup>input 32×32×3</sup>"),
        (plots.cumulative(report), "cost so far, layer by layer, without 5 unknown ops<br><sup>input 32×32×3</sup>"),
    ):
        assert figure.layout.title.text == f"partial: {said}"
    timeline = plots.memory_timeline(report, network.memory()).layout.title.text
    assert timeline.endswith(" · policy fused, without 5 unknown ops</sup>")


def test_what_needs_numbers_refuses(tmp_path) -> None:
    path = tmp_path / "net.yaml"
    path.write_text(
        "convcost: 1\nname: net\nknobs: {width: 8, resolution: 8}\ninput: [resolution, resolution, 3]\nlayers:\n"
        "  - conv2d: {channels: width, kernel: 1}\n  - unknown: {type: Foo, shape: [8, 8, 2]}\n"
    )
    said = r"net: 1 op is unknown \(1 Foo\), so that other values of its knobs would only give lower bounds"
    with pytest.raises(convcost.UsageError, match=said):
        convcost.sweep(str(path), width=[8, 16])
    with pytest.raises(convcost.UsageError, match=said):
        convcost.fit(str(path), max_macs="1M")
    with pytest.raises(convcost.UsageError, match=r"1 op is unknown \(1 Foo\)"):
        convcost.frontier(family=["MobileNetV1"], yours={str(path): "70"})
    network = convcost.load(str(path))
    assert "At another size" not in report_page(network, network.report())


def test_it_survives_pickling(network: convcost.Network, report: convcost.Report) -> None:
    assert pickle.loads(pickle.dumps(report)).unknown == report.unknown
    assert pickle.loads(pickle.dumps(network)) == network


def test_many_types_are_summed_up() -> None:
    ops = [
        UnknownOp("", name, "", behind=False) for number, name in enumerate("abcdefgh", start=1) for _ in range(number)
    ]
    assert unknown_text(ops) == "36 ops are unknown (8 h, 7 g, 6 f, 5 e, 4 d, 3 c, 3 of 2 other types)"
    after = [UnknownOp("", "i", "", behind=True)] * 1234
    assert unknown_text([*ops[:1], *after]) == "1 op is unknown (1 a), and so are 1,234 behind"
