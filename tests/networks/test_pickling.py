"""Networks travel: what is pickled comes back reporting the same, in this process and from others."""

from __future__ import annotations

import copy
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor

import pytest
from helpers.paths import CASES
from helpers.sent import totals, totals_of
from helpers.turns import in_turns
from helpers.zoo import an_end_of_each_family

import convcost

SPAWN = multiprocessing.get_context("spawn")  # nothing is inherited: all that a worker knows comes through the pickle


@pytest.mark.parametrize("name", in_turns(an_end_of_each_family(0), 3))
def test_a_network_of_the_zoo_comes_back_with_equal_totals(name: str) -> None:
    network = convcost.load(name)
    fresh = pickle.dumps(network)
    expected = network.report()  # what is walked already travels with the network
    for sent in (fresh, pickle.dumps(network)):
        back = pickle.loads(sent)
        assert back.report() == expected
        assert back.label == network.label


def test_what_comes_back_can_still_be_changed() -> None:
    back = pickle.loads(pickle.dumps(convcost.load("mobilenet_v2", width=0.75)))
    assert totals(back.at(resolution=192)) == totals(convcost.load("mobilenet_v2", width=0.75, resolution=192))
    assert totals(back.rewrite("standard")) == totals(convcost.load("mobilenet_v2", width=0.75).rewrite("standard"))


def test_networks_with_a_shape_or_a_rewrite_of_their_own_travel() -> None:
    for network in (convcost.load("resnet50", input_shape=(200, 320)), convcost.load("vgg16").rewrite("separable")):
        assert pickle.loads(pickle.dumps(network)).report() == network.report()


def test_a_deep_copy_reports_the_same() -> None:
    network = convcost.load("nasnet_mobile")
    assert copy.deepcopy(network).report() == network.report()


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_that_knows_slots_will_do(protocol: int) -> None:
    network = convcost.load("shufflenet_v2")
    assert pickle.loads(pickle.dumps(network, protocol)).report() == network.report()


def test_networks_sent_to_other_processes_are_counted_there() -> None:
    networks = [convcost.load("mobilenet_v2", width=width / 100) for width in range(25, 150, 5)]
    with ProcessPoolExecutor(4, mp_context=SPAWN) as pool:
        assert list(pool.map(totals, networks)) == [totals(network) for network in networks]


@pytest.mark.parametrize("model", ["mobilenet_v9", str(CASES / "invalid" / "add_unequal.yaml")])
def test_what_istotals_of_in_another_process_is_said_here(model: str) -> None:
    """An error that could not travel would break the pool, and nobody would read what is wrong."""
    with pytest.raises(convcost.ConvcostError) as here:
        totals_of(model)
    with ProcessPoolExecutor(1, mp_context=SPAWN) as pool, pytest.raises(convcost.ConvcostError) as there:
        pool.submit(totals_of, model).result()
    assert (type(there.value), str(there.value)) == (type(here.value), str(here.value))
    assert getattr(there.value, "problems", ()) == getattr(here.value, "problems", ())
