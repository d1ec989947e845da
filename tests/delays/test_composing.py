"""R58: the set to retrain with: balanced slices, old data kept, the uncertain first, a disjoint evaluation set."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from delays.composing import (
    CompositionRules,
    augment,
    balance,
    check_labels,
    extract_old,
    guard,
    keep_for_evaluation,
    label,
    queue_uncertain,
    summarise_composition,
    weigh,
)
from delays.history import extract_history
from delays.pipelines import COMPOSING, UpdateConfig
from delays.serving import survey
from delays.training import gather, take_apart
from linepipe.pipeline import Pipeline

RULES = CompositionRules(queue=50, fewest=200, most=400)


@pytest.fixture
def history(warehouse, flights_of, load):
    for month in ("2013-01", "2013-02", "2013-03", "2013-04"):
        load(month, flights_of(month, 600))
    return extract_history(warehouse, "2013-04", 2)


@pytest.fixture
def served(history):
    latest = history[history["month"] == 4].reset_index(drop=True)
    random = np.random.default_rng(1)
    return latest.assign(version=1, predicted_delay=0.0, predicted_late=random.uniform(0, 1, len(latest)))


@pytest.fixture
def fresh(history, served):
    return keep_for_evaluation(label(history, served), 10)[0]


def test_what_was_predicted_is_joined_to_what_happened(history, served):
    labelled = label(history, served)
    assert labelled[history.columns].equals(history)
    assert labelled.loc[labelled["month"] == 3, "predicted_late"].isna().all()
    assert labelled.loc[labelled["month"] == 4, "predicted_late"].tolist() == served["predicted_late"].tolist()


def test_labels_that_cannot_be_right_are_left_out_and_counted(history, served):
    labelled = label(history, served)
    wrong = labelled.copy()
    wrong.loc[3, "late"] = not wrong.loc[3, "late"]
    wrong.loc[[5, 6], "arr_delay"] = wrong.loc[[5, 6], "dep_delay"] + 601
    wrong.loc[[5, 6], "late"] = True
    wrong.loc[7, "arr_delay"] = wrong.loc[7, "dep_delay"] - 121
    wrong.loc[7, "late"] = False
    wrong = pd.concat([wrong, wrong.loc[[9]]], ignore_index=True)
    good, rejected = check_labels(wrong, RULES)
    assert rejected == {"twice": 1, "disagree": 1, "impossible": 3}
    pd.testing.assert_frame_equal(good, labelled.drop(index=[3, 5, 6, 7]).reset_index(drop=True))
    assert check_labels(labelled, RULES)[1] == {"twice": 0, "disagree": 0, "impossible": 0}


def test_the_queue_holds_the_most_uncertain_and_they_count_double(fresh):
    """R58."""
    queue = queue_uncertain(fresh, RULES)
    doubt = (fresh["predicted_late"] - 0.5).abs()
    assert len(queue) == 50
    assert (queue["predicted_late"] - 0.5).abs().is_monotonic_increasing
    assert (queue["predicted_late"] - 0.5).abs().max() <= doubt.drop(doubt.nsmallest(50).index).min()
    weighed = weigh(fresh, queue)
    assert set(weighed.loc[weighed["weight"] == 2.0, "flight_id"]) == set(queue["flight_id"])
    assert set(weighed["weight"]) == {1.0, 2.0}
    assert queue_uncertain(fresh.assign(predicted_late=np.nan), RULES).empty


def test_slices_are_balanced(fresh):
    """R58."""
    counts = fresh["carrier"].value_counts()
    assert counts["HA"] < RULES.fewest
    assert counts["UA"] > RULES.most
    balanced = balance(weigh(fresh, fresh.head(0)), RULES)
    assert balanced["carrier"].value_counts().to_dict() == {
        "UA": 400, "HA": 200, "DL": min(max(counts["DL"], 200), 400),
    }  # fmt: skip
    originals = balanced[balanced["copy"] == 0]
    assert originals["flight_id"].is_unique
    # Nothing rare is lost, and nothing frequent is copied.
    rare = fresh.loc[fresh["carrier"] == "HA", "flight_id"]
    assert set(rare) <= set(originals["flight_id"])
    assert (balanced.loc[balanced["copy"] > 0, "carrier"] == "HA").all()
    assert balanced["scheduled_at"].is_monotonic_increasing
    pd.testing.assert_frame_equal(balanced, balance(weigh(fresh, fresh.head(0)), RULES))


def test_copies_have_another_weather_and_the_same_rest(fresh):
    balanced = balance(weigh(fresh, fresh.head(0)), RULES)
    augmented = augment(balanced, RULES)
    weather = ["temp", "wind_speed"]
    pd.testing.assert_frame_equal(augmented.drop(columns=weather), balanced.drop(columns=weather))
    is_copy = balanced["copy"] > 0
    pd.testing.assert_frame_equal(augmented.loc[~is_copy, weather], balanced.loc[~is_copy, weather])
    changes = (augmented[weather] - balanced[weather])[is_copy]
    assert (changes != 0).all(axis=None)
    assert (changes.std() < 0.1 * balanced[weather].std()).all()


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5])
def test_the_share_of_old_flights_is_kept(warehouse, history, served, share):
    """R58."""
    rules = replace(RULES, old_share=share)
    fresh, evaluation = keep_for_evaluation(label(history, served), 10)
    balanced = augment(balance(weigh(fresh, fresh.head(0)), rules), rules)
    old = extract_old(warehouse, "2013-04", 2, 10)
    assert set(old["month"]) == {1, 2}
    composed = guard(balanced, old, evaluation, rules)
    learned = composed[composed["part"] != "evaluation"]
    assert (learned["part"] == "old").mean() == pytest.approx(share, abs=0.001)
    assert not set(composed.loc[composed["part"] == "evaluation", "flight_id"]) & set(learned["flight_id"])
    assert composed["weight"].notna().all()


def compose(warehouse, served):
    """All values of the whole pipeline, by name."""
    config = replace(UpdateConfig(), composition=RULES)
    pipeline = Pipeline(
        COMPOSING, config=config, warehouse=warehouse, served=served, month="2013-04", track_history=True
    )
    pipeline.run()
    return {name: value for step in pipeline.history for name, value in step["outputs"].items()}


def test_old_labels_are_checked_too(warehouse, history, served, load, flights_of):
    odd = flights_of("2013-01", 600)
    load("2013-01", odd.assign(arr_delay=odd["dep_delay"] + 5_000, late=True))
    outputs = compose(warehouse, served)
    composed = outputs["training_set"]
    assert set(composed.loc[composed["part"] == "old", "month"]) == {2}
    assert outputs["composition"]["rejected"]["impossible"] == 600


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"old_share": 1.0}, "old_share=1.0: give a share from 0 to less than 1"),
        ({"old_share": -0.5}, "old_share=-0.5: give a share"),
        ({"fewest": 100, "most": 10}, "fewest=100, most=10: give 1 <= fewest <= most"),
        ({"fewest": 0, "most": 0}, "fewest=0, most=0"),
        ({"queue": -1}, "queue=-1: give 0 or more flights"),
        ({"noise": -1.0}, "noise=-1.0: give 0 or more"),
        ({"noise": float("nan")}, "noise=nan"),
        ({"slice": "temp"}, "slice='temp': give one of carrier, origin, dest"),
    ],
)
def test_rules_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=f"CompositionRules: {message}"):
        CompositionRules(**settings)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (lambda rows: "text", "it has no arr_delay, carrier, "),
        (lambda rows: rows.drop(columns="part"), "no set as mlops_update composes it: it has no part"),
        (lambda rows: rows.head(0), "has 0 rows to be judged on of 0"),
        (lambda rows: rows[rows["part"] == "fresh"], r"has 0 rows to be judged on of \d+: it needs some of both"),
        (lambda rows: rows[rows["part"] == "evaluation"], r"has (\d+) rows to be judged on of \1"),
    ],
)
def test_what_is_no_set_is_refused(warehouse, history, tracking_uri, changed, message):
    rows = gather(warehouse, "2013-04", None, 2, 10)
    for refuse in (
        lambda: gather(warehouse, "2013-04", changed(rows), 2, 10),
        lambda: survey(warehouse, tracking_uri, "2013-04", changed(rows), 2, "False"),
    ):
        with pytest.raises(ValueError, match=message):
            refuse()


def test_there_may_be_nothing_old(warehouse, history, served):
    fresh, evaluation = keep_for_evaluation(label(history, served), 10)
    balanced = balance(weigh(fresh, fresh.head(0)), RULES)
    composed = guard(balanced, extract_old(warehouse, "2013-02", 2, 10), evaluation, RULES)
    assert composed["part"].value_counts().to_dict() == {"fresh": len(balanced), "evaluation": len(evaluation)}


def test_the_pipeline_makes_a_set_that_can_be_learned_from(warehouse, history, served):
    """R58."""
    outputs = compose(warehouse, served)
    composed = outputs["training_set"]
    rows = composed["part"].value_counts()
    assert outputs["composition"] == {
        "rows": rows.to_dict(),
        "copies": int((composed["copy"] > 0).sum()),
        "queue": 50,
        "rejected": {"twice": 0, "disagree": 0, "impossible": 0},
    }
    train, evaluation = take_apart(gather(warehouse, "2013-04", composed, 2, 10))
    assert len(train) == rows["fresh"] + rows["old"]
    assert train["known_at"].max() <= evaluation["scheduled_at"].min()


def test_a_flight_in_both_parts_is_refused(history):
    rows = history.head(2).assign(weight=1.0)
    with pytest.raises(ValueError, match=r"1 flights would be learned from and judged on, such as '2013-03-"):
        take_apart(pd.concat([rows.assign(part="fresh"), rows.head(1).assign(part="evaluation")]))


def test_a_set_is_summarised(history):
    rows = history.head(3).assign(weight=1.0, part=["old", "fresh", "fresh"], copy=[0, 0, 1])
    assert summarise_composition(rows, {"twice": 2}, {"twice": 1}, history.head(4)) == {
        "rows": {"old": 1, "fresh": 2}, "copies": 1, "queue": 4, "rejected": {"twice": 3},
    }  # fmt: skip
