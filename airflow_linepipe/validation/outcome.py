"""WHAT came of a validation: each expectation's result, and all of them in short, in full and in words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from airflow_linepipe.validation.plain import Json, as_plain, as_text, json_size, shortened, within
from airflow_linepipe.validation.severity import SEVERITIES, Severity, counts

__all__ = ["MAX_SAMPLES", "ExpectationOutcome", "Outcome", "Rows"]

MAX_SAMPLES: Final = 10
MAX_SUMMARY_BYTES: Final = 7_500

Rows: TypeAlias = "int | Literal['unknown']"

_MAX_VALUE: Final = 60
_MAX_OBSERVED: Final = 200
_MAX_ARGUMENTS: Final = 120
_MAX_ERROR: Final = 400
_MAX_COLUMNS: Final = 5
_SHOWN_SAMPLES: Final = 3
_COLUMN_ARGUMENTS: Final = frozenset({"column", "column_A", "column_B", "column_list"})


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ExpectationOutcome:
    """The result of one expectation.

    Attributes:
        type: Its name, such as "expect_column_values_to_not_be_null".
        columns: The columns that it speaks of.
        kwargs: Its arguments, as plain JSON.
        severity: "critical", "warning" or "info".
        success: Whether the data is as expected.
        observed: What was observed of a column or table as a whole, as plain JSON.
        unexpected_count: How many values, or rows, are not as expected.
        unexpected_percent: The same as a share of those that were looked at, from 0 to 100.
        checked: How many there are.
        samples: Some of them, as plain JSON; no two the same.
        error: Why the expectation could not be evaluated: one sentence; "" if it could.
        positions: Where in the table the rows lie that are not as expected, ascending. Only if it was asked for, and
            only of a failed expectation that looks at each row.
        validation: Which validation of a checkpoint it belongs to; "" elsewhere.
        meta: What its author has noted.
        raw: All that Great Expectations says.
    """

    type: str
    columns: tuple[str, ...]
    kwargs: Mapping[str, Json]
    severity: str
    success: bool
    observed: Json = None
    unexpected_count: int = 0
    unexpected_percent: float = 0.0
    checked: int = 0
    samples: tuple[Json, ...] = ()
    error: str = ""
    positions: Any = ()
    validation: str = ""
    meta: Mapping[str, Json] = field(default_factory=dict)
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def label(self) -> str:
        """The expectation and its columns in few characters: "expect_column_values_to_not_be_null(dep_time)"."""
        return f"{self.type}({', '.join(self.columns)})"

    @property
    def arguments(self) -> str:
        """What it expects, beside its columns: "min_value=0, max_value=9"."""
        told = (f"{key}={as_text(value)}" for key, value in self.kwargs.items() if key not in _COLUMN_ARGUMENTS)
        return shortened(", ".join(told), _MAX_ARGUMENTS)

    @property
    def found(self) -> str:
        """What it has found instead, in words; a few samples with it."""
        if self.error:
            return shortened(self.error, _MAX_ERROR)
        if self.unexpected_count:
            text = (
                f"{self.unexpected_count:,} of {self.checked:,} values ({self.unexpected_percent:.3g} %) are not as "
                "expected"
            )
            samples = [shortened(as_text(sample), _MAX_VALUE) for sample in self.samples if sample is not None]
            return f"{text}, such as {', '.join(samples[:_SHOWN_SAMPLES])}" if samples else text
        if self.observed is None:
            return "nothing was observed"
        return f"observed {shortened(as_text(self.observed), _MAX_OBSERVED)}"

    @property
    def message(self) -> str:
        """One sentence: the expectation, its columns, and what was found."""
        where = f" on column {self._named()}" if len(self.columns) == 1 else ""
        if len(self.columns) > 1:
            where = f" on columns {self._named()}"
        expected = f" ({self.arguments})" if self.arguments else ""
        found = "as expected" if self.success else self.found.removesuffix(".")
        end = "" if found.endswith("?") else "."
        return f"{shortened(self.type, _MAX_ARGUMENTS)}{where}{expected}: {found}{end}"

    def _named(self) -> str:
        shown = [f"'{shortened(column, _MAX_VALUE)}'" for column in self.columns[:_MAX_COLUMNS]]
        more = len(self.columns) - len(shown)
        return ", ".join(shown) + (f" and {more} more" if more else "")

    def brief(self) -> dict[str, Json]:
        """The result as plain JSON of a few hundred bytes."""
        brief: dict[str, Json] = {
            "type": within(self.type, _MAX_ARGUMENTS),
            "columns": [within(column, _MAX_VALUE) for column in self.columns[:_MAX_COLUMNS]],
            "severity": within(self.severity, _MAX_VALUE),
        }
        if self.validation:
            brief["validation"] = within(self.validation, _MAX_VALUE)
        if self.error:
            return {**brief, "error": within(self.error, _MAX_ERROR)}
        return {
            **brief,
            "observed": within(self.observed, _MAX_OBSERVED),
            "unexpected_count": self.unexpected_count,
            "unexpected_percent": round(self.unexpected_percent, 4),
            "samples": [within(sample, _MAX_VALUE) for sample in self.samples[:MAX_SAMPLES]],
        }

    def to_dict(self) -> dict[str, Json]:
        """All of the result as plain JSON."""
        return {
            "type": self.type,
            "columns": [*self.columns],
            "kwargs": dict(self.kwargs),
            "severity": self.severity,
            "success": self.success,
            "observed": self.observed,
            "unexpected_count": self.unexpected_count,
            "unexpected_percent": self.unexpected_percent,
            "samples": [*self.samples],
            "error": self.error,
            "message": self.message,
            "validation": self.validation,
            "meta": dict(self.meta),
            "great_expectations": as_plain(self.raw),
        }


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Outcome:
    """What came of a validation.

    Attributes:
        suite: The name of the suite, or of the checkpoint.
        results: Each expectation's result, in the suite's order.
        rows: How many rows the data has, or "unknown" where nothing had to count them.
        columns: The columns that the data has; none where they are not known.
        seconds: How long it took, without importing Great Expectations.
        rows_of_failures: Whether the failed rows were asked for.
    """

    suite: str
    results: tuple[ExpectationOutcome, ...] = field(repr=False)
    rows: Rows
    columns: tuple[str, ...] = ()
    seconds: float = 0.0
    rows_of_failures: bool = False

    @property
    def success(self) -> bool:
        """Whether no critical expectation has failed."""
        return self.passes()

    @property
    def errors(self) -> tuple[ExpectationOutcome, ...]:
        """The expectations that could not be evaluated, of whatever severity: nothing is known of what they check."""
        return tuple(result for result in self.results if result.error)

    def passes(self, least: Severity = "critical") -> bool:
        """Whether nothing that counts has failed.

        Args:
            least: The least severe that counts.
        """
        return not self.failures(least)

    def failures(self, least: Severity = "critical") -> tuple[ExpectationOutcome, ...]:
        """The failed expectations that count: what could not be evaluated first, then the most severe.

        Args:
            least: The least severe that counts.

        Raises:
            SettingError: It is no severity.
        """
        failed = (result for result in self.results if counts(result.severity, least) and not result.success)
        return tuple(sorted(failed, key=lambda result: (not result.error, _rank(result))))

    def whole_table_failures(self, least: Severity = "critical") -> tuple[ExpectationOutcome, ...]:
        """The failed expectations that cannot be put down to rows: a mean, a row count, a missing column.

        Args:
            least: The least severe that counts.
        """
        return tuple(result for result in self.failures(least) if not len(result.positions))

    def summary(self, *, least: Severity = "critical") -> dict[str, Json]:
        """The counts and the first failures as plain JSON, below 8 kB however many expectations there are.

        Args:
            least: The least severe failure that is no success; all are counted and shown.
        """
        failed = self.failures("info")
        summary: dict[str, Json] = {
            "suite": within(self.suite, _MAX_ARGUMENTS),
            "success": self.passes(least),
            "rows": self.rows,
            "seconds": round(self.seconds, 3),
            "evaluated": len(self.results),
            "successful": len(self.results) - len(failed),
            "unsuccessful": len(failed),
            "errors": len(self.errors),
            "unsuccessful_by_severity": {
                severity: sum(result.severity == severity for result in failed) for severity in SEVERITIES
            },
        }
        shown: list[Json] = []
        size = json_size(summary)
        for result in failed:
            brief = result.brief()
            size += json_size(brief) + 2
            if size > MAX_SUMMARY_BYTES:
                break
            shown.append(brief)
        return {**summary, "failures": shown, "failures_not_shown": len(failed) - len(shown)}

    def to_dict(self, *, least: Severity = "critical") -> dict[str, Json]:
        """All of it as plain JSON; as large as what was found.

        Args:
            least: The least severe failure that is no success.
        """
        return {
            **{key: value for key, value in self.summary(least=least).items() if not key.startswith("failures")},
            "suite": self.suite,
            "columns": [*self.columns],
            "results": [result.to_dict() for result in self.results],
        }

    def describe(self, *, limit: int = 5, least: Severity = "critical") -> str:
        """What has failed, in sentences: expectation, column, what was observed.

        Args:
            limit: How many failures are told.
            least: The least severe that counts.
        """
        failed = self.failures(least)
        suite, of = f"'{shortened(self.suite, _MAX_ARGUMENTS)}'", len(self.results)
        if not failed:
            return f"{_counted(of)} of {suite}: as expected."
        if of == 1:
            return f"The expectation of {suite} failed: {failed[0].message}"
        lines = [f"\n  {number}. {result.message}" for number, result in enumerate(failed[:limit], 1)]
        more = f"\n  and {len(failed) - limit} more." if len(failed) > limit else ""
        return f"{len(failed)} of {_counted(of)} of {suite} failed:{''.join(lines)}{more}"


def _rank(result: ExpectationOutcome) -> int:
    return next((rank for rank, severity in enumerate(SEVERITIES) if severity == result.severity), 0)


def _counted(many: int | Collection[Any]) -> str:
    count = many if isinstance(many, int) else len(many)
    return f"{count} expectation{'' if count == 1 else 's'}"
