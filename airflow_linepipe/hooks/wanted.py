"""What a sensor or a trigger waits for: artifacts of a name, files, or rows; and how new they must be."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cached_property
from typing import Any, Final, NoReturn, Self

from airflow_linepipe.errors import SettingError
from airflow_linepipe.handoff import Condition, Json, check_storage, parse_condition

__all__ = ["Wanted", "as_moment", "plain_value"]

_TEMPLATE: Final = re.compile(r"\{\{|\{%")


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What is waited for, as authors write it; each text may be a template until the task runs.

    Attributes:
        name: The name of an asset that one of our tasks publishes.
        path: A URL with a pattern.
        conn_id: The connection of a query.
        sql: The query.
        newer_than: The time, or for a query the value, after which something counts.
        condition: What must hold of an artifact, by path.
        storage: Where artifacts are published, in place of ``[linepipe] storage``.
    """

    name: Any = None
    path: Any = None
    conn_id: Any = None
    sql: Any = None
    newer_than: Any = None
    condition: Any = None
    storage: str | None = None

    @cached_property
    def _parsed(self) -> Condition:
        return parse_condition(self.condition)

    @classmethod
    def checked(cls, owner: str, **arguments: Any) -> Self:
        """What an author has written, as far as it can be checked before templates are rendered.

        Args:
            owner: Who waits, for messages.
            **arguments: The attributes.

        Raises:
            SettingError: It cannot be waited for.
            StorageUnavailableError: The file system of a URL is not installed.
        """
        wanted = cls(**arguments)
        wanted._check_choice(owner)
        if isinstance(wanted.path, str) and not _TEMPLATE.search(wanted.path):
            check_pattern(wanted.path)
        if wanted.sql is None and wanted.newer_than is not None and not _is_template(wanted.newer_than):
            as_moment(wanted.newer_than)
        if wanted.storage is not None:
            check_storage(wanted.storage)
        parse_condition(wanted.condition)
        return wanted

    def _check_choice(self, owner: str) -> None:
        given = [name for name in ("name", "path", "sql") if getattr(self, name) is not None]
        if len(given) != 1:
            found = " and ".join(given) or "none of them"
            _refuse(owner, f"give exactly one of name, path or sql (with conn_id), not {found}")
        if self.sql is not None and self.conn_id is None:
            _refuse(owner, "sql needs conn_id, the Airflow connection that it is asked through")
        if self.conn_id is not None and self.sql is None:
            _refuse(owner, "conn_id goes with sql; the connection of a path stands in it, as s3://conn_id@bucket/*.csv")
        if self.condition is not None and self.name is None:
            _refuse(owner, "condition goes with name: only a published artifact has a summary")
        for name in (*given, "conn_id"):
            value = getattr(self, name)
            if isinstance(value, str) and not value.strip():
                _refuse(owner, f"{name} is empty")
            if isinstance(value, bool | int | float | bytes | Mapping | list):
                _refuse(owner, f"{name}={value!r}: give it a text")

    @property
    def url(self) -> str:
        """The path as a URL.

        Raises:
            SettingError: It is none.
        """
        return check_pattern(self.path)

    @property
    def after(self) -> datetime | None:
        """The time after which something counts.

        Raises:
            SettingError: It is none.
        """
        return None if self.newer_than is None else as_moment(self.newer_than)

    def fulfilled_by(self, published: Json) -> bool:
        """Whether a published output fulfils the condition."""
        return self._parsed.holds(published)

    def admits_value(self, value: Any) -> bool:
        """Whether the value that a query has given counts: newer, or else true as Python has it.

        Raises:
            SettingError: It cannot be compared.
        """
        if value is None:
            return False
        return bool(value) if self.newer_than is None else _is_greater(value, self.newer_than)

    def to_dict(self) -> dict[str, Any]:
        """The attributes that are set, as JSON."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: plain_value(value) for name, value in values.items() if value is not None}

    def __str__(self) -> str:
        if self.name is not None:
            what = f"an artifact published as '{self.name}'"
        elif self.path is not None:
            what = f"files at {self.path}"
        else:
            what = f"a value of '{self.sql}' through connection '{self.conn_id}'"
        newer = "" if self.newer_than is None else f", newer than {self.newer_than}"
        fulfilling = "".join(f", {path} {text}" for path, text in (self.condition or {}).items())
        return f"{what}{newer}{fulfilling}"


def as_moment(written: object) -> datetime:
    """A time as authors write it or Airflow renders it; in UTC if it says no time zone.

    Raises:
        SettingError: It is none.
    """
    found = written
    if isinstance(written, str):
        try:
            found = datetime.fromisoformat(written.strip())
        except ValueError:
            found = None
    if isinstance(found, date) and not isinstance(found, datetime):
        found = datetime(found.year, found.month, found.day, tzinfo=UTC)
    if not isinstance(found, datetime):
        hint = (
            "; a run started by hand may have no data interval and no logical date" if written in ("None", "") else ""
        )
        message = f"newer_than={written!r} is no time: give a datetime, or a text such as '2026-01-31T06:00'{hint}."
        raise SettingError(message)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def check_pattern(path: object) -> str:
    """A pattern of files as a URL.

    Raises:
        SettingError: It is none.
        StorageUnavailableError: Its file system is not installed.
    """
    text = f"file://{path}" if isinstance(path, str) and path.startswith("/") else path
    if not isinstance(text, str) or "://" not in text or text.endswith("/"):
        message = f"path={path!r}: write /absolute/path/*.csv, s3://conn_id@bucket/prefix/*.csv or the like."
        raise SettingError(message)
    check_storage(text)
    return text


def plain_value(value: Any) -> Any:
    """A value as JSON has it: times and what else JSON does not know as texts."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value - value == 0 else str(value)
        case Decimal() if not value.is_finite():
            return str(value)
        case Decimal():
            return plain_value(int(value) if value == value.to_integral_value() else float(value))
        case date():
            return value.isoformat()
        case Mapping():
            return {str(key): plain_value(item) for key, item in value.items()}
        case _:
            return str(value)


def _is_template(value: object) -> bool:
    return not isinstance(value, str | date) or bool(isinstance(value, str) and _TEMPLATE.search(value))


def _is_greater(value: Any, than: Any) -> bool:
    """Whether a database's value is greater: as numbers, times or texts, as which both are read.

    Raises:
        SettingError: They are not of one kind.
    """
    readers: tuple[Callable[[Any], Any], ...] = (_as_number, _as_time, _as_text)
    for reader in readers:
        with suppress(ValueError, ArithmeticError):
            least = reader(than)
            break
    try:
        found = reader(value)
    except (ValueError, ArithmeticError) as error:
        message = f"newer_than={than!r}: the query gave {value!r:.60}, which cannot be compared with that."
        raise SettingError(message) from error
    return bool(found == found and found > least)  # noqa: PLR0124  (only NaN is not itself)


def _as_number(value: Any) -> float | Decimal:
    if isinstance(value, bytes | date):
        raise ValueError(value)  # noqa: TRY004  (as the other readers)
    number = Decimal(int(value) if isinstance(value, bool) else str(value))
    return math.nan if number.is_nan() else number


def _as_time(value: Any) -> datetime:
    try:
        return as_moment(value)
    except SettingError as error:
        raise ValueError(value) from error


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(value)


def _refuse(owner: str, advice: str) -> NoReturn:
    message = f"{owner}: {advice}."
    raise SettingError(message)
