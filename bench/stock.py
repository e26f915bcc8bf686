"""Flask-AppBuilder as it comes, on the same tables: ModelRestApi and ModelView, signed in, one filter."""

from __future__ import annotations

import logging
import os

from flask import Flask
from flask_appbuilder import AppBuilder, Model, ModelRestApi, ModelView
from flask_appbuilder.models.sqla.filters import FilterEqual
from flask_appbuilder.models.sqla.interface import SQLAInterface
from flask_appbuilder.utils.legacy import get_sqla_class
from sqlalchemy import Column, Date, DateTime, ForeignKey, Integer, Numeric, String, Uuid
from sqlalchemy.orm import relationship

logging.getLogger("flask_appbuilder").setLevel(logging.CRITICAL)  # a warning per UUID column and request
# "public" holds the product's tables; FAB's own lie in a schema before it.
app = Flask(__name__)
app.config |= {
    "SECRET_KEY": "benchmark",
    "SQLALCHEMY_DATABASE_URI": os.environ["BENCH_DATABASE_SQLA"],
    "SQLALCHEMY_ENGINE_OPTIONS": {"connect_args": {"options": "-csearch_path=stock,public"}},
    "WTF_CSRF_ENABLED": False,
    "RATELIMIT_ENABLED": False,
    "FAB_API_MAX_PAGE_SIZE": 100,
}
db = get_sqla_class()()


class Account(Model):
    """The product's table, the columns that the list needs."""

    __tablename__ = "account"
    id = Column(Uuid, primary_key=True)
    name = Column(String(200))

    def __repr__(self) -> str:
        return str(self.name)


class PipelineStage(Model):
    """The product's table, the columns that the list needs."""

    __tablename__ = "pipeline_stage"
    id = Column(Uuid, primary_key=True)
    name = Column(String(80))

    def __repr__(self) -> str:
        return str(self.name)


class Opportunity(Model):
    """The product's table, the columns that the list needs."""

    __tablename__ = "opportunity"
    id = Column(Uuid, primary_key=True)
    organization_id = Column(Uuid)
    title = Column(String(200))
    account_id = Column(Uuid, ForeignKey("account.id"))
    account = relationship(Account)
    stage_id = Column(Uuid, ForeignKey("pipeline_stage.id"))
    stage = relationship(PipelineStage)
    stage_kind = Column(String(4))
    amount = Column(Numeric(14, 2))
    currency = Column(String(3))
    probability = Column(Integer)
    forecast_category = Column(String(8))
    priority = Column(String(2))
    source = Column(String(60))
    opened_on = Column(Date)
    close_date = Column(Date)
    closed_at = Column(DateTime(timezone=True))
    stage_entered_at = Column(DateTime(timezone=True))
    version = Column(Integer)
    created_at = Column(DateTime(timezone=True))
    updated_at = Column(DateTime(timezone=True))


class TaskStatus(Model):
    """The product's table, the columns that the list needs."""

    __tablename__ = "task_status"
    id = Column(Uuid, primary_key=True)
    name = Column(String(60))

    def __repr__(self) -> str:
        return str(self.name)


class Task(Model):
    """The product's table, the columns that the list needs."""

    __tablename__ = "task"
    id = Column(Uuid, primary_key=True)
    organization_id = Column(Uuid)
    number = Column(Integer)
    title = Column(String(200))
    description = Column(String)
    status_id = Column(Uuid, ForeignKey("task_status.id"))
    status = relationship(TaskStatus)
    status_group = Column(String(12))
    priority = Column(String(2))
    module = Column(String(20))
    type = Column(String(20))
    start_on = Column(Date)
    due_on = Column(Date)
    estimate = Column(Integer)
    done_at = Column(DateTime(timezone=True))
    version = Column(Integer)
    created_at = Column(DateTime(timezone=True))
    updated_at = Column(DateTime(timezone=True))


COLUMNS = [
    "id", "title", "account.name", "stage.name", "stage_kind", "amount", "currency", "probability",
    "forecast_category", "priority", "source", "opened_on", "close_date", "closed_at", "stage_entered_at", "version",
    "created_at", "updated_at",
]  # fmt: skip


TASK_COLUMNS = [
    "id", "number", "title", "description", "status.name", "status_group", "priority", "module", "type", "start_on",
    "due_on", "estimate", "done_at", "version", "created_at", "updated_at",
]  # fmt: skip


class OpportunityApi(ModelRestApi):
    """The generated REST resource."""

    resource_name = "opportunities"
    allow_browser_login = True
    datamodel = SQLAInterface(Opportunity)
    list_columns = COLUMNS
    base_filters = [["organization_id", FilterEqual, os.environ["BENCH_ORGANIZATION"]]]
    max_page_size = 100


class OpportunityView(ModelView):
    """The generated list page."""

    route_base = "/opportunities"
    datamodel = SQLAInterface(Opportunity)
    list_columns = ["title", "account", "stage", "amount", "probability", "priority", "close_date", "updated_at"]
    base_filters = [["organization_id", FilterEqual, os.environ["BENCH_ORGANIZATION"]]]
    # Without its own list FAB asks for a form field of every column, and has none for UUIDs.
    search_columns = ["title", "account", "stage", "amount", "priority", "close_date"]
    base_order = ("amount", "desc")
    page_size = 50


class TaskApi(ModelRestApi):
    """The generated REST resource."""

    resource_name = "tasks"
    allow_browser_login = True
    datamodel = SQLAInterface(Task)
    list_columns = TASK_COLUMNS
    base_filters = [["organization_id", FilterEqual, os.environ["BENCH_ORGANIZATION"]]]
    max_page_size = 100


class TaskView(ModelView):
    """The generated list page."""

    route_base = "/tasks"
    datamodel = SQLAInterface(Task)
    list_columns = ["title", "status", "priority", "due_on", "module", "estimate"]
    base_filters = [["organization_id", FilterEqual, os.environ["BENCH_ORGANIZATION"]]]
    search_columns = ["title", "status", "priority", "due_on"]
    base_order = ("due_on", "asc")
    page_size = 50


with app.app_context():
    db.init_app(app)
    appbuilder = AppBuilder(app, db.session)
    appbuilder.add_api(OpportunityApi)
    appbuilder.add_api(TaskApi)
    appbuilder.add_view(OpportunityView, "Opportunities")
    appbuilder.add_view(TaskView, "Tasks")
    if appbuilder.sm.find_user("admin") is None:
        appbuilder.sm.add_user(
            "admin", "Ada", "Admin", "admin@stock.example", appbuilder.sm.find_role("Admin"), "benchmark"
        )
