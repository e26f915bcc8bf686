"""REST of comments. The same class serves the comments of every record, and those of one kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from flask import Response, request
from flask_appbuilder.api import expose, protect

from app.collaboration import queries
from app.collaboration.files import MAX_BYTES
from app.collaboration.models import Attachment
from app.collaboration.openapi import describe, describe_links
from app.collaboration.queries import Shown
from app.collaboration.records import Named, get_record
from app.collaboration.service import attachments as files
from app.collaboration.service import comments as service
from app.collaboration.service import links
from app.kernel import http
from app.kernel.crud.body import flag, id_list, optional_id, optional_text, optional_version
from app.kernel.errors import BadRequest, Invalid, NotFound
from app.kernel.i18n import gettext as _
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.kernel.rest import SignedInApi
from app.kernel.uow import uow

if TYPE_CHECKING:
    from apispec import APISpec

MAX_PAGE = 100


def dump(shown: Shown) -> dict[str, Any]:
    """A comment as REST says it."""
    one = shown.comment
    return {
        "id": one.id,
        "kind": one.kind,
        "record": one.record_id,
        "parent": one.parent_id,
        "author": {"id": one.author_id, "name": shown.author},
        "body": one.body,
        "html": str(shown.html),
        "internal": one.internal,
        "created_at": one.created_at,
        "edited_at": one.edited_at,
        "resolved_at": one.resolved_at,
        "version": one.version,
        "reactions": [{"emoji": r.emoji, "count": r.count, "mine": r.mine} for r in shown.reactions],
        "attachments": [dump_file(file) for file in shown.files],
    }


def dump_file(file: Attachment) -> dict[str, Any]:
    """An attached file as REST says it."""
    return {
        "id": file.id,
        "name": file.name,
        "content_type": file.content_type,
        "size": file.size,
        "url": f"/attachments/{file.id}",
        "preview": f"/attachments/{file.id}/preview" if file.preview_key else None,
    }


def _number(name: str, default: int, most: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or int(text) > most:
        raise BadRequest(_("“%(value)s” is not a number.", value=text[:20]))
    return int(text)


def _pages() -> dict[str, int]:
    size = _number("page_size", queries.PAGE, MAX_PAGE) or queries.PAGE
    return {"page": _number("page", 0, 10_000), "page_size": size}


def _end(one: Named) -> dict[str, Any]:
    return {"kind": one.kind, "record": one.id, "label": one.label, "url": one.url}


class CommentApi(SignedInApi):
    """Comments of a record, named by ``kind`` and ``record``; of one kind where the class says which."""

    kind: ClassVar[str | None] = None
    resource_name = "comments"
    class_permission_name = "comment"
    openapi_spec_tag = "comments"
    method_permission_name: ClassVar[dict[str, str]] = {
        "get_list": "read",
        "get": "read",
        "history": "read",
        "post": "write",
        "put": "write",
        "delete": "write",
        "restore": "write",
        "resolve": "write",
        "react": "write",
        "upload": "write",
        "discard": "write",
    }
    include_route_methods = frozenset(method_permission_name)

    def _record(self, kind: str | None, record: str | None) -> tuple[str, UUID]:
        kind = self.kind or kind
        if not kind or not record:
            raise Invalid(errors={"record": [_("This field is required.")]})
        return kind, parse_id(record)

    @expose("", methods=["GET"])
    @expose("/", methods=["GET"])
    @protect()
    def get_list(self) -> Response:
        """A record's comments, oldest first (``?kind=task&record=<id>&page=0&page_size=50``), or all, newest first."""
        actor = http.actor()
        pages = _pages()
        if request.args.get("record"):
            kind, record_id = self._record(request.args.get("kind"), request.args.get("record"))
            count, found = queries.list_comments(get_record(kind, record_id), actor, **pages)
        else:
            count, found = queries.list_newest(actor, kind=self.kind or request.args.get("kind") or None, **pages)
        return http.json_response(
            {"count": count, "ids": [one.id for one in found], "result": [dump(one) for one in found]}
        )

    @expose("/<pk>", methods=["GET"])
    @protect()
    def get(self, pk: str) -> Response:
        """One comment."""
        comment, _record = self._get(pk)
        return self._answer(comment)

    def _get(self, pk: str) -> Any:
        found = queries.get_comment(parse_id(pk), http.actor())
        if found[0].deleted_at is not None or (self.kind and found[0].kind != self.kind):
            raise NotFound
        return found

    def _answer(self, comment: Any, status: int = 200) -> Response:
        result = dump(queries.show_comment(comment, http.actor()))
        return http.json_response({"id": comment.id, "result": result}, status)

    @expose("", methods=["POST"])
    @expose("/", methods=["POST"])
    @protect()
    def post(self) -> Response:
        """Writes a comment: ``body`` (Markdown), ``parent``, ``internal``, ``attachments`` (ids of uploads)."""
        body = http.json_body()
        kind, record_id = self._record(optional_text(body, "kind"), optional_text(body, "record"))
        values = {
            "parent_id": optional_id(body, "parent"),
            "internal": flag(body, "internal", default=False),
            "attachment_ids": id_list(body, "attachments") or [],
        }
        text = optional_text(body, "body") or ""

        def act() -> tuple[Any, int]:
            comment = service.add_comment(kind, record_id, text, actor=http.actor(), **values)
            return {"id": comment.id, "result": dump(queries.show_comment(comment, http.actor()))}, 201

        return once(act)

    @expose("/<pk>", methods=["PUT", "PATCH"])
    @protect()
    def put(self, pk: str) -> Response:
        """Changes one's own comment. What it said is kept."""
        body = http.json_body()
        self._get(pk)
        with uow():
            comment = service.edit_comment(
                parse_id(pk), optional_text(body, "body") or "", actor=http.actor(), version=optional_version(body)
            )
            result = dump(queries.show_comment(comment, http.actor()))
        return http.json_response({"id": comment.id, "result": result})

    @expose("/<pk>", methods=["DELETE"])
    @protect()
    def delete(self, pk: str) -> Response:
        """Deletes a comment; for a day it can be restored."""
        self._get(pk)
        with uow():
            service.delete_comment(parse_id(pk), actor=http.actor())
        return http.json_response({"message": "OK"})

    @expose("/<pk>/restore", methods=["POST"])
    @protect()
    def restore(self, pk: str) -> Response:
        """Takes a deletion back."""
        with uow():
            comment = service.restore_comment(parse_id(pk), actor=http.actor())
        return self._answer(comment)

    @expose("/<pk>/resolve", methods=["POST"])
    @protect()
    def resolve(self, pk: str) -> Response:
        """Settles a thread, or opens it again (``resolved``: false)."""
        body = http.json_body()
        resolved = flag(body, "resolved", default=True)
        self._get(pk)
        with uow():
            comment = service.resolve_thread(parse_id(pk), actor=http.actor(), resolved=resolved)
        return self._answer(comment)

    @expose("/<pk>/reactions", methods=["POST"])
    @protect()
    def react(self, pk: str) -> Response:
        """Puts an ``emoji`` under a comment, or takes one's own away."""
        emoji = optional_text(http.json_body(), "emoji") or ""
        self._get(pk)
        with uow():
            there = service.react(parse_id(pk), emoji, actor=http.actor())
        return http.json_response({"id": pk, "result": {"emoji": emoji, "mine": there}})

    @expose("/<pk>/history", methods=["GET"])
    @protect()
    def history(self, pk: str) -> Response:
        """What a comment said before each of its edits, newest first."""
        comment, _record = self._get(pk)
        rows = queries.revisions(comment)
        result = [{"id": one.id, "body": one.body, "until": one.created_at} for one in rows]
        return http.json_response({"count": len(rows), "result": result})

    @expose("/files", methods=["POST"])
    @protect()
    def upload(self) -> Response:
        """Takes in a ``file`` (multipart, with ``kind`` and ``record``) for a comment that is still being written."""
        kind, record_id = self._record(request.form.get("kind"), request.form.get("record"))
        sent = request.files.get("file")
        if sent is None:
            raise Invalid(errors={"file": [_("Choose a file.")]})
        data = sent.stream.read(MAX_BYTES + 1)
        with uow():
            file = files.upload(kind, record_id, sent.filename or "", data, actor=http.actor())
            answer = dump_file(file)
        return http.json_response({"id": answer["id"], "result": answer}, 201)

    @expose("/files/<pk>", methods=["DELETE"])
    @protect()
    def discard(self, pk: str) -> Response:
        """Takes back a file that was not sent."""
        with uow():
            files.discard(parse_id(pk), actor=http.actor())
        return http.json_response({"message": "OK"})

    def add_api_spec(self, api_spec: APISpec) -> None:
        """Describes the resource in the OpenAPI document."""
        describe(api_spec, self.resource_name, of_kind=self.kind is not None)


class TaskCommentApi(CommentApi):
    """Comments of tasks."""

    kind = "task"
    resource_name = "task-comments"
    openapi_spec_tag = "task-comments"


class LinkApi(SignedInApi):
    """Links between records."""

    resource_name = "record-links"
    class_permission_name = "comment"
    openapi_spec_tag = "record-links"
    method_permission_name: ClassVar[dict[str, str]] = {"get_list": "read", "post": "write", "delete": "write"}
    include_route_methods = frozenset(method_permission_name)

    @expose("", methods=["GET"])
    @expose("/", methods=["GET"])
    @protect()
    def get_list(self) -> Response:
        """What a record is linked to (``?kind=task&record=<id>``), or all links, newest first."""
        if not request.args.get("record"):
            count, links_found = queries.list_newest_links(http.actor(), **_pages())
            ends = [(one.id, left, right) for one, left, right in links_found]
            rows = [{"id": pk, "left": _end(left), "right": _end(right)} for pk, left, right in ends]
            return http.json_response({"count": count, "ids": [one["id"] for one in rows], "result": rows})
        found = queries.list_links(get_record(request.args.get("kind", ""), parse_id(request.args.get("record", ""))))
        result = [
            {"id": one.id, "kind": one.record.kind, "record": one.record.id, "label": one.record.label,
             "url": one.record.url}
            for one in found
        ]  # fmt: skip
        return http.json_response({"count": len(result), "ids": [one["id"] for one in result], "result": result})

    @expose("", methods=["POST"])
    @expose("/", methods=["POST"])
    @protect()
    def post(self) -> Response:
        """Links two records: ``kind``, ``record``, ``other_kind``, ``other``."""
        body = http.json_body()
        texts = {key: optional_text(body, key) or "" for key in ("kind", "record", "other_kind", "other")}

        def act() -> tuple[Any, int]:
            link = links.link_records(
                texts["kind"],
                parse_id(texts["record"]),
                texts["other_kind"],
                parse_id(texts["other"]),
                actor=http.actor(),
            )
            return {"id": link.id}, 201

        return once(act)

    @expose("/<pk>", methods=["DELETE"])
    @protect()
    def delete(self, pk: str) -> Response:
        """Unlinks two records."""
        with uow():
            links.unlink(parse_id(pk), actor=http.actor())
        return http.json_response({"message": "OK"})

    def add_api_spec(self, api_spec: APISpec) -> None:
        """Describes the resource in the OpenAPI document."""
        describe_links(api_spec)


APIS = [CommentApi, TaskCommentApi, LinkApi]
