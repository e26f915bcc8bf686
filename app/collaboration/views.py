"""The conversation about a record as a fragment of its page, permalinks, and attached files."""

from __future__ import annotations

import datetime as dt
from typing import Any, ClassVar

from flask import Response, make_response, redirect, request, send_file
from flask_appbuilder import BaseView, expose, has_access

from app.collaboration import queries
from app.collaboration.files import readable_size
from app.collaboration.records import get_record, may_comment
from app.kernel import http, storage
from app.kernel.errors import BadRequest, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.ids import parse_id


class CommentView(BaseView):  # type: ignore[misc]
    """What pages of records fetch, and the addresses of single comments."""

    route_base = "/comments"
    class_permission_name = "comment"
    method_permission_name: ClassVar[dict[str, str]] = {
        "conversation": "read", "people": "read", "go": "read", "history": "read", "links": "read",
    }  # fmt: skip

    @expose("/<kind>/<pk>")
    @has_access
    def conversation(self, kind: str, pk: str) -> Response:
        """The comments about a record; ``?before=`` (a moment) shows older ones."""
        record = get_record(kind, parse_id(pk))
        found = queries.conversation(record, http.actor(), before=_moment(request.args.get("before")))
        return make_response(
            self.render_template(
                "collaboration/conversation.html", record=record, found=found, readable_size=readable_size
            )
        )

    @expose("/<kind>/<pk>/links")
    @has_access
    def links(self, kind: str, pk: str) -> Response:
        """What a record is linked to."""
        record = get_record(kind, parse_id(pk))
        return make_response(
            self.render_template(
                "collaboration/links.html",
                record=record,
                links=queries.list_links(record),
                may_link=may_comment(http.actor(), record.of),
            )
        )

    @expose("/<kind>/<pk>/people")
    @has_access
    def people(self, kind: str, pk: str) -> Response:
        """Whom a comment may name: people and teams whose name holds ``?q=``, ten at most."""
        get_record(kind, parse_id(pk))
        text = request.args.get("q", "")[:100].casefold()
        found = [one for one in queries.mentionable() if text in one.name.casefold()]
        # Names that start with what was typed come first.
        found.sort(key=lambda one: not any(part.startswith(text) for part in one.name.casefold().split()))
        result = [{"name": one.name, "team": one.is_team} for one in found[:10]]
        return http.json_response({"count": len(result), "result": result})

    @expose("/go/<pk>")
    @has_access
    def go(self, pk: str) -> Response:
        """A comment's own address: its record's page, at the comment."""
        comment, record = queries.get_comment(parse_id(pk), http.actor())
        return redirect(f"{record.url}#comment-{comment.id}")  # type: ignore[return-value]

    @expose("/history/<pk>")
    @has_access
    def history(self, pk: str) -> Response:
        """What a comment said before its edits."""
        comment, _record = queries.get_comment(parse_id(pk), http.actor())
        if comment.deleted_at is not None:
            raise NotFound
        return make_response(
            self.render_template(
                "collaboration/history.html",
                comment=queries.show_comment(comment, http.actor()),
                revisions=queries.revisions(comment),
            )
        )


def _moment(text: str | None) -> dt.datetime | None:
    if not text:
        return None
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError:
        raise BadRequest(_("This is not a date.")) from None
    return found if found.tzinfo else found.replace(tzinfo=dt.UTC)


def _sandboxed(function: Any) -> Any:
    """Whatever is in a file, it runs nothing here: its answer has a policy of its own."""
    function.talisman_view_options = {
        "content_security_policy": {"default-src": "'none'", "style-src": "'unsafe-inline'", "sandbox": ""},
        "content_security_policy_nonce_in": [],
    }
    return function


class AttachmentView(BaseView):  # type: ignore[misc]
    """Attached files, for those who see the comment that they belong to."""

    route_base = "/attachments"
    class_permission_name = "comment"
    method_permission_name: ClassVar[dict[str, str]] = {"file": "read", "preview": "read"}

    @expose("/<pk>")
    @has_access
    @_sandboxed
    def file(self, pk: str) -> Response:
        """The file as it was uploaded; a picture is shown by the browser, anything else is saved."""
        found = queries.get_attachment(parse_id(pk), http.actor())
        return _send(found.key, found.content_type, name=found.name, inline=found.preview_key is not None)

    @expose("/<pk>/preview")
    @has_access
    @_sandboxed
    def preview(self, pk: str) -> Response:
        """A picture, smaller, written anew."""
        found = queries.get_attachment(parse_id(pk), http.actor())
        if found.preview_key is None:
            raise NotFound
        return _send(found.preview_key, "image/webp", name=found.name, inline=True)


def _send(key: str, content_type: str, *, name: str, inline: bool) -> Response:
    response: Any = send_file(
        storage.store().open(key), mimetype=content_type, as_attachment=not inline, download_name=name
    )
    response.headers["Cache-Control"] = "private, max-age=3600"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response  # type: ignore[no-any-return]


VIEWS = [CommentView, AttachmentView]
