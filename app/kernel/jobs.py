"""Background jobs on RQ. Arguments are ids and strings; the serializer is JSON, never pickle.

A job is registered by name and queued with ``enqueue`` inside a unit of work: it reaches Valkey
only after the commit. It may run more than once, so jobs are idempotent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog
from redis.exceptions import RedisError
from rq import Queue, Retry, get_current_job
from rq.exceptions import DuplicateJobError
from rq.job import JobStatus
from rq.serializers import JSONSerializer
from rq.timeouts import BaseTimeoutException
from sqlalchemy.exc import DBAPIError

from app.kernel import tenant, valkey
from app.kernel.actor import Actor, system_actor
from app.kernel.constraints import is_away
from app.kernel.errors import Forbidden, NotFound
from app.kernel.uow import after_commit

if TYPE_CHECKING:
    from rq.job import Job

log = structlog.get_logger()

QUEUES = ("critical", "default", "bulk")
ENDED = {JobStatus.FINISHED, JobStatus.FAILED, JobStatus.STOPPED, JobStatus.CANCELED}


@dataclass(frozen=True, slots=True)
class JobSpec:
    """A registered job. ``retries`` further attempts come after 10, 60, 300, … seconds.

    ``when_suspended``: runs for an organization that is suspended or closed too (billing, export).
    """

    name: str
    function: Callable[..., Any]
    queue: str
    timeout: int
    retries: int
    when_suspended: bool = False


class NotDone(Exception):
    """A job that is nobody's to do any more: its organization is suspended or its person has gone.

    It ends among the failed jobs, without retries, from where the vendor may queue it again.
    """


_registry: dict[str, JobSpec] = {}
# Builds the actor of (organization, member) with today's permissions; set by tenancy.
_actor_loader: list[Callable[[UUID, UUID], Actor]] = []
# Whether an organization is in service (neither suspended nor closed); set by tenancy.
_in_service: list[Callable[[UUID], bool]] = []


def job(
    name: str, *, queue: str = "default", timeout: int = 120, retries: int = 3, when_suspended: bool = False
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers ``function`` as the job ``name``; it gets ``actor`` and its JSON arguments."""

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        _registry[name] = JobSpec(name, function, queue, timeout, retries, when_suspended)
        return function

    return register


def load_actors_with(loader: Callable[[UUID, UUID], Actor], in_service: Callable[[UUID], bool]) -> None:
    """Sets how a member's actor is built inside a job, and which organizations jobs run for."""
    _actor_loader[:] = [loader]
    _in_service[:] = [in_service]


def enqueue(name: str, arguments: dict[str, Any], *, job_id: str | None = None) -> None:
    """Queues the job after the current unit of work commits, to run as the current actor.

    Raises Forbidden for an API key: a worker could not tell its permissions of the day.
    """
    scope = tenant.current()
    if scope.actor is not None and scope.actor.key_id is not None:
        raise Forbidden
    context = {
        "organization_id": str(scope.organization_id) if scope.organization_id else None,
        "member_id": str(scope.actor.member_id) if scope.actor and scope.actor.member_id else None,
        "request_id": scope.actor.request_id if scope.actor else None,
    }
    after_commit(lambda: _put(name, arguments, context, queue=None, job_id=job_id, unique=job_id is not None))


def enqueue_now(
    name: str,
    arguments: dict[str, Any],
    *,
    queue: str | None = None,
    job_id: str | None = None,
    unique: bool = False,
) -> None:
    """Queues a platform job at once; only for effects that run after a commit."""
    _put(name, arguments, {}, queue=queue, job_id=job_id, unique=unique)


def enqueue_lost(
    name: str, arguments: dict[str, Any], *, job_id: str, organization_id: UUID, member_id: UUID | None
) -> bool:
    """Queues a member's job that never reached Valkey, or was lost there; False when Valkey knows it.

    One that is waiting, running or failed is known. For the schedules that look after such jobs.
    """
    if get_queue(_registry[name].queue).fetch_job(job_id) is not None:
        return False
    context = {"organization_id": str(organization_id), "member_id": str(member_id) if member_id else None}
    _put(name, arguments, {**context, "request_id": None}, queue=None, job_id=job_id, unique=True)
    return True


def has_failed(name: str, job_id: str) -> bool:
    """Whether the job ended among the failed ones: killed too often, or given up."""
    found = get_queue(_registry[name].queue).fetch_job(job_id)
    return found is not None and found.get_status() in {JobStatus.FAILED, JobStatus.STOPPED, JobStatus.CANCELED}


def _put(
    name: str,
    arguments: dict[str, Any],
    context: dict[str, Any],
    *,
    queue: str | None,
    job_id: str | None,
    unique: bool,
) -> None:
    spec = _registry[name]
    retry = Retry(max=spec.retries, interval=[10, 60, 300][: spec.retries]) if spec.retries else None

    # RQ takes letters, digits, dashes and underscores.
    rq_id = job_id.replace(".", "-") if job_id else None

    def put() -> None:
        get_queue(queue or spec.queue).enqueue_call(
            "app.kernel.jobs.execute",
            kwargs={"name": name, "arguments": arguments, "context": context},
            timeout=spec.timeout,
            retry=retry,
            job_id=rq_id,
            unique=unique,
            result_ttl=300,
            failure_ttl=14 * 86400,
            description=name,
        )

    try:
        try:
            put()
        except DuplicateJobError:
            # RQ calls a job that has ended a duplicate too, for as long as it keeps its result.
            old = get_queue(queue or spec.queue).fetch_job(rq_id or "")
            if old is not None:
                if old.get_status() not in ENDED:
                    raise
                old.delete()
            put()
    except DuplicateJobError:
        log.debug("jobs.already_queued", job=name, job_id=job_id)
    except RedisError:
        # Rows in the database say what is still to do; the sweep queues it when Valkey is back.
        log.warning("jobs.valkey_unreachable", job=name)


@contextmanager
def apart(**about: Any) -> Iterator[None]:
    """A part of a job about all organizations (``about``): what it fails at is logged, and the others have their turn.

    Raises what concerns all: a database that is away, and the end of the job's time.
    """
    try:
        yield
    except BaseTimeoutException:
        raise
    except Exception as error:
        if isinstance(error, DBAPIError) and is_away(error):
            raise
        log.error("jobs.part_failed", **{key: str(value) for key, value in about.items()}, exc_info=error)


def get_queue(name: str) -> Queue:
    """The queue ``name`` with the product's serializer."""
    return Queue(
        name,
        connection=valkey.connection(),
        serializer=JSONSerializer,
    )


def execute(name: str, arguments: dict[str, Any], context: dict[str, Any]) -> Any:
    """What a worker runs: rebuilds the actor, then calls the job's function. Raises NotDone."""
    spec = _registry[name]
    organization_id = context.get("organization_id")
    structlog.contextvars.bind_contextvars(job=name, organization=organization_id, request_id=context.get("request_id"))
    try:
        return spec.function(actor=_actor_for(spec, context), **arguments)
    except NotDone as error:
        log.warning("jobs.not_done", reason=str(error))
        current = get_current_job()
        if current is not None:
            current.retries_left = 0
            current.meta["not_done"] = str(error)
            current.save_meta()  # type: ignore[no-untyped-call]
        raise
    finally:
        structlog.contextvars.unbind_contextvars("job", "organization", "request_id")


def _actor_for(spec: JobSpec, context: dict[str, Any]) -> Actor:
    """Who does the job: the person who queued it, with today's permissions, or the product itself."""
    organization_id, member_id = (
        UUID(context[key]) if context.get(key) else None for key in ("organization_id", "member_id")
    )
    if organization_id is not None and not spec.when_suspended and not all(one(organization_id) for one in _in_service):
        raise NotDone("the organization is suspended or closed")
    if organization_id is None or member_id is None or not _actor_loader:
        return system_actor(organization_id, request_id=context.get("request_id"))
    try:
        return _actor_loader[0](organization_id, member_id)
    except NotFound:
        raise NotDone("the person has lost access") from None


def failed_jobs(limit: int = 100) -> list[Job]:
    """The newest failed jobs of all queues, for the vendor's page."""
    found: list[Job] = []
    for name in QUEUES:
        queue = get_queue(name)
        registry = queue.failed_job_registry
        for job_id in registry.get_job_ids(-limit, -1):
            one = queue.fetch_job(job_id)
            if one is not None:
                found.append(one)
    return found
