"""Puts the shell's context and addresses into the application."""

from __future__ import annotations

from urllib.parse import urlencode

from flask import Flask, render_template

from app.kernel import clock, crypto, markdown
from app.kernel.crud import cells
from app.kernel.feature import registry
from app.kernel.web.addresses import branding_url, with_args
from app.kernel.web.files import files
from app.kernel.web.parts import keep_part
from app.kernel.web.preferences import preferences
from app.kernel.web.search import lookup, palette, search_page
from app.kernel.web.shell import shell_context
from app.kernel.web.words import (
    audit_action,
    audit_field,
    audit_value,
    filter_start,
    filter_texts,
    month_label,
    palette_commands,
    script_texts,
)


def init_app(app: Flask) -> None:
    """Adds the shell's context and addresses."""
    app.context_processor(shell_context)
    app.jinja_env.globals.update(
        avatar=cells.avatar,
        badge=cells.badge,
        initials=cells.initials,
        hue=cells.hue,
        query_string=lambda pairs: urlencode(pairs),
        with_args=with_args,
    )
    app.jinja_env.globals.update(
        keep_part=keep_part,
        script_texts=script_texts,
        markdown=markdown.render,
        is_record=lambda kind: kind in registry.records,
        filter_start=filter_start,
        filter_texts=filter_texts,
        palette_commands=palette_commands,
        picture_url=lambda key: f"/files/{crypto.sign(key, purpose='file')}" if key else None,
        branding_url=branding_url,
        now_utc=clock.now,
        month_label=month_label,
        audit_action=audit_action,
        audit_field=audit_field,
        audit_value=audit_value,
    )
    app.add_url_rule("/search", "search", search_page)
    app.add_url_rule("/search/palette", "palette", palette)
    app.add_url_rule("/lookup/<kind>", "lookup", lookup)
    app.add_url_rule("/preferences", "preferences", preferences, methods=["POST"])
    app.add_url_rule("/files/<token>", "files", files)
    if app.config["GALLERY"]:
        app.add_url_rule("/ui", "ui_gallery", lambda: render_template("ui/gallery.html"))


def add_api_aliases(app: Flask) -> None:
    """Lets every ``/api/v1/…`` address answer at ``/api/…`` too, by the same handler."""
    for rule in list(app.url_map.iter_rules()):
        if rule.rule.startswith("/api/v1/"):
            app.add_url_rule(
                "/api/" + rule.rule.removeprefix("/api/v1/"),
                endpoint=rule.endpoint,
                view_func=app.view_functions[rule.endpoint],
                methods=sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}),
                defaults=rule.defaults,
            )
