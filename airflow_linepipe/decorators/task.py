"""``@linepipe_task``, also ``@task.linepipe``: a TaskFlow task that gets values and gives values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from inspect import Parameter, signature
from itertools import repeat
from typing import TYPE_CHECKING, Any, cast

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk.bases.decorator import DecoratedOperator, task_decorator_factory

from airflow_linepipe import settings
from airflow_linepipe.decorators.mapping import MappedTask
from airflow_linepipe.errors import OutputTypeError, SettingError
from airflow_linepipe.handoff import NOT_MAPPED, check_storage
from airflow_linepipe.hooks.handoff import (
    RESERVED_KEYS,
    expanded_depth,
    hand_over,
    load_values,
    open_exchange,
    producer_of_task,
)
from airflow_linepipe.operators.arguments import check_outputs_read, operator_parameters, unknown_argument
from airflow_linepipe.operators.fallback import Fallback, mark, watch
from airflow_linepipe.operators.guard import Guard
from airflow_linepipe.operators.part import Named, plain
from airflow_linepipe.operators.templating import ReferenceTemplating
from airflow_linepipe.plan import checked_mapping, did_you_mean
from airflow_linepipe.runtime import name_outputs

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.bases.decorator import TaskDecorator

    from airflow_linepipe.handoff import Exchange

__all__ = ["linepipe_task"]


class _LinepipeDecoratedOperator(ReferenceTemplating, DecoratedOperator, PythonOperator):
    custom_operator_name = "@task.linepipe"
    template_fields: Sequence[str] = ("templates_dict", "op_args", "op_kwargs")
    ui_color = "#d9f2e6"

    def __init__(
        self,
        *,
        python_callable: Callable[..., Any],
        op_args: Collection[Any],
        op_kwargs: Mapping[str, Any],
        outputs: Sequence[str] = (),
        columns: Mapping[str, Sequence[Any]] | None = None,
        when: Callable[..., Any] | None = None,
        fallback: Any = None,
        storage: str | None = None,
        **kwargs: Any,
    ) -> None:
        # Here too, because override() may bring them.
        outputs = _checked_names(outputs)
        columns = _checked_columns(columns, python_callable)
        guard = None if when is None else _checked_guard(plain(when), python_callable)
        stand_in = None if fallback is None else Fallback.of_function(plain(fallback), python_callable)
        settings.check_profile()
        if storage is not None:
            storage = check_storage(storage)
        if len(outputs) > 1:
            kwargs["multiple_outputs"] = True
        # The values themselves would stand in the log otherwise.
        kwargs.setdefault("show_return_value_in_logs", False)
        super().__init__(
            python_callable=python_callable,
            op_args=op_args,
            op_kwargs=op_kwargs,
            kwargs_to_upstream={"python_callable": python_callable, "op_args": op_args, "op_kwargs": op_kwargs},
            **kwargs,
        )
        check_outputs_read([op_args, op_kwargs], owner=self.task_id)
        self.outputs = outputs
        self.columns = columns
        self.guard = guard
        self.fallback = stand_in
        self.storage = storage

    @property
    def output_names(self) -> Sequence[str]:
        """The outputs that have an XCom each, if they are declared."""
        return self.outputs if len(self.outputs) > 1 else ()

    def execute(self, context: Context) -> Any:
        with open_exchange(self.storage) as exchange:
            handed = (self.op_args, self.op_kwargs)
            self._load(handed, exchange, context)
            if self.guard:
                self.guard.skip_unless(self._arguments(context))
            if self.fallback is None:
                return self._left(super().execute(context), exchange, context)
            self.python_callable, raised = watch(self.python_callable)
            try:
                result = super().execute(context)
            except Exception as error:
                if error not in raised or not self.fallback.stands_in(error, context):
                    raise
                self.fallback.tell(error, context, owner=self.python_callable.__name__)
                # The function may have changed what it was given.
                self._load(handed, exchange, context)
                return mark(self._left(self.fallback(**self._arguments(context)), exchange, context), error)
            return self._left(result, exchange, context)

    def _arguments(self, context: Context) -> dict[str, Any]:
        """What the function is called with, by name: what it is given, or Airflow's context, or its defaults."""
        bound = signature(self.python_callable).bind_partial(*self.op_args, **self.op_kwargs)
        given = dict(bound.arguments)
        bound.apply_defaults()
        known: dict[str, Any] = {**context}
        arguments = {**bound.arguments, **{name: known[name] for name in bound.signature.parameters if name in known}}
        for name, parameter in bound.signature.parameters.items():
            if parameter.kind is Parameter.VAR_KEYWORD:
                arguments.update(arguments.pop(name, {}))
                given.update(given.pop(name, {}))
        return {**arguments, **given}

    def _load(self, handed: tuple[Collection[Any], Mapping[str, Any]], exchange: Exchange, context: Context) -> None:
        """Have values in the place of references."""
        reader = producer_of_task(context)
        arguments, named = handed
        self.op_args = [
            load_values(argument, exchange, reader, columns=self.columns.get(name, ()))
            for argument, name in zip(arguments, _positions(self.python_callable), strict=False)
        ]
        self.op_kwargs = {
            name: load_values(argument, exchange, reader, columns=self.columns.get(name, ()))
            for name, argument in named.items()
        }

    def _left(self, result: Any, exchange: Exchange, context: Context) -> Any:
        """What stands in XCom for a result."""
        if not self.do_xcom_push:
            return None
        producer = producer_of_task(context)
        if self.multiple_outputs:
            return {
                name: hand_over(value, name=name, exchange=exchange, producer=producer)
                for name, value in self._named(result).items()
            }
        # Airflow reads a missing XCom as None, except that mapped tasks then lose their place in the list.
        if result is None and producer.map_index == NOT_MAPPED:
            return None
        name = self.outputs[0] if self.outputs else "return_value"
        depth = expanded_depth(self, producer)
        return hand_over(result, name=name, exchange=exchange, producer=producer, depth=depth)

    def _named(self, result: Any) -> Mapping[str, Any]:
        label = self.python_callable.__name__
        if self.outputs:
            return name_outputs(result, label=label, outputs=self.outputs)
        if not isinstance(result, Mapping):
            message = (
                f"Task function '{label}' has multiple_outputs=True and returned a {type(result).__name__}: "
                "return a dict."
            )
            raise OutputTypeError(message)
        return result


def linepipe_task(
    python_callable: Callable[..., Any] | None = None,
    *,
    outputs: Sequence[str] = (),
    multiple_outputs: bool | None = None,
    columns: Mapping[str, Sequence[Any]] | None = None,
    when: Callable[..., Any] | None = None,
    fallback: Any = None,
    map_over: str = "",
    storage: str | None = None,
    **kwargs: Any,
) -> TaskDecorator:
    """Make a function a task that receives values and returns values.

    Like Airflow's ``@task``, except that arguments which are references (from our operators, task
    groups or other such tasks, also inside lists and dicts) arrive as the values they stand for, and that what
    is returned goes to external storage. ``.expand()``, ``.partial()`` and ``.override()`` work as usual; a list
    or dict that another task expands over is stored item by item. Unlike ``@task``, a ``-> dict`` annotation does
    not switch ``multiple_outputs`` on: a dict is one value.

    Args:
        python_callable: The function, when used without parentheses.
        outputs: Names for several returned values: the function returns a tuple of as many, and
            ``task()["name"]`` is one of them. One name only names the artifact.
        multiple_outputs: True: the function returns a dict, and each of its values is an output.
        columns: The columns to read of tables, by the function's parameter: ``columns={"flights": ["delay"]}``.
        when: A condition: a function of some of the function's parameters. If it does not hold, the task is skipped.
        fallback: What stands in for the result when the function has failed and no try is left: a function of some of
            the function's parameters, by their names, or the result itself; see `LinepipeNodeOperator`.
        map_over: A parameter: called with a list there, the function becomes a mapped task that gets one item each
            time, as with ``.partial(…).expand(…)``.
        storage: Replaces ``[linepipe] storage`` for this task.
        **kwargs: Everything that BaseOperator takes.

    Raises:
        SettingError: Names in ``outputs`` or ``columns`` cannot be used, or ``storage`` is no URL.
        StorageUnavailableError: The file system of ``storage`` is not installed.
        UnknownArgumentError: A keyword that no operator takes.
    """
    known = operator_parameters(_LinepipeDecoratedOperator)
    for name in kwargs:
        if name not in known:
            raise unknown_argument(name, owner="linepipe_task", known=known)
    if storage is not None:
        kwargs["storage"] = check_storage(storage)
    decorated = task_decorator_factory(
        python_callable=None if map_over else python_callable,
        multiple_outputs=bool(multiple_outputs),
        decorated_operator_class=_LinepipeDecoratedOperator,
        outputs=_checked_names(outputs),
        columns=columns,
        when=None if when is None else Named(value=when),
        fallback=None if fallback is None else Named(value=fallback),
        **kwargs,
    )
    if not map_over:
        return decorated

    def mapped(function: Callable[..., Any]) -> MappedTask:
        return MappedTask(decorated(function), function, map_over)

    return cast("TaskDecorator", mapped if python_callable is None else mapped(python_callable))


def _checked_names(outputs: Sequence[str]) -> tuple[str, ...]:
    names = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    for position, name in enumerate(names):
        if name in names[:position]:
            message = f"linepipe_task: the output '{name}' is named twice: give each output its own name."
            raise SettingError(message)
    if len(names) > 1 and (kept := sorted(RESERVED_KEYS.intersection(names))):
        message = f"linepipe_task: the output '{kept[0]}' has the name of an XCom that Airflow keeps: rename it."
        raise SettingError(message)
    return names


def _checked_columns(columns: object, function: Callable[..., Any]) -> Mapping[str, Sequence[Any]]:
    chosen = checked_mapping("columns", columns)
    parameters = signature(function).parameters
    takes_any = any(parameter.kind is Parameter.VAR_KEYWORD for parameter in parameters.values())
    for name, labels in chosen.items():
        if name not in parameters and not takes_any:
            hint = did_you_mean(name, parameters, otherwise=f"it has {', '.join(parameters) or 'none'}.")
            message = f"columns['{name}']: task function '{function.__name__}' has no such parameter: {hint}"
            raise SettingError(message)
        if not isinstance(labels, list | tuple) or not labels:
            message = f"columns['{name}'] is {labels!r}: give a list of columns, such as ['delay']."
            raise SettingError(message)
    return chosen


def _checked_guard(when: Callable[..., Any], function: Callable[..., Any]) -> Guard:
    guard = Guard(when)
    guard.check(list(signature(function).parameters), owner=function.__name__)
    return guard


def _positions(function: Callable[..., Any]) -> Iterator[str]:
    """The parameter that each argument without a name is for."""
    for name, parameter in signature(function).parameters.items():
        yield from repeat(name) if parameter.kind is Parameter.VAR_POSITIONAL else (name,)
