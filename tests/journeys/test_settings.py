"""The settings screens where scripts take part."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from app.settings import branding
from tests import cast


def test_the_preview_follows_the_chosen_colours(company: cast.Company, page_for: Any) -> None:
    """As the server computes them; also where neither white nor ink can be read and black is taken."""
    page = page_for(company.admin, lang="en")
    page.goto("/settings/branding")
    preview = page.locator("[data-brand-preview]").first
    page.locator("#f-secondary").fill("#78787")
    page.locator("#f-secondary").fill("#787878")
    palette = branding.compute(
        page.locator("#f-primary").input_value(), "#787878", page.locator("#f-accent").input_value()
    )
    assert palette.sidebar_accent_foreground == "#000000"
    expect(preview).to_have_attribute(
        "style", "".join(f"--bp-{k}: {v}; " for k, v in branding.preview(palette).items()).strip()
    )
    ratio = branding.lowest_contrasts(palette)["secondary"]
    expect(page.locator("[data-contrast=secondary]")).to_have_text(f"{ratio:.1f}:1")
    expect(page.locator("[data-color-for=secondary]")).to_have_value("#787878")
