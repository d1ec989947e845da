"""Records that nobody believes who was changed or forged: with a checksum that needs a secret."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from airflow_linepipe.errors import UntrustedEntryError

__all__ = ["Seal", "split_sealed"]

_CONTEXT: Final = "airflow-linepipe 2026 cache entries"


class Seal:
    """Signs records, and opens those that it has signed.

    Args:
        secret: What only those know who are believed; "" for a checksum that everybody can make.
    """

    def __init__(self, secret: str = "") -> None:
        from blake3 import blake3

        self._key: bytes = blake3(secret.encode(), derive_key_context=_CONTEXT).digest()
        # Of those with other secrets nothing is seen.
        self.name: str = self.blind("name")[:12] if secret else "unsigned"

    def blind(self, text: str) -> str:
        """A digest of which nobody can guess the text without the secret."""
        from blake3 import blake3

        return str(blake3(text.encode(errors="surrogatepass"), key=self._key).hexdigest(length=16))

    def close(self, record: Mapping[str, Any]) -> bytes:
        """A record, signed."""
        content = json.dumps(record, separators=(",", ":"), allow_nan=False).encode()
        return f"{self._signature(content)}\n".encode() + content

    def open(self, sealed: bytes) -> dict[str, Any]:
        """The record that was signed.

        Raises:
            UntrustedEntryError: It is damaged, or signed with another secret.
        """
        signature, content = split_sealed(sealed)
        if not hmac.compare_digest(signature, self._signature(content).encode()):
            message = "it is damaged, or signed with another secret"
            raise UntrustedEntryError(message)
        try:
            record = json.loads(content)
        except (ValueError, RecursionError) as error:
            message = f"it is no JSON ({error})"
            raise UntrustedEntryError(message) from error
        if not isinstance(record, dict):
            message = "it is no object"
            raise UntrustedEntryError(message)
        return record

    def _signature(self, content: bytes) -> str:
        from blake3 import blake3

        return str(blake3(content, key=self._key).hexdigest())


def split_sealed(sealed: bytes) -> tuple[bytes, bytes]:
    """The signature of a record and its JSON, whether they fit or not."""
    signature, _, content = sealed.partition(b"\n")
    return signature, content
