"""A task that waits for a published artifact, for files, or for rows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, NoReturn

from airflow.sdk import BaseSensorOperator, PokeReturnValue
from airflow.sdk.exceptions import AirflowFailException, AirflowSensorTimeout, AirflowSkipException

from airflow_linepipe.errors import SettingError
from airflow_linepipe.hooks.looking import search
from airflow_linepipe.hooks.wanted import Wanted
from airflow_linepipe.triggers.artifact import LinepipeArtifactTrigger

if TYPE_CHECKING:
    from airflow.sdk import Context

__all__ = ["LinepipeArtifactSensor"]

logger = logging.getLogger(__name__)

# A thousand events take Airflow five seconds and more to store: with this, all have fired after ten.
_POLL_SECONDS: Final = 2.0


class LinepipeArtifactSensor(BaseSensorOperator):
    """Wait for an artifact that is published, for files, or for rows of a database.

    Give one of ``name``, ``path`` and ``sql`` (with ``conn_id``). Without ``newer_than``, what is already there counts:

    * ``name``: the newest publication that fulfils the condition. The task returns its reference, so that
      ``sensor.output`` goes into other tasks of ours as the value.
    * ``path``: every file that matches. The task returns their URLs, sorted. A file counts as soon as it is there: what
      is written slowly should be written under another name, and renamed.
    * ``sql``: the first value of the first row, if it is true as Python has it, as for ``SqlSensor``: NULL, 0 and ""
      are not. With ``newer_than``, if it is greater than that. The task returns the value.

    It waits in the triggerer, where a thousand sensors that wait for one thing look for it once; what the triggerer
    says is looked at again by the task itself. A publication is believed only if it is signed with the secret of this
    Airflow (the Variable ``linepipe_cache_secret``). Its time is that of the publishing worker's clock.

    Args:
        name: The asset's name, as in ``publish={"features": Asset("flight_features")}``. (templated)
        path: A URL of files with ``*``, ``?``, ``[…]`` or ``**``, such as ``file:///data/in/*.csv`` or
            ``s3://conn_id@bucket/in/*.csv``. (templated)
        conn_id: The connection of the query; any whose hook is one of common-sql.
        sql: The query. (templated)
        newer_than: The time after which it must have been published or written: a datetime, or a text such as
            "{{ data_interval_start }}"; without a time zone it is UTC. For a query: a number, a time or a text.
            (templated)
        condition: What must hold of the artifact, by path: ``{"rows": ">= 1000", "columns.late": "== bool"}`` of its
            summary, ``{"value.auc": "> 0.9"}`` of its inline value. Several must all hold; of a list or dict of
            artifacts, for each. A path that leads nowhere and NaN fulfil nothing.
        deferrable: Whether it waits in the triggerer; if not, as ``mode`` says. [operators] default_deferrable is not
            asked. Left out, it does unless there is a ``mode``.
        poke_interval: The seconds between two looks: 2 in the triggerer, 60 otherwise.
        storage: Where artifacts are published, in place of ``[linepipe] storage``.
        **kwargs: Everything that BaseSensorOperator takes.

    Raises:
        SettingError: An argument cannot be used.
        StorageUnavailableError: The file system of ``path`` or ``storage`` is not installed.
    """

    template_fields: Sequence[str] = ("name", "path", "sql", "newer_than")
    template_fields_renderers: ClassVar[dict[str, str]] = {"sql": "sql"}
    ui_color = "#d9f2e6"

    def __init__(
        self,
        *,
        name: str | None = None,
        path: str | None = None,
        conn_id: str | None = None,
        sql: str | None = None,
        newer_than: datetime | str | float | None = None,
        condition: Mapping[str, Any] | None = None,
        deferrable: bool | None = None,
        poke_interval: timedelta | float | None = None,
        storage: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.deferrable = "mode" not in kwargs if deferrable is None else deferrable
        if poke_interval is None:
            poke_interval = _POLL_SECONDS if self.deferrable else 60.0
        super().__init__(poke_interval=poke_interval, **kwargs)
        if self.deferrable and self.mode == "reschedule":
            message = f"Task '{self.task_id}': mode=\"reschedule\" goes with deferrable=False: choose one of the two."
            raise SettingError(message)
        if self.deferrable and not self.poke_interval:
            message = f"Task '{self.task_id}': poke_interval is 0: give it a number of seconds above 0."
            raise SettingError(message)
        self.name = name
        self.path = path
        self.conn_id = conn_id
        self.sql = sql
        self.newer_than = newer_than
        self.condition = condition
        self.storage = storage
        Wanted.checked(f"Task '{self.task_id}'", **self._arguments())

    def poke(self, context: Context) -> PokeReturnValue:  # noqa: ARG002  (as Airflow calls it)
        """Look once; see `BaseSensorOperator.poke`."""
        is_done, value = search(self._wanted())
        return PokeReturnValue(is_done, value)

    def execute(self, context: Context) -> Any:
        """Wait; see `BaseSensorOperator.execute`."""
        if not self.deferrable:
            return super().execute(context)
        return self._look_or_defer(context, datetime.now(UTC) + timedelta(seconds=self.timeout))

    def resume_execution(self, next_method: str, next_kwargs: dict[str, Any] | None, context: Context) -> Any:
        """See `BaseSensorOperator.resume_execution`; a time that is over says for what."""
        try:
            return super().resume_execution(next_method, next_kwargs, context)
        except AirflowSensorTimeout as error:
            message = f"Waited {self.timeout:g} s for {self._wanted()}, and it has not come."
            raise AirflowSensorTimeout(message) from error

    def execute_complete(self, context: Context, event: Any = None, deadline: str | None = None) -> Any:
        """Look at what the triggerer has seen, and go on waiting if it is not there.

        Args:
            context: The running task's.
            event: What the trigger says.
            deadline: When the time is over, since the first look.
        """
        logger.info("The triggerer says: %s", event)
        ends = datetime.fromisoformat(deadline) if deadline else datetime.now(UTC) + timedelta(seconds=self.timeout)
        return self._look_or_defer(context, ends)

    def _look_or_defer(self, context: Context, deadline: datetime) -> Any:
        looked = datetime.now(UTC)
        poked = self._poke(context)
        return poked.xcom_value if poked.is_done else self._defer(looked, deadline)

    def _defer(self, looked: datetime, deadline: datetime) -> NoReturn:
        left = deadline - datetime.now(UTC)
        if left <= timedelta(0):
            self._time_out()
        longest = (self.max_wait or timedelta(seconds=self.timeout)).total_seconds()
        trigger = LinepipeArtifactTrigger(
            **self._wanted().to_dict(),
            poll_interval=self.poke_interval,
            max_interval=longest if self.exponential_backoff else None,
            once=True,
            looked=looked.isoformat(),
            checked=True,
        )
        logger.info("Waiting for %s until %s.", self._wanted(), deadline.isoformat(timespec="seconds"))
        # Airflow gives an event trigger no queue; this one is a task's.
        trigger.supports_triggerer_queue = True
        self.defer(
            trigger=trigger, method_name="execute_complete", kwargs={"deadline": deadline.isoformat()}, timeout=left
        )

    def _poke(self, context: Context) -> PokeReturnValue:
        """Look once, with ``silent_fail`` and its likes as Airflow's own modes have them."""
        try:
            return self.poke(context)
        except AirflowSkipException:
            raise
        except Exception as error:  # of the storage, the database or Airflow
            if self.silent_fail:
                logger.exception("The look failed, and silent_fail is set.")
                return PokeReturnValue(is_done=False)
            if self.never_fail or (self.soft_fail and isinstance(error, AirflowFailException)):
                message = f"The look failed ({error}), and the task skips instead."
                raise AirflowSkipException(message) from error
            raise

    def _time_out(self) -> NoReturn:
        message = f"Waited {self.timeout:g} s for {self._wanted()}, and it has not come."
        raise AirflowSkipException(message) if self.soft_fail else AirflowSensorTimeout(message)

    def _wanted(self) -> Wanted:
        return Wanted.checked(f"Task '{self.task_id}'", **self._arguments())

    def _arguments(self) -> dict[str, Any]:
        names = ("name", "path", "conn_id", "sql", "newer_than", "condition", "storage")
        return {name: getattr(self, name) for name in names}
