"""Everything else: a pickle, opened only after its digest has been verified."""

from __future__ import annotations

import pathlib
import pickle
from typing import Any, BinaryIO

from airflow_linepipe.handoff.codecs.codec import Encoding, Payload, type_name

__all__ = ["PickleCodec"]


class PickleCodec:
    """Any value that pickle takes, protocol 5."""

    name = "pickle"

    def encode(self, value: Any) -> Encoding | None:
        # A path that is no file means nothing on another machine.
        if isinstance(value, pathlib.Path):
            return None

        def write(file: BinaryIO) -> None:
            pickle.dump(value, file, protocol=5)

        return Encoding(type=type_name(value), extension=".pickle", write=write)

    def decode(self, payload: Payload) -> Any:
        return pickle.loads(payload.view)  # noqa: S301  (the digest came through the metadata database)
