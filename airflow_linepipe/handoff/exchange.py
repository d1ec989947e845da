"""Values in, references out, and back: joins the codecs to the stores."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, Self, cast

from airflow_linepipe.errors import (
    ArtifactAlteredError,
    ArtifactNotFoundError,
    ArtifactTruncatedError,
    ArtifactUnreadableError,
    BrokenCodecError,
    HandoffError,
    PickleRefusedError,
    SettingError,
    StorageDeniedError,
    StorageFaultError,
    UnknownCodecError,
    UnknownColumnError,
    UnsupportedValueError,
)
from airflow_linepipe.handoff.codecs import (
    ENTRY_POINT_GROUP,
    TABLE_TYPES,
    CodecRegistry,
    Compression,
    Payload,
    type_name,
)
from airflow_linepipe.handoff.layout import Producer, artifact_uri, producer_in, producer_of
from airflow_linepipe.handoff.reference import ArtifactRef
from airflow_linepipe.handoff.stores import Store, check_storage, open_store

if TYPE_CHECKING:
    from blake3 import blake3

    from airflow_linepipe.handoff.codecs import Codec, Encoding

__all__ = ["COMPRESSIONS", "Exchange", "storage_error"]

COMPRESSIONS: Final = ("auto", "none", "lz4", "zstd")
_ALGORITHM: Final = "blake3"
# What is written is digested at the same time, in a second thread, if it is large enough.
_FOR_A_HELPER: Final = 1 << 19
_FOR_THREADS: Final = 1 << 25
# What Airflow calls the module of a DAG file.
_DAG_FILE: Final = "unusual_prefix_"


class Exchange:
    """Stores values under one storage and gives them back.

    A context manager: files that a value needs on disk while it is used live until it is closed.

    Args:
        storage: The URL below which new artifacts are written; a reference may point elsewhere.
        open_store: Gives the store of a URI.
        codecs: The codecs to use.
        compression: How tables are compressed: "zstd", "lz4", "none", or "auto" for zstd where bytes travel and none on
            a local disk. One that would hardly become smaller stays as it is.
        allow_pickle: Whether pickles may be written and opened.
    """

    def __init__(
        self,
        storage: str,
        *,
        open_store: Callable[[str], Store] = open_store,
        codecs: CodecRegistry | None = None,
        compression: Compression | Literal["auto"] = "auto",
        allow_pickle: bool = True,
    ) -> None:
        self.storage = check_storage(storage)
        self._open_store = open_store
        if compression == "auto":
            compression = "none" if self.storage.startswith("file://") else "zstd"
        self._codecs = codecs or CodecRegistry(compression=compression)
        self._allow_pickle = allow_pickle
        self._scratch = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._scratch.close()

    def put(self, value: Any, *, name: str, producer: Producer) -> ArtifactRef:
        """Store a value.

        Args:
            value: Any value that a codec takes.
            name: The output's name.
            producer: Who makes it.

        Returns:
            The reference. When it is there, the whole artifact is in storage.

        Raises:
            UnsupportedValueError: No codec takes the value.
            StorageDeniedError: The storage does not allow it.
            StorageFaultError: The storage failed, or is full.
            PickleRefusedError: Only pickle would, and it is not allowed.
            BrokenCodecError: A codec that a package registers cannot be loaded.
        """
        codec, encoding = self._encode(value, name, producer)
        uri = artifact_uri(self.storage, producer, name, encoding.extension)
        try:
            with self._open_store(uri).write(uri) as file, _Counted(file, encoding) as counted:
                try:
                    encoding.write(cast("BinaryIO", counted))
                except MemoryError:
                    raise
                except Exception as error:  # whatever the value's own __reduce__ or __getstate__ raises
                    if counted.failure is not None:
                        raise counted.failure from error
                    raise _unsupported(value, name, producer, f"{type(error).__name__}: {error}") from error
        except OSError as error:
            raise storage_error(error, f"Output '{name}' of {producer} cannot be written to {uri}") from error
        return ArtifactRef(
            name=name,
            uri=uri,
            codec=codec.name,
            type=encoding.type,
            nbytes=counted.nbytes,
            digest=f"{_ALGORITHM}:{counted.digest.hexdigest()}",
            summary=encoding.summary,
            value=encoding.value,
        )

    def get(self, reference: ArtifactRef, *, columns: Sequence[Any] = ()) -> Any:
        """Read a value back, after its bytes have been verified against the reference.

        Args:
            reference: What `put` returned, here or in another process.
            columns: The labels of the columns to read of a table, in this order; all if left out. A frame has its
                index all the same.

        Returns:
            The value, the caller's own to change.

        Raises:
            ArtifactNotFoundError: Nothing lies there any more.
            ArtifactAlteredError: What lies there is not what was written.
            ArtifactTruncatedError: A part of it is missing.
            StorageDeniedError: The storage does not allow it.
            StorageFaultError: The storage failed, also after more attempts.
            ArtifactUnreadableError: The codec cannot decode it here.
            PickleRefusedError: It is a pickle, and they are not allowed.
            UnknownCodecError: Its codec is not installed.
            UnknownColumnError: It has no such column, or is no table.
            SettingError: ``columns`` is no list, or one of them stands there twice.
            BrokenCodecError: A codec that a package registers cannot be loaded.
        """
        codec = self._codec_of(reference)
        _check_chosen(columns)
        if codec.unpickles and not self._allow_pickle:
            message = (
                f"Artifact '{reference.name}' ({reference.type}) is a pickle, and [linepipe] allow_pickle is off: "
                f"it stays closed. It was written by {self._origin(reference)}."
            )
            raise PickleRefusedError(message)
        if columns and reference.type not in TABLE_TYPES:
            message = (
                f"Artifact '{reference.name}' is a {reference.type}, which has no columns to choose from: it was "
                f"written by {self._origin(reference)}."
            )
            raise UnknownColumnError(message)
        payload = Payload(
            view=self._read(reference, codec), reference=reference, scratch=self._new_folder, columns=tuple(columns)
        )
        try:
            return codec.decode(payload)
        except (MemoryError, UnknownColumnError):
            raise
        except Exception as error:  # decoding a pickle runs the code of its classes
            message = (
                f"Artifact '{reference.name}' ({reference.type}, codec {reference.codec}) cannot be decoded here: "
                f"{type(error).__name__}: {error}. It was written by {self._origin(reference)}."
            )
            raise ArtifactUnreadableError(message) from error

    def _encode(self, value: Any, name: str, producer: Producer) -> tuple[Codec, Encoding]:
        try:
            found = self._codecs.encode(value)
        except (MemoryError, BrokenCodecError):
            raise
        except Exception as error:  # looking at a value runs its own code, and another thread may change it
            raise _unsupported(value, name, producer, f"{type(error).__name__}: {error}") from error
        if found is None:
            raise _unsupported(value, name, producer, "it is a path, and no regular file is there")
        if found[0].unpickles and not self._allow_pickle:
            message = (
                f"Output '{name}' of {producer} is a {type_name(value)}, which only pickle could carry, and "
                f"[linepipe] allow_pickle is off: return a table, an array or plain data, or register a codec."
            )
            raise PickleRefusedError(message)
        return found

    def _codec_of(self, reference: ArtifactRef) -> Codec:
        try:
            return self._codecs.named(reference.codec)
        except KeyError as error:
            message = (
                f"Artifact '{reference.name}' ({reference.type}) needs the codec '{reference.codec}', which is not "
                f"installed here: install the package that registers it (entry-point group '{ENTRY_POINT_GROUP}'). "
                f"It was written by {self._origin(reference)}."
            )
            raise UnknownCodecError(message) from error

    def _read(self, reference: ArtifactRef, codec: Codec) -> memoryview:
        try:
            # What is verified here is what is opened: somebody may still write to a mapped file.
            view = self._open_store(reference.uri).read(
                reference.uri, mapped=not codec.unpickles, nbytes=reference.nbytes
            )
        except FileNotFoundError as error:
            message = (
                f"Artifact '{reference.name}' is gone: nothing lies at {reference.uri}. It was written by "
                f"{self._origin(reference)}; clear that task to make it again."
            )
            raise ArtifactNotFoundError(message) from error
        except OSError as error:
            what = (
                f"Artifact '{reference.name}' at {reference.uri}, written by {self._origin(reference)}, cannot be read"
            )
            raise storage_error(error, what) from error
        problem = _difference(view, reference)
        if problem:
            message = (
                f"Artifact '{reference.name}' at {reference.uri} is not what was written: {problem}. It was written "
                f"by {self._origin(reference)}; clear that task to make it again."
            )
            raise (ArtifactTruncatedError if view.nbytes < reference.nbytes else ArtifactAlteredError)(message)
        return view

    def _origin(self, reference: ArtifactRef) -> str:
        producer = producer_of(self.storage, reference.uri) or producer_in(reference.uri)
        return str(producer) if producer else f"the task that stored {reference.uri}"

    def _new_folder(self) -> Path:
        return Path(self._scratch.enter_context(tempfile.TemporaryDirectory(prefix="linepipe-")))


class _Counted(io.RawIOBase):
    """A binary file that counts and digests what is written to it.

    Args:
        file: Where it goes.
        encoding: Whose `write` writes to it. If its buffers last, the digest may fall behind.
    """

    def __init__(self, file: BinaryIO, encoding: Encoding) -> None:
        self._file = file
        self._lasting = encoding.lasting
        self._helper = ThreadPoolExecutor(1)
        self._digesting: list[Future[blake3]] = []
        self.digest = _new_digest(encoding.largest)
        self.nbytes = 0
        # What the storage, and not the value, has raised.
        self.failure: OSError | None = None

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        if view.nbytes < _FOR_A_HELPER and not self._is_behind():
            self.digest.update(view)
            self._forward(view)
        else:
            digesting = self._helper.submit(self.digest.update, view)
            self._digesting.append(digesting)
            try:
                self._forward(view)
            finally:
                if not self._lasting:
                    digesting.result()
        self.nbytes += view.nbytes
        return view.nbytes

    def _is_behind(self) -> bool:
        return bool(self._digesting) and not self._digesting[-1].done()

    def _forward(self, view: memoryview) -> None:
        try:
            self._file.write(view)
        except OSError as error:
            self.failure = error
            raise

    def close(self) -> None:
        self._helper.shutdown()
        for digesting in self._digesting:
            digesting.result()
        super().close()

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.nbytes


def _new_digest(nbytes: int) -> blake3:
    """A digest for buffers of this size: waking other threads takes longer than digesting a smaller one."""
    from blake3 import blake3

    return blake3(max_threads=blake3.AUTO if nbytes >= _FOR_THREADS else 1)


def _difference(view: memoryview, reference: ArtifactRef) -> str:
    """What the stored bytes differ in from those of the reference; "" if in nothing."""
    if view.nbytes != reference.nbytes:
        return f"it has {view.nbytes} bytes instead of {reference.nbytes}"
    algorithm, _, expected = reference.digest.partition(":")
    if algorithm != _ALGORITHM:
        return f"its digest is of the unknown kind '{algorithm}'"
    if _new_digest(view.nbytes).update(view).hexdigest() != expected:
        return "its digest differs"
    return ""


def _check_chosen(columns: object) -> None:
    if isinstance(columns, str) or not isinstance(columns, Sequence):
        message = f"columns={columns!r}: give a list of columns, such as ['delay']."
        raise SettingError(message)
    if len(set(columns)) < len(columns):
        message = f"columns={columns!r}: one of them stands there twice."
        raise SettingError(message)


def storage_error(error: OSError, what: str) -> HandoffError:
    """The typed error for what a storage has raised.

    Args:
        error: What it has raised.
        what: What could not be done, as the beginning of a sentence.
    """
    if isinstance(error, PermissionError):
        message = f"{what}: the storage does not allow it ({error}). Check the rights of this worker or connection."
        return StorageDeniedError(message)
    return StorageFaultError(f"{what}: {type(error).__name__}: {error}.")


def _unsupported(value: Any, name: str, producer: Producer, reason: str) -> HandoffError:
    kind = type_name(value)
    advice = f"return the data instead of the live object, or register a codec for {kind}"
    if _DAG_FILE in reason:
        advice = (
            "its class stands in the DAG file, which no other process imports by name: define it in a module of its own"
        )
    message = f"Output '{name}' of {producer} is a {kind}, which cannot travel between tasks ({reason}): {advice}."
    return UnsupportedValueError(message, artifact=name, type_name=kind)
