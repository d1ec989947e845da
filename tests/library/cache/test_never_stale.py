"""Random pipelines that change at random: a run with the cache gives what one without it gives."""

from __future__ import annotations

from collections import Counter

import drawn_worlds as worlds
import hypothesis
from hypothesis import strategies as st

COMPARISONS = 2000
CHANGES = 4


def test_no_change_of_any_pipeline_ever_leads_to_an_old_value(tmp_path_factory, scaled):
    """R13, R14, R35: all pipelines share one storage, so that one finds what another has made, if it is the same."""
    storage = tmp_path_factory.mktemp("storage")
    seen, changes = Counter(), Counter()

    def compare(drawn: worlds.Drawn) -> None:
        world = drawn.world()
        cached, fresh = world.run(storage, cache=True), world.run()
        assert cached.result.outputs == fresh.result.outputs
        assert cached.made == fresh.made
        seen["comparisons"] += 1
        seen["nodes"] += len(cached.result.steps)
        seen["hits"] += len(cached.cached)

    @hypothesis.settings(max_examples=scaled(COMPARISONS) // (CHANGES + 1))
    @hypothesis.given(st.data())
    def check(data: st.DataObject) -> None:
        drawn = data.draw(worlds.worlds())
        compare(drawn)
        for _ in range(CHANGES):
            name, drawn = worlds.changed(data.draw, drawn)
            hypothesis.note(f"changed: {name}")
            changes[name] += 1
            compare(drawn)

    check()
    print(
        f"never stale: {seen['comparisons']} comparisons of a cached run with a fresh one, 0 differ; "
        f"{seen['hits']} of {seen['nodes']} nodes were taken from the cache; {len(changes)} kinds of change"
    )
    assert seen["comparisons"] >= scaled(COMPARISONS)
    # The comparison is worth as much as the hits that it has seen, and the misses.
    assert seen["nodes"] / 5 < seen["hits"] < seen["nodes"] * 0.9
    assert len(changes) > 12
