"""What runs by itself."""

from __future__ import annotations

from typing import Any

from app.collaboration.service.purge import purge
from app.kernel import jobs
from app.kernel.uow import platform_uow


@jobs.job("collaboration.purge", queue="bulk", timeout=600, retries=0)
def purge_unreachable(**_context: Any) -> int:
    """Removes what nobody can reach any more."""
    with platform_uow("jobs"):
        return purge()
