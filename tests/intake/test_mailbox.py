"""Requests by mail: sent over SMTP as any sender would."""

from __future__ import annotations

import smtplib
import uuid
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from app.intake.models import IntakeForm
from app.intake.queries import get_form
from app.intake.service.forms import create_form, update_form
from app.kernel import mail_gateway
from app.kernel.db import db
from app.kernel.uow import platform_uow, uow
from app.tenancy.models import Organization
from tests import cast
from tests.intake.test_intake import house, mails, stored
from tests.test_run import free_port

__all__ = ["house"]


@pytest.fixture(scope="module")
def gateway(app):
    """The server that receives mail; its port."""
    running = mail_gateway.Gateway(app, "127.0.0.1", free_port())
    running.start()
    yield running.port
    running.stop()


@pytest.fixture
def form(house):
    """A form of marketing that takes mail; its id and its address."""
    actor = house.admin.actor
    with uow(actor):
        made = create_form(actor=actor, name="Ask us", module="marketing", asks=[], takes_mail=True)
        return made.id, f"requests-{made.mail_key}@stratikey.example"


def written(to: str, subject: str = "A leaflet", text: str = "Two pages", **headers: str) -> EmailMessage:
    message = EmailMessage()
    message.set_content(text)
    given = {"From": "Piero Ricci <Piero@Ricci.example>", "To": to, "Subject": subject} | headers
    for name, value in given.items():
        message[name.replace("_", "-")] = value
    return message


def send(port: int, to: str, message: EmailMessage | bytes, sender: str = "piero@ricci.example") -> tuple[int, str]:
    """What the server answers: to the recipient, else to the message."""
    with smtplib.SMTP("127.0.0.1", port, timeout=20) as smtp:
        smtp.ehlo("ricci.example")
        assert smtp.mail(sender)[0] == 250
        code, text = smtp.rcpt(to)
        if code == 250:
            code, text = smtp.data(message if isinstance(message, bytes) else message.as_bytes())
    return code, text.decode()


def confirmations(to: str) -> list[Any]:
    return [one for one in mails(to) if one.kind == "request_received"]


@pytest.fixture(autouse=True)
def _no_mail_of_before(app):
    with platform_uow("jobs") as session:
        session.execute(db.text("DELETE FROM mail_message WHERE to_email LIKE '%@ricci.example'"))


def test_what_is_mailed_waits_among_the_requests_and_is_confirmed(gateway, house, form, caplog):
    _id, address = form
    message = written(address, "Un volantino – per l’Epifania", "Formato A5\n\nGrazie ", Message_ID="<1@ricci.example>",
                      Content_Language="it")  # fmt: skip
    message.add_attachment(b"x", maintype="application", subtype="pdf", filename="bozza àè.pdf")
    # The letters of an address are of either case.
    assert send(gateway, address.upper(), message)[0] == 250
    (kept,) = stored(house)
    assert kept.title == "Un volantino – per l’Epifania"
    assert kept.description == "Formato A5\n\nGrazie\n\nAllegati alla mail, e non presi: bozza àè.pdf"
    assert (kept.requester_name, kept.requester_email) == ("Piero Ricci", "piero@ricci.example")
    assert (kept.module, kept.state, kept.locale) == ("marketing", "new", "it")
    (told,) = confirmations("piero@ricci.example")
    assert "volantino" not in told.subject + told.text
    # Its sender did not hear the answer, and delivers it again.
    assert send(gateway, address, message)[0] == 250
    assert len(stored(house)) == len(confirmations("piero@ricci.example")) == 1
    assert "ricci" not in caplog.text, "who writes is in no log"


@pytest.mark.parametrize(
    ("subject", "text", "html", "title", "description"),
    [
        ("", "Call me\nToday", None, "Call me", "Call me\nToday"),
        ("", "", None, "(no subject)", None),
        ("a" * 300, "Two pages", None, "a" * 199 + "…", "a" * 300 + "\n\nTwo pages"),
        ("Html", None, "<style>p{}</style><p>One &amp; <b>two</b></p><script>x</script><ul><li>three</ul>", "Html",
         "One & two\n\n  * three"),
        ("=?nothing?q?broken?= =?utf-8?q?caff=C3=A8?=", "Text", None, "broken caffè", "Text"),
        ("Both", "Plain\x00 words", "<p>Others</p>", "Both", "Plain words"),
    ],
)  # fmt: skip
def test_the_words_of_a_message(gateway, house, form, subject, text, html, title, description):
    message = EmailMessage()
    message["From"] = "piero@ricci.example"
    message["Subject"] = subject
    if text is not None:
        message.set_content(text)
    if html is not None:
        (message.set_content if text is None else message.add_alternative)(html, subtype="html")
    message["Content-Language"] = "en"
    assert send(gateway, form[1], message)[0] == 250
    (kept,) = stored(house)
    assert (kept.title, kept.description) == (title, description)
    assert kept.requester_name is None


def test_who_cannot_be_reached_is_refused_before_anything_is_sent(gateway, house, form):
    form_id, address = form
    actor = house.admin.actor
    key = address.partition("@")[0].partition("-")[2]
    others = ("requests-" + "a" * 26, "requests-", "requests", f"other-{key}", f"requests-{key}'--")
    for other in others:
        assert send(gateway, f"{other}@stratikey.example", written(other))[0] in {550, 553}
    for values in ({"is_open": False}, {"is_open": True, "takes_mail": False}):
        with uow(actor):
            update_form(get_form(form_id), actor=actor, **values)
        assert send(gateway, address, written(address))[0] == 550
    with uow(actor):
        update_form(get_form(form_id), actor=actor, takes_mail=True)
        assert get_form(form_id).mail_key not in {None, key}, "switched on again, it is another one"
        now = f"requests-{get_form(form_id).mail_key}@x.example"
    with platform_uow("vendor") as session:
        session.get(Organization, house.id).status = "suspended"
    assert send(gateway, now, written(now))[0] == 550
    assert stored(house) == []


@pytest.mark.parametrize(
    ("headers", "sender", "kept", "confirmed"),
    [
        ({"Auto_Submitted": "auto-generated"}, "piero@ricci.example", 1, 0),
        ({"List_Id": "<list.ricci.example>"}, "piero@ricci.example", 1, 0),
        ({"Precedence": "bulk"}, "piero@ricci.example", 1, 0),
        ({"Auto_Submitted": "auto-replied"}, "piero@ricci.example", 0, 0),
        ({}, "", 0, 0),
        ({"From": "Stratikey <noreply@stratikey.example>"}, "piero@ricci.example", 0, 0),
    ],
)
def test_programs_are_not_answered_and_their_answers_are_no_requests(
    gateway, house, form, headers, sender, kept, confirmed
):
    assert send(gateway, form[1], written(form[1], **headers), sender)[0] == 250
    assert len(stored(house)) == kept
    assert len(confirmations("piero@ricci.example")) == confirmed


def test_what_cannot_be_taken_says_why_and_what_cannot_be_kept_now_is_kept_by_its_sender(
    gateway, house, form, monkeypatch
):
    _id, address = form
    refused = {
        "no address in it": written(address, From="Piero", Content_Language="en"),
        "too long": written(address, text="a" * 9001, Content_Language="en"),
        "too many parts": b"From: a@ricci.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n"
        + b"--x\r\nContent-Type: Multipart/mixed; boundary=x\r\n\r\n" * 60,
    }
    answers = {name: send(gateway, address, message) for name, message in refused.items()}
    assert {name: code for name, (code, _text) in answers.items()} == dict.fromkeys(refused, 554)
    assert "9,000" in answers["too long"][1] or "9000" in answers["too long"][1]
    assert send(gateway, address, b"From: a@ricci.example\r\n\r\n" + b"a\r\n" * 4_000_000)[0] == 552
    with monkeypatch.context() as away:
        away.setattr(mail_gateway, "_find", lambda _to: (_ for _ in ()).throw(OperationalError("", {}, Exception())))
        assert send(gateway, address, written(address))[0] == 451
    assert stored(house) == []
    assert send(gateway, address, written(address))[0] == 250


def test_what_is_no_message_is_kept_or_refused_and_never_an_error(gateway, house, form):
    """Mail comes from anybody's program: nothing of it may be tried again for days."""
    _id, address = form
    for raw in (
        b"From: piero@ricci.example\r\nSubject: \xff\xfe\r\n\r\n\xff\x00\xfe",
        b"From: piero@ricci.example\r\nContent-Type: text/plain; charset=none\r\n\r\ncaff\xe8",
        b"From: piero@ricci.example\r\nContent-Type: text/html; charset=utf-16\r\n\r\n<p>odd",
        b"From: piero@ricci.example\r\nContent-Transfer-Encoding: base64\r\n\r\n!!!!",
        b"From: piero@ricci.example\r\n\r\nhello",
        b"From: piero@ricci.example\r\nContent-Type: text/plain; name*=utf-8''%zz; name*1*=x\r\n\r\nhello",
        b"From: piero@ricci.example\r\nContent-Type: text/html\r\n\r\n" + b"<div>\r\n" * 20_000 + b"deep",
        b"From: piero@ricci.example\r\nContent-Disposition: attachment; filename*0*=x''%ff\r\n\r\nhello",
        b"",
        b"\r\n\r\n",
    ):
        assert send(gateway, address, raw)[0] in {250, 554}
    assert {one.title for one in stored(house)} >= {"caffè", "hello"}


@pytest.mark.usefixtures("limited")
def test_the_limits_of_senders_hold(gateway, house, form):
    mine = f"{uuid.uuid4().hex}@ricci.example"
    asked = [written(form[1], f"Leaflet {number}", From=mine) for number in range(12)]
    answers = [send(gateway, form[1], one)[0] for one in asked]
    assert answers == [250] * 10 + [451] * 2
    assert len(stored(house)) == 10 and len(confirmations(mine)) == 5


def test_a_form_shows_its_address_to_who_manages_tasks_and_to_rest(app, house, form, sign_in):
    form_id, address = form
    mine = address.partition("@")[0]
    manager = sign_in(house.admin)
    assert f"{mine}@localhost" in manager.get("/settings/intake").text
    shown = manager.get(f"/api/v1/intake-forms/{form_id}").json["result"]
    assert (shown["takes_mail"], shown["mail_address"]) == (True, f"{mine}@localhost")
    assert sign_in(house.sales).get("/settings/intake").status_code == 403
    values = {"id": str(form_id), "version": str(shown["version"]), "name": "Ask us", "module": "marketing"}
    assert manager.post("/settings/intake/save", data=values).status_code == 302
    assert mine not in manager.get("/settings/intake").text
    asked = {"takes_mail": True, "mail_address": "requests-mine@localhost"}
    assert manager.api("PATCH", f"/api/v1/intake-forms/{form_id}", json=asked).status_code == 422
    changed = manager.api("PATCH", f"/api/v1/intake-forms/{form_id}", json={"takes_mail": True}).json["result"]
    assert changed["mail_address"] not in {None, f"{mine}@localhost"}


def test_an_address_belongs_to_one_organization(gateway, house, form, rival: cast.Company):
    assert send(gateway, form[1], written(form[1]))[0] == 250
    assert len(stored(house)) == 1 and stored(rival) == []
    with platform_uow("jobs") as session:
        keys = session.scalars(db.select(IntakeForm.mail_key).where(IntakeForm.takes_mail)).all()
    assert len(set(keys)) == len(keys)
