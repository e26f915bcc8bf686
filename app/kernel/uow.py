"""The unit of work: one transaction per request action, job or socket message.

This file holds the only commit of the product. Effects on the world outside the database (mail,
jobs, pushes, cache bumps) are queued with after_commit() and happen only when the commit did.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm.exc import StaleDataError

from app.kernel import audit, tenant
from app.kernel.constraints import explain
from app.kernel.db import db
from app.kernel.errors import Conflict, PreviewOnly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from app.kernel.actor import Actor
    from app.kernel.db import TenantSession

log = structlog.get_logger()


class NestedUnitOfWork(RuntimeError):
    """A unit of work inside another one: the inner would commit the outer's half-done work."""


def after_commit(effect: Callable[[], None], *, key: str | None = None) -> None:
    """Runs ``effect`` once the current unit of work has committed; dropped when it rolls back.

    Effects with the same ``key`` run once.
    """
    queue: dict[str, Callable[[], None]] = db.session.info.setdefault("after_commit", {})
    queue[key or f"#{len(queue)}"] = effect


@contextmanager
def uow(actor: Actor | None = None) -> Iterator[TenantSession]:
    """One transaction. Enters the actor's tenant scope where none is active.

    Raises Conflict for a lost race on a row's version and Invalid or Conflict for a broken
    constraint; anything raised inside rolls everything back.
    """
    if tenant.current().kind == "none":
        if actor is None:
            raise tenant.MissingScope("a unit of work needs a scope or an actor")
        with tenant.tenant_scope(actor), _transaction() as session:
            yield session
    else:
        with _transaction() as session:
            yield session


@contextmanager
def platform_uow(reason: str, actor: Actor | None = None) -> Iterator[TenantSession]:
    """One transaction on the platform role; ``reason`` as for tenant.platform_scope."""
    with tenant.platform_scope(reason, actor), _transaction() as session:
        yield session


@contextmanager
def _transaction() -> Iterator[TenantSession]:
    session: Any = db.session()
    if session.info.get("in_uow"):
        raise NestedUnitOfWork
    if tenant.is_read_only():
        raise PreviewOnly
    session.info["in_uow"] = True
    session.info.pop("after_commit", None)
    try:
        yield session
        session.flush()
        audit.write(session)
        session.commit()
    except StaleDataError as error:
        session.rollback()
        raise Conflict from error
    except IntegrityError as error:
        session.rollback()
        raise explain(error) from error
    except DBAPIError as error:
        session.rollback()
        raise explain(error) from error
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop("in_uow", None)
        audit.discard(session)
    for effect in session.info.pop("after_commit", {}).values():
        try:
            effect()
        except Exception:
            log.exception("uow.effect_failed")


def end_reading() -> None:
    """Ends the transaction that reads have begun: before a call that leaves the process and may take its time.

    What was read goes stale: take along values, not records.
    """
    session: Any = db.session()
    if session.info.get("in_uow"):
        raise NestedUnitOfWork
    session.rollback()
