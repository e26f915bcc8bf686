"""Automations read events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.automations.service import running
from app.kernel import tenant

if TYPE_CHECKING:
    from app.kernel.outbox import ReceivedEvent


def react(event: ReceivedEvent) -> None:
    """Rules that wait for such an event are set off."""
    running.react(event, actor=tenant.current_actor())
