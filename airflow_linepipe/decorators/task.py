"""``@linepipe_task``, also ``@task.linepipe``: a TaskFlow task that gets values and gives values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.python import PythonOperator
from airflow.sdk.bases.decorator import DecoratedOperator, task_decorator_factory

from airflow_linepipe import settings
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
from airflow_linepipe.operators.templating import ReferenceTemplating
from airflow_linepipe.runtime import name_outputs

if TYPE_CHECKING:
    from airflow.sdk import Context
    from airflow.sdk.bases.decorator import TaskDecorator

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
        storage: str | None = None,
        **kwargs: Any,
    ) -> None:
        # Here too, because override() may bring them.
        outputs = _checked_names(outputs)
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
        self.storage = storage

    @property
    def output_names(self) -> Sequence[str]:
        """The outputs that have an XCom each, if they are declared."""
        return self.outputs if len(self.outputs) > 1 else ()

    def execute(self, context: Context) -> Any:
        producer = producer_of_task(context)
        with open_exchange(self.storage) as exchange:
            self.op_args = load_values(list(self.op_args), exchange)
            self.op_kwargs = load_values(dict(self.op_kwargs), exchange)
            result = super().execute(context)
            if not self.do_xcom_push:
                return None
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
        storage: Replaces ``[linepipe] storage`` for this task.
        **kwargs: Everything that BaseOperator takes.

    Raises:
        SettingError: Names in ``outputs`` cannot be used, or ``storage`` is no URL.
        StorageUnavailableError: The file system of ``storage`` is not installed.
        UnknownArgumentError: A keyword that no operator takes.
    """
    known = operator_parameters(_LinepipeDecoratedOperator)
    for name in kwargs:
        if name not in known:
            raise unknown_argument(name, owner="linepipe_task", known=known)
    if storage is not None:
        kwargs["storage"] = check_storage(storage)
    return task_decorator_factory(
        python_callable=python_callable,
        multiple_outputs=bool(multiple_outputs),
        decorated_operator_class=_LinepipeDecoratedOperator,
        outputs=_checked_names(outputs),
        **kwargs,
    )


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
