"""The catalogue of error codes."""

from __future__ import annotations

import logging
import os
from enum import Enum

import fastapi.exceptions
import httpx
import pydantic
import pytest

from fm_otel import errors
from fm_otel.errors import ErrorCode, code_for, lookup, mnemonic_for, register_error_codes, resolve


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch):
    monkeypatch.setattr(errors, "_registry", errors._Registry())


def test_every_code_is_found_by_number_mnemonic_and_alias():
    """Whatever dialect a program speaks, the record shows the mnemonic."""
    for code in errors.CATALOGUE:
        for spelling in code.spellings:
            assert resolve(spelling) == code.mnemonic
    assert resolve("SESSION_002") == "SESSION_EXPIRED"
    assert resolve("LLM_SERVICE_ERROR") == "LLM_PROVIDER_ERROR"
    assert resolve(lookup("INFRA_001")) == "REDIS_CONNECTION_FAILED"


def test_no_spelling_means_two_codes():
    """A duplicate would make the later code silently win."""
    spellings = [spelling for code in errors.CATALOGUE for spelling in code.spellings]
    assert len(spellings) == len(set(spellings))


@pytest.mark.parametrize(
    ("value", "expected"),
    [("BILLING_FAILED", "BILLING_FAILED"), (" SESSION_EXPIRED ", "SESSION_EXPIRED"),
     ("not a code", None), ("lower_case", None), ("AB", None), ("X" * 42, None), (404, None),
     (None, None), ([], None)],
)
def test_unknown_values_pass_only_when_well_formed(value, expected):
    """Free text never becomes an error code, which is a metric label."""
    assert resolve(value) == expected


def test_string_enum_members_are_their_value():
    """Programs keep their codes in enums."""

    class Code(str, Enum):  # noqa: UP042 - what programs have
        EXPIRED = "SESSION_002"

    assert resolve(Code.EXPIRED) == "SESSION_EXPIRED"


def test_category_is_the_prefix_and_level_follows_severity():
    """Category and level come from the catalogue, not from the caller."""
    code = lookup("LLM_AUTHENTICATION_FAILED")
    assert (code.category, code.severity, code.http_status) == ("INFRA", "critical", 502)
    assert code.level == logging.CRITICAL
    assert lookup("SESSION_EXPIRED").level == logging.WARNING
    assert errors.category_of("SESSION_EXPIRED") == "SESSION"
    assert errors.category_of("NOT_OURS") is None


def test_exception_attribute_beats_its_type():
    """The program's own code is the most exact."""

    class Expired(TimeoutError):
        error_code = "SESSION_002"

    assert mnemonic_for(Expired()) == "SESSION_EXPIRED"
    assert code_for(Expired()).http_status == 401


def test_raising_property_falls_back_to_the_type():
    """Reading an exception's code never raises."""

    class Odd(TimeoutError):
        @property
        def error_code(self):
            raise RuntimeError

    assert mnemonic_for(Odd()) == "TIMEOUT_ERROR"


class RedisError(Exception):
    """Stands where the library's class would, under its module name."""


RedisError.__module__ = "redis.exceptions"


class ResponseError(RedisError):
    """A subclass that the mapping does not name."""


def _invalid() -> pydantic.ValidationError:
    with pytest.raises(pydantic.ValidationError) as caught:
        pydantic.TypeAdapter(int).validate_python("x")
    return caught.value


@pytest.mark.parametrize(
    ("exc", "expected"),
    [(TimeoutError(), "TIMEOUT_ERROR"), (ConnectionRefusedError(), "SERVICE_CONNECTION_ERROR"),
     (httpx.ConnectError("x"), "SERVICE_CONNECTION_ERROR"), (httpx.ReadTimeout("x"), "TIMEOUT_ERROR"),
     (fastapi.exceptions.RequestValidationError([]), "VALIDATION_FAILED"),
     (_invalid(), "VALIDATION_FAILED"),
     (ResponseError(), "REDIS_OPERATION_FAILED"), (ValueError(), None), (KeyError("x"), None)],
)
def test_exceptions_of_libraries_have_codes(exc, expected):
    """Known failures are named without importing the libraries."""
    assert mnemonic_for(exc) == expected


def test_registered_codes_and_exceptions():
    """Applications extend the catalogue; subclasses of a mapped exception are covered."""

    class BillingError(Exception):
        pass

    class CardError(BillingError):
        pass

    code = ErrorCode("BILLING_001", "BILLING_FAILED", severity="high", http_status=502)
    register_error_codes(code, exceptions={BillingError: code, os.error: "RESOURCE_UNAVAILABLE"})
    assert code.category == "BILLING"
    assert resolve("BILLING_001") == "BILLING_FAILED"
    assert code_for(CardError()) is code
    assert mnemonic_for(FileNotFoundError()) == "RESOURCE_UNAVAILABLE"
    assert errors.error_codes()[-1] is code


def test_mistakes_are_found_where_codes_are_registered():
    """A bad code fails at start-up, not when the first failure is logged."""
    with pytest.raises(ValueError, match="not in the catalogue"):
        register_error_codes(exceptions={ValueError: "NO_SUCH_CODE"})
    with pytest.raises(ValueError, match="does not match"):
        ErrorCode("bad", "ALSO_BAD")
    with pytest.raises(ValueError, match="severity"):
        ErrorCode("GOOD_001", "GOOD_CODE", severity="fatal")
