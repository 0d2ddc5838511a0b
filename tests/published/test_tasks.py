"""Accuracies on tasks of their own: what the file may say, and landscapes of which none mixes two data sets."""

from __future__ import annotations

import csv
from collections import Counter
from fractions import Fraction
from pathlib import Path

import pytest
from helpers.paths import ROOT

from convcost import list_networks, load
from convcost.core.errors import UsageError
from convcost.core.tasks import TASKS
from convcost.published.choices import LANDSCAPES
from convcost.published.data import accuracies, sources
from convcost.published.frontier import frontier
from convcost.published.point import COUNTED, PRINTED
from convcost.published.tasks import accuracy_on_task, datasets, landscape, on_tasks, read_on_tasks
from convcost.published.verify import CITED, verify

pytestmark = pytest.mark.usefixtures("costs_once")
HEAD = "task,dataset,metric,family,item,input,value,year,source"
GOOD = "detection,COCO val2017,map,YOLOv8,YOLOv8n,640,37.3,2023,yolov8_docs"


def test_no_row_stands_twice_and_each_network_is_one_of_the_zoo() -> None:
    keys = Counter((one.source, one.locator, one.item, one.dataset, one.input, one.recipe) for one in on_tasks())
    assert [key for key, count in keys.items() if count > 1] == []
    known = {*list_networks()}
    assert [one.model for one in on_tasks() if one.model and one.model not in known] == []


def test_accuracies_on_tasks_are_of_networks_that_have_no_other() -> None:
    measured = {one.model for one in accuracies()}
    for one in accuracy_on_task().values():
        assert one.model not in measured
        assert 50 < float(one.value) < 100 or one.dataset == "ImageNet-1k"
        assert one.citation.startswith(sources()[one.source].title)


def test_a_network_is_for_the_task_that_it_is_measured_on() -> None:
    for one in on_tasks():
        if one.model:
            assert load(one.model).task == one.task, one


def test_what_the_metadata_of_torchvision_count_is_what_is_counted_here() -> None:
    """Its `_ops` are thousandths of a billion multiply-accumulates at this input; those of segmenters include the head for training."""
    counted = {p.measured.item: p for task in LANDSCAPES for p in _voc_labels(task) if p.how == COUNTED}
    compared = 0
    for one in on_tasks():
        if (
            one.source.startswith("torchvision")
            and one.model
            and (one.task == "detection" or one.item.startswith("LR"))
        ):
            assert round(Fraction(counted[one.item].cost, 10**6)) == int(one.macs), one
            compared += 1
    assert compared == 6


def _voc_labels(task: str) -> tuple:
    return frontier(task=task, dataset="COCO val2017 with VOC labels" if task == "segmentation" else "").points


def test_flops_that_thop_counts_are_about_two_for_each_mac() -> None:
    """Of YOLOs: it also counts upsampling, and prints one digit."""
    counted = {
        (p.measured.item, p.measured.source): p.cost for p in frontier(task="detection").points if p.how == COUNTED
    }
    for one in on_tasks():
        if one.convention == "2 × thop" and one.model:
            assert abs(Fraction(counted[one.item, one.source] * 2, 10**6) / Fraction(one.macs) - 1) < Fraction(
                3, 100
            ), one


@pytest.mark.parametrize("task", LANDSCAPES)
def test_no_landscape_mixes_two_data_sets(task: str) -> None:
    every = datasets(task)
    assert len(every) >= 3
    assert landscape(task)[0] == next(iter(every))
    for name, count in every.items():
        chosen, rows = landscape(task, name)
        assert chosen == name
        assert len(rows) == count
        assert {row.dataset for row in rows} == {name}


def test_costs_of_what_is_not_in_the_zoo_are_printed_only_where_they_are_macs() -> None:
    found = frontier(task="detection")
    printed = {point.measured.family for point in found.points if point.how == PRINTED}
    assert {"EfficientDet", "Faster R-CNN"} <= printed
    assert all(point.measured.convention == "paper" for point in found.points if point.how == PRINTED)
    whys = {omitted.measured.item: omitted.why for omitted in found.omitted}
    assert whys["YOLOv5n6"] == "not in the zoo, and its MACs are printed under another convention (2 × thop)"


def test_a_picture_that_is_not_square_is_counted_so() -> None:
    """ERFNet at 512×1024 has (512·1024) / (360·640) times the 11,695,046,400 of 360×640: each map of it shrinks by whole eighths."""
    found = frontier(task="segmentation", family=["ERFNet"])
    (point,) = (p for p in found.points if p.measured.source == "erfnet_authors")
    assert point.measured.size_text == "512×1024"
    assert point.cost * 360 * 640 == 11_695_046_400 * 512 * 1024


def test_verify_counts_them_as_cited() -> None:
    found = verify(source="yolov8_docs")
    assert {(one.verdict, one.quantity, one.part) for one in found} == {(CITED, "box mAP", "COCO val2017")}
    assert [one.printed for one in found] == ["37.3 %", "44.9 %", "50.2 %", "52.9 %", "53.9 %"]
    assert "at least 85 %" in [one.printed for one in verify(source="mlperf_tiny")]


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"task": "pose estimation"}, "there is no landscape of 'pose estimation'. Known: detection, segmentation"),
        ({"task": "detection", "dataset": "VOC"}, "there is no data set 'VOC'. Known: COCO val2017, COCO 2014 minival, COCO test-dev"),
        ({"task": "segmentation", "dataset": "city"}, "'city' may be each of these data sets: Cityscapes val, Cityscapes test"),
        ({"dataset": "cityscapes"}, "a data set is of a task, and none is asked for: detection, segmentation"),
        ({"task": "detection", "y": "top1"}, "top1 is of ImageNet; detection is measured by its box mAP"),
        ({"task": "detection", "data": "x.csv"}, "data is of ImageNet; beside detection stand networks of yours, each with its box mAP"),
        ({"task": "detection", "imagenet_only": True}, "--imagenet-only is of ImageNet, and nobody checked what networks for detection learnt from"),
        ({"task": "segmentation", "setup": "sd855", "x": "latency"}, "a setup's latencies stand against accuracies on ImageNet, and segmentation has none there: leave out the setup or the task, or ask for --x latency with --device"),
        ({"task": "detection", "y": "miou"}, "miou is of segmentation; detection is measured by its box mAP"),
        ({"task": "detection", "y": "top3"}, "there is no axis 'top3'. Known: map"),
        ({"y": "map"}, "map is of detection, and without a task accuracies are of ImageNet: ask for --task detection"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_for(asked: dict[str, str], error: str) -> None:
    with pytest.raises(UsageError) as raised:
        frontier(**asked)  # type: ignore[arg-type]
    assert str(raised.value) == error


def test_the_metric_of_a_task_and_its_families_may_be_said_as_they_are_written() -> None:
    families = {point.measured.family for point in frontier(task="detection", y="map", family="yolo*").points}
    assert families
    assert all(family.startswith("YOLO") for family in families)


def test_pictures_that_are_not_square_are_asked_for_as_they_are_printed() -> None:
    """A number is the side of a square: 1024 is no 1024×2048, and neither is a span around it."""
    wide = frontier(task="segmentation", resolution="1024x2048")
    assert {point.measured.size_text for point in wide.points} == {"1024×2048"}
    assert frontier(task="segmentation", resolution="1024×2048").points == wide.points
    assert wide.selection == "tier paper, authors, library; resolution 1024x2048"
    mine = frontier(task="segmentation", resolution="1024x2048", yours={"bisenet_v2": "70", "erfnet": "70"})
    assert [point.measured.size_text for point in mine.points if point.yours] == ["1024×2048"]
    (other,) = (one for one in mine.omitted if one.measured.source == "you")  # the ERFNet of its authors, at 512×1024
    assert (other.measured.size_text, other.why) == ("512×1024", "yours, not of the resolution that is asked for")
    for squares in ("1024", "512-2048"):
        with pytest.raises(UsageError, match=", 0 selected, none with macs and miou"):
            frontier(task="segmentation", resolution=squares)
    detectors = frontier(task="detection", resolution="320-416").points
    assert {point.measured.size_text for point in detectors} == {"320", "416"}


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("detection", "detektion", "task: there is no 'detektion'. Did you mean detection?"),
        (",map,", ",maps,", "metric: there is no 'maps'. Did you mean map?"),
        ("640", "640x", "input must be a size, 640 or 1024x2048, got '640x'"),
        ("37.3", "0.373", "value: 0.373 is a fraction, and accuracies are per cent: write 37.3"),
        ("37.3", "", "value is empty"),
        ("2023", "23", "year must be a year, got '23'"),
        ("yolov8_docs", "somebody", "source: there is no 'somebody'"),
    ],
)
def test_what_a_row_may_not_say(tmp_path: Path, old: str, new: str, error: str) -> None:
    path = tmp_path / "t.csv"
    path.write_text(f"{HEAD}\n{GOOD}\n", encoding="utf-8")
    assert [(one.value, one.year) for one in read_on_tasks(str(path))] == [("37.3", 2023)]
    path.write_text(f"{HEAD}\n{GOOD.replace(old, new, 1)}\n", encoding="utf-8")
    with pytest.raises(UsageError) as raised:
        read_on_tasks(str(path))
    assert error in str(raised.value)
    assert ":2: " in str(raised.value)


def test_the_file_has_the_columns_that_the_page_explains() -> None:
    with (ROOT / "specs/published/tasks.csv").open(encoding="utf-8") as file:
        columns = next(csv.reader(file))
    page = (ROOT / "docs/published.md").read_text(encoding="utf-8")
    assert [column for column in columns if f"`{column}`" not in page] == []
    assert {one.task for one in on_tasks()} <= {*TASKS}
