"""The error family: sentences, builtin bases, and the way from one process to another."""

from __future__ import annotations

import pickle

import pytest

from airflow_linepipe import errors
from airflow_linepipe.errors import (
    ArtifactNotFoundError,
    LinepipeError,
    MissingInputError,
    PipelineNotFoundError,
    PlanError,
    Problem,
    UnsupportedValueError,
)

PROBLEMS = [Problem(node="fit", value=name, message=f"'{name}' is missing.") for name in "ab"]
RAISED = [
    PlanError(PROBLEMS),
    PipelineNotFoundError("package:missing", "It is not there."),
    UnsupportedValueError("It cannot travel.", artifact="model", type_name="socket"),
    MissingInputError("It is 'not' there."),
    ArtifactNotFoundError("It is gone."),
]


@pytest.mark.parametrize("error", RAISED, ids=lambda error: type(error).__name__)
def test_an_error_crosses_processes_whole(error):
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
    assert vars(copy) == vars(error)
    assert copy.args == error.args


def test_all_are_of_one_family_and_of_a_builtin_kind():
    for name in errors.__all__:
        kind = getattr(errors, name)
        if issubclass(kind, LinepipeError) and kind not in (LinepipeError, errors.RunError, errors.HandoffError):
            builtin = [base for base in kind.__mro__ if base.__module__ == "builtins"]
            assert builtin[0] not in (Exception, BaseException, object), name
