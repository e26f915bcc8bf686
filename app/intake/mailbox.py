"""Requests by mail: each form may have an address, and what is sent there waits among the requests."""

from __future__ import annotations

from flask import current_app

from app.intake.limits import check_form, check_sender, may, may_confirm
from app.intake.queries import PublicForm, find_by_mail
from app.intake.service.requests import MAX_REQUESTER, MAX_TITLE, submit_request
from app.kernel import i18n
from app.kernel.actor import system_actor
from app.kernel.crud.fields import Field, Kind, clean
from app.kernel.errors import RateLimited
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.incoming import IncomingMail, Mailbox
from app.kernel.tenant import platform_scope, tenant_scope
from app.kernel.uow import uow

BY_SENDER = "10 per hour; 40 per day"
# A task takes 20,000 characters, and some of these are written as two in Markdown.
MAX_TEXT = 9000
FIELDS = (
    Field("title", _l("Subject"), required=True),
    Field("description", _l("Text"), Kind.LONG, max_length=MAX_TEXT),
    Field("name", _l("Your name")),
    Field("email", _l("Your e-mail"), Kind.EMAIL, required=True, max_length=320),
)


def find(key: str) -> PublicForm | None:
    """The form that takes mail at the address with a key."""
    with platform_scope("identity"):
        return find_by_mail(key)


def take(form: PublicForm, mail: IncomingMail) -> None:
    """Makes a request of a message. Raises Invalid for a sender or a text that cannot be, and RateLimited."""
    locale = mail.language if mail.language in current_app.config["LANGUAGES"] else form.locale
    with i18n.force_locale(locale):
        title, description = _words(mail)
        raw = {"title": title, "description": description, "name": mail.name[:MAX_REQUESTER], "email": mail.sender}
        values = clean(FIELDS, raw, partial=False)
        check_sender(values["email"])
        if not may(BY_SENDER, "sender", str(form.id), values["email"]):
            raise RateLimited
        check_form(form.id)
        actor = system_actor(form.organization_id, label=form.name, timezone=form.timezone, source="mail")
        with tenant_scope(actor), uow():
            submit_request(
                form.id,
                actor=actor,
                locale=locale,
                # Programs and lists are not answered (RFC 3834).
                confirm=lambda: not mail.automatic and may_confirm(values["email"]),
                mail_hash=mail.key,
                **values,
            )


def _words(mail: IncomingMail) -> tuple[str, str]:
    """The title and the text of a request. What is too long for the title is told in the text, and so are attached
    files, which are not taken along.
    """
    title = mail.subject or " ".join(mail.text.partition("\n")[0].split()) or _("(no subject)")
    text = [mail.text]
    if len(title) > MAX_TITLE:
        text.insert(0, title)
        title = title[: MAX_TITLE - 1] + "…"
    if mail.attachments:
        text.append(_("Attached to the mail, and not taken along: %(files)s", files=", ".join(mail.attachments[:20])))
    return title, "\n\n".join(filter(None, text))


mailbox = Mailbox("requests", find, take)
