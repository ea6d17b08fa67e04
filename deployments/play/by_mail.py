"""What somebody of a story does by mail: he answers, his server gives a mail back; somebody reads it."""

from collections.abc import Mapping
from email.message import EmailMessage
from email.message import Message as Mail
from functools import partial
from typing import Final
from uuid import UUID

from deployments.play.scene import Action, Given, Scene
from models.engine import Message
from services.channels.inbox import FOLDER, MaildirInbox
from services.correspondence import replies
from services.foundation.errors import InvalidInput
from services.rules.ranking import READ


def reply_by_mail(scene: Scene, given: Given) -> object:
    """Somebody answers a mail that he received (`to` is its text); `automatic`: his program does."""
    message, sender = _received(scene, given["to"])
    mail = _mail(scene, sender, message)
    mail["In-Reply-To"], mail["References"] = message.message_id, message.message_id
    mail["Subject"] = f"Re: {message.subject}"
    if given.get("automatic"):
        mail["Auto-Submitted"] = "auto-replied"
    quoted = "".join(f"> {line}\n" for line in (message.body or "").splitlines())
    mail.set_content(f"{given['text']}\n\nLe {scene.step.at:%d/%m/%Y}, Relais a écrit :\n{quoted}")
    return _arrives(scene, mail)


def write_mail(scene: Scene, given: Given) -> object:
    """Somebody writes to us without answering anything."""
    sender = scene.address_of(scene.step.who)
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, scene.runtime.settings.mail_sender
    mail["Date"], mail["Subject"] = scene.step.at, str(given.get("subject", ""))
    mail["Message-ID"] = f"<{scene.step.at:%Y%m%d%H%M}.{sender}>"
    mail.set_content(str(given["text"]))
    return _arrives(scene, mail)


def file_mail(scene: Scene, given: Given) -> object:
    """The mail that waits to be filed is about this case."""
    return replies.file_on_case(scene.unit, scene.hand, _waiting(scene, given), scene.case.number)


def set_mail_aside(scene: Scene, given: Given) -> object:
    """The mail that waits to be filed asks for nothing."""
    return replies.set_aside(scene.unit, scene.hand, _waiting(scene, given))


def _waiting(scene: Scene, given: Given) -> UUID:
    """The oldest mail that waits, of whoever is named."""
    sender = scene.address_of(given["from"]) if "from" in given else None
    mails = [each for each in replies.waiting(scene.unit, scene.hand.actor) if sender in {None, each.sender}]
    if not mails:
        raise InvalidInput("from", "Aucun message reçu n’attend d’être classé.")
    return min(mails, key=lambda each: (each.received_at, each.id)).id


def bounce_mail(scene: Scene, given: Given) -> object:
    """The mail server of somebody gives back a mail that it had taken; `to` is its text."""
    message, address = _received(scene, given["to"])
    mail = _mail(scene, f"MAILER-DAEMON@{address.rpartition('@')[2]}", message)
    mail["Subject"], mail["Auto-Submitted"] = "Undelivered Mail Returned to Sender", "auto-replied"
    mail["Content-Type"] = "multipart/report; report-type=delivery-status"
    report = Mail()
    report["Content-Type"] = "message/delivery-status"
    block = Mail()
    block["Final-Recipient"], block["Action"], block["Status"] = f"rfc822; {address}", "failed", "5.1.1"
    report.set_payload([Mail(), block])
    head = Mail()
    head["Content-Type"] = "text/rfc822-headers"
    head.set_payload(f"Message-ID: {message.message_id}\n")
    mail.set_payload([report, head])
    return _arrives(scene, mail)


def _received(scene: Scene, text: str) -> tuple[Message, str]:
    """The latest mail of this text that whoever acts received, and his address."""
    found = next((mail for mail in scene.mails() if mail.text == text), None)
    if found is None:
        raise InvalidInput("to", f"{scene.step.who} n’a pas reçu ce message : {text}.")
    return found, found.address


def _mail(scene: Scene, sender: str, message: Message) -> EmailMessage:
    """Its head; the Message-ID is the same when a story that was killed is played again."""
    mail = EmailMessage()
    mail["From"], mail["To"] = sender, scene.runtime.settings.mail_sender
    mail["Date"] = scene.step.at
    mail["Message-ID"] = f"<{scene.step.at:%Y%m%d%H%M}.{message.id}@{sender.rpartition('@')[2]}>"
    return mail


def _arrives(scene: Scene, mail: EmailMessage) -> object:
    """It lies in the local mailbox, and is read from there."""
    box = MaildirInbox(scene.runtime.settings.data_folder / FOLDER)
    box.deliver(mail.as_bytes())
    rows = []
    for received in box.unseen(limit=50):
        rows.append(replies.receive(scene.unit, received, own=scene.runtime.settings.mail_sender))
        scene.unit.after_commit.append(partial(box.handled, received.uid))
    return rows


def read_reply(scene: Scene, _given: Given) -> object:
    """Read, nothing to do."""
    return replies.read(scene.unit, scene.hand, scene.task(READ).id)


BY_MAIL: Final[Mapping[str, Action]] = {
    "reply_by_mail": reply_by_mail,
    "bounce_mail": bounce_mail,
    "read_reply": read_reply,
    "write_mail": write_mail,
    "file_mail": file_mail,
    "set_mail_aside": set_mail_aside,
}
