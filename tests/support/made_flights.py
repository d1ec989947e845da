"""Features of flights that never flew, quickly made."""

from __future__ import annotations

import numpy as np
import pandas as pd

CARRIERS, ORIGINS, DESTINATIONS = ["UA", "DL", "HA"], ["EWR", "JFK"], ["ORD", "LAX", "SFO"]


def make_flights(month, rows, *, seed=0, lost=-5.0, noise=8.0):
    """The features of a month; the delay at arrival follows that at departure."""
    random = np.random.default_rng([seed, int(month[-2:])])
    year, number = int(month[:4]), int(month[5:])
    days = pd.Period(month).days_in_month
    day = np.sort(random.integers(1, days + 1, rows))
    hour = random.integers(6, 22, rows)
    local = pd.to_datetime({"year": [year] * rows, "month": [number] * rows, "day": day, "hour": hour})
    delay = random.gamma(1.0, 20.0, rows).astype("int64") - 10
    carrier = random.choice(CARRIERS, rows, p=[0.6, 0.35, 0.05])
    arrived = (delay + lost + np.where(carrier == "DL", 6, 0) + random.normal(0, noise, rows)).round().astype("int64")
    return pd.DataFrame(
        {
            "flight_id": [f"{month}-{index:05d}" for index in range(rows)],
            "year": year,
            "month": number,
            "day": day,
            "scheduled_at": local.dt.tz_localize("America/New_York").dt.tz_convert("UTC").dt.as_unit("us"),
            "hour": hour,
            "day_of_week": local.dt.day_of_week.to_numpy(),
            "carrier": carrier,
            "flight": np.arange(rows),
            "tailnum": "N1",
            "origin": random.choice(ORIGINS, rows),
            "dest": random.choice(DESTINATIONS, rows),
            "distance": 719,
            "dest_lat": 41.98,
            "dest_lon": -87.9,
            "temp": random.normal(40 + 3 * number, 8, rows),
            "wind_speed": random.gamma(2.0, 5.0, rows),
            "precip": 0.0,
            "visib": 10.0,
            "plane_age": random.integers(1, 30, rows).astype(float),
            "seats": 149.0,
            "dep_delay": delay,
            "delay_history": random.normal(10, 5, rows),
            "arr_delay": arrived,
            "late": arrived > 15,
        }
    )
