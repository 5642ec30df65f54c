"""Thresholds by scorecard: each its own, the last few of them, over restarts."""

import dataclasses
import json
from typing import Any

import pytest

from tests.server.learning.school import ANOTHER_CARD, AUDITS, CARD, CELL
from wyoming_server.learning.thresholds import INDEX, MOST_CARDS, Thresholds, name_of, names_in
from wyoming_server.pipeline.scorecard import Scorecard


def cards(count: int) -> list[Scorecard]:
    return [dataclasses.replace(CARD, base=-1.0 - number) for number in range(count)]


def learned(thresholds: Thresholds, card: Scorecard, turns: int = 3) -> float:
    """Teach a card's threshold, and return where it then stands."""
    for _ in range(turns):
        thresholds.of(card).accepted(CELL, -4.0, proxy=True, audit_probability=0.0)
    return thresholds.of(card).allowance(CELL)


def restarted(thresholds: Thresholds, store: dict[str, Any]) -> Thresholds:
    """Save and load, as a restart does: what is not written again stays as it was."""
    store |= json.loads(json.dumps(thresholds.snapshots()))
    return Thresholds(AUDITS, {name: store[name] for name in names_in(store[INDEX])})


def test_the_same_scorecard_has_one_threshold_even_when_it_is_read_anew() -> None:
    thresholds = Thresholds(AUDITS)
    assert thresholds.of(CARD) is thresholds.of(CARD)
    assert thresholds.of(dataclasses.replace(CARD)) is thresholds.of(CARD)


def test_another_scorecard_or_another_fit_of_the_same_model_has_its_own() -> None:
    thresholds = Thresholds(AUDITS)
    fresh = thresholds.of(ANOTHER_CARD).allowance(CELL)
    assert learned(thresholds, CARD) != fresh
    assert thresholds.of(ANOTHER_CARD).allowance(CELL) == fresh
    assert thresholds.of(dataclasses.replace(CARD, turns=CARD.turns + 1)).allowance(CELL) == fresh


def test_after_a_restart_each_goes_on_where_it_was() -> None:
    thresholds = Thresholds(AUDITS)
    at = {name_of(card): learned(thresholds, card, number + 1) for number, card in enumerate(cards(MOST_CARDS))}
    assert len(set(at.values())) == MOST_CARDS
    store: dict[str, Any] = {}
    again = restarted(restarted(thresholds, store), store)
    assert {name_of(card): again.of(card).allowance(CELL) for card in cards(MOST_CARDS)} == at


def test_what_did_not_serve_since_the_restart_is_not_forgotten_by_the_next_one() -> None:
    thresholds = Thresholds(AUDITS)
    at = learned(thresholds, CARD)
    store: dict[str, Any] = {}
    second = restarted(thresholds, store)
    second.of(ANOTHER_CARD)  # this card alone serves now
    third = restarted(second, store)
    assert third.of(CARD).allowance(CELL) == at


def test_beyond_the_most_the_one_unused_for_longest_goes() -> None:
    thresholds = Thresholds(AUDITS)
    first, *others = cards(MOST_CARDS + 1)
    at = learned(thresholds, first)
    for card in others[:-1]:
        thresholds.of(card)
    assert thresholds.of(first).allowance(CELL) == at
    thresholds.of(others[-1])
    names = names_in(thresholds.snapshots()[INDEX])
    assert len(names) == MOST_CARDS
    assert name_of(first) in names
    assert name_of(others[0]) not in names


def test_a_snapshot_that_cannot_be_used_costs_itself_and_is_told(caplog: pytest.LogCaptureFixture) -> None:
    thresholds = Thresholds(AUDITS)
    at = learned(thresholds, CARD)
    learned(thresholds, ANOTHER_CARD)
    states = dict(thresholds.snapshots())
    states[name_of(ANOTHER_CARD)] = {"version": 1, "cells": "no list"}
    again = Thresholds(AUDITS, states)
    assert again.of(CARD).allowance(CELL) == at
    assert again.of(ANOTHER_CARD).allowance(CELL) == Thresholds(AUDITS).of(CARD).allowance(CELL)
    assert sum("thresholds" in record.getMessage() for record in caplog.records) == 1


@pytest.mark.parametrize("index", [None, {}, {"names": None}, {"names": "threshold"}, {"names": [3, None, {}]}])
def test_a_damaged_index_names_nothing(index: dict[str, object] | None) -> None:
    assert names_in(index) == ()


def test_a_name_says_the_model_and_tells_two_fits_apart() -> None:
    assert name_of(CARD).startswith("threshold generic ")
    assert name_of(ANOTHER_CARD).startswith("threshold another ")
    assert len({name_of(card) for card in cards(8)}) == 8
