"""The audit log."""

from __future__ import annotations

from flask import Response, request
from flask_appbuilder import expose

from app.kernel import audit, http
from app.kernel.crud.export import safe_cell, write_csv
from app.kernel.feature import registry
from app.kernel.i18n import gettext as _
from app.kernel.uow import uow
from app.settings import audit_queries
from app.settings.views.page import SettingsPage
from app.tenancy import queries


class AuditView(SettingsPage):
    """Who changed what, when; also as CSV."""

    default_view = "audit"

    @expose("/audit")
    def audit(self) -> Response:
        """Who changed what, when."""
        actor = http.actor()
        actor.require("read", "audit")
        wanted = audit_queries.read_filter(request.args)
        rows, more = audit_queries.list_audit(wanted, actor)
        return self._page(
            "settings/audit.html",
            rows=rows,
            more=more,
            wanted=wanted,
            people=queries.list_people(),
            keys=queries.list_api_keys() if actor.can("read", "api") else [],
            entities=audit_queries.known_entities(),
            actions=audit_queries.known_actions(),
            is_identity=audit_queries.is_identity,
            records=registry.records,
            may_export=actor.can("export", "audit"),
        )

    @expose("/audit/export")
    def export_audit(self) -> Response:
        """The filtered log as CSV."""
        actor = http.actor()
        actor.require("export", "audit")
        wanted = audit_queries.read_filter(request.args)
        wanted.before = None
        with uow():
            rows = audit_queries.export_audit(wanted, actor)
            body = write_csv(
                [
                    "seq",
                    "at",
                    "actor",
                    "action",
                    "entity",
                    "id",
                    "record",
                    "changes",
                    "source",
                    "ip",
                    "request",
                    "hash",
                ],
                (
                    [
                        row.seq,
                        row.at.isoformat(),
                        safe_cell(row.actor_label),
                        row.action,
                        row.entity,
                        row.entity_id,
                        safe_cell(row.entity_label),
                        safe_cell(str(row.changes)),
                        row.source,
                        row.ip or "",
                        row.request_id or "",
                        row.hash,
                    ]
                    for row in rows
                ),
            )
            audit.record(
                "exported",
                entity="audit_log",
                entity_id="audit_log",
                label=_("Audit log"),
                changes={"rows": [None, len(rows)]},
            )
        response = Response(body, content_type="text/csv; charset=utf-8")
        response.headers["Content-Disposition"] = 'attachment; filename="audit-log.csv"'
        return response
