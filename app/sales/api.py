"""REST resources of sales, generated; with the verbs of deals and leads added."""

from __future__ import annotations

from typing import Any

from flask import Response
from flask_appbuilder.api import expose, protect

from app.kernel import http, money
from app.kernel.crud.api import READ_ONLY, TenantApi, make_api
from app.kernel.crud.body import optional_day, optional_id, optional_text, optional_version
from app.kernel.crud.fields import Choice, Crud, Field, Kind, Verbs
from app.kernel.crud.store import load
from app.kernel.errors import Invalid
from app.kernel.i18n import gettext as _
from app.kernel.i18n import lazy_gettext as _l
from app.kernel.idempotency import once
from app.kernel.ids import parse_id
from app.sales.cruds.accounts import ACCOUNTS
from app.sales.cruds.activities import ACTIVITIES
from app.sales.cruds.contacts import CONTACTS
from app.sales.cruds.leads import LEADS
from app.sales.cruds.opportunities import OPPORTUNITIES
from app.sales.cruds.products import PRODUCTS
from app.sales.models.pipelines import Pipeline, PipelineStage
from app.sales.service import leads
from app.sales.service.opportunities.closing import lose_opportunity, reopen_opportunity, win_opportunity
from app.sales.service.opportunities.stages import move_opportunity


class OpportunityApi(TenantApi):
    """Deals, with win, lose, reopen and move."""

    method_permission_name = {
        **TenantApi.method_permission_name,
        "win": "write",
        "lose": "write",
        "reopen": "write",
        "move": "write",
    }
    include_route_methods = TenantApi.include_route_methods | {"win", "lose", "reopen", "move"}

    def _answer(self, deal: Any) -> tuple[Any, int]:
        return {"id": deal.id, "result": self._dump(load(self.crud, deal.id))}, 200

    @expose("/<pk>/win", methods=["POST"])
    @protect()
    def win(self, pk: str) -> Response:
        """Closes a deal as won."""
        body = http.json_body()
        try:
            amount = money.parse_amount(str(body["amount"])) if body.get("amount") is not None else None
        except ValueError:
            raise Invalid(errors={"amount": [_("This is not a number.")]}) from None
        return once(
            lambda: self._answer(
                win_opportunity(
                    parse_id(pk),
                    actor=http.actor(),
                    amount=amount,
                    won_on=optional_day(body, "close_date"),
                    version=optional_version(body),
                )
            )
        )

    @expose("/<pk>/lose", methods=["POST"])
    @protect()
    def lose(self, pk: str) -> Response:
        """Closes a deal as lost; ``lost_reason`` is required."""
        body = http.json_body()
        return once(
            lambda: self._answer(
                lose_opportunity(
                    parse_id(pk),
                    actor=http.actor(),
                    lost_reason_id=optional_id(body, "lost_reason"),
                    competitor=optional_text(body, "competitor"),
                    note=optional_text(body, "note"),
                    recontact_on=optional_day(body, "recontact_on"),
                    version=optional_version(body),
                )
            )
        )

    @expose("/<pk>/reopen", methods=["POST"])
    @protect()
    def reopen(self, pk: str) -> Response:
        """Opens a closed deal again."""
        body = http.json_body()
        return once(
            lambda: self._answer(reopen_opportunity(parse_id(pk), actor=http.actor(), version=optional_version(body)))
        )

    @expose("/<pk>/move", methods=["POST"])
    @protect()
    def move(self, pk: str) -> Response:
        """Moves a deal to a stage, between two others."""
        body = http.json_body()
        return once(
            lambda: self._answer(
                move_opportunity(
                    parse_id(pk),
                    actor=http.actor(),
                    stage_id=parse_id(body.get("stage")),
                    after_id=optional_id(body, "after"),
                    before_id=optional_id(body, "before"),
                    version=optional_version(body),
                )
            )
        )


class LeadApi(TenantApi):
    """Leads, with their conversion."""

    method_permission_name = {**TenantApi.method_permission_name, "convert": "write"}
    include_route_methods = TenantApi.include_route_methods | {"convert"}

    @expose("/<pk>/convert", methods=["POST"])
    @protect()
    def convert(self, pk: str) -> Response:
        """Makes an account, a contact and perhaps a deal of a lead."""
        body = http.json_body()

        def act() -> tuple[Any, int]:
            done = leads.convert_lead(
                parse_id(pk),
                actor=http.actor(),
                account_id=optional_id(body, "account"),
                contact_id=optional_id(body, "contact"),
                opportunity_title=optional_text(body, "opportunity_title"),
                pipeline_id=optional_id(body, "pipeline"),
            )
            return {
                "id": done.lead.id,
                "account": done.account.id if done.account else None,
                "contact": done.contact.id,
                "opportunity": done.opportunity.id if done.opportunity else None,
            }, 200

        return once(act)


# Pipelines and stages are read here; their own screens write them, with the rules of a pipeline.
PIPELINES = Crud(
    kind="pipeline_record",
    model=Pipeline,
    resource="pipeline",
    url="/settings/pipelines",
    api="pipelines",
    singular=_l("Pipeline"),
    plural=_l("Pipelines"),
    new_label=_l("New pipeline"),
    icon="filter",
    label_field="name",
    search=("name",),
    order="position",
    verbs=Verbs(),
    fields=(
        Field("name", _l("Name"), editable=False),
        Field("position", _l("Position"), Kind.INTEGER, editable=False),
        Field("is_default", _l("Opens first"), Kind.BOOL, editable=False),
    ),
)
STAGES = Crud(
    kind="pipeline_stage_record",
    model=PipelineStage,
    resource="pipeline",
    url="/settings/pipelines",
    api="pipeline-stages",
    singular=_l("Stage"),
    plural=_l("Stages"),
    new_label=_l("New stage"),
    icon="filter",
    label_field="name",
    search=("name",),
    order="position",
    verbs=Verbs(),
    fields=(
        Field("name", _l("Name"), editable=False),
        Field("pipeline_id", _l("Pipeline"), Kind.REF, target="pipeline", editable=False),
        Field(
            "kind",
            _l("Outcome"),
            Kind.ENUM,
            editable=False,
            choices=(Choice("open", _l("Open")), Choice("won", _l("Won")), Choice("lost", _l("Lost"))),
        ),
        Field("position", _l("Position"), Kind.INTEGER, editable=False),
        Field("probability", _l("Probability"), Kind.INTEGER, editable=False),
        Field("rot_days", _l("Days until it stands still"), Kind.INTEGER, editable=False),
    ),
)

APIS = [
    make_api(ACCOUNTS),
    make_api(CONTACTS),
    make_api(LEADS, LeadApi),
    make_api(PRODUCTS),
    make_api(OPPORTUNITIES, OpportunityApi),
    make_api(ACTIVITIES),
    make_api(PIPELINES, include_route_methods=READ_ONLY),
    make_api(STAGES, include_route_methods=READ_ONLY),
]
