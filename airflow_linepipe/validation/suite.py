"""Expectations, however they are written, as one suite of Great Expectations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow_linepipe.errors import ExpectationError
from airflow_linepipe.plan import did_you_mean
from airflow_linepipe.validation.expectations import Expectations, is_suite, load_expectations
from airflow_linepipe.validation.plain import shortened
from airflow_linepipe.validation.quiet import quiet

if TYPE_CHECKING:
    from great_expectations import ExpectationSuite
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

__all__ = ["NUMBER", "as_suite", "numbered"]

NUMBER: Final = "linepipe_number"
"""The key in an expectation's meta that says which of its suite's it is: results come in another order."""

# Said of an expectation beside what it expects.
_BESIDE: Final = ("meta", "notes", "description", "severity")


def as_suite(expectations: Expectations, *, name: str) -> ExpectationSuite:
    """One suite of Great Expectations.

    Args:
        expectations: See `check_expectations`.
        name: The suite's name, if it has none of its own.

    Raises:
        ExpectationError: They cannot be used; the sentence says which.
    """
    loaded = load_expectations(expectations)
    with quiet():
        if is_suite(loaded):
            suite: ExpectationSuite = loaded
        else:
            suite = _new_suite(loaded, name)
    if not suite.expectations:
        message = f"The suite '{suite.name}' holds no expectations, so that nothing would be checked: add at least one."
        raise ExpectationError(message)
    return suite


def numbered(suite: ExpectationSuite) -> ExpectationSuite:
    """A copy of a suite whose expectations know their numbers; the suite stays its owner's."""
    copy = _empty_suite(suite.name)
    copy.expectations.extend(
        _unowned(expectation, {NUMBER: number}) for number, expectation in enumerate(suite.expectations)
    )
    return copy


def _new_suite(loaded: Mapping[str, Any] | Sequence[Any], name: str) -> ExpectationSuite:
    listed = loaded["expectations"] if isinstance(loaded, Mapping) else loaded
    own_name = loaded.get("name") if isinstance(loaded, Mapping) else ""
    suite = _empty_suite(str(own_name or name))
    # Great Expectations' own way of taking dicts leaves out, with a log line, what it does not understand.
    suite.expectations.extend(_built(item, number) for number, item in enumerate(listed, 1))
    return suite


def _empty_suite(name: str) -> ExpectationSuite:
    from great_expectations import ExpectationSuite

    return ExpectationSuite(name=name)


def _built(item: Any, number: int) -> Any:
    """An expectation that no other suite shares."""
    from great_expectations.expectations.expectation import Expectation

    if not isinstance(item, Mapping):
        if not isinstance(item, Expectation):
            message = f"Expectation {number} is a {type(item).__name__}: give an expectation, or a dict."
            raise ExpectationError(message)
        return _unowned(item, {})
    name = _registered(item["type"], number)
    return _from_configuration(_configuration(name, item), number)


def _unowned(expectation: Expectation, meta: Mapping[str, Any]) -> Expectation:
    """The same expectation once more, of no suite yet, and with something noted."""
    configuration = expectation.configuration
    copy = configuration.to_domain_obj()
    copy.id = None
    copy.meta = {**(configuration.meta or {}), **meta}
    return copy


def _configuration(name: str, item: Mapping[str, Any]) -> ExpectationConfiguration:
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    beside = {key: item[key] for key in _BESIDE if item.get(key) is not None}
    return ExpectationConfiguration(type=name, kwargs=dict(item.get("kwargs") or {}), **beside)


def _from_configuration(configuration: ExpectationConfiguration, number: int) -> Any:
    name = configuration.type
    try:
        built = configuration.to_domain_obj()
    except Exception as error:  # an expectation's own checks may raise anything
        message = f"Expectation {number} ({name}) cannot be used: {_reasons(error)}."
        raise ExpectationError(message) from error
    for key, value in configuration.kwargs.items():
        if type(value) is int and getattr(built, key, value) != value:
            message = f"Expectation {number} ({name}): Great Expectations rounds '{key}', {value}: it is beyond 2**53."
            raise ExpectationError(message)
    return built


def _reasons(error: Exception) -> str:
    """What is wrong with an expectation's arguments, by argument."""
    problems = getattr(error, "errors", None)
    if not callable(problems):
        return shortened(str(error), 300).rstrip(".") or type(error).__name__
    told = (f"'{'.'.join(map(str, problem['loc']))}': {problem['msg']}" for problem in problems())
    return shortened("; ".join(told), 300).rstrip(".")


def _registered(name: str, number: int) -> str:
    """The registered name of an expectation; its class's name will do as well.

    Raises:
        ExpectationError: There is none of this name.
    """
    from great_expectations.expectations import registry

    names = registry.list_registered_expectation_implementations()
    if name in names:
        return name
    by_class = {registry.get_expectation_impl(known).__name__: known for known in names}
    if name in by_class:
        return by_class[name]
    known = [*by_class] if name[:1].isupper() else names
    advice = did_you_mean(name, known, otherwise="import the module that defines it first, if it is your own.")
    message = f"Expectation {number}: Great Expectations knows no '{name}': {advice}"
    raise ExpectationError(message)
