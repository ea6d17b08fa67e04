"""Telling other software: each event once for each endpoint, signed, tried for four days, never lost by a crash."""

import asyncio
import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import pytest
from sqlalchemy import func, select, update

from flows import relay
from flows.webhooks import tell_due
from models.engine import Event, WebhookDelivery, WebhookEndpoint
from models.vocabulary import CallResult, CaseState, Role, WebhookState
from services.cases import calls
from services.channels.webhooks import shown_secret
from services.correspondence import webhooks
from services.forms import CallForm, Remedy, ReplayForm, WebhookForm
from services.foundation.database import UnitOfWork
from services.foundation.errors import GuardRefused, NotFound
from services.foundation.runtime import Runtime
from services.rules.casework import Hand
from services.rules.policy import Actor
from tests.delivery_worker import tell_until_killed
from tests.factories import Office, make_case, make_office
from tests.listener import Listener

WHY = Remedy(reason="Serveur réparé")
DAY = timedelta(days=1)


@pytest.fixture
def office(runtime: Runtime) -> Office:
    return make_office(runtime)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as found:
        yield found


def hand(office: Office) -> Hand:
    return Hand(Actor("person", office.claire.id, programme_id=office.programme_id, role=Role.ADMINISTRATOR))


def listen(office: Office, listener: Listener, *types: str) -> UUID:
    form = WebhookForm(label="Entrepôt", url=f"{listener.url}/relais", types=list(types))
    with office.runtime.database.write("test") as unit:
        return webhooks.add(unit, hand(office), form, local=True).id


def call_twice(office: Office) -> UUID:
    case_id = make_case(office, CaseState.TO_CONTACT)
    for _ in range(2):
        form = CallForm(result=CallResult.NO_ANSWER)
        with office.runtime.database.write("test") as unit:
            calls.record_call(unit, Hand(office.karim), case_id, form)
    return case_id


def run(office: Office) -> None:
    asyncio.run(relay.drain())
    asyncio.run(tell_due())


def states(office: Office) -> list[str]:
    with office.runtime.database.read() as unit:
        return list(unit.session.scalars(select(WebhookDelivery.state).order_by(WebhookDelivery.id)))


def test_what_an_endpoint_asked_for_is_told_once_signed_and_without_a_name(office: Office, listener: Listener) -> None:
    endpoint_id = listen(office, listener, "call.attempted")
    case_id = call_twice(office)

    run(office)
    run(office)

    with office.runtime.database.read() as unit:
        wanted = select(Event.id).where(Event.type == "call.attempted").order_by(Event.seq)
        events = [str(each) for each in unit.session.scalars(wanted)]
        secret = shown_secret(webhooks.secret(office.runtime, unit.session.get_one(WebhookEndpoint, endpoint_id)))
    assert listener.ids == events
    path, headers, body = listener.heard[0]
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    key = b64decode(secret.removeprefix("whsec_"))
    assert headers["webhook-signature"] == "v1," + b64encode(hmac.new(key, signed, sha256).digest()).decode()
    assert abs(datetime.now(UTC).timestamp() - int(headers["webhook-timestamp"])) < 60
    told = json.loads(body)
    assert path == "/relais"
    assert set(told) == {"type", "timestamp", "data"}
    assert told["data"]["case_id"] == str(case_id)
    assert "Le Goff" not in body.decode()
    assert states(office) == ["delivered"] * 2


def test_a_server_that_is_away_is_asked_again_later_and_its_order_kept(office: Office, listener: Listener) -> None:
    listen(office, listener, "call.*")
    call_twice(office)
    listener.answers = [503]

    run(office)
    assert states(office) == ["queued", "queued"]
    assert len(listener.heard) == 1
    run(office)
    assert len(listener.heard) == 1

    office.clock.at += timedelta(minutes=1)
    run(office)
    assert listener.ids[0] == listener.ids[1]
    assert states(office) == ["delivered", "delivered"]


def test_what_is_refused_for_four_days_is_given_up_shown_and_told_again_when_asked(
    office: Office, listener: Listener
) -> None:
    endpoint_id = listen(office, listener, "call.attempted")
    call_twice(office)
    listener.answers = [400, 302, *[500] * 300]
    for later in (timedelta(minutes=1), timedelta(hours=95), timedelta(hours=1), timedelta()):
        run(office)
        office.clock.at += later

    assert states(office) == ["abandoned", "abandoned"]
    assert {path for path, _, _ in listener.heard} == {"/relais"}
    tried = len(listener.heard)
    listener.answers = []
    with office.runtime.database.write("test") as unit:
        assert webhooks.abandoned(unit) == 2
        first = webhooks.deliveries(unit, hand(office).actor, endpoint_id, WebhookState.ABANDONED)[0]
        webhooks.replay_one(unit, hand(office), first.id, WHY)
        with pytest.raises(GuardRefused):
            webhooks.replay_one(unit, hand(office), first.id, WHY)
    run(office)
    assert len(listener.heard) == tried + 1
    assert sorted(states(office)) == ["abandoned", "delivered"]


def test_a_period_is_told_again_even_from_before_the_endpoint(office: Office, listener: Listener) -> None:
    call_twice(office)
    run(office)
    endpoint_id = listen(office, listener, "call.attempted")
    period = ReplayForm(since=office.clock.at - DAY, until=office.clock.at + DAY, reason="Entrepôt vide")

    with office.runtime.database.write("test") as unit:
        assert webhooks.replay_period(unit, hand(office), endpoint_id, period) == 2
    run(office)
    with office.runtime.database.write("test") as unit:
        assert webhooks.replay_period(unit, hand(office), endpoint_id, period) == 2
    run(office)

    assert len(listener.ids) == 4
    assert len(set(listener.ids)) == 2


def test_a_new_secret_signs_beside_the_old_one_for_a_day(office: Office, listener: Listener) -> None:
    endpoint_id = listen(office, listener, "call.attempted")
    with office.runtime.database.write("test") as unit:
        webhooks.renew_secret(unit, hand(office), endpoint_id, WHY)
    call_twice(office)
    run(office)
    office.clock.at += DAY + timedelta(minutes=1)
    call_twice(office)
    run(office)

    assert [len(headers["webhook-signature"].split()) for _, headers, _ in listener.heard] == [2, 2, 1, 1]
    signatures = listener.heard[0][1]["webhook-signature"].split()
    assert len(set(signatures)) == 2


def test_a_server_that_is_gone_hears_nothing_more(office: Office, listener: Listener) -> None:
    listen(office, listener, "call.attempted")
    call_twice(office)
    listener.answers = [410]

    run(office)
    call_twice(office)
    run(office)

    assert len(listener.heard) == 1
    assert states(office) == ["cancelled", "cancelled"]


def test_a_crash_between_the_sending_and_its_record_sends_again_under_the_same_id(
    office: Office, listener: Listener
) -> None:
    listen(office, listener, "call.attempted")
    call_twice(office)
    asyncio.run(relay.drain())

    assert tell_until_killed(office.runtime, "webhook.sent") == -9
    assert len(listener.heard) == 1
    run(office)
    assert len(listener.heard) == 1  # held until the lease runs out
    with office.runtime.database.write("test") as unit:
        unit.session.execute(update(WebhookDelivery).values(leased_until=datetime(2020, 1, 1, tzinfo=UTC)))
    run(office)

    assert listener.ids[0] == listener.ids[1]
    assert len(set(listener.ids)) == 2
    assert states(office) == ["delivered", "delivered"]


def test_another_programme_and_a_coordinator_know_nothing_of_an_endpoint(office: Office, listener: Listener) -> None:
    endpoint_id = listen(office, listener, "call.attempted")
    stranger = Actor("person", office.claire.id, programme_id=UUID(int=1), role=Role.ADMINISTRATOR)

    def count(unit: UnitOfWork) -> int:
        return unit.session.scalar(select(func.count()).select_from(WebhookEndpoint)) or 0

    with office.runtime.database.read() as unit:
        assert count(unit) == 1
        assert webhooks.endpoints(unit, stranger) == []
        with pytest.raises(NotFound):
            webhooks.endpoint(unit, stranger, endpoint_id)
