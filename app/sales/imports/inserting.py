"""Writes the new records of a batch, as sets."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import select

from app.kernel import audit, clock
from app.kernel.db import TenantModel, db, insert_rows
from app.sales.imports.entities import ENTITIES, Entity, normal
from app.sales.imports.rows import ParsedRow
from app.sales.models.imports import ImportJob
from app.sales.models.opportunities import AmountMode, ForecastCategory, OpportunityLine, OpportunityStageHistory
from app.sales.models.pipelines import StageKind
from app.sales.models.products import Product
from app.sales.queries import pipelines
from app.sales.service.opportunities.deal import CARDS
from app.tenancy import queries as tenancy
from app.tenancy.models import Membership
from app.tenancy.service import members

if TYPE_CHECKING:
    from app.kernel.actor import Actor


def insert(job: ImportJob, entity: Entity, new: list[tuple[ParsedRow, UUID]], actor: Actor) -> None:
    """Writes the lines as new records with these ids, and their audit rows. Raises DBAPIError for a bad one."""
    if entity.name == "people":
        _insert_people(new, actor)
        return
    assert entity.crud is not None
    model = entity.crud.model
    lines: Rows = []
    steps: Rows = []
    if entity.name == "opportunities":
        values, lines, steps = _deal_rows(job, new, actor)
    else:
        defaults = _defaults(model)
        values = [{**defaults, **row.values, "id": record_id, "import_id": job.id} for row, record_id in new]
    columns = {key for row in values for key in row}
    values = [{**dict.fromkeys(columns), **row} for row in values]
    insert_rows(model, values, actor)
    for table, dependents in ((OpportunityLine, lines), (OpportunityStageHistory, steps)):
        if dependents:
            insert_rows(table, dependents, actor)
    label = entity.crud.label_field
    for row in values:
        audit.record(
            "created",
            entity=entity.kind,
            entity_id=row["id"],
            label=str(row[label]),
            changes={
                key: [None, audit.plain(value)]
                for key, value in row.items()
                if value not in (None, []) and key in _SHOWN[entity.name]
            },
        )


_SHOWN = {
    name: {field.name for field in entity.fields} | {"stage_kind", "pipeline_id", "import_id"}
    for name, entity in ENTITIES.items()
}


def _defaults(model: type[TenantModel]) -> dict[str, Any]:
    """The scalar defaults of a table's columns, which set-based inserts do not apply per row."""
    found: dict[str, Any] = {}
    for column in model.__table__.columns:
        if column.default is not None and column.default.is_scalar:
            found[column.name] = column.default.arg
        elif not column.nullable and column.name == "tags":
            found[column.name] = []
    found.pop("version", None)
    return found


Rows = list[dict[str, Any]]


def _deal_rows(job: ImportJob, new: list[tuple[ParsedRow, UUID]], actor: Actor) -> tuple[Rows, Rows, Rows]:
    """Deals with their stage, rank, line and history.

    A named product makes one line, at the deal's amount, else at its list price. A deal without an
    amount of its own takes the line's.
    """
    stages = {one.id: one for one in pipelines.list_stages(UUID(job.settings["pipeline"]))}
    first = next(one for one in stages.values() if one.kind == StageKind.OPEN)
    product_ids = {row.values.get("product_id") for row, _id in new} - {None}
    products = {one.id: one for one in db.session.scalars(select(Product).where(Product.id.in_(product_ids)))}
    now = clock.now()
    by_stage: dict[UUID, int] = {}
    for row, _id in new:
        stage = stages.get(row.values.get("stage_id"), first)  # type: ignore[arg-type]
        by_stage[stage.id] = by_stage.get(stage.id, 0) + 1
    ranks = {stage_id: iter(CARDS.bottom(count, stage_id)) for stage_id, count in by_stage.items()}
    values: list[dict[str, Any]] = []
    lines: list[dict[str, Any]] = []
    steps: list[dict[str, Any]] = []
    for row, record_id in new:
        given = dict(row.values)
        product = products.get(given.pop("product_id", None))  # type: ignore[arg-type]
        stage = stages.get(given.pop("stage_id", None), first)  # type: ignore[arg-type]
        closed = stage.kind != StageKind.OPEN
        close_date = given.get("close_date")
        opened = given.get("opened_on")
        closed_at = None
        if closed:
            day = close_date or clock.today(actor.timezone)
            given["close_date"] = day
            closed_at = dt.datetime.combine(day, dt.time(12), dt.UTC)
        amount = given.get("amount")
        mode = AmountMode.MANUAL
        if product is not None:
            price = amount if amount is not None else (product.price if not closed else Decimal(0))
            lines.append(
                {
                    "opportunity_id": record_id,
                    "product_id": product.id,
                    "position": 1,
                    "description": product.name,
                    "quantity": Decimal(1),
                    "unit": product.unit,
                    "unit_price": price,
                    "discount": Decimal(0),
                    "vat_rate": product.vat_rate,
                    "recurrence": product.recurrence,
                }
            )
            amount, mode = price, AmountMode.LINES
        values.append(
            {
                "forecast_category": ForecastCategory.CLOSED
                if stage.kind == StageKind.WON
                else ForecastCategory.OMITTED
                if closed
                else ForecastCategory.PIPELINE,
                "tags": [],
                **given,
                "id": record_id,
                "pipeline_id": stage.pipeline_id,
                "stage_id": stage.id,
                "stage_kind": stage.kind,
                "rank": next(ranks[stage.id]),
                "amount": amount,
                "amount_mode": mode,
                "currency": given.get("currency") or actor.currency,
                "closed_at": closed_at,
                # When a deal entered its stage is not in the file: an open one stands there from now.
                "stage_entered_at": closed_at or now,
                "last_open_stage_id": first.id if closed else None,
                "import_id": job.id,
            }
        )
        start = dt.datetime.combine(opened, dt.time(9), dt.UTC) if opened else None
        steps.append(
            {
                "opportunity_id": record_id,
                "from_stage_id": first.id if closed else None,
                "to_stage_id": stage.id,
                "by_id": actor.member_id,
                "at": closed_at or now,
                "seconds": max(0, int((closed_at - start).total_seconds())) if closed_at and start else None,
            }
        )
    return values, lines, steps


def _insert_people(new: list[tuple[ParsedRow, UUID]], actor: Actor) -> None:
    """People known by name, in teams that are made where they lack; a team is named after its manager."""
    teams = {normal(one.name): one for one in tenancy.list_teams()}
    for row, record_id in new:
        team_name = row.values.get("team_name")
        team = teams.get(normal(team_name)) if team_name else None
        if team_name and team is None:
            team = members.save_team(None, actor=actor, name=team_name)
            teams[normal(team_name)] = team
        db.session.add(
            Membership(
                id=record_id,
                display_name=row.values["display_name"],
                title=row.values.get("title"),
                team_id=team.id if team else None,
                status="placeholder",
            )
        )
    db.session.flush()
