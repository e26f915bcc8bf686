"""The lines of a deal, whose sum is its amount."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import delete, select

from app.kernel import clock, money
from app.kernel.db import db
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.sales.models.opportunities import AmountMode, Opportunity, OpportunityLine
from app.sales.models.products import Product, Recurrence
from app.sales.service.opportunities.deal import facts, note_changes, open_for_change, tell

if TYPE_CHECKING:
    from app.kernel.actor import Actor


MAX_LINES = 200
MAX_QUANTITY = 10_000_000_000


def line_total(line: OpportunityLine) -> Decimal:
    """Quantity × unit price − discount, rounded half up to cents."""
    return money.quantize(line.quantity * line.unit_price * (100 - line.discount) / 100)


def set_lines(
    opportunity_id: UUID, lines: list[dict[str, Any]], *, actor: Actor, version: int | None = None
) -> Opportunity:
    """Replaces a deal's lines; the amount becomes their sum, net of VAT.

    Recurring lines count once: their yearly value is shown apart. Without lines the amount is
    manual again. Raises Invalid with the line's number.
    """
    deal = open_for_change(opportunity_id, actor=actor, version=version)
    before = facts(deal)
    if len(lines) > MAX_LINES:
        raise Invalid(errors={"lines": [_("At most %(count)s lines.", count=MAX_LINES)]})
    products = {
        one.id: one
        for one in db.session.scalars(
            select(Product).where(Product.id.in_([line["product_id"] for line in lines if line.get("product_id")]))
        )
    }
    made: list[OpportunityLine] = []
    for number, values in enumerate(lines, 1):
        product = products.get(values.get("product_id"))
        if values.get("product_id") and product is None:
            raise Invalid(errors={"lines": [_("Line %(number)s: unknown product.", number=number)]})
        try:
            line = OpportunityLine(
                opportunity_id=deal.id,
                product_id=product.id if product else None,
                position=number,
                description=" ".join(str(values.get("description") or (product.name if product else "")).split())[:200],
                quantity=_decimal(values.get("quantity"), Decimal(1)),
                unit=(values.get("unit") or (product.unit if product else None) or None),
                unit_price=_decimal(values.get("unit_price"), product.price if product else Decimal(0)),
                discount=_decimal(values.get("discount"), Decimal(0)),
                vat_rate=_decimal(values.get("vat_rate"), product.vat_rate if product else Decimal(22)),
                recurrence=product.recurrence if product else Recurrence.ONE_OFF,
            )
        except ValueError:
            raise Invalid(
                errors={"lines": [_("Line %(number)s: one of the values is not a number.", number=number)]}
            ) from None
        if (
            not line.description
            or not 0 < line.quantity < MAX_QUANTITY
            or line.unit_price < 0
            or not (0 <= line.discount <= 100 and 0 <= line.vat_rate <= 100)
        ):
            raise Invalid(
                errors={
                    "lines": [_("Line %(number)s: check description, quantity, price and discount.", number=number)]
                }
            )
        made.append(line)
    db.session.execute(delete(OpportunityLine).where(OpportunityLine.opportunity_id == deal.id))
    db.session.add_all(made)
    if made:
        total = sum((line_total(line) for line in made), Decimal(0))
        if total > money.MAX_AMOUNT:
            raise Invalid(errors={"lines": [_("This number is too large.")]})
        deal.amount, deal.amount_mode = total, AmountMode.LINES
    else:
        deal.amount_mode = AmountMode.MANUAL
    # The lines are part of the deal: whoever edits them counts as editing it, for the version too.
    deal.updated_at = clock.now()
    db.session.flush()
    note_changes(deal, before)
    tell(deal, deal.stage_id)
    return deal


def _decimal(value: Any, default: Decimal) -> Decimal:
    if value is None or value == "":
        return default
    return money.parse_amount(value if isinstance(value, int | Decimal) else str(value))
