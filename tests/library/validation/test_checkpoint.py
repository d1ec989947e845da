"""Checkpoints: of a project that Great Expectations has made, and as objects."""

from __future__ import annotations

import json

import pytest

from airflow_linepipe.errors import CheckpointError
from airflow_linepipe.validation import as_suite, validate_checkpoint


@pytest.fixture
def project(tmp_path, gx, flights, expect):
    """A project with checkpoints on a frame that is given, on a file, and on both."""
    context = gx.get_context(mode="file", project_root_dir=tmp_path / "work")
    flights.to_csv(tmp_path / "flights.csv", index=False)
    files = context.data_sources.add_pandas_filesystem("files", base_directory=tmp_path)
    batches = {
        "given": context.data_sources.add_pandas("frames")
        .add_dataframe_asset("flights")
        .add_batch_definition_whole_dataframe("all"),
        "read": files.add_csv_asset("flights").add_batch_definition_path("file", path="flights.csv"),
    }
    definitions = {}
    for name, batch in batches.items():
        suite = as_suite(
            [
                expect("column_values_to_not_be_null", column="origin"),
                expect("column_values_to_not_be_null", column="number", severity="warning"),
            ],
            name=f"suite of {name}",
        )
        definitions[name] = context.validation_definitions.add(
            gx.ValidationDefinition(name=name, data=batch, suite=context.suites.add(suite))
        )
    for name, used in {"given": ["given"], "read": ["read"], "both": ["given", "read"], "twice": ["read"] * 2}.items():
        context.checkpoints.add(
            gx.Checkpoint(name=name, validation_definitions=[definitions[one] for one in used], actions=[])
        )
    return tmp_path / "work"


@pytest.mark.parametrize("below", ["", "gx"])
def test_a_checkpoint_runs_by_its_name(project, below):
    outcome = validate_checkpoint("read", project=project / below)
    assert (outcome.suite, outcome.rows, outcome.success) == ("read", 5, False)
    assert [result.success for result in outcome.results] == [False, True]
    assert [result.severity for result in outcome.results] == ["critical", "warning"]
    assert "expect_column_values_to_not_be_null on column 'origin': 1 of 5" in outcome.describe()
    json.dumps(outcome.to_dict(), allow_nan=False)


def test_a_checkpoint_is_given_a_frame(project, flights):
    assert not validate_checkpoint("given", project=project, frame=flights).success
    assert validate_checkpoint("given", project=project, frame=flights.dropna()).success


@pytest.mark.parametrize("has_other", [True, False], ids=["another is current", "none is current"])
def test_a_checkpoint_runs_as_an_object_of_its_own_project(project, gx, flights, has_other):
    from great_expectations.data_context.data_context.context_factory import project_manager

    checkpoint = gx.get_context(mode="file", project_root_dir=project).checkpoints.get("given")
    other = gx.get_context(mode="ephemeral") if has_other else None
    project_manager.set_project(other)
    outcome = validate_checkpoint(checkpoint, frame=flights)
    assert [result.success for result in outcome.results] == [False, True]
    assert vars(project_manager)["_ProjectManager__project"] is other


def test_a_checkpoint_draws_no_progress_bars(project, capfd):
    """A project has them on unless it says otherwise."""
    validate_checkpoint("read", project=project)
    assert capfd.readouterr() == ("", "")


def test_results_and_actions_are_kept_where_the_project_keeps_them(project, gx):
    """As its own command does: the stored result, and the actions."""
    context = gx.get_context(mode="file", project_root_dir=project)
    checkpoint = context.checkpoints.get("read")
    checkpoint.actions = [gx.checkpoint.UpdateDataDocsAction(name="docs")]
    checkpoint.save()
    validate_checkpoint("read", project=project)
    stored = [*(project / "gx" / "uncommitted" / "validations").rglob("*.json")]
    assert len(stored) == 1
    assert (project / "gx" / "uncommitted" / "data_docs").is_dir()


def test_all_its_validations_count(project):
    """GX's own result keeps only the last of those that have suite and asset in common."""
    outcome = validate_checkpoint("twice", project=project)
    assert len(outcome.results) == 4
    assert {result.validation for result in outcome.results} == {"read"}
    assert outcome.rows == "unknown"
    assert len(outcome.failures()) == 2
    assert outcome.summary()["failures"][0]["validation"] == "read"


@pytest.mark.parametrize(
    ("name", "with_frame", "said"),
    [
        ("red", False, r"no checkpoint 'red': did you mean 'read'\?"),
        ("nothing like it", False, "it has both, given, read, twice"),
        ("given", False, "none is given"),
        ("read", True, "validates data that it reads itself"),
        ("both", True, "also validates data that it reads itself"),
    ],
)
def test_a_checkpoint_that_cannot_be_run_so_is_one_sentence(project, flights, name, with_frame, said):
    with pytest.raises(CheckpointError, match=said):
        validate_checkpoint(name, project=project, frame=flights if with_frame else None)


def test_a_checkpoint_whose_data_is_gone_says_so(project, tmp_path):
    (tmp_path / "flights.csv").unlink()
    with pytest.raises(CheckpointError, match="checkpoint 'read' could not be run: "):
        validate_checkpoint("read", project=project)


def test_a_folder_without_a_project_stays_without(tmp_path):
    """Great Expectations itself would make one there."""
    with pytest.raises(CheckpointError, match="There is no project of Great Expectations in"):
        validate_checkpoint("read", project=tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_project_whose_file_is_damaged_says_so(project):
    (project / "gx" / "great_expectations.yml").write_text("config_version: [")
    with pytest.raises(CheckpointError, match="'read' in '.*' cannot be opened: "):
        validate_checkpoint("read", project=project)


def test_what_is_no_checkpoint_is_named(project):
    with pytest.raises(CheckpointError, match="A dict is no checkpoint"):
        validate_checkpoint({}, project=project)
    with pytest.raises(CheckpointError, match="give the project's folder as well"):
        validate_checkpoint("read")
