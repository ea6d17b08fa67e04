"""Where another software may be told of an event, and where never: this network, this machine, in clear."""

import asyncio
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest

from services.channels import webhooks
from services.channels.webhooks import Call, Outcome, check_url, is_open, new_client, post
from services.foundation.errors import InvalidInput
from tests.listener import Listener

CLOSED = (
    "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.1.2.3", "224.0.0.1", "255.255.255.255",
    "::", "fe80::1", "fd00::1", "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::", "ff02::1",
)  # fmt: skip


@pytest.mark.parametrize("address", CLOSED)
def test_a_private_machine_is_never_written_to(address: str) -> None:
    assert not is_open(ip_address(address), local=True)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_written_to_in_development_only(address: str) -> None:
    assert is_open(ip_address(address), local=True)
    assert not is_open(ip_address(address), local=False)


def test_a_public_machine_is_written_to() -> None:
    assert all(is_open(ip_address(each), local=False) for each in ("80.67.169.12", "2001:910:800::12"))


@pytest.mark.parametrize(
    "url",
    ["http://entrepot.example/", "https://10.0.0.1/", "https://[fd00::1]/", "https://user:pass@entrepot.example/",
     "https://localhost/", "https://entrepot.example:port/", "ftp://entrepot.example/", "https:///x", "https://é.example/",
     "https://entrepot.example/#a"],
)  # fmt: skip
def test_an_address_that_can_never_be_told_is_refused_when_it_is_given(url: str) -> None:
    with pytest.raises(InvalidInput):
        check_url(url, local=False)


def test_an_address_is_taken_in_https_or_in_clear_on_this_machine_alone() -> None:
    check_url("https://entrepot.example:8443/relais?k=1", local=False)
    check_url("http://127.0.0.1:8000/relais", local=True)
    with pytest.raises(InvalidInput):
        check_url("http://entrepot.example/", local=True)


def told(url: str, *, local: bool) -> webhooks.Reply:
    async def tell() -> webhooks.Reply:
        async with new_client() as client:
            return await post(client, Call(url, "id", b"{}", (b"x" * 32,), datetime.now(UTC)), local=local)

    return asyncio.run(tell())


def test_a_name_that_leads_to_this_machine_is_found_out_when_it_is_resolved() -> None:
    with Listener() as listener:
        by_name = listener.url.replace("127.0.0.1", "localhost")

        assert told(by_name, local=False) == webhooks.Reply(Outcome.BUSY, error="AddressRefused")
        assert listener.heard == []


def test_what_a_server_says_decides_what_follows() -> None:
    with Listener(answers=[200, 302, 404, 500, 410, 429]) as listener:
        outcomes = [told(f"{listener.url}/a?b=c", local=True).outcome for _ in range(6)]

    assert [path for path, _, _ in listener.heard] == ["/a?b=c"] * 6
    assert listener.heard[0][1]["host"] == listener.url.removeprefix("http://")
    refused = [Outcome.REFUSED] * 3
    assert outcomes == [Outcome.DELIVERED, *refused, Outcome.GONE, Outcome.BUSY]
    assert told("http://127.0.0.1:1/", local=True).outcome is Outcome.BUSY


def test_a_pause_that_is_asked_for_is_kept_within_a_day() -> None:
    assert webhooks._rest("120") == timedelta(minutes=2)
    assert webhooks._rest("99999999") == timedelta(days=1)
    assert webhooks._rest("Wed, 21 Oct 2026 07:28:00 GMT") is None
