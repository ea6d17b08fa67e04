"""Delivers what is due: claims, hands over with no transaction open, records; lets a server that is down rest."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Concatenate, Final, ParamSpec, Self, TypeVar
from uuid import UUID

from sqlalchemy.exc import OperationalError

from models.vocabulary import Channel
from services.channels.evidence import CatcherEvidence, Evidence, NoEvidence
from services.channels.mail import FENCE_S, Handover, MailConnection, MailServer, Parcel, ServerUnavailable
from services.channels.sms import FolderSms, HttpSms, SmsReceipt, SmsResult, SmsSender
from services.foundation.crashpoints import crashpoint
from services.foundation.database import Database, UnitOfWork
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
HandOver = Callable[[Envelope], Awaitable[Handover]]


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
        """The server cannot be reached; it rests no longer for several connections that learn it at once."""
        if self.is_open:
            return
        self.rest_s = min(max(self.rest_s * 2, SHORTEST_REST_S), LONGEST_REST_S)
        self.until = self.monotonic() + self.rest_s

    def close(self) -> None:
        """The server answers."""
        self.rest_s, self.until = 0.0, float("-inf")


@dataclass
class Pen:
    """Writes for the connections of one batch: what they ask while it writes goes together into the next transaction.

    An acceptance is written with the mark that comes after it, so that a mail costs one commit at most; its own mark is
    durable meanwhile.
    """

    database: Database
    aftermath: Aftermath
    ended: list[tuple[Envelope, Handover]] = field(default_factory=list)
    asked: dict[UUID, Envelope] = field(default_factory=dict)
    marked: set[UUID] = field(default_factory=set)
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def mark(self, envelope: Envelope) -> bool:
        """Note durably that this one is handed over now; False if its claim is no longer ours."""
        self.asked[envelope.id] = envelope
        try:
            async with self.turn:
                if envelope.id in self.asked:  # nobody wrote it beside his own
                    await self._write("delivery.mark")
        finally:
            self.asked.pop(envelope.id, None)  # who fails hands nothing over: nobody may mark it for him later
        return envelope.id in self.marked

    async def record(self, envelope: Envelope, handover: Handover) -> None:
        """Note what became of one: an acceptance with the next mark, anything else at once."""
        self.ended.append((envelope, handover))
        if handover.result != "accepted":
            await self.finish()

    async def finish(self) -> None:
        """Write what is left: what cannot be written here waits for its proof."""
        async with self.turn:
            if self.ended:
                await self._write("delivery.record")

    async def _write(self, label: str) -> None:
        ended, asked = tuple(self.ended), tuple(self.asked.values())

        def write(unit: UnitOfWork) -> set[UUID]:
            for envelope, handover in ended:
                ledger.record(unit, self.aftermath, envelope=envelope, handover=handover)
            return ledger.mark_data(unit, asked) if asked else set()

        self.marked |= await _transaction(self.database, label, write)
        del self.ended[: len(ended)]
        for envelope in asked:
            self.asked.pop(envelope.id, None)


@dataclass
class Postman:
    """Carries messages for one task of one process: its connections, its SMS sender, and which server rests.

    Kept by whoever delivers again and again; `async with` closes the connections at the end. So many connections, so
    many mails at once.
    """

    runtime: Runtime
    aftermath: Aftermath
    mail: Sequence[MailConnection]
    sms: SmsSender
    evidence: Mapping[Channel, Evidence]
    monotonic: Callable[[], float] = time.monotonic
    breakers: dict[Channel, Breaker] = field(init=False)

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
            mail=[MailConnection(MailServer.of(settings)) for _ in range(settings.smtp_connections)],
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
        for connection in self.mail:
            await connection.close()

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
        waiting, pen = deque(batch), Pen(self.runtime.database, self.aftermath)
        lanes = self._lanes(channel, pen)
        try:
            ends = await asyncio.gather(
                *(self._carry(waiting, pen, lane, until) for lane in lanes), return_exceptions=True
            )
        finally:
            await pen.finish()
        for error in filter(None, ends):
            raise error
        if waiting:
            await self._transaction("delivery.release", ledger.release, waiting)
        return len(batch) - len(waiting)

    def _lanes(self, channel: Channel, pen: Pen) -> list[HandOver]:
        """The ways by which a channel's messages leave beside one another; one to a mail server that was just away."""
        if channel is Channel.SMS:
            return [partial(self._text, pen)]
        tried = self.mail[:1] if self.breakers[channel].rest_s else self.mail
        return [partial(self._post, pen, connection) for connection in tried]

    async def _carry(self, waiting: deque[Envelope], pen: Pen, hand_over: HandOver, until: float) -> None:
        """Hand over what waits, one after the other, until nothing does, time is up or the server cannot be reached."""
        while waiting and self.monotonic() < until:
            envelope = waiting.popleft()
            breaker = self.breakers[envelope.channel]
            try:
                handover = await hand_over(envelope)
            except ServerUnavailable:
                breaker.trip()
                waiting.appendleft(envelope)
                return
            breaker.close()
            await pen.record(envelope, handover)

    async def _post(self, pen: Pen, connection: MailConnection, envelope: Envelope) -> Handover:
        try:
            mail = compose(self._draft(envelope))
        except CaseworkError as error:
            return Handover("permanent", detail=f"{ledger.UNWRITTEN}: {error.code}")
        parcel = Parcel(self.runtime.settings.mail_sender, envelope.address, mail.as_bytes())
        return await connection.send(parcel, before_data=lambda: pen.mark(envelope))

    async def _text(self, pen: Pen, envelope: Envelope) -> Handover:
        """An SMS has no dialogue: the mark comes before the call, and only certain failures are tried again."""
        asked_at = self.monotonic()
        if not await pen.mark(envelope):
            return Handover("fenced", detail="claimed by another")
        crashpoint("sms.before_call")
        if self.monotonic() - asked_at > FENCE_S:
            return Handover("fenced", detail="paused before the call")
        receipt = await asyncio.to_thread(self.sms.send, envelope.address, envelope.body, reference=envelope.message_id)
        crashpoint("sms.after_call")
        return _handover_of(receipt)

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
        return await _transaction(self.runtime.database, label, act, *args, **kwargs)


async def _transaction(
    database: Database, label: str, act: Callable[Concatenate[UnitOfWork, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:
    """One short transaction beside the event loop, tried again when somebody else was faster.

    An acceptance lost here is not lost: the mark stays, and proof is asked once its lease has run out.
    """

    def write() -> T:
        with database.write(label) as unit:
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
