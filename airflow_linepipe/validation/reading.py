"""What Great Expectations says of one expectation, read into a result of ours."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from airflow_linepipe.plan import did_you_mean
from airflow_linepipe.validation.outcome import MAX_SAMPLES, ExpectationOutcome, Rows
from airflow_linepipe.validation.plain import Json, as_plain, as_text, shortened
from airflow_linepipe.validation.suite import NUMBER

__all__ = ["error_of", "read_error", "read_result", "rows_in"]

_MAX_REASON: Final = 250
_MAX_COLUMNS_SHOWN: Final = 8
_NO_COLUMN: Final = re.compile(
    r"""column:? ["'](.+?)["'] (?:in BatchData )?does not exist|no such column: ["']?([\w.]+)"""
)


def read_result(
    result: Any, *, columns: Sequence[str] = (), with_positions: bool = False, validation: str = ""
) -> ExpectationOutcome:
    """The result of one expectation.

    Args:
        result: An ``ExpectationValidationResult``.
        columns: The columns that the data has, if they are known.
        with_positions: Whether its list of unexpected rows holds their positions.
        validation: Which validation of a checkpoint it belongs to.
    """
    found: Mapping[str, Any] = result.result or {}
    error = error_of(result.exception_info)
    counted = found.get("unexpected_count")
    unexpected = int(counted) if counted and not error else 0
    success = bool(result.success) and not error
    return ExpectationOutcome(
        **_asked(result.expectation_config, validation),
        success=success,
        observed=as_plain(found.get("observed_value")),
        unexpected_count=unexpected,
        unexpected_percent=_number(found.get("unexpected_percent")),
        checked=max(int(_number(found.get("element_count"))) - int(_number(found.get("missing_count"))), unexpected),
        samples=_samples(found),
        error=_sentence(error, _columns_of(result.expectation_config.kwargs), columns) if error else "",
        positions=_positions(found, unexpected) if with_positions and not success and not error else (),
        raw={"success": result.success, "result": found, "exception_info": result.exception_info},
    )


def read_error(configuration: Any, error: Exception, *, columns: Sequence[str] = ()) -> ExpectationOutcome:
    """The result of an expectation that Great Expectations gave none of: it raised instead.

    Args:
        configuration: The expectation's ``ExpectationConfiguration``.
        error: What it raised.
        columns: The columns that the data has, if they are known.
    """
    reason = str(error) or type(error).__name__
    return ExpectationOutcome(
        **_asked(configuration, ""),
        success=False,
        error=_sentence(reason, _columns_of(configuration.kwargs), columns),
        raw={"success": False, "result": {}, "exception_info": {"exception_message": reason}},
    )


def error_of(exception_info: Mapping[str, Any] | None) -> str:
    """The message of what an expectation raised; "" if it raised nothing.

    One exception stands there by itself; those of several metrics by the metrics' names.
    """
    told = exception_info or {}
    raised = [told] if "raised_exception" in told else [item for item in told.values() if isinstance(item, Mapping)]
    messages = sorted(
        {str(item.get("exception_message") or "it raised") for item in raised if item.get("raised_exception")}
    )
    # What names a column says more than what follows from it.
    return next((message for message in messages if _NO_COLUMN.search(message)), messages[0] if messages else "")


def rows_in(results: Sequence[ExpectationOutcome]) -> Rows:
    """How many rows the data has, if an expectation had to count them; "unknown" otherwise."""
    for result in results:
        found = result.raw.get("result") or {}
        if "row_condition" in result.kwargs or result.error:
            continue
        count = found.get("element_count")
        if count is None and result.type.startswith("expect_table_row_count"):
            count = result.observed
        if isinstance(count, int):
            return count
    return "unknown"


def _asked(configuration: Any, validation: str) -> dict[str, Any]:
    """What the expectation asks."""
    kwargs = {key: value for key, value in configuration.kwargs.items() if key != "batch_id"}
    severity = getattr(configuration, "severity", "critical")
    meta = {key: value for key, value in (configuration.meta or {}).items() if key != NUMBER}
    return {
        "type": configuration.type,
        "columns": _columns_of(kwargs),
        "kwargs": as_plain(kwargs),
        "severity": str(getattr(severity, "value", severity)),
        "meta": as_plain(meta),
        "validation": validation,
    }


def _columns_of(kwargs: Mapping[str, Any]) -> tuple[str, ...]:
    if "column_list" in kwargs and "column" not in kwargs:
        listed = kwargs["column_list"]
        return tuple(map(str, listed)) if isinstance(listed, list | tuple) else ()
    return tuple(str(kwargs[key]) for key in ("column", "column_A", "column_B") if key in kwargs)


def _sentence(reason: str, asked: Sequence[str], columns: Sequence[str]) -> str:
    """Why an expectation could not be evaluated, and what to do if that is known."""
    missing = [column for column in asked if column not in columns] if columns else []
    told = _NO_COLUMN.search(reason)
    if not missing and told and not columns:
        missing = [told.group(1) or told.group(2)]
    if not missing:
        return f"could not be evaluated: {shortened(reason, _MAX_REASON).removesuffix('.')}."
    shown = ", ".join(f"'{shortened(column, 40)}'" for column in columns[:_MAX_COLUMNS_SHOWN])
    more = f" and {len(columns) - _MAX_COLUMNS_SHOWN} more" if len(columns) > _MAX_COLUMNS_SHOWN else ""
    otherwise = f"the data has {shown}{more}." if columns else "correct its name, or add it to what is validated."
    return f"there is no column '{shortened(missing[0], 80)}'; {did_you_mean(missing[0], columns, otherwise=otherwise)}"


def _samples(found: Mapping[str, Any]) -> tuple[Json, ...]:
    """Unexpected values, no two the same; none of them if they are missing values."""
    distinct: dict[str, Json] = {}
    for value in found.get("partial_unexpected_list") or ():
        plain = as_plain(value)
        if plain is not None and plain != "nan":
            distinct.setdefault(as_text(plain), plain)
    return tuple(distinct.values())[:MAX_SAMPLES]


def _positions(found: Mapping[str, Any], unexpected: int) -> Any:
    """The positions of all rows that are not as expected; () if they are not all known."""
    import numpy as np

    listed = found.get("unexpected_index_list")
    if not listed or len(listed) != unexpected:
        return ()
    return np.sort(np.asarray(listed, dtype=np.int64))


def _number(value: Any) -> float:
    """A count or a share; 0 for what is none of no rows."""
    plain = as_plain(value)
    return float(plain) if isinstance(plain, int | float) else 0.0
