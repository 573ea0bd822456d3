"""Where tokens come from, how long they are kept, and what a refusal says."""

from typing import Any
from urllib.parse import parse_qs

import pytest

from licensing_portal.gateways.errors import AuthenticationFailed, GatewayError, Unavailable, Unreadable
from licensing_portal.gateways.tokens import ClientCredentialsTokens, StaticToken
from tests.environment import SANDBOX
from tests.unit.gateways import samples
from tests.unit.gateways.service import TENANT, Clock, Service

OTHER = "331af819-4e0b-49f7-a6bf-14e1165ad3a0"


@pytest.fixture
def source(service: Service, clock: Clock) -> ClientCredentialsTokens:
    return ClientCredentialsTokens(
        authority=f"{SANDBOX}/entra",
        client_id="app",
        client_secret="canary-secret",
        scope="https://graph.microsoft.com/.default",
        session_factory=service.session,
        clock=clock,
    )


def token(value: str = "one", lives: Any = 3599) -> dict[str, Any]:
    return {"token_type": "Bearer", "access_token": value, "expires_in": lives}


def test_a_static_token_is_for_its_own_tenant_alone() -> None:
    static = StaticToken("t", TENANT)
    static.forget(TENANT, "one")
    assert static.token(TENANT) == "t"
    with pytest.raises(AuthenticationFailed):
        static.token(OTHER)


def test_a_token_is_asked_of_the_customers_own_tenant(source: ClientCredentialsTokens, service: Service) -> None:
    service.answers(token())
    assert source.token(TENANT) == "one"
    call = service.calls[0]
    assert (call.method, call.path) == ("POST", f"/entra/{TENANT}/oauth2/v2.0/token")
    assert parse_qs(call.body.decode()) == {
        "grant_type": ["client_credentials"],
        "client_id": ["app"],
        "client_secret": ["canary-secret"],
        "scope": ["https://graph.microsoft.com/.default"],
    }


def test_a_token_is_kept_until_two_minutes_before_its_end(
    source: ClientCredentialsTokens, service: Service, clock: Clock
) -> None:
    service.answers(token("one"))
    service.answers(token("two"))
    assert source.token(TENANT) == "one"
    clock.now += 3599 - 121
    assert source.token(TENANT) == "one"
    clock.now += 2
    assert source.token(TENANT) == "two"


def test_tokens_of_two_tenants_are_never_mixed(source: ClientCredentialsTokens, service: Service) -> None:
    service.answers(token("one"))
    service.answers(token("two"))
    assert (source.token(TENANT), source.token(OTHER)) == ("one", "two")
    assert (source.token(TENANT), source.token(OTHER)) == ("one", "two")
    assert len(service.calls) == 2


def test_a_forgotten_token_is_asked_for_again(source: ClientCredentialsTokens, service: Service) -> None:
    source.forget(TENANT, "one")
    service.answers(token("one"))
    service.answers(token("two"))
    source.token(TENANT)
    source.forget(TENANT, "one")
    assert source.token(TENANT) == "two"


def test_a_refused_token_takes_no_newer_one_with_it(source: ClientCredentialsTokens, service: Service) -> None:
    service.answers(token("one"))
    service.answers(token("two"))
    source.token(TENANT)
    source.forget(TENANT, "one")
    source.token(TENANT)
    # Another thread hears only now that the first one was refused.
    source.forget(TENANT, "one")
    assert source.token(TENANT) == "two"
    assert len(service.calls) == 2


@pytest.mark.parametrize("lives", [3599, 3599.0, "3599", "3599.5", " 3599 "])
def test_a_life_is_read_in_any_spelling_of_a_number(
    source: ClientCredentialsTokens, service: Service, lives: Any
) -> None:
    service.answers(token("one", lives))
    assert [source.token(TENANT) for _ in range(2)] == ["one", "one"]


@pytest.mark.parametrize("lives", [None, "soon", [], -5, True, "inf", "nan", "1e999", 10**400])
def test_a_token_of_unknown_life_is_not_kept(source: ClientCredentialsTokens, service: Service, lives: Any) -> None:
    service.answers(token("one", lives))
    service.answers(token("two", "3599"))
    assert [source.token(TENANT) for _ in range(3)] == ["one", "two", "two"]


def test_a_refusal_names_microsofts_code_and_nothing_secret(source: ClientCredentialsTokens, service: Service) -> None:
    service.answers(samples.raw("error_token.json"), status=400)
    with pytest.raises(AuthenticationFailed) as caught:
        source.token(TENANT)
    assert caught.value.code == "invalid_grant"
    assert caught.value.message.startswith("AADSTS65001")
    assert "Trace ID" not in caught.value.message
    assert "canary-secret" not in repr(vars(caught.value)) + str(caught.value)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, AuthenticationFailed),
        (401, AuthenticationFailed),
        (302, Unavailable),
        (408, Unavailable),
        (429, Unavailable),
        (500, Unavailable),
        (503, Unavailable),
    ],
)
def test_only_a_refusal_is_a_failed_sign_in(
    source: ClientCredentialsTokens, service: Service, status: int, kind: type[GatewayError]
) -> None:
    service.answers(samples.raw("error_page.html"), status=status, Retry_After="30", Location="http://evil.test/")
    with pytest.raises(kind) as caught:
        source.token(TENANT)
    assert (caught.value.status, caught.value.retry_after) == (status, 30.0)
    assert len(service.calls) == 1


@pytest.mark.parametrize("body", [{}, [], {"access_token": ""}, {"access_token": 5}])
def test_an_answer_without_a_token_refuses_nobody(source: ClientCredentialsTokens, service: Service, body: Any) -> None:
    service.answers(body)
    with pytest.raises(Unreadable):
        source.token(TENANT)


def test_a_sign_in_service_that_is_away_is_unavailable(source: ClientCredentialsTokens, service: Service) -> None:
    service.drops()
    with pytest.raises(Unavailable):
        source.token(TENANT)
    service.answers(samples.raw("users_cut.json"))
    with pytest.raises(Unreadable):
        source.token(TENANT)
