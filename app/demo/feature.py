"""The demo's command."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from app.demo.load.everything import is_loaded, load
from app.kernel.feature import Feature

demo = AppGroup("demo", help="Demo data.")


@demo.command("load")
def demo_load() -> None:
    """Load the demo organizations, once."""
    if is_loaded():
        click.echo("demo data is there already")
        return
    load(click.echo)
    click.echo("demo data loaded")


feature = Feature("demo", cli=[demo])
