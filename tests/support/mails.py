"""Mails as people, robots and enemies send them."""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from lms.clock import now
from lms.domain.homework import inbox
from lms.extensions import new_id
from lms.models import InboundMail, MailState
from tests.support.imap import ADDRESS

SAMIRA = "Samira <samira@learners.example.be>"
STRANGER = "Zed <zed@example.org>"


def letter(
    text: str = "lundi, mardi, mercredi",
    *,
    sender: str = SAMIRA,
    to: str = ADDRESS,
    subject: str = "devoir",
    html: str = "",
    files: Iterable[tuple[str, str, bytes]] = (),
    **headers: str,
) -> bytes:
    """Return a mail. `files`: type, name and bytes of each; `headers`: with `_` for the hyphen."""
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, subject
    mail["Date"] = format_datetime(now())
    for name, value in headers.items():
        mail[name.replace("_", "-")] = value
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    for kind, name, content in files:
        main, _, sub = kind.partition("/")
        mail.add_attachment(content, maintype=main, subtype=sub, filename=name)
    return mail.as_bytes()


def waiting_mail(
    session: Session,
    text: str = "lundi, mardi",
    *,
    sender: str = "phone@example.org",
    name: str = "",
    subject: str = "devoir",
    received_at: datetime | None = None,
) -> InboundMail:
    """Add a mail that waits in the tray."""
    number = len(session.scalars(select(InboundMail.id)).all()) + 1
    stored = inbox.StoredMail("box", "1", str(number), f"{number:064d}", 9, new_id())
    mail = inbox.receive_mail(session, stored, now=received_at or now())
    mail.from_address, mail.from_name, mail.subject, mail.text = sender, name, subject, text
    mail.whole_text, mail.state = text, MailState.WAITING
    session.flush()
    return mail


def bounce(failed: str, *, to: str = ADDRESS, message_id: str = "<none@example.be>") -> bytes:
    """Return the notice of a mail server that an address does not exist, in the form of RFC 3464."""
    return f"""Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example.org>
To: {to}
Subject: Undelivered Mail Returned to Sender
Date: {format_datetime(now())}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=b"

--=b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--=b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; {failed}
Original-Recipient: rfc822;{failed}
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 no such user

--=b
Content-Type: text/rfc822-headers

From: Passerelle <{ADDRESS}>
To: {failed}
Message-ID: {message_id}
Subject: Votre devoir

--=b--
""".replace("\n", "\r\n").encode()


ROBOTS: dict[str, bytes] = {
    "an answer of somebody on holiday": letter("Je suis absente.", Auto_Submitted="auto-replied"),
    "a list": letter("Nouvelles du quartier", List_Id="<quartier.example.be>"),
    "advertising": letter("Promotion", Precedence="bulk"),
    "a daemon": letter("Delivery delayed", sender="MAILER-DAEMON@example.be"),
    "an empty return path": b"Return-Path: <>\r\n" + letter("Notice"),
    "our own address": letter("Boucle", sender=f"Devoirs <{ADDRESS}>"),
    "nobody who reads answers": letter("Code", sender="no-reply@bank.example"),
}


def _nested(depth: int) -> bytes:
    begin, end = [], []
    for number in range(depth):
        begin.append(f'Content-Type: multipart/mixed; boundary="b{number}"\r\n\r\n--b{number}\r\n')
        end.append(f"\r\n--b{number}--\r\n")
    head = f"From: {STRANGER}\r\nTo: {ADDRESS}\r\nSubject: nest\r\n"
    return (head + "".join(begin) + "Content-Type: text/plain\r\n\r\nhi" + "".join(reversed(end))).encode()


def _many_parts(number: int) -> bytes:
    part = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n"
    head = f"From: {STRANGER}\r\nTo: {ADDRESS}\r\nSubject: parts\r\n"
    return (
        head + 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n' + part * number + "--b--\r\n"
    ).encode()


def _bomb(megabytes: int) -> bytes:
    """Return a mail with one file of zeros: small for the sender, large to take apart."""
    zeros = base64.encodebytes(bytes(megabytes << 20))
    head = f"From: {STRANGER}\r\nTo: {ADDRESS}\r\nSubject: zeros\r\nContent-Type: image/jpeg; name=a.jpg\r\n"
    return head.encode() + b"Content-Transfer-Encoding: base64\r\n\r\n" + zeros


HOSTILE: dict[str, bytes] = {
    "parts within parts": _nested(400),
    "parts within parts, as deep as the stack": _nested(3000),
    "a thousand parts": _many_parts(1000),
    "zeros": _bomb(24),
    "a charset that does not exist": letter(sender=STRANGER).replace(
        b'charset="utf-8"', b'charset="x-\xff-klingon"'
    ),
    "no date, no sender, no subject": b"To: x\r\n\r\nbonjour",
    "a date that no calendar has": letter(sender=STRANGER).replace(b"Date: ", b"Date: Wed, 99 Foo 99999999 "),
    "a thousand recipients": letter(
        sender=STRANGER, Cc=", ".join(f"person{n}@example.org" for n in range(1000))
    ),
    "a header without an end": b"From: " + b"(" * 200_000 + b"\r\n\r\nx",
    "encoded words without end": b"Subject: " + b"=?utf-8?q?=41?= " * 40_000 + b"\r\n\r\nx",
    "broken encoded words": b"From: =?utf-8?b?====?= <a@b.example>\r\nSubject: =?x?z?\xff?=\r\n\r\nx",
    "no headers": b"\x00\xff\xfe" * 5000,
    "nothing": b"\r\n",
    "base64 that is none": letter(sender=STRANGER).replace(b"7bit", b"base64"),
    "html of open tags": letter("", sender=STRANGER, html="<div><blockquote>" * 100_000),
    "one line of eight megabytes": b"From: a@b.example\r\n\r\n" + b"le " * (8 << 20 >> 2),
    "quotes without end": b"From: a@b.example\r\n\r\n" + b"le\nx <a@b.c>\n" * 100_000,
}
