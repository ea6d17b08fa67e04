"""Mails as real programs write them: answers, automatic answers, reports of non-delivery. People are invented."""

from email.message import EmailMessage
from email.policy import SMTP
from typing import Final

OURS: Final = "<01999999-0000-7000-8000-000000000001.0a1b2c3d@relais>"


def reply(to: str = OURS, text: str = "Bonjour,\n\nNous prenons la demande.\n", **fields: str) -> bytes:
    """A plain answer; `fields` replace or add header fields, `_` standing for `-`."""
    mail = EmailMessage(policy=SMTP)
    usual = {
        "From": "Hélène Roux <contact@adil.example>",
        "To": "relais@vald-orne.example",
        "Subject": "Re: Demande 2025-00001",
        "Date": "Thu, 09 Oct 2025 10:12:00 +0200",
        "Message-ID": "<first@adil.example>",
        "In-Reply-To": to,
        "References": f"<vald-orne.2025-00001.thread@relais> {to}",
    }
    for name, value in (usual | {name.replace("_", "-"): value for name, value in fields.items()}).items():
        if value:
            mail[name] = value
    mail.set_content(text)
    return mail.as_bytes()


GMAIL_QUOTE: Final = """Bonjour,

C'est d'accord pour nous.

Hélène Roux
ADIL du Vald’Orne

Le jeu. 9 oct. 2025 à 09:02, Mon logement, mes énergies <
relais@vald-orne.example> a écrit :

> Bonjour,
>
> Une demande vous attend :
> https://relais.example/l/0123456789abcdef0123456789abcdef.Zz-9
>
"""

OUTLOOK_QUOTE: Final = """Bonjour,

Nous ne pouvons pas : complet jusqu’en janvier.

Bien à vous,
Marc Petit

________________________________
De : Mon logement, mes énergies <relais@vald-orne.example>
Envoyé : jeudi 9 octobre 2025 09:02
À : contact@soliha.example
Objet : Demande 2025-00001

Bonjour,
Une demande vous attend : https://relais.example/l/0123456789abcdef0123456789abcdef.Zz-9
"""

BELOW_QUOTE: Final = """Le 09/10/2025 à 09:02, Mon logement, mes énergies a écrit :
> Pouvez-vous aider ce ménage ?

Oui, volontiers.

> Sous quel délai ?

Trois semaines.
"""

OUTLOOK_HTML: Final = """<html><head><style>p {margin:0}</style></head><body>
<div><p>Bonjour,</p><p>Le bailleur a r&eacute;pondu&nbsp;: travaux en mars.</p></div>
<div id="divRplyFwdMsg"><b>De&nbsp;:</b> Mon logement</div><p>Une demande vous attend</p>
</body></html>"""

EXCHANGE_ABSENCE: Final = f"""\
From: =?iso-8859-1?Q?ROUX_H=E9l=E8ne?= <contact@adil.example>
To: "relais@vald-orne.example" <relais@vald-orne.example>
Subject: =?iso-8859-1?Q?R=E9ponse_automatique_:_Demande_2025-00001?=
Date: Thu, 9 Oct 2025 07:02:11 +0000
Message-ID: <AM0PR04MB1234@AM0PR04MB1234.eurprd04.prod.outlook.com>
References: {OURS}
In-Reply-To: {OURS}
X-Auto-Response-Suppress: All
auto-submitted: auto-generated
Content-Type: text/plain; charset="iso-8859-1"
Content-Transfer-Encoding: quoted-printable
MIME-Version: 1.0

Bonjour,=0D=0A
Je suis absente jusqu=92au 20 octobre inclus.
""".encode()

GMAIL_ABSENCE: Final = f"""\
MIME-Version: 1.0
From: Marc Petit <contact@adil.example>
Date: Thu, 9 Oct 2025 09:02:15 +0200
Message-ID: <CAKz1aaaa@mail.gmail.com>
Subject: =?UTF-8?Q?Absent_jusqu=E2=80=99au_20_octobre_Re=3A_Demande_2025=2D00001?=
To: relais@vald-orne.example
Precedence: bulk
X-Autoreply: yes
Auto-Submitted: auto-replied
In-Reply-To: {OURS}
References: {OURS}
Content-Type: text/plain; charset="UTF-8"

En congés.
""".encode()

OLD_ABSENCE: Final = f"""\
From: contact@adil.example
To: relais@vald-orne.example
Subject: Absence du bureau : Demande 2025-00001
Message-ID: <groupwise@adil.example>
In-Reply-To: {OURS}
Content-Type: text/plain; charset=windows-1252

Absente jusqu'au 20/10.
""".encode("cp1252")


def postfix_bounce(ours: str = OURS, recipient: str = "contact@adil.example", status: str = "5.1.1") -> bytes:
    """What Postfix sends at once for an unknown mailbox, or after five days with a status of class 4."""
    return f"""\
Return-Path: <>
Date: Thu,  9 Oct 2025 09:02:20 +0200 (CEST)
From: MAILER-DAEMON@mx.vald-orne.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: relais@vald-orne.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4X1F.1760000000/mx.vald-orne.example"
Message-Id: <20251009070220.{status}@mx.vald-orne.example>

This is a MIME-encapsulated message.

--4X1F.1760000000/mx.vald-orne.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients.

--4X1F.1760000000/mx.vald-orne.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.vald-orne.example
X-Postfix-Queue-ID: 4X1F
Arrival-Date: Thu,  9 Oct 2025 09:02:19 +0200 (CEST)

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: failed
Status: {status}
Remote-MTA: dns; mx.adil.example
Diagnostic-Code: smtp; 550 5.1.1 <{recipient}>: Recipient address rejected

--4X1F.1760000000/mx.vald-orne.example
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

From: Mon logement <relais@vald-orne.example>
Subject: Demande 2025-00001
Message-ID: {ours}

--4X1F.1760000000/mx.vald-orne.example--
""".encode()


POSTFIX_DELAY: Final = (
    postfix_bounce(status="4.4.1")
    .replace(b"Action: failed", b"Action: delayed")
    .replace(b"Undelivered Mail Returned to Sender", b"Delayed Mail (still being retried)")
)

EXCHANGE_BOUNCE: Final = f"""\
From: <postmaster@adil.example>
To: <relais@vald-orne.example>
Date: Thu, 9 Oct 2025 07:02:30 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="83fdaa02-aaaa"
Content-Language: fr-FR
Message-ID: <83fdaa02@AM0PR04MB1234.eurprd04.prod.outlook.com>
In-Reply-To: {OURS}
References: {OURS}
Subject: =?utf-8?B?Tm9uIHJlbWlzwqA6IERlbWFuZGUgMjAyNS0wMDAwMQ==?=
Auto-Submitted: auto-replied

--83fdaa02-aaaa
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: base64

PHA+Vm90cmUgbWVzc2FnZSBuJ2EgcGFzIHB1IMOqdHJlIHJlbWlzLjwvcD4=

--83fdaa02-aaaa
Content-Type: message/delivery-status

Reporting-MTA: dns;AM0PR04MB1234.eurprd04.prod.outlook.com
Received-From-MTA: dns;mx.vald-orne.example
Arrival-Date: Thu, 9 Oct 2025 07:02:29 +0000

Final-Recipient: rfc822;Contact@adil.example
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found

--83fdaa02-aaaa
Content-Type: message/rfc822

Received: from mx.vald-orne.example by AM0PR04MB1234
From: relais@vald-orne.example
Subject: Demande 2025-00001
Message-ID: {OURS}
Content-Type: text/plain

Bonjour
--83fdaa02-aaaa--
""".encode()

GMAIL_BOUNCE: Final = f"""\
Return-Path: <>
From: Mail Delivery Subsystem <mailer-daemon@googlemail.com>
To: relais@vald-orne.example
Auto-Submitted: auto-replied
Subject: Delivery Status Notification (Failure)
References: {OURS}
In-Reply-To: {OURS}
X-Failed-Recipients: contact@adil.example
Message-ID: <68e7.aaaa@mx.google.com>
Content-Type: multipart/report; boundary="000000000000aaaa"; report-type=delivery-status

--000000000000aaaa
Content-Type: multipart/related; boundary="000000000000bbbb"

--000000000000bbbb
Content-Type: multipart/alternative; boundary="000000000000cccc"

--000000000000cccc
Content-Type: text/plain; charset="UTF-8"

** L'adresse est introuvable **

--000000000000cccc--

--000000000000bbbb
Content-Type: image/png; name="icon.png"
Content-Disposition: attachment; filename="icon.png"
Content-Transfer-Encoding: base64
Content-ID: <icon.png>

iVBORw0KGgo=
--000000000000bbbb--

--000000000000aaaa
Content-Type: message/delivery-status

Reporting-MTA: dns; googlemail.com
Arrival-Date: Thu, 09 Oct 2025 00:02:20 -0700 (PDT)
X-Original-Message-ID: {OURS}

Final-Recipient: rfc822; contact@adil.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550-5.1.1 The email account that you tried to reach does not exist.

--000000000000aaaa
Content-Type: message/rfc822

From: relais@vald-orne.example
Message-ID: {OURS}
Subject: Demande 2025-00001

--000000000000aaaa--
""".encode()

QMAIL_BOUNCE: Final = f"""\
Return-Path: <>
From: MAILER-DAEMON@mail.adil.example
To: relais@vald-orne.example
Subject: failure notice
Message-ID: <qmail@mail.adil.example>

Hi. This is the qmail-send program at mail.adil.example.

<contact@adil.example>:
550 sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Message-ID: {OURS}
Subject: Demande 2025-00001
""".encode()

RECEIPT: Final = f"""\
From: contact@adil.example
To: relais@vald-orne.example
Subject: =?utf-8?Q?Lu_:_Demande?=
Message-ID: <mdn@adil.example>
In-Reply-To: {OURS}
Content-Type: multipart/report; report-type=disposition-notification; boundary="mdn"

--mdn
Content-Type: text/plain

Votre message a été lu.
--mdn
Content-Type: message/disposition-notification

Disposition: manual-action/MDN-sent-manually; displayed
--mdn--
""".encode()
