"""WHAT is expected of data, as it is written in a DAG file: checked there without importing Great Expectations."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from airflow_linepipe.errors import ExpectationError
from airflow_linepipe.plan import did_you_mean
from airflow_linepipe.validation.severity import SEVERITIES

__all__ = ["Expectations", "check_expectations", "is_suite", "load_expectations"]

Expectations = Any
"""A suite, a list of expectations or dicts, a file that holds them, or a function that gives any of these."""

ENDINGS: Final = (".json", ".yaml", ".yml")

_USED: Final = ("type", "kwargs", "severity", "meta", "notes", "description")
# What Great Expectations writes beside them into its own files.
_OWN: Final = ("id", "rendered_content", "success_on_last_run", "expectation_context")
_OF_SUITE: Final = ("name", "expectations", "meta", "notes", "id", "suite_parameters")
_PACKAGE: Final = "great_expectations"


def check_expectations(expectations: Expectations) -> None:
    """Find what is wrong with expectations, as far as that can be known without importing anything or opening a file.

    Args:
        expectations: An ``ExpectationSuite``; a list of expectations and of dicts such as
            ``{"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}, "severity": "warning"}``; the
            path of a .json, .yaml or .yml file of these; or a function without arguments that gives one of them.

    Raises:
        ExpectationError: It is none of these, or one of the dicts cannot be right.
    """
    match expectations:
        case str() | Path():
            _check_path(Path(expectations))
        case Mapping():
            _check_suite(expectations)
        case Sequence():
            _check_list(expectations)
        case _ if is_suite(expectations):
            pass
        case _ if _comes_from_gx(expectations):
            message = f"The expectations are {_shown(expectations)}: give a list, also of a single expectation."
            raise ExpectationError(message)
        case Callable():
            _check_function(expectations)
        case _:
            message = (
                f"The expectations are {_shown(expectations)}: give a suite, a list of expectations, the path of a "
                "JSON or YAML file, or a function without arguments that gives one of these."
            )
            raise ExpectationError(message)


def load_expectations(expectations: Expectations) -> Any:
    """What a function gives, or a file holds; anything else as it is. Checked.

    Raises:
        ExpectationError: It cannot be used, or the file cannot be read.
    """
    check_expectations(expectations)
    match expectations:
        case str() | Path():
            loaded = _read(Path(expectations))
        case Mapping() | Sequence():
            return expectations
        case _ if is_suite(expectations):
            return expectations
        case _:
            loaded = expectations()
            if isinstance(loaded, str | Path):
                return load_expectations(loaded)
    if callable(loaded) and not is_suite(loaded):
        message = f"The expectations' function gave {_shown(loaded)}: let it give a suite, a list or a path."
        raise ExpectationError(message)
    check_expectations(loaded)
    return loaded


def is_suite(value: object) -> bool:
    """Whether it is a suite of Great Expectations, which need not be imported to say so."""
    return any(base.__name__ == "ExpectationSuite" and _is_of_gx(base) for base in type(value).__mro__)


def _comes_from_gx(value: object) -> bool:
    return any(_is_of_gx(base) for base in type(value).__mro__)


def _is_of_gx(kind: type) -> bool:
    return kind.__module__.partition(".")[0] == _PACKAGE


def _shown(value: object) -> str:
    text = repr(value)
    return f"{text if len(text) <= 80 else text[:79] + '…'} (a {type(value).__name__})"  # noqa: PLR2004


def _check_path(path: Path) -> None:
    if path.suffix.lower() not in ENDINGS:
        message = f"The expectations are the path '{path}': its name must end in {', '.join(ENDINGS)}."
        raise ExpectationError(message)


def _check_function(function: Callable[..., Any]) -> None:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a builtin that does not tell
        return
    needed = [
        parameter.name
        for parameter in parameters
        if parameter.default is parameter.empty
        and parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    ]
    if needed:
        name = getattr(function, "__qualname__", repr(function))
        message = f"The expectations' function '{name}' needs '{needed[0]}': give one without arguments."
        raise ExpectationError(message)


def _check_suite(suite: Mapping[Any, Any]) -> None:
    if "expectations" not in suite:
        message = (
            "The expectations are a dict without the key 'expectations': give a list, also of a single expectation, or "
            "a whole suite with 'name' and 'expectations'."
        )
        raise ExpectationError(message)
    for key in suite:
        if key not in _OF_SUITE:
            message = (
                f"The suite has the unknown key '{key}': {did_you_mean(key, _OF_SUITE, otherwise=_one_of(_OF_SUITE))}"
            )
            raise ExpectationError(message)
    listed = suite["expectations"]
    if not isinstance(listed, Sequence) or isinstance(listed, str | bytes):
        message = f"The suite's 'expectations' are {_shown(listed)}: give a list."
        raise ExpectationError(message)
    _check_list(listed)


def _check_list(expectations: Sequence[Any]) -> None:
    if isinstance(expectations, bytes | bytearray) or not expectations:
        message = "The list of expectations is empty, so that nothing would be checked: give at least one."
        raise ExpectationError(message)
    for number, expectation in enumerate(expectations, 1):
        if isinstance(expectation, Mapping):
            _check_dict(expectation, number)
        elif not _comes_from_gx(expectation) or is_suite(expectation) or isinstance(expectation, type):
            message = (
                f"Expectation {number} is {_shown(expectation)}: give an expectation of Great Expectations, or a dict "
                "with its 'type' and 'kwargs'."
            )
            raise ExpectationError(message)


def _check_dict(expectation: Mapping[Any, Any], number: int) -> None:
    name = expectation.get("type")
    for key in expectation:
        if key not in _USED and key not in _OWN:
            kind = f" ({name})" if isinstance(name, str) else ""
            advice = did_you_mean(key, _USED, otherwise=_one_of(_USED))
            if key == "expectation_type":
                advice = "did you mean 'type'?"
            message = f"Expectation {number}{kind} has the unknown key '{key}': {advice}"
            raise ExpectationError(message)
    if not isinstance(name, str) or not name:
        message = (
            f"Expectation {number} has no 'type': give its name as a text, such as "
            "'expect_column_values_to_not_be_null'."
        )
        raise ExpectationError(message)
    for key in ("kwargs", "meta"):
        if not isinstance(expectation.get(key) or {}, Mapping):
            message = f"Expectation {number} ({name}) has {key}={_shown(expectation[key])}: give a dict."
            raise ExpectationError(message)
    severity = expectation.get("severity", SEVERITIES[0])
    if severity not in SEVERITIES:
        message = f"Expectation {number} ({name}) has severity={severity!r}: give {_one_of(SEVERITIES)}"
        raise ExpectationError(message)


def _one_of(names: Sequence[str]) -> str:
    return f"one of {', '.join(map(repr, names))}."


def _read(path: Path) -> Any:
    """What a file of expectations holds.

    Raises:
        ExpectationError: It is not there, or its text is not what its name says.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        message = f"The file of expectations '{path}' does not exist: give a path that the task can read."
        raise ExpectationError(message) from None
    except (OSError, UnicodeDecodeError) as error:
        message = f"The file of expectations '{path}' cannot be read: {error}"
        raise ExpectationError(message) from error
    loaded = _from_json(text, path) if path.suffix.lower() == ".json" else _from_yaml(text, path)
    if not isinstance(loaded, list | dict):
        message = f"The file of expectations '{path}' holds {_shown(loaded)}: let it hold a list, or a suite."
        raise ExpectationError(message)
    return loaded


def _from_json(text: str, path: Path) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        message = f"The file of expectations '{path}' is no JSON: {error}."
        raise ExpectationError(message) from error


def _from_yaml(text: str, path: Path) -> Any:
    # Great Expectations requires it.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        reason = " ".join(str(error).split())
        message = f"The file of expectations '{path}' is no YAML: {reason}"
        raise ExpectationError(message) from error
