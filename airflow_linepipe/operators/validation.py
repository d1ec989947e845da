"""Is the data as expected? Great Expectations on an artifact, a file or a table of a database."""

from __future__ import annotations

import logging
import tempfile
import warnings
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeAlias, get_args

from airflow.sdk import BaseXCom
from airflow.sdk.exceptions import AirflowSkipException

from airflow_linepipe import settings
from airflow_linepipe.errors import (
    ExpectationError,
    SettingError,
    SplitError,
    UnexpectedDataError,
    UnreadOutputWarning,
    UnsupportedTableError,
)
from airflow_linepipe.handoff import check_storage, is_reference
from airflow_linepipe.hooks.connection import AirflowConnection
from airflow_linepipe.hooks.handoff import hand_over, open_exchange, producer_of_task
from airflow_linepipe.hooks.tables import load_table
from airflow_linepipe.operators.arguments import check_outputs_read, outputs_read
from airflow_linepipe.operators.failing import final_failure
from airflow_linepipe.operators.links import VALIDATION_KEY, ValidationReportLink
from airflow_linepipe.operators.templating import ReferenceTemplating
from airflow_linepipe.plan import checked_choice, load_target
from airflow_linepipe.validation import (
    SEVERITIES,
    Outcome,
    as_suite,
    check_expectations,
    kind_of,
    report_html,
    split_rows,
    validate_checkpoint,
    validate_frame,
    validate_table,
)

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_linepipe.handoff import Exchange, Json, Producer
    from airflow_linepipe.validation import Expectations, FileKind, Severity

__all__ = ["LinepipeValidationOperator", "OnFailure"]

logger = logging.getLogger(__name__)

OnFailure: TypeAlias = Literal["fail", "warn", "skip", "quarantine"]

_QUARANTINE: Final = ("valid", "rejected")


class LinepipeValidationOperator(ReferenceTemplating):
    """Validate data with Great Expectations.

    The summary is the task's output and stands in the XCom ``linepipe_validation``, also if the task fails; the full
    result as JSON and a report as one page of HTML lie in storage, and the page is linked from the task. With
    ``on_failure="quarantine"`` the outputs are the rows, as ``operator.output["valid"]`` and ``["rejected"]``.

    Args:
        data: What is validated: an output of another task that is a pandas, polars or pyarrow table; or the path or URL
            of a Parquet, CSV or Arrow file, such as ``s3://connection@bucket/day.parquet``. (templated)
        conn_id: In place of ``data``, the Airflow connection of a database that is to do the counting.
        table: The table in it. (templated)
        schema: The table's schema, if it is not the default one. (templated)
        query: In place of ``table``, a query. (templated)
        expectations: What is expected: a suite; a list of expectations or of dicts such as ``{"type":
            "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}, "severity": "warning"}``, which cost
            nothing when the DAG file is read; a function that gives either, or "package.module:function"; the path of a
            JSON or YAML file.
        suite: The same, for those who have a suite.
        suite_path: The same, for those who have a file. (templated)
        checkpoint: In place of expectations, a checkpoint or its name in ``project``, as ``great_expectations
            checkpoint run NAME`` had it; its data are its own, unless it is given ``data``. Its actions run, such as
            those that write Data Docs.
        project: The folder of that project. (templated)
        parameters: The values of the suite's parameters. (templated)
        on_failure: "fail" (default): the task fails; "warn": it says so in its log and succeeds; "skip": it is skipped,
            and what needs it; "quarantine": the rows that are not as expected are set apart.
        severity: The least severe expectation whose failure counts: "critical" (default), "warning" or "info".
        kind: What a file is, "parquet", "csv" or "arrow", if its name does not say so.
        storage: Replaces ``[linepipe] storage`` for this task.
        **kwargs: Everything that BaseOperator takes.

    Raises:
        SettingError: An argument cannot be used, or it is not clear what is to be validated.
        ExpectationError: The expectations cannot be right.
        UnknownOutputError: A task of ours has no such output.
    """

    template_fields: Sequence[str] = (
        "data",
        "table",
        "schema",
        "query",
        "suite_path",
        "project",
        "parameters",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"data": "json", "query": "sql"}
    operator_extra_links = (ValidationReportLink(),)
    ui_color = "#f7eed8"

    def __init__(
        self,
        *,
        data: Any = None,
        conn_id: str = "",
        table: str = "",
        schema: str = "",
        query: str = "",
        expectations: Expectations = None,
        suite: Expectations = None,
        suite_path: str | Path = "",
        checkpoint: Any = None,
        project: str | Path = "",
        parameters: Mapping[str, Any] | None = None,
        on_failure: OnFailure = "fail",
        severity: Severity = "critical",
        kind: FileKind | Literal[""] = "",
        storage: str | None = None,
        **kwargs: Any,
    ) -> None:
        quarantines = on_failure == "quarantine"
        super().__init__(multiple_outputs=quarantines, **kwargs)
        checked_choice("on_failure", on_failure, get_args(OnFailure))
        checked_choice("severity", severity, tuple(SEVERITIES))
        check_outputs_read(data, owner=self.task_id)
        settings.check_profile()
        self.data = str(data) if isinstance(data, Path) else data
        self.conn_id = conn_id
        self.table = table
        self.schema = schema
        self.query = query
        self.expectations = suite if expectations is None else expectations
        self.suite_path = str(suite_path)
        self.checkpoint = checkpoint
        self.project = str(project)
        self.parameters = parameters or {}
        self.on_failure = on_failure
        self.severity = severity
        self.kind = kind
        self.storage = None if storage is None else check_storage(storage)
        self._check_subject()
        self._check_expected(both=expectations is not None and suite is not None)

    @property
    def output_names(self) -> Collection[str]:
        """The outputs that have an XCom each."""
        return _QUARANTINE if self.on_failure == "quarantine" else ()

    def prepare_template(self) -> None:
        """See Airflow's `Templater.prepare_template`: the DAG is whole, and about to be serialised."""
        super().prepare_template()
        if self.on_failure != "quarantine" or not self.downstream_task_ids:
            return
        read = {key for task in self.dag.tasks for operator, key in outputs_read(task) if operator is self}
        if not read.intersection(("valid", BaseXCom.XCOM_RETURN_KEY)):
            message = (
                f"Task '{self.task_id}' sets rows apart, and nothing behind reads its output 'valid': what comes after "
                "it works with all rows."
            )
            warnings.warn(message, UnreadOutputWarning, stacklevel=2)

    def execute(self, context: Context) -> Any:
        """Validate; see `BaseOperator.execute`."""
        producer = producer_of_task(context)
        # A file, a table or a checkpoint's data may be there the next time.
        final = final_failure(ExpectationError, UnsupportedTableError, SplitError, SettingError)
        with final, open_exchange(self.storage) as exchange:
            table = None if self.data is None else load_table(self.data, exchange, producer, kind=self.kind)
            outcome = self._outcome(table)
            summary = self._keep(outcome, exchange, producer)
            context["ti"].xcom_push(VALIDATION_KEY, summary)
            logger.info("%s", outcome.describe(least=self.severity))
            if self.on_failure == "quarantine":
                return self._set_apart(table, outcome, exchange, producer)
        if not outcome.passes(self.severity):
            self._react(outcome)
        return summary

    def _outcome(self, table: Any) -> Outcome:
        parameters = self.parameters or None
        if self.checkpoint is not None:
            return validate_checkpoint(
                self.checkpoint, project=self.project or None, frame=table, parameters=parameters
            )
        expected = self.suite_path or self.expectations
        suite = as_suite(load_target(expected) if _is_target(expected) else expected, name=self.task_id)
        if not self.conn_id:
            return validate_frame(table, suite, rows_of_failures=self.on_failure == "quarantine", parameters=parameters)
        with AirflowConnection(self.conn_id).open() as engine:
            return validate_table(
                engine, suite=suite, table=self.table, schema=self.schema, query=self.query, parameters=parameters
            )

    def _keep(self, outcome: Outcome, exchange: Exchange, producer: Producer) -> dict[str, Json]:
        """Store the full result and the report; the summary says where they lie."""
        details = {
            "DAG": producer.dag_id,
            "Run": producer.run_id,
            "Task": producer.task_id,
            "Try": str(producer.try_number),
            "Data": self._subject,
        }
        with tempfile.TemporaryDirectory(prefix="linepipe-") as folder:
            page = Path(folder, "report.html")
            page.write_text(
                report_html(outcome, title=f"Validation: {self.task_id}", details=details, least=self.severity)
            )
            report = exchange.put(page, name="report", producer=producer)
        result = exchange.put(outcome.to_dict(least=self.severity), name="result", producer=producer)
        return {
            **outcome.summary(least=self.severity),
            "on_failure": self.on_failure,
            "result": result.to_wire(),
            "report": report.to_wire(),
        }

    def _react(self, outcome: Outcome) -> None:
        told = f"{self._subject} is not as expected: {outcome.describe(least=self.severity)}"
        match self.on_failure:
            case "warn":
                logger.warning("%s", told)
            case "skip":
                raise AirflowSkipException(told)
            case _ if is_reference(self.data):
                # An artifact stays what it is: another try would find the same.
                with final_failure(UnexpectedDataError):
                    raise UnexpectedDataError(told)
            case _:
                raise UnexpectedDataError(told)

    def _set_apart(self, table: Any, outcome: Outcome, exchange: Exchange, producer: Producer) -> dict[str, Json]:
        """The rows as expected, and the others with what they fail."""
        if whole := outcome.whole_table_failures(self.severity):
            message = (
                f"{self._subject} is not as expected, and not by single rows, so that there is nothing to set apart: "
                f"{' '.join(failure.message for failure in whole)}"
            )
            raise SplitError(message)
        valid, rejected = split_rows(table, outcome, least=self.severity)
        if outcome.passes(self.severity) and is_reference(self.data):
            # All of it: nothing need be stored a second time.
            kept: Json = self.data
        else:
            kept = hand_over(valid, name="valid", exchange=exchange, producer=producer)
        logger.info("Set apart %d of %s rows.", len(rejected), outcome.rows)
        return {
            "valid": kept,
            "rejected": hand_over(rejected, name="rejected", exchange=exchange, producer=producer),
        }

    @property
    def _subject(self) -> str:
        """What is validated, for people."""
        if is_reference(self.data):
            reference: Any = self.data
            return f"Artifact '{reference['name']}'"
        if isinstance(self.data, str):
            return f"File '{self.data}'"
        if self.conn_id:
            return f"Table '{self.table}' of '{self.conn_id}'" if self.table else f"A query of '{self.conn_id}'"
        return "The data"

    def _check_subject(self) -> None:
        """Whether it is clear what is validated."""
        sources = [name for name, given in (("data", self.data is not None), ("conn_id", bool(self.conn_id))) if given]
        if len(sources) > 1 or (not sources and self.checkpoint is None):
            self._refuse("give data= (an output or a file), or conn_id= with table= or query=, one of the two")
        if self.conn_id and (bool(self.table) == bool(self.query)):
            self._refuse("conn_id= goes with table= or query=, one of the two")
        if not self.conn_id and (self.table or self.query or self.schema):
            self._refuse("table=, query= and schema= go with conn_id=")
        if self.on_failure == "quarantine" and (self.conn_id or self.checkpoint is not None):
            self._refuse('on_failure="quarantine" sets rows of data= apart, and not those of databases or checkpoints')
        if isinstance(self.data, str) and not self.kind and "{{" not in self.data:
            kind_of(self.data)

    def _check_expected(self, *, both: bool) -> None:
        """Whether it is clear what is expected."""
        given = [self.expectations is not None, bool(self.suite_path), self.checkpoint is not None]
        if sum(given) != 1 or both:
            self._refuse("give expectations=, suite=, suite_path= or checkpoint=, one of them")
        if self.project and self.checkpoint is None:
            self._refuse("project= goes with checkpoint=")
        if isinstance(self.checkpoint, str) and not self.project:
            self._refuse(f"checkpoint='{self.checkpoint}' is a name: give the project= that it stands in")
        if self.expectations is not None and not _is_target(self.expectations):
            check_expectations(self.expectations)
        if self.suite_path and "{{" not in self.suite_path:
            check_expectations(self.suite_path)

    def _refuse(self, problem: str) -> None:
        message = f"Task '{self.task_id}': {problem}."
        raise SettingError(message)


def _is_target(expected: object) -> bool:
    """Whether it is "package.module:attribute", and no path."""
    return isinstance(expected, str) and ":" in expected and "/" not in expected
