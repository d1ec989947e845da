"""The pipeline: from the raw files of one month to its features and their summary.

Run it on a laptop, from the folder above this package::

    from flights.pipeline import pipeline

    pipeline.run()

For another month, or with other settings, build it anew from its parts::

    Pipeline(NODES, config=replace(CONFIG, window=12), month="2013-07")

and to go on from the features, append nodes that read them: ``Pipeline([*NODES, Node(...)], ...)``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from linepipe.node import Node
from linepipe.pipeline import Pipeline

from flights.cleaning import FlightRules, WeatherRules, clean_flights, clean_weather
from flights.features import compute_features
from flights.joining import join_airports, join_planes, join_weather
from flights.metrics import summarise
from flights.source import extract_airports, extract_flights, extract_planes, extract_weather


@dataclass(frozen=True, slots=True, kw_only=True)
class FlightsConfig:
    """The settings of the pipeline.

    Attributes:
        flight_rules: What a flight may look like.
        weather_rules: What the weather may look like.
        window: Hours that the delay history looks back.
    """

    flight_rules: FlightRules = field(default_factory=FlightRules)
    weather_rules: WeatherRules = field(default_factory=WeatherRules)
    window: int = 6


CONFIG = FlightsConfig()

EXTRACT = [
    Node(extract_flights, inputs=["month"], outputs=["raw_flights"]),
    Node(extract_weather, inputs=["month"], outputs=["raw_weather"]),
    Node(extract_planes, inputs=[], outputs=["planes"]),
    Node(extract_airports, inputs=[], outputs=["airports"]),
]

COMPUTE = [
    Node(clean_flights, inputs=["raw_flights", "config.flight_rules"], outputs=["flights"]),
    Node(clean_weather, inputs=["raw_weather", "config.weather_rules"], outputs=["weather"]),
    Node(join_weather, inputs=["flights", "weather"], outputs=["flights_weather"]),
    Node(join_planes, inputs=["flights_weather", "planes"], outputs=["flights_planes"]),
    Node(join_airports, inputs=["flights_planes", "airports"], outputs=["joined"]),
    Node(compute_features, inputs=["joined", "config.window"], outputs=["features"]),
    Node(summarise, inputs=["features"], outputs=["summary"]),
]

NODES = [*EXTRACT, *COMPUTE]

pipeline = Pipeline(NODES, config=CONFIG, month="2013-01")
