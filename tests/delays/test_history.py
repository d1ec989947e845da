"""What was known of past flights at a moment: no row may know its own future."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from delays.history import (
    ROUTE_WINDOW,
    SETTLED_AFTER,
    add_route_history,
    extract_history,
    find_close,
    find_history,
    list_months,
)
from delays.split import split_by_time

MONTHS = ("2013-01", "2013-02", "2013-03")


@pytest.fixture
def three_months(flights_of, load):
    tables = {month: flights_of(month, 400) for month in MONTHS}
    for month, table in tables.items():
        load(month, table)
    return tables


@pytest.mark.parametrize("seed", range(5))
def test_no_row_knows_its_future(warehouse, three_months, load, seed):
    """Whatever happens to the flights that were not settled at a moment: what was known before is the same."""
    random = np.random.default_rng(seed)
    before = extract_history(warehouse, "2013-03", 2)
    moment = before["scheduled_at"].iloc[random.integers(len(before))]
    for month, table in three_months.items():
        unknown = table["scheduled_at"] > moment - SETTLED_AFTER
        delays = table["arr_delay"].where(~unknown, table["arr_delay"] + random.integers(-60, 600, len(table)))
        load(month, table.assign(arr_delay=delays, late=delays > 15))
    after = extract_history(warehouse, "2013-03", 2)
    assert not after["arr_delay"].equals(before["arr_delay"])
    known = (before["scheduled_at"] <= moment).to_numpy()
    features = [name for name in before.columns if name not in ("arr_delay", "late")]
    pd.testing.assert_frame_equal(after.loc[known, features], before.loc[known, features])


def test_the_routes_history_is_the_mean_of_what_was_known(warehouse, three_months):
    history = extract_history(warehouse, "2013-02", 1)
    everything = pd.concat(three_months.values())
    for row in history.sample(60, random_state=1).itertuples():
        until = row.scheduled_at - SETTLED_AFTER
        same = everything[
            (everything["dest"] == row.dest)
            & (everything["scheduled_at"] < until)
            & (everything["scheduled_at"] >= until - ROUTE_WINDOW)
        ]
        assert row.route_history == pytest.approx(same["arr_delay"].mean(), nan_ok=True)
    assert history["route_history"].notna().all()


def test_the_first_flights_have_no_history(flights_of):
    history = add_route_history(flights_of("2013-01", 200))
    first = history["scheduled_at"] <= history["scheduled_at"].min() + SETTLED_AFTER
    assert first.any()
    assert history.loc[first, "route_history"].isna().all()


def test_months_are_those_of_new_york(warehouse, three_months):
    history = extract_history(warehouse, "2013-02", 1)
    assert set(history["month"]) == {2}
    assert len(history) == 400
    assert sorted(history["flight_id"]) == sorted(three_months["2013-02"]["flight_id"])
    assert extract_history(warehouse, "2013-03", 3)["month"].value_counts().to_dict() == {1: 400, 2: 400, 3: 400}


def test_what_is_read_is_what_was_loaded(warehouse, three_months):
    read = extract_history(warehouse, "2013-01", 1).set_index("flight_id").drop(columns=["known_at", "route_history"])
    loaded = three_months["2013-01"].set_index("flight_id").loc[read.index]
    pd.testing.assert_frame_equal(read, loaded, check_dtype=False)
    assert read["late"].dtype == bool


def test_rows_have_an_order_whatever_the_database_thinks_of_texts(warehouse, load, flights_of):
    """PostgreSQL with en_US ignores hyphens: its order is another one."""
    table = flights_of("2013-01", 3).assign(flight_id=["a-2", "a1", "a-1"])
    table["scheduled_at"] = table["scheduled_at"].iloc[0]
    load("2013-01", table)
    assert extract_history(warehouse, "2013-01", 1)["flight_id"].tolist() == ["a-1", "a-2", "a1"]


def test_a_month_is_known_two_days_after_its_end():
    assert find_close("2013-01") == pd.Timestamp("2013-02-03 05:00", tz="UTC")
    assert find_close("2013-12") == pd.Timestamp("2014-01-03 05:00", tz="UTC")
    assert find_close("2013-03") == pd.Timestamp("2013-04-03 04:00", tz="UTC")


@pytest.mark.parametrize(
    ("month", "count", "listed"),
    [("2013-03", 2, ["2013-02", "2013-03"]), ("2013-01", 2, ["2012-12", "2013-01"]), ("2013-12", 1, ["2013-12"])],
)
def test_months_are_listed(month, count, listed):
    assert list_months(month, count) == listed


def test_no_months_are_no_history():
    with pytest.raises(ValueError, match="0 months are no history: give 1 or more"):
        list_months("2013-01", 0)


def test_a_month_that_is_not_there_is_named(warehouse, three_months):
    with pytest.raises(ValueError, match="has no flight of 2013-11, 2013-12: run the DAG dataops for these months"):
        extract_history(warehouse, "2013-12", 2)
    assert find_history(warehouse, "2013-12", 2).empty
    with pytest.raises(ValueError, match="'2013-13' is not a month"):
        extract_history(warehouse, "2013-13", 2)


def test_what_is_judged_on_left_after_all_that_is_learned_was_known(warehouse, three_months):
    history = extract_history(warehouse, "2013-02", 2)
    past, latest = split_by_time(history, 10)
    assert past["known_at"].max() <= latest["scheduled_at"].min()
    assert latest["scheduled_at"].max() - latest["scheduled_at"].min() <= pd.Timedelta(days=10)
    assert not set(past["flight_id"]) & set(latest["flight_id"])
    assert len(past) + len(latest) < len(history)


@pytest.mark.parametrize("days", [0, -1])
def test_days_are_positive(warehouse, three_months, days):
    with pytest.raises(ValueError, match="days cannot be judged on"):
        split_by_time(extract_history(warehouse, "2013-02", 2), days)


def test_too_few_flights_cannot_be_split(warehouse, three_months):
    with pytest.raises(ValueError, match="400 flights cannot be split so that the latest 60 days"):
        split_by_time(extract_history(warehouse, "2013-02", 1), 60)
