"""What a right to call is enough for, where nobody answers."""

from __future__ import annotations

from traceback import format_exception

import pytest
from pydantic import SecretStr

from langchain_tuned_gemini.errors import ServiceUnreachableError
from langchain_tuned_gemini.names.tuned_model_name import TunedModelName
from langchain_tuned_gemini.services.by_access import raw_record, total_steps
from langchain_tuned_gemini.transport.access import DeveloperAccess

ACCESS = DeveloperAccess(SecretStr("AQ.made-up-key"), "http://me:hunter-22@127.0.0.1:1")
NAME = TunedModelName.parse("tunedModels/sql-expert-v1")


def test_a_record_that_cannot_be_read_shows_neither_the_key_nor_the_password() -> None:
    with pytest.raises(ServiceUnreachableError) as caught:
        raw_record(ACCESS, NAME)

    request = caught.value.__cause__.request  # type: ignore[union-attr]
    told = "".join(format_exception(caught.value)) + str(request.headers.raw) + str(request.url)
    assert "127.0.0.1:1" in told
    assert "hunter-22" not in told
    assert "made-up" not in told


def test_the_number_of_steps_is_unknown_while_nobody_answers() -> None:
    assert total_steps(ACCESS, NAME) is None
