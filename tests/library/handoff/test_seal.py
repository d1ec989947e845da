"""Signed records: what was changed, or signed by somebody else, is not opened."""

from __future__ import annotations

import pytest

from airflow_linepipe.errors import UntrustedEntryError
from airflow_linepipe.handoff import Seal


def test_no_byte_of_a_record_can_be_changed_added_or_left_out():
    seal = Seal("sealed")
    whole = seal.close({"key": "k", "outputs": [1, None, {"a": "b"}]})
    damaged = [
        whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :]
        for place in range(len(whole))
        for bit in range(8)
    ]
    damaged += [whole[:place] for place in range(len(whole))] + [
        whole + b" ",
        whole + b"\n",
        b"\n" + whole,
        b" " + whole,
    ]
    damaged += [whole[:place] + whole[place + 1 :] for place in range(len(whole))]
    for content in damaged:
        with pytest.raises(UntrustedEntryError):
            seal.open(content)
    assert seal.open(whole) == {"key": "k", "outputs": [1, None, {"a": "b"}]}


@pytest.mark.parametrize("content", [b"", b"\n", b"{}", b"\n{}", b"[1]", b"0" * 64 + b"\n{}"])
def test_what_was_never_signed_is_not_opened(content):
    with pytest.raises(UntrustedEntryError, match="damaged, or signed with another secret"):
        Seal("sealed").open(content)


def test_another_secret_opens_nothing_and_sees_no_name():
    sealed = Seal("sealed")
    for other in (Seal("other"), Seal()):
        with pytest.raises(UntrustedEntryError):
            other.open(sealed.close({"a": 1}))
        assert other.name != sealed.name
        assert other.blind("x") != sealed.blind("x")
