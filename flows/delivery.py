"""Delivery: messages that are due leave, doubts are cleared. Called by the relay and, as a safety net, by Prefect."""

from prefect import flow

from flows.webhooks import tell_due
from services.correspondence.delivery import Postman
from services.foundation.runtime import runtime
from services.rules.aftermath import AFTERMATH
from services.rules.ledger import CARRIED


def postman() -> Postman:
    """A postman for the runtime in use; whoever delivers again and again keeps one, and with it its connection."""
    return Postman.of(runtime(), AFTERMATH)


async def deliver_due(*, budget_s: float = 45, carrier: Postman | None = None) -> int:
    """Hand over what is due until nothing is left or the time is up; returns how many messages were tried.

    Safe to run twice at once: each message is claimed by one. Without `carrier` a connection is opened for this call.
    """
    if not runtime().settings.mail_enabled:
        return 0
    if carrier is not None:
        return await _deliver(carrier, budget_s=budget_s)
    async with postman() as passing:
        return await _deliver(passing, budget_s=budget_s)


async def _deliver(carrier: Postman, *, budget_s: float) -> int:
    until = carrier.monotonic() + budget_s
    await carrier.clear_doubts()
    tried = 0
    while carrier.monotonic() < until:
        batch = sum([await carrier.deliver(channel, until=until) for channel in CARRIED])
        if not batch:
            break
        tried += batch
    return tried


@flow(name="delivery")
async def delivery() -> int:
    """Deliver what is due, as the relay does, when Prefect's schedule asks."""
    return await deliver_due() + await tell_due()
