"""The models, the search and the judgement."""

from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from delays.evaluation import check_behaviour, evaluate, score_predictions, score_slices
from delays.history import add_route_history
from delays.model import AT_DEPARTURE, BEFORE, Parameters, fit_delay, fit_late, predict, select
from delays.search import SearchSpace, search
from sklearn.metrics import mean_absolute_error, r2_score, roc_auc_score

FEW = Parameters(iterations=20)


@pytest.fixture
def train(flights_of):
    flights = add_route_history(flights_of("2013-01", 1_500))
    return flights.assign(known_at=flights["scheduled_at"] + pd.Timedelta(days=2), weight=1.0)


@pytest.fixture
def models(train):
    return fit_delay(train, FEW), fit_late(train, FEW)


@pytest.fixture
def evaluation(flights_of):
    return add_route_history(flights_of("2013-02", 800))


def test_a_label_and_what_comes_after_are_never_known():
    assert not {"arr_delay", "late", "dep_delay"} & set(BEFORE)
    assert set(AT_DEPARTURE) - set(BEFORE) == {"dep_delay"}


def test_the_same_rows_make_the_same_model(train, evaluation):
    """In another process with another number of threads, too: see test_year."""
    first, second = (fit_delay(train, FEW).predict(select(evaluation, AT_DEPARTURE)) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    other = fit_delay(train, replace(FEW, leaves=4)).predict(select(evaluation, AT_DEPARTURE))
    assert first.tobytes() != other.tobytes()


def test_weights_count(train, models, evaluation):
    heavy = fit_delay(train.assign(weight=np.where(train["carrier"] == "DL", 50.0, 1.0)), FEW)
    known = select(evaluation, AT_DEPARTURE)
    assert not np.array_equal(heavy.predict(known), models[0].predict(known))


def test_predictions_are_one_row_per_flight(models, evaluation):
    predicted = predict(*models, evaluation)
    assert list(predicted) == ["flight_id", "predicted_delay", "predicted_late"]
    assert predicted["flight_id"].tolist() == evaluation["flight_id"].tolist()
    assert predicted["predicted_late"].between(0, 1).all()
    assert r2_score(evaluation["arr_delay"], predicted["predicted_delay"]) > 0.5


def test_a_model_survives_a_pickle(models, evaluation):
    copies = pickle.loads(pickle.dumps(models))
    pd.testing.assert_frame_equal(predict(*copies, evaluation), predict(*models, evaluation))


def test_scores_are_those_of_scikit_learn(models, evaluation):
    metrics = evaluate(*models, evaluation)
    told = predict(*models, evaluation)
    assert metrics["rows"] == len(evaluation)
    assert metrics["r2"] == r2_score(evaluation["arr_delay"], told["predicted_delay"])
    assert metrics["mae"] == mean_absolute_error(evaluation["arr_delay"], told["predicted_delay"])
    assert metrics["auc"] == roc_auc_score(evaluation["late"], told["predicted_late"])
    errors = (told["predicted_delay"] - evaluation["arr_delay"]).abs()
    delta = (evaluation["carrier"] == "DL").to_numpy()
    assert metrics["slices"]["carrier"]["DL"] == {"rows": int(delta.sum()), "mae": pytest.approx(errors[delta].mean())}
    assert set(metrics["slices"]) == {"carrier", "origin", "month"}
    named, mae = metrics["worst_slice"]["name"], metrics["worst_slice"]["mae"]
    column, value = named.split("=")
    assert metrics["slices"][column][value]["mae"] == mae
    assert mae == max(score["mae"] for found in metrics["slices"].values() for score in found.values())
    assert metrics["behaviour"]["passed"] == 1.0


def test_small_slices_are_not_judged():
    judged = pd.DataFrame({"carrier": ["UA"] * 30 + ["DL"] * 29, "arr_delay": 0.0, "predicted_delay": 2.0})
    assert score_slices(judged, "carrier") == {"UA": {"rows": 30, "mae": 2.0}}


def test_what_cannot_be_said_is_nan():
    one = pd.DataFrame({"arr_delay": [1], "late": [False], "predicted_delay": [1.0], "predicted_late": [0.5]})
    scores = score_predictions(one)
    assert scores["rows"] == 1
    assert all(np.isnan(scores[name]) for name in ("r2", "mae", "auc"))


@pytest.mark.parametrize("late", [True, False])
def test_where_all_flights_are_alike_the_chance_is_certain(train, evaluation, late):
    delay_model, late_model = fit_delay(train, FEW), fit_late(train.assign(late=late), FEW)
    assert set(predict(delay_model, late_model, evaluation)["predicted_late"].round(6)) == {float(late)}


def test_too_many_words_are_named(train):
    crowded = train.assign(dest=[f"A{number % 256}" for number in range(len(train))])
    with pytest.raises(ValueError, match="dest: more than 255 different words are too many for these trees"):
        fit_delay(crowded, FEW)


class Backwards:
    """A model that has learned the opposite."""

    def __init__(self, model):
        self.model = model

    def predict(self, flights):
        return -self.model.predict(flights)


def test_a_model_that_behaves_oddly_is_found(models, evaluation):
    assert all(check_behaviour(*models, evaluation).values())
    checks = check_behaviour(Backwards(models[0]), models[1], evaluation)
    assert checks == {
        "later_out_later_in": False, "order_does_not_matter": True, "unknown_carrier": True, "missing_numbers": True,
    }  # fmt: skip


def test_the_search_takes_the_best_of_what_came_after(train):
    space = SearchSpace(learning_rates=(0.001, 0.2), leaves=(2, 15), days=7)
    best, trials = search(train, space, FEW)
    assert trials[["learning_rate", "leaves"]].to_numpy().tolist() == [[0.001, 2], [0.001, 15], [0.2, 2], [0.2, 15]]
    row = trials.loc[trials["mae"].idxmin()]
    assert (best.learning_rate, best.leaves) == (row["learning_rate"], row["leaves"])
    assert best.learning_rate == 0.2
    assert (best.iterations, best.seed) == (FEW.iterations, FEW.seed)


def test_there_must_be_something_to_try(train):
    with pytest.raises(ValueError, match="The search has nothing to try"):
        search(train, SearchSpace(leaves=()), FEW)
