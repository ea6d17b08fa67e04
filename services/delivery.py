"""Delivers what is due: claims, hands over with no transaction open, records; lets a server that is down rest."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Concatenate, Final, ParamSpec, Self, TypeVar

from sqlalchemy.exc import OperationalError

from models.vocabulary import Channel
from services.channels.evidence import CatcherEvidence, Evidence, NoEvidence
from services.channels.mail import FENCE_S, Handover, MailConnection, MailServer, Parcel, ServerUnavailable
from services.channels.sms import FolderSms, HttpSms, SmsReceipt, SmsResult, SmsSender
from services.foundation.crashpoints import crashpoint
from services.foundation.database import UnitOfWork
from services.foundation.errors import CaseworkError, Conflict
from services.foundation.runtime import Runtime
from services.rules import ledger
from services.rules.ledger import Aftermath, Doubt, Envelope
from services.rules.texts.mail import Draft, compose

BATCH: Final = 20
LEASE_S: Final = 120
SHORTEST_REST_S: Final = 5.0
LONGEST_REST_S: Final = 60.0
TRIES: Final = 5
PAUSE_S: Final = 0.05

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Breaker:
    """Lets a server rest after a failed connection: 5 s, doubled each time up to 60 s. Machine time, not business."""

    monotonic: Callable[[], float] = time.monotonic
    rest_s: float = 0.0
    until: float = float("-inf")

    @property
    def is_open(self) -> bool:
        """Whether the server is resting."""
        return self.monotonic() < self.until

    def trip(self) -> None:
        """The server cannot be reached."""
        self.rest_s = min(max(self.rest_s * 2, SHORTEST_REST_S), LONGEST_REST_S)
        self.until = self.monotonic() + self.rest_s

    def close(self) -> None:
        """The server answers."""
        self.rest_s, self.until = 0.0, float("-inf")


@dataclass
class Postman:
    """Carries messages for one task of one process: its connection, its SMS sender, and which server rests.

    Kept by whoever delivers again and again; `async with` closes the connection at the end. `unwritten` holds what
    became of messages until the next transaction: an acceptance is written with the mark of the message after it, so
    that each costs one commit. Its own mark is durable meanwhile.
    """

    runtime: Runtime
    aftermath: Aftermath
    mail: MailConnection
    sms: SmsSender
    evidence: Mapping[Channel, Evidence]
    monotonic: Callable[[], float] = time.monotonic
    breakers: dict[Channel, Breaker] = field(init=False)
    unwritten: list[tuple[Envelope, Handover]] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        """One breaker a channel: mail may leave while SMS cannot."""
        self.breakers = {channel: Breaker(self.monotonic) for channel in ledger.CARRIED}

    @classmethod
    def of(cls, runtime: Runtime, aftermath: Aftermath) -> Self:
        """The postman that the settings describe."""
        settings = runtime.settings
        folder = FolderSms(settings.data_folder, now=runtime.clock.now)
        provider = HttpSms(settings.sms_url.get_secret_value()) if settings.sms_url else None
        catcher = CatcherEvidence(f"http://127.0.0.1:{settings.catcher_web_port}")
        return cls(
            runtime=runtime,
            aftermath=aftermath,
            mail=MailConnection(MailServer.of(settings)),
            sms=provider or folder,
            evidence={
                Channel.EMAIL: catcher if settings.catches_mail else NoEvidence(),
                Channel.SMS: NoEvidence() if provider else folder,
            },
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.mail.close()

    async def clear_doubts(self) -> None:
        """Ask proof for messages that nobody could tell about; first say which ones a dead worker left so."""
        await self._transaction("delivery.rescue", ledger.rescue, self.aftermath)
        for doubt in await asyncio.to_thread(self._doubts):
            verdict = await asyncio.to_thread(self.evidence[doubt.channel].accepted, doubt.message_id)
            await self._transaction("delivery.settle", ledger.settle, self.aftermath, doubt=doubt, verdict=verdict)

    async def deliver(self, channel: Channel, *, until: float) -> int:
        """Hand over one batch of a channel; returns how many messages were tried. `until` is monotonic.

        When the server cannot be reached, or time is up, what is left goes back untouched: no attempt counts.
        """
        if self.breakers[channel].is_open:
            return 0
        batch = await self._transaction(
            "delivery.claim", ledger.claim, self.aftermath, limit=BATCH, lease_s=LEASE_S, channel=channel
        )
        try:
            for done, envelope in enumerate(batch):
                if self.monotonic() >= until or not await self._deliver_one(envelope):
                    await self._transaction("delivery.release", ledger.release, batch[done:])
                    return done
        finally:
            await self._record()
        return len(batch)

    async def _deliver_one(self, envelope: Envelope) -> bool:
        """False when the server cannot be reached."""
        breaker = self.breakers[envelope.channel]
        try:
            handover = await self._hand_over(envelope)
        except ServerUnavailable:
            breaker.trip()
            return False
        breaker.close()
        self.unwritten.append((envelope, handover))
        if handover.result != "accepted":
            await self._record()
        return True

    async def _hand_over(self, envelope: Envelope) -> Handover:
        if envelope.channel is Channel.SMS:
            return await self._text(envelope)
        try:
            mail = compose(self._draft(envelope))
        except CaseworkError as error:
            return Handover("permanent", detail=f"{ledger.UNWRITTEN}: {error.code}")
        parcel = Parcel(self.runtime.settings.mail_sender, envelope.address, mail.as_bytes())
        return await self.mail.send(parcel, before_data=lambda: self._mark(envelope))

    async def _text(self, envelope: Envelope) -> Handover:
        """An SMS has no dialogue: the mark comes before the call, and only certain failures are tried again."""
        asked_at = self.monotonic()
        if not await self._mark(envelope):
            return Handover("fenced", detail="claimed by another")
        crashpoint("sms.before_call")
        if self.monotonic() - asked_at > FENCE_S:
            return Handover("fenced", detail="paused before the call")
        receipt = await asyncio.to_thread(self.sms.send, envelope.address, envelope.body, reference=envelope.message_id)
        crashpoint("sms.after_call")
        return _handover_of(receipt)

    async def _mark(self, envelope: Envelope) -> bool:
        def write_and_mark(unit: UnitOfWork) -> bool:
            self._write(unit, self.unwritten)
            return ledger.mark_data(unit, envelope)

        ours = await self._transaction("delivery.mark", write_and_mark)
        self.unwritten.clear()
        return ours

    async def _record(self) -> None:
        """Write what is unwritten, for the last time: what cannot be written here waits for its proof."""
        ended, self.unwritten = self.unwritten, []
        if ended:
            await self._transaction("delivery.record", self._write, ended)

    def _write(self, unit: UnitOfWork, ended: Sequence[tuple[Envelope, Handover]]) -> None:
        for envelope, handover in ended:
            ledger.record(unit, self.aftermath, envelope=envelope, handover=handover)

    def _draft(self, envelope: Envelope) -> Draft:
        """Answers come to the mailbox that is read; without one, to the programme's own people."""
        settings = self.runtime.settings
        return Draft(
            subject=envelope.subject,
            body=envelope.body,
            programme=envelope.programme,
            sender=settings.mail_sender,
            reply_to=settings.mail_sender if settings.reads_replies else envelope.reply_to,
            recipient=envelope.address,
            message_id=envelope.message_id,
            thread=envelope.thread,
            stop_link=envelope.stop_link,
            at=envelope.at,
            ics=envelope.ics,
        )

    def _doubts(self) -> list[Doubt]:
        with self.runtime.database.read() as unit:
            return ledger.doubts(unit)

    async def _transaction(
        self, label: str, act: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """One short transaction beside the event loop, tried again when somebody else was faster.

        An acceptance lost here is not lost: the mark stays, and proof is asked once its lease has run out.
        """

        def write() -> T:
            with self.runtime.database.write(label) as unit:
                return act(unit, *args, **kwargs)

        for _ in range(TRIES - 1):
            try:
                return await asyncio.to_thread(write)
            except (Conflict, OperationalError):
                await asyncio.sleep(PAUSE_S)
        return await asyncio.to_thread(write)


def _handover_of(receipt: SmsReceipt) -> Handover:
    """Raise `ServerUnavailable` when the provider could not even be reached: no attempt counts."""
    match receipt.result:
        case SmsResult.ACCEPTED:
            return Handover("accepted", queue_id=receipt.provider_id or "sms")
        case SmsResult.REFUSED:
            return Handover("permanent", detail=receipt.detail)
        case SmsResult.UNKNOWN:
            return Handover("unknown", detail=receipt.detail)
        case SmsResult.TRANSIENT if receipt.detail.startswith("http "):
            return Handover("transient", detail=receipt.detail)
        case SmsResult.TRANSIENT:
            raise ServerUnavailable(receipt.detail)
