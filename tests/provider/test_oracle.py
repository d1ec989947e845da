"""`Pipeline.run()` is the oracle of the DAG too: drawn pipelines through dag.test(), at every granularity."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import count

import drawn_pipelines
import hypothesis
from hypothesis import strategies as st

from airflow_linepipe import LinepipeDag, load_artifact

START = datetime(2026, 1, 1, tzinfo=UTC)
NUMBERS = count()
# 40 in ``make test``, 800 in ``make soak``.
EXAMPLES = hypothesis.settings().max_examples * 2 // 5


def test_a_dag_gives_what_linepipe_gives(run_dag, tmp_path):
    """R02, R07, R08, R10, R11, R17, through Airflow."""

    def files():
        written = {path.name: path.read_text() for path in sorted(tmp_path.iterdir())}
        for path in tmp_path.iterdir():
            path.unlink()
        return written

    @hypothesis.settings(max_examples=EXAMPLES, phases=[hypothesis.Phase.generate])
    @hypothesis.given(st.data())
    def check(data):
        files()
        pipeline = data.draw(drawn_pipelines.pipelines(folder=str(tmp_path)))
        hypothesis.note(drawn_pipelines.describe(pipeline))
        pipeline.history.clear()
        pipeline.run()
        outputs = {name: value for entry in pipeline.history for name, value in entry["outputs"].items()}
        expected = {name: drawn_pipelines.fingerprint(value) for name, value in outputs.items()}
        expected_files = files()
        dag = LinepipeDag(
            f"oracle_{next(NUMBERS)}",
            pipeline=pipeline,
            order=data.draw(st.sampled_from(["data", "list"])),
            granularity=data.draw(st.sampled_from(["node", "chain", "pipeline"])),
            persist="all",
            schedule=None,
            start_date=START,
        )
        asked = {name: dag[name] for name in dag.outputs}
        run = run_dag(dag)
        assert run.state == "success"
        made = {name: run.xcoms[arg.operator.task_id, -1, arg.key] for name, arg in asked.items()}
        shown = {name: drawn_pipelines.fingerprint(load_artifact(wire)) for name, wire in made.items()}
        assert shown == expected
        assert files() == expected_files

    check()
