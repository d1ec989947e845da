"""A run of a real Airflow, waited for and asked through the REST API."""

from __future__ import annotations

from airflow_linepipe.handoff import ArtifactRef, Exchange


class Finished:
    """A run that has come to its end, with its tasks and its values."""

    def __init__(self, airflow, dag_id, run_id):
        self._airflow, self._key = airflow, (dag_id, run_id)
        self.run_id = run_id
        self.state = airflow.wait(*self._key, timeout=240).state
        self.tasks = {task.task_id: task for task in airflow.tasks(*self._key)}
        self.xcoms = airflow.xcoms(*self._key)

    def value(self, task_id, key="return_value"):
        return Exchange("file:///unused").get(self._reference(task_id, key))

    def uri(self, task_id):
        return self._reference(task_id, "return_value").uri

    def _reference(self, task_id, key):
        (wire,) = [xcom.value for xcom in self.xcoms if (xcom.task_id, xcom.key) == (task_id, key)]
        return ArtifactRef.from_wire(wire)

    def log(self, task_id):
        """The log of its last try."""
        return self._airflow.log(*self._key, task_id, try_number=self.tasks[task_id].try_number)
