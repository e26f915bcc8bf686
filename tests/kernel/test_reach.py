"""A permission's scope holds wherever a record appears: as the row of a list, and as a name beside another's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.kernel.actor import Scope
from app.kernel.crud.query import ListParams, list_page
from app.kernel.db import db
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.sales.cruds.contacts import CONTACTS
from app.sales.models.accounts import Account
from app.sales.models.contacts import Contact


@pytest.mark.parametrize(
    ("scope", "names"),
    [(Scope.OWN, {"Mine"}), (Scope.TEAM, {"Mine", "Nobody's"}), (Scope.ALL, {"Mine", "Nobody's", "Hers"})],
)
def test_names_beside_a_record_are_those_of_records_in_reach(company, scope, names):
    admin, seller = company.admin.actor, company.sales.actor
    with uow(admin):
        for name, owner in (("Mine", seller.member_id), ("Nobody's", None), ("Hers", admin.member_id)):
            account = Account(name=name, owner_id=owner)
            db.session.add(account)
            db.session.flush()
            db.session.add(Contact(name=f"At {name}", account_id=account.id, owner_id=admin.member_id))
    reader = replace(seller, permissions={"read contact": Scope.ALL, "read account": scope})
    with tenant_scope(reader):
        rows = list_page(CONTACTS, ListParams(), reader).rows
        assert {row["account_id__name"] for row in rows} - {None} == names
        assert len(rows) == 3
        assert set(db.session.scalars(db.select(Account.name))) == names
