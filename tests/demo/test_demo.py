"""The demo is loaded once; its imports are covered by tests/sales/test_import_crm.py."""

from __future__ import annotations

from app.demo import load as demo
from app.kernel.uow import platform_uow
from app.tenancy.service import organizations


def test_is_loaded_looks_for_the_first_organization(app):
    assert demo.is_loaded() is False
    with platform_uow("vendor"):
        organizations.create_organization("Officine Aurora S.r.l.", slug="officine-aurora", seats=1, status="active")
    assert demo.is_loaded() is True
    said = app.test_cli_runner().invoke(args=["demo", "load"])
    assert "already" in said.output
