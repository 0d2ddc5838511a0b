"""Devices: sums of coefficients times counts, refusals, marks, rooflines, files that state them."""

from dataclasses import replace
from pathlib import Path

import pytest

from convcost import load
from convcost.core.errors import SpecError, UsageError
from convcost.devices import catalog
from convcost.devices.device import Device, Errors, Fitted, Roofline
from convcost.devices.kernels import kernels, total, untyped
from convcost.devices.stored import find, hint, list_devices, read_device, readable, written

ERROR = Errors(0.02, 0.05, 0.1, 3)


def device(**coefficients):
    rows = tuple(Fitted(f"net{i}", i + 1.0, dict.fromkeys(coefficients, (i + 1) * 10**6), None) for i in range(3))
    return Device("own", coefficients, ERROR, rows)


def times(device, network, *args):
    names = [step.node.name for step in network.steps]
    return dict(zip(names, device.times(network.walked, *args)))


def test_a_time_is_the_sum_of_coefficients_times_counts():
    found = times(device(vector=7, activations=3, kernels=11), load("mobilenet_v2"))["classifier"]
    assert found.parts == {"vector": 7 * 1280 * 1000, "activations": 3 * (1280 + 1000), "kernels": 11}
    assert found.total == 7 * 1_280_000 + 3 * 2_280 + 11
    assert found.bound == "memory"


def test_a_network_of_another_kind_is_told_by_the_terms_that_are_missing():
    counts = total(kernels(load("vit_b_16").walked))
    assert device(pointwise=1, activations=1).lacks(counts) == (
        "direct", "im2col", "vector", "matmul", "weights", "elementwise", "moved", "exponentials", "kernels",
    )  # fmt: skip
    assert find("raspberry_pi_4_ncnn_1t").lacks(counts) == ("matmul",)


def test_few_exponentials_are_no_other_kind():
    """A softmax over 10 classes says nothing of the time of a thousand times as many elements."""
    one = device(pointwise=2, activations=1)
    assert one.lacks({"pointwise": 5, "activations": 1000, "exponentials": 10}) == ()
    assert one.lacks({"pointwise": 5, "activations": 1000, "exponentials": 11}) == ("exponentials",)
    assert one.lacks({"pointwise": 5, "activations": 1000, "vector": 1}) == ("vector",)


def test_a_device_has_a_type_of_its_own_and_may_know_no_winograd():
    network = load("mlperf_tiny_resnet8")
    assert find("h743_tflm").asked(load("mobilenet_v2").walked, None) == "int8"
    assert find("h743_tflm").asked(load("mobilenet_v2").walked, "fp32") == "fp32"
    counts = total(find("h743_tflm").kernels(network.walked))
    assert {untyped(term) for term in counts} >= {"direct"}
    assert "winograd_int8" not in counts
    assert counts["direct_int8"] + counts["pointwise_int8"] + counts["vector_int8"] == network.report().totals.macs


def test_what_lies_beyond_is_said():
    one = device(pointwise=2, kernels=1)
    assert one.beyond({"pointwise": 10**6, "kernels": 10**6}) == ()
    assert one.beyond({"pointwise": 10**8, "kernels": 5 * 10**7})[0].startswith("it takes")
    # Three quarters of its time are kernels; of all that was measured a third.
    assert one.beyond({"pointwise": 10**6, "kernels": 6 * 10**6}) == (
        "kernels: 75 % of its time, at most 33 % of what was measured",
    )


def test_a_roofline_is_the_slower_of_its_two_roofs():
    """MobileNetV1's layers at 14×14×512: 821,248 bytes for 903,168 MACs, 1,851,392 bytes for 51,380,224."""
    roof = Roofline("own", {"fp32": 10**10}, 10**9, overhead=5)
    found = times(roof, load("mobilenet_v1"))
    block = "stage7.block1."
    assert found[block + "depthwise.conv2d"].total == 821_248 * 10**6 + 5
    assert found[block + "depthwise.conv2d"].bound == "memory"
    assert found[block + "pointwise.conv2d"].total == 51_380_224 * 10**5 + 5
    assert found[block + "pointwise.conv2d"].bound == "compute"
    with pytest.raises(UsageError, match="--dtype fp32"):
        roof.times(load("mobilenet_v1").walked, "int8")


def test_a_written_device_is_read_as_it_was(tmp_path):
    one = find("sd855")
    path = tmp_path / "sd855.yaml"
    path.write_text(written(one), encoding="utf-8")
    again = read_device(str(path))
    assert again.coefficients == one.coefficients
    assert again.fitted == one.fitted
    assert (again.title, again.runtime, again.threads, again.source, again.tied) == (
        one.title, one.runtime, one.threads, one.source, one.tied,
    )  # fmt: skip
    assert again.error.median == pytest.approx(one.error.median, abs=5e-5)


class TestReadable:
    """A calibrated device that is written can be read, or is refused before."""

    @staticmethod
    def device(times: int = 1, worst: float = 0.3, count: int = 1000, networks: int = 1, title: str = "") -> Device:
        fitted = [Fitted(f"net{at}", 1.5, {"pointwise": count, "kernels": 1}, 1e30 * worst) for at in range(networks)]
        takes = {"pointwise": times, "kernels": 10**12}
        return Device("mine", takes, Errors(0.1, 0.2, worst, networks), tuple(fitted), title)

    @pytest.mark.parametrize("number", [10**18 - 1, 10**18, 9 * 10**20 + 1, 10**24])
    def test_numbers_of_more_digits_than_a_spec_may_have_are_read_as_they_were(self, tmp_path, number):
        one = self.device(number, 1e-7, number)
        path = tmp_path / "mine.yaml"
        path.write_text(readable(one), encoding="utf-8")
        again = read_device(str(path))
        assert again.coefficients == {"pointwise": number, "kernels": 10**12}
        assert again.fitted == one.fitted

    def test_a_large_error_is_read_as_it_was(self, tmp_path):
        """10¹⁵ has 20 digits with four decimals."""
        one = replace(self.device(worst=1e-7), error=Errors(0.1, 1e15, 2e23, 1))
        path = tmp_path / "mine.yaml"
        path.write_text(readable(one), encoding="utf-8")
        assert read_device(str(path)).error == one.error

    @pytest.mark.parametrize("of", ["networks", "layers"])
    def test_in_how_many_groups_they_were_left_out_is_read_as_it_was(self, tmp_path, of):
        one = replace(self.device(worst=1e-7), error=Errors(0.1, 0.2, 0.3, 4000, of, 250))
        path = tmp_path / "mine.yaml"
        path.write_text(readable(one), encoding="utf-8")
        assert f"  # of {of} that were left out in turn in 250 groups\n" in path.read_text(encoding="utf-8")
        again = read_device(str(path)).error
        assert again == one.error
        said = f"±10 % median, 20 % for nine in ten, 30 % worst of 4000 {of}, left out in turn in 250 groups"
        assert again.text == said

    @pytest.mark.parametrize(
        ("more", "why"),
        [
            ({"worst": 1e30}, "mine.error.worst: must be a number from 0 to 10^24, got '1e+30'"),
            ({"count": 10**24 + 1}, f"mine.networks[0].pointwise: must be a number from 0 to 10^24, got '{10**24 + 1}'"),
            ({"networks": 100_000}, "their values are more than 250,000"),
            ({"title": "x" * 2**22}, "they take more than 4,194,304 bytes"),
        ],
    )  # fmt: skip
    def test_what_a_file_cannot_hold_is_refused_in_a_line(self, more, why):
        with pytest.raises(UsageError) as caught:
            readable(self.device(**{"worst": 1e-7, **more}))
        assert str(caught.value) == f"mine: no file can hold this device, so leave networks out: {why}"


STATED = "error: {median: 0.1, p90: 0.2, worst: 0.3, networks: 1}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("femtoseconds: {pointwise: 1}", "error: is missing"),
        ("femtoseconds: {pointwise: -1}\nerror: {median: 0, p90: 0, worst: 0, networks: 1}", "from 0 to 10^24, got '-1'"),
        ("femtoseconds: {pointwize: 1}\nerror: {median: 0, p90: 0, worst: 0, networks: 1}", "Did you mean pointwise?"),
        ("femtoseconds: {}\nerror: {median: 0, p90: 0, worst: 0, networks: 1}", "mine.femtoseconds: is empty"),
        ("macs_per_second: {}\nbytes_per_second: 1e9", "mine.macs_per_second: is empty"),
        ("femtoseconds: [1]\nerror: {median: 0, p90: 0, worst: 0, networks: 1}", "must be a table, got a list"),
        ("femtosecond: {pointwise: 1}", "macs_per_second: is missing"),
        ("macs_per_second: {fp32: 1e10}\nbytes_per_second: none", "must be a number"),
        ("macs_per_second: {fp33: 1e10}\nbytes_per_second: 1e9", "unknown dtype 'fp33'"),
        ("[1, 2]", "got a list"),
        ("", "a device states femtoseconds"),
        ("femtoseconds: {vector: 1}\nerror: {median: 0}", "needs median, p90, worst and networks"),
        ("femtoseconds: {vector: 1}\nerror: {median: 0, p90: 0, worst: 0, networks: 9, groups: 1}",
         "mine.error.groups: must be a whole number, at least 2, got '1'"),
        ("femtoseconds: {vector: 1}\nerror: {median: 0, p90: 0, worst: 0, networks: 1}\nnetworks: [{network: a}]", "ms: are needed"),
        (f"femtoseconds: {{pointwise: 5}}\n{STATED}\nnetworks:\n- {{network: a, ms: 1, terms: {{elementwise: 5}}}}", "mine.yaml:4:3: mine.networks[0]: terms: of a (elementwise) take no time by femtoseconds:"),
        (f"femtoseconds: {{direct: 0}}\n{STATED}\nnetworks:\n- {{network: a, ms: 1, terms: {{direct: 5}}}}", "mine.yaml:4:3: mine.networks[0]: terms: of a (direct) take no time by femtoseconds:"),
        (f"femtoseconds: {{direct: 1}}\n{STATED}\nnetworks:\n- {{network: a, ms: 1, terms: {{direct: 0, pointwise: 1}}}}", "mine.yaml:4:3: mine.networks[0]: terms: of a (direct, pointwise) take no time by femtoseconds:"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_with_its_place(tmp_path, text, says):
    path = tmp_path / "mine.yaml"
    path.write_text(text + "\n", encoding="utf-8")
    with pytest.raises(SpecError) as caught:
        read_device(str(path))
    assert says in str(caught.value)
    assert "mine.yaml" in str(caught.value)


def test_an_unknown_name_is_refused_with_the_remedy():
    with pytest.raises(UsageError, match=r"raspberry_pi_4_ncnn_1t.*`convcost devices` lists all.*convcost calibrate"):
        find("raspberry_pi_4_ncnn_1")


def test_at_least_twenty_devices_come_with_convcost():
    calibrated = [one for name in list_devices() if isinstance(one := find(name), Device)]
    assert len(calibrated) >= 20
    assert all(one.source and one.title and one.runtime for one in calibrated)


PARAMS = Path(__file__).resolve().parents[2].parent / "shared" / "models" / "ncnn"
SIZES = {"blazeface": (128, 128, 3), "FastestDet": (352, 352, 3), "vision_transformer": (384, 384, 3)}
"""What ncnn's benchmark gives the networks whose files state no size."""


@pytest.mark.skipif(not PARAMS.is_dir(), reason="ncnn's text graphs are not at hand")
def test_the_terms_of_ncnns_networks_are_those_of_its_files():
    stated = {one.network: one.terms for one in find("raspberry_pi_4_ncnn_1t").fitted}
    for name, terms in stated.items():
        network = load(str(PARAMS / f"{name}.param"), input_shape=SIZES.get(name))
        assert total(kernels(network.walked)) == terms, name


@pytest.mark.parametrize(("name", "said"), [
    ("raspberry_pi_4", "Did you mean raspberry_pi_4_ncnn_1t or raspberry_pi_4_ncnn_4t?"),
    ("Raspberry Pi 4", "Did you mean raspberry_pi_4_ncnn_1t or raspberry_pi_4_ncnn_4t?"),
    ("v10", "Did you mean v100?"),
    ("a10o", "Did you mean a100?"),
    ("xyzxyz", "there is no device 'xyzxyz'. `convcost devices` lists all"),
    ("x", "there is no device 'x'. `convcost devices` lists all"),
])  # fmt: skip
def test_names_that_contain_what_was_typed_are_what_was_meant(name, said):
    with pytest.raises(UsageError) as raised:
        find(name)
    assert said in str(raised.value)


def test_every_part_of_a_name_is_answered_with_names_that_contain_it():
    """Whatever the beginning of a device's name is, up to one of its words, one that begins so is named."""
    every = list_devices()
    for one in every:
        words = one.split("_")
        for number in range(1, len(words)):
            part = "_".join(words[:number])
            if part in every or len(part) < 2:
                continue
            named = hint(part).removeprefix(". Did you mean ").removesuffix("?").split(" or ")
            having = [other for other in every if part.replace("_", "") in other.replace("_", "")]
            assert {*named[:3]} <= {*having}
            if len(having) > 3:
                assert named[3].startswith("one of ")


def test_a_word_lists_all_devices_that_contain_it():
    assert {"jetson_nano", "jetson_nano_cpu_ncnn_1t", "jetson_nano_gpu_ncnn"} <= {*catalog.list_devices("jetson_nano")}
    assert (
        catalog.list_devices("jetson_nano")
        == catalog.list_devices("Jetson Nano")
        == catalog.list_devices("jetson_nano*")
    )
    with pytest.raises(UsageError, match="no device matches ''"):
        catalog.list_devices("")
    with pytest.raises(UsageError, match="Did you mean raspberry_pi_3_ncnn_1t or "):
        catalog.list_devices("raspbery")
