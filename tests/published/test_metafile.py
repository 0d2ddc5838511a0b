"""Metafiles of OpenMMLab: what is read of them, which networks they are matched to, and how their figures are judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import convcost
from convcost.core.errors import ConvcostError
from convcost.networks.load import open_network
from convcost.published import verify
from convcost.published.data import Claim
from convcost.published.metafile import names, names_of, read_metafile
from convcost.published.verify import CITED, DIFFERS, REPRODUCED, UNEXPLAINED

HEAD = "Collections:\n  - Name: MobileNet V2\n\nModels:\n"
MODEL = """\
  - Name: {name}
    In Collection: MobileNet V2
    Metadata:
      FLOPs: {flops}
      Parameters: {params}
    Results:
      - Dataset: {dataset}
        Task: Image Classification
        Metrics:
          Top 1 Accuracy: 71.86
          Top 5 Accuracy: 90.42
"""


def written(folder: Path, text: str) -> str:
    path = folder / "metafile.yml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def model(
    name: str = "mobilenet-v2_8xb32_in1k", flops: object = 300774272, params: object = 3504872, **more: Any
) -> str:
    return MODEL.format(name=name, flops=flops, params=params, **{"dataset": "ImageNet-1k", **more})


def test_figures_of_a_model_are_judged_and_its_accuracies_cited(tmp_path: Path) -> None:
    """torchvision's MobileNetV2: 3,504,872 parameters; its mult-adds are those of tests/networks, with the classifier."""
    found = convcost.verify(data=written(tmp_path, HEAD + model()))
    assert [(one.item, one.locator, one.model, one.quantity, one.printed, one.verdict) for one in found] == [
        ("mobilenet-v2_8xb32_in1k", "MobileNet V2", "mobilenet_v2", "macs", "300,774,272", REPRODUCED),
        ("mobilenet-v2_8xb32_in1k", "MobileNet V2", "mobilenet_v2", "params", "3,504,872", REPRODUCED),
        ("mobilenet-v2_8xb32_in1k", "MobileNet V2", "mobilenet_v2", "accuracy", "71.86 / 90.42 %", CITED),
    ]


@pytest.mark.parametrize(
    ("flops", "params", "verdicts"),
    [
        (319000000, 3500000, (DIFFERS, REPRODUCED)),  # as mmpretrain prints it: mmcv, rounded to a million
        ("0.3 G", "3.5 M", (REPRODUCED, REPRODUCED)),  # as its older versions write
        (3504872, 300774272, (UNEXPLAINED, UNEXPLAINED)),  # swapped
        (300774273, 3504871, (UNEXPLAINED, UNEXPLAINED)),  # off by one
        (300774270, 3504870, (UNEXPLAINED, UNEXPLAINED)),  # one zero is no rounding
    ],
)
def test_what_becomes_of_a_figure(flops: object, params: object, verdicts: tuple[str, str], tmp_path: Path) -> None:
    found = convcost.verify(data=written(tmp_path, HEAD + model(flops=flops, params=params)))
    assert tuple(one.verdict for one in found if one.quantity != "accuracy") == verdicts


#: Of MobileNetV2: the multiply-accumulates without the classifier's, two for each of 6,678,112 elements that a convolution
#: hands to batch-norm (3,562,496 of them at 112×112 and in the blocks of 24 channels), and what the last pool reads, 7·7·1280.
FROZEN = 300_774_272 - 1_280_000 + 2 * 6_678_112 + 62_720


@pytest.mark.parametrize(
    ("flops", "verdict"),
    [
        (FROZEN, DIFFERS),  # 312,913,216
        ("312.91 M", DIFFERS),
        ("312.9 M", DIFFERS),
        ("313 M", UNEXPLAINED),  # three digits do not tell it from what else there is
        ("312.8 M", UNEXPLAINED),
        (FROZEN + 1, UNEXPLAINED),
    ],
)
def test_a_way_that_is_stated_of_other_networks_only_would_be(flops: object, verdict: str, tmp_path: Path) -> None:
    """mmengine outside of training, which claims.csv says of no MobileNet; what counts layer-norm, too, is not offered."""
    found = next(one for one in convcost.verify(data=written(tmp_path, HEAD + model(flops=flops))))
    assert (found.quantity, found.verdict) == ("macs", verdict)
    if verdict == DIFFERS:
        assert found.explanation == (
            "would be: counts two per element of batch-norm, as outside of training or of a frozen backbone, and what global"
            " pools read, and not the classifier, as mmengine's counter does (stated of other networks only)"
        )
    else:
        assert found.explanation == "no way in which figures of mmpretrain are counted gives it"


def test_where_several_ways_would_be_all_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def two(claim: Claim) -> Iterator[Claim]:
        yield claim._replace(counting=("mmpretrain",))
        yield claim._replace(because="a misprint", computed="300,774,272")

    monkeypatch.setattr(verify, "unstated", two)
    found = next(one for one in convcost.verify(data=written(tmp_path, HEAD + model(flops=FROZEN))))
    assert found.explanation.startswith(
        "would be: counts two per element of batch-norm, as outside of training or of a frozen "
    )
    assert found.explanation.endswith(" counter does; or: a misprint (stated of other networks only)")


@pytest.mark.parametrize("flops", [240, 250, 260, 270, 280, 290, 310, 330, 340, 350, 360, 370, 380, 390])
def test_an_invented_figure_of_few_digits_is_not_explained(flops: int, tmp_path: Path) -> None:
    """Of MobileNetV2, which has neither layer-norm nor attention; 300 M is its count, 320 M that of mmcv, 319 M, rounded."""
    found = convcost.verify(data=written(tmp_path, HEAD + model(flops=flops * 10**6)))
    assert [one.verdict for one in found if one.quantity == "macs"] == [UNEXPLAINED]


def test_a_way_that_is_stated_of_the_family_is_taken_before_others(tmp_path: Path) -> None:
    """claims.csv has 319 M and no 320 M; that is mmcv's count as well, to however few digits."""
    found = next(one for one in convcost.verify(data=written(tmp_path, HEAD + model(flops=320000000))))
    assert (found.quantity, found.verdict, found.counting) == ("macs", DIFFERS, ("mmcv",))
    assert found.explanation.startswith("counts the biases of convolutions, two per element of batch-norm")


def test_a_misprint_that_the_data_explains_is_explained(tmp_path: Path) -> None:
    """RepVGG-B0, whose metafile prints what the training form has in the place of each other."""
    found = convcost.verify(data=written(tmp_path, HEAD + model("repvgg-B0_8xb32_in1k", 15820000000, 3420000)))
    assert [one.verdict for one in found] == [DIFFERS, DIFFERS, CITED]
    assert all(one.explanation.startswith("misprint") for one in found[:2])


def test_a_name_that_no_network_has_is_listed_and_nothing_of_it_judged(tmp_path: Path) -> None:
    found = convcost.verify(data=written(tmp_path, HEAD + model("xcit-nano-12-p8_3rdparty_in1k", 1, 2)))
    assert {one.model for one in found} == {""}
    assert [(one.quantity, one.verdict) for one in found] == [("accuracy", CITED), ("macs", CITED), ("params", CITED)]
    assert found[1].explanation == "not in the zoo: no network has this name"


def test_figures_that_are_not_stated_are_none(tmp_path: Path) -> None:
    text = f"{HEAD}  - Name: mobilenet-v2_8xb32_in1k\n    Metadata: {{FLOPs: null}}\n    Results: null\n"
    assert convcost.verify(data=written(tmp_path, text)) == ()
    assert convcost.verify(data=written(tmp_path, "Models: []\n")) == ()


def test_another_data_set_is_named_beside_its_accuracy(tmp_path: Path) -> None:
    (found,) = read_metafile(written(tmp_path, HEAD + model("resnet18_8xb16_cifar10", dataset="CIFAR-10"))).accuracies
    assert (found.top1, found.locator, found.model) == ("71.86", "MobileNet V2, CIFAR-10", "")


def test_models_are_chosen_as_of_any_file(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + model() + model("vgg11_8xb32_in1k", 7630000000, 132860000))
    assert {one.model for one in convcost.verify(["vgg"], data=path)} == {"vgg11"}


def test_every_name_is_of_a_network_and_none_stands_behind_one_that_fits_all_of_it() -> None:
    every = names()
    assert [name for name, times in Counter(one.name for one in every).items() if times > 1] == []
    for one in every:
        assert open_network(one.model, one.knobs)
        assert names_of(one.name.replace("*", "3rdparty")) == one


# Text of the file, and what is said after its path.
BAD = [
    ("", ":1:1: the file is empty; a metafile has a list of Models"),
    ("Collections: []\n", ":1:1: a metafile has a list of Models, and this file has none"),
    ("- Models\n", ":1:1: a metafile has a list of Models, and this file has none"),
    ("Models: none\n", ":1:1: a metafile has a list of Models, and this file has none"),
    (f"{HEAD}  - In Collection: x\n", ":5: a model without a Name"),
    (f"{HEAD}  - resnet50\n", ":5: a model without a Name"),
    (HEAD + model(flops="many"), ":5: FLOPs: printed: 'many' is not a count, e.g. 300M, 4.1G or 4,089,184,256"),
    (HEAD + model(flops="-5"), ":5: FLOPs: printed: '-5' is not a count"),
    (HEAD + model(params="1e999999999"), ":9:19: the number 1e999999999 has too many digits"),
    (HEAD + model().replace("71.86", "718.6"), ":5: Top 1 Accuracy must be a number of per cent, got '718.6'"),
    (HEAD + model().replace("71.86", "good"), ":5: Top 1 Accuracy must be a number of per cent, got 'good'"),
    ("Models: &all [*all]\n", ":1:9: anchors and aliases (& and *) are not part of the language"),
    ("Models: !!python/object/apply:os.system ['false']\n", ":1:9: "),
    (f"Models: {'[' * 40}{']' * 40}\n", ":1:41: lists and mappings nest deeper than 32"),
    ("Models: [\n", ":2:1: not valid YAML: "),
    ("Models: []\nModels: []\n", ":2:1: "),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_file_that_is_none_is_answered_with_its_place(text: str, message: str, tmp_path: Path) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ConvcostError) as caught:
        convcost.verify(data=path)
    assert str(caught.value).startswith(f"{path}{message}"), str(caught.value)


def test_all_that_is_wrong_is_said_at_once_and_bounded(tmp_path: Path) -> None:
    path = written(tmp_path, HEAD + model(flops="many") * 100)
    with pytest.raises(ConvcostError) as caught:
        convcost.verify(data=path)
    assert str(caught.value).splitlines()[-1].startswith("… and ")
