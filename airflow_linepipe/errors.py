"""Every error that airflow-linepipe raises on purpose, in one family.

Each class names what failed in structured attributes and also subclasses the
builtin that a caller would expect::

    LinepipeError
    ├── PlanError (ValueError)                  the pipeline cannot become a plan
    │   ├── PipelineTypeError (TypeError)       what should be a pipeline is none
    │   └── PipelineNotFoundError (ImportError) "package.module:attribute" leads nowhere
    ├── SettingError (ValueError)               a setting or an argument's value cannot be used
    ├── UnknownArgumentError (TypeError)        an argument that nothing takes
    ├── UnknownOutputError (KeyError)           group["name"]: the pipeline has no such output
    ├── RunError
    │   ├── OutputCountError (ValueError)       a node returned another number of values
    │   ├── OutputTypeError (TypeError)         a node returned what cannot be split into its outputs
    │   ├── MissingInputError (KeyError)        a step was run without one of its inputs
    │   └── RunNotFoundError (LookupError)      no run of this id left a record
    ├── MetricError (TypeError)                 what stands in place of a metric is no number
    ├── UntrustedEntryError (ValueError)        a record of the storage is damaged, or not signed with its secret
    ├── UnexpectedDataError (ValueError)        data is not as expected
    ├── ValidationError (ValueError)            data cannot be validated as asked; not: it is not as expected
    │   ├── ExpectationError                    what should be expectations cannot be used
    │   ├── UnsupportedTableError (TypeError)   what should be validated is no table that can be
    │   ├── CheckpointError (LookupError)       a checkpoint, or its project, is not there or cannot be run
    │   ├── DatabaseError (ConnectionError)     a database cannot be reached
    │   └── SplitError                          rows cannot be told apart by what failed
    ├── StandaloneError (RuntimeError)          an Airflow started for tests or the demo did not do its part
    └── HandoffError
        ├── InvalidReferenceError (ValueError)  a dict claims to be a reference and is not
        │   └── UnsupportedVersionError         a newer airflow-linepipe wrote it
        ├── UnsupportedValueError (TypeError)   no codec takes this value
        ├── UnknownCodecError (LookupError)     no codec of this name is installed
        ├── UnknownColumnError (KeyError)       a table has no column that its reader asks for
        ├── BrokenCodecError (ImportError)      a codec that a package registers cannot be loaded
        ├── PickleRefusedError (PermissionError) allow_pickle is off
        ├── StorageUnavailableError (ImportError) the storage's file system is not installed
        ├── StorageDeniedError (PermissionError) the storage does not allow it
        ├── StorageFaultError (OSError)         the storage failed, and trying again did not help
        ├── ArtifactNotFoundError (FileNotFoundError) nothing lies where the reference points
        ├── ArtifactAlteredError (ValueError)   what lies there is not what was written
        │   └── ArtifactTruncatedError (EOFError) a part of it is missing
        ├── ArtifactUnreadableError (OSError)   it is what was written, and cannot be decoded
        └── DamagedRecordError (ValueError)     a record of what must be kept cannot be read

    JoinWarning (UserWarning)                   a task after a branch would always be skipped
    UnreadOutputWarning (UserWarning)           nobody reads the rows that a quarantine has left
    HintWarning (UserWarning)                   two annotations of a pipeline cannot both be right
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "ArtifactAlteredError",
    "ArtifactNotFoundError",
    "ArtifactTruncatedError",
    "ArtifactUnreadableError",
    "BrokenCodecError",
    "CheckpointError",
    "DamagedRecordError",
    "DatabaseError",
    "ExpectationError",
    "HandoffError",
    "HintWarning",
    "InvalidReferenceError",
    "JoinWarning",
    "LinepipeError",
    "MetricError",
    "MissingInputError",
    "OutputCountError",
    "OutputTypeError",
    "PickleRefusedError",
    "PipelineNotFoundError",
    "PipelineTypeError",
    "PlanError",
    "Problem",
    "RunError",
    "RunNotFoundError",
    "SettingError",
    "SplitError",
    "StandaloneError",
    "StorageDeniedError",
    "StorageFaultError",
    "StorageUnavailableError",
    "UnexpectedDataError",
    "UnknownArgumentError",
    "UnknownCodecError",
    "UnknownColumnError",
    "UnknownOutputError",
    "UnreadOutputWarning",
    "UnsupportedTableError",
    "UnsupportedValueError",
    "UnsupportedVersionError",
    "UntrustedEntryError",
    "ValidationError",
]


class LinepipeError(Exception):
    """The root of the family; catch it to catch everything of ours."""

    def __str__(self) -> str:
        # KeyError and FileNotFoundError would show repr() or [Errno …] instead of the sentence.
        return str(self.args[0]) if self.args else type(self).__name__

    def __reduce__(self) -> tuple[Callable[..., LinepipeError], tuple[object, ...]]:
        # An error may cross processes; Exception's own way calls __init__ with the sentence alone.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[LinepipeError], arguments: tuple[object, ...], attributes: dict[str, object]) -> LinepipeError:
    error = kind.__new__(kind)
    error.args = arguments
    error.__dict__.update(attributes)
    return error


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """One thing that keeps a pipeline from becoming a plan.

    Attributes:
        node: The node it concerns, or "" when it concerns the whole pipeline.
        value: The input, output, constant or config path it concerns, or "".
        message: One sentence: what is wrong and what to do.
    """

    node: str
    value: str
    message: str


class PlanError(LinepipeError, ValueError):
    """A pipeline cannot become a plan; all its problems are reported together.

    Attributes:
        problems: Every problem found, in node order.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            message = self.problems[0].message
        else:
            lines = "".join(f"\n  {number}. {problem.message}" for number, problem in enumerate(self.problems, 1))
            message = f"The pipeline has {len(self.problems)} problems:{lines}"
        super().__init__(message)


class PipelineNotFoundError(PlanError, ImportError):
    """A dotted target such as "package.module:attribute" leads to no pipeline."""

    def __init__(self, target: str, message: str) -> None:
        self.target = target
        super().__init__([Problem(node="", value=target, message=message)])


class PipelineTypeError(PlanError, TypeError):
    """What should be a linepipe pipeline is something else."""


class SettingError(LinepipeError, ValueError):
    """A setting, an argument or an option cannot be used; the message says which."""


class UnknownArgumentError(LinepipeError, TypeError):
    """An argument that neither ours nor Airflow's class takes; the message offers the closest."""


class UnknownOutputError(LinepipeError, KeyError):
    """A pipeline has no output of this name; the message offers the closest."""


class RunError(LinepipeError):
    """A step ran, or was about to, and something around the user's function was wrong."""


class OutputCountError(RunError, ValueError):
    """A node returned another number of values than it declares outputs."""


class OutputTypeError(RunError, TypeError):
    """A node with several outputs returned something that is no sequence of values."""


class MissingInputError(RunError, KeyError):
    """A step was run without one of the values it reads."""


class RunNotFoundError(RunError, LookupError):
    """No run of this id left a record in this storage."""


class MetricError(LinepipeError, TypeError):
    """What stands in place of a metric is no number; the message says what it is."""


class UntrustedEntryError(LinepipeError, ValueError):
    """A record of the storage is damaged, or not signed with its secret: it is not believed."""


class ValidationError(LinepipeError, ValueError):
    """Data cannot be validated as asked: nothing is known of whether it is as expected."""


class ExpectationError(ValidationError):
    """What should be expectations cannot be used; the message says which, and what to write."""


class UnexpectedDataError(LinepipeError, ValueError):
    """Data is not as expected; the message says which expectations have failed, where, and what was found."""


class UnsupportedTableError(ValidationError, TypeError):
    """What should be validated is no table of a kind that can be."""


class CheckpointError(ValidationError, LookupError):
    """A checkpoint of Great Expectations, or its project, is not there or cannot be run."""


class DatabaseError(ValidationError, ConnectionError):
    """A database cannot be reached; trying again later can help."""


class SplitError(ValidationError):
    """The rows of a table cannot be told apart by what failed."""


class StandaloneError(LinepipeError, RuntimeError):
    """An Airflow that `airflow_linepipe.testing` started failed, refused, or did not answer in time."""


class HandoffError(LinepipeError):
    """A value could not be handed from one task to the next."""


class InvalidReferenceError(HandoffError, ValueError):
    """A dict says that it is an artifact reference, and is not a valid one."""


class UnsupportedVersionError(InvalidReferenceError):
    """A reference was written by a newer airflow-linepipe than the one that reads it."""


class UnsupportedValueError(HandoffError, TypeError):
    """No codec takes this value.

    Attributes:
        artifact: The output's name.
        type_name: The value's type.
    """

    def __init__(self, message: str, *, artifact: str, type_name: str) -> None:
        super().__init__(message)
        self.artifact = artifact
        self.type_name = type_name


class UnknownCodecError(HandoffError, LookupError):
    """A reference names a codec that is not installed here."""


class UnknownColumnError(HandoffError, KeyError):
    """A reader asks for a column that the stored table does not have, or for columns of what is no table."""


class BrokenCodecError(HandoffError, ImportError):
    """A codec that an installed package registers cannot be loaded; the message names both."""


class PickleRefusedError(HandoffError, PermissionError):
    """The value would travel as a pickle, and ``allow_pickle`` is off."""


class StorageUnavailableError(HandoffError, ImportError):
    """The storage URL's file system is not installed; the message says which package brings it."""


class StorageDeniedError(HandoffError, PermissionError):
    """The storage does not let this task read or write; the message says what and whose."""


class StorageFaultError(HandoffError, OSError):
    """The storage did not answer, broke off or is full, also after the attempts that could have helped."""


class ArtifactNotFoundError(HandoffError, FileNotFoundError):
    """Nothing lies where a reference points; the message names the task that wrote it."""


class ArtifactAlteredError(HandoffError, ValueError):
    """What lies in storage is not what was written."""


class ArtifactTruncatedError(ArtifactAlteredError, EOFError):
    """What lies in storage is shorter than what was written."""


class ArtifactUnreadableError(HandoffError, OSError):
    """The bytes are the ones that were written, and their codec cannot decode them here."""


class DamagedRecordError(HandoffError, ValueError):
    """A record of what must be kept cannot be read, so that nothing may be removed; the message says where it lies."""


class JoinWarning(UserWarning):
    """A task after a branch waits for all ways, of which only one is taken: it would always be skipped."""


class UnreadOutputWarning(UserWarning):
    """A task sets rows apart, and nothing behind it reads those that are left."""


class HintWarning(UserWarning):
    """A node's annotation and that of the node that makes its input cannot both be right."""
