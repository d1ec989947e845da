"""Jinja and references in one template field."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from airflow_linepipe.handoff import is_reference

if TYPE_CHECKING:
    import jinja2
    from airflow.sdk import Context

__all__ = ["ReferenceTemplating"]


class ReferenceTemplating(BaseOperator):
    """An operator whose template fields leave references as they are.

    Airflow renders what ``expand_kwargs()`` gets from another task, and with it a text such as "{{ ds }}" that stands
    in a reference as its value.
    """

    def render_template(
        self,
        content: Any,
        context: Context,
        jinja_env: jinja2.Environment | None = None,
        seen_oids: set[int] | None = None,
    ) -> Any:
        """See Airflow's `Templater.render_template`."""
        if is_reference(content):
            return content
        return super().render_template(content, context, jinja_env, seen_oids)
