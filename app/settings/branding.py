"""A tenant's three colours made safe: contrast computed, lightness moved until text can be read.

Contrast is WCAG 2.2's (relative luminance, SC 1.4.3 and 1.4.11); hue and chroma are kept in OKLCH
(Björn Ottosson's OKLab, 2020) while lightness moves.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

WHITE, INK = "#ffffff", "#160d16"
LIGHT_BACKGROUND, DARK_BACKGROUND = "#fcf9fb", "#160d16"
# The surfaces that links stand on, worst case per theme: hover and selected rows included.
LIGHT_SURFACES = ("#fcf9fb", "#ffffff", "#f6f2f6", "#fcebf5")
DARK_SURFACES = ("#160d16", "#201520", "#281d29", "#321a2e")
TEXT, EDGE = 4.5, 3.0


def _channels(colour: str) -> tuple[float, float, float]:
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))  # type: ignore[return-value]


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def _gamma(value: float) -> float:
    return value * 12.92 if value <= 0.0031308 else 1.055 * value ** (1 / 2.4) - 0.055


def luminance(colour: str) -> float:
    """WCAG relative luminance of ``#rrggbb``, 0 to 1."""
    red, green, blue = (_linear(one) for one in _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio, 1 to 21."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def on_colour(background: str) -> str:
    """White or ink, whichever reads better on ``background``; black where neither reads well."""
    best = WHITE if contrast(WHITE, background) >= contrast(INK, background) else INK
    return best if contrast(best, background) >= TEXT else "#000000"


def to_oklch(colour: str) -> tuple[float, float, float]:
    """Lightness 0–1, chroma, hue in degrees."""
    red, green, blue = (_linear(one) for one in _channels(colour))
    long = (0.4122214708 * red + 0.5363325363 * green + 0.0514459929 * blue) ** (1 / 3)
    medium = (0.2119034982 * red + 0.6806995451 * green + 0.1073969566 * blue) ** (1 / 3)
    short = (0.0883024619 * red + 0.2817188376 * green + 0.6299787005 * blue) ** (1 / 3)
    lightness = 0.2104542553 * long + 0.7936177850 * medium - 0.0040720468 * short
    a = 1.9779984951 * long - 2.4285922050 * medium + 0.4505937099 * short
    b = 0.0259040371 * long + 0.7827717662 * medium - 0.8086757660 * short
    return lightness, math.hypot(a, b), math.degrees(math.atan2(b, a)) % 360


def from_oklch(lightness: float, chroma: float, hue: float) -> str:
    """The nearest sRGB colour; chroma gives way where the gamut ends."""
    while True:
        a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
        long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
        medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
        short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
        values = (
            4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
        )
        if chroma < 0.002 or all(-0.0005 <= one <= 1.0005 for one in values):
            clipped = (min(1.0, max(0.0, one)) for one in values)
            return "#" + "".join(f"{round(_gamma(one) * 255):02x}" for one in clipped)
        chroma *= 0.95


def readable(colour: str, surfaces: tuple[str, ...], ratio: float, *, lighter: bool) -> str:
    """``colour`` moved in lightness, same hue, until it contrasts with every surface by ``ratio``."""
    if all(contrast(colour, surface) >= ratio for surface in surfaces):
        return colour
    lightness, chroma, hue = to_oklch(colour)
    for step in range(1, 101):
        moved = lightness + step / 100 if lighter else lightness - step / 100
        if not 0 <= moved <= 1:
            break
        candidate = from_oklch(moved, chroma, hue)
        if all(contrast(candidate, surface) >= ratio for surface in surfaces):
            return candidate
    return WHITE if lighter else "#000000"


@dataclass(frozen=True, slots=True)
class Palette:
    """The computed colours of a theme, per mode."""

    sidebar: str
    sidebar_foreground: str
    sidebar_muted: str
    sidebar_accent: str
    sidebar_accent_foreground: str
    light_primary: str
    light_primary_foreground: str
    light_link: str
    dark_primary: str
    dark_primary_foreground: str
    dark_link: str


def compute(primary: str, secondary: str, accent: str) -> Palette:
    """The palette of a tenant: ``primary`` frames, ``secondary`` acts, ``accent`` links.

    Text on every coloured surface reaches 4.5, edges of filled controls reach 3 on their card.
    """
    sidebar_text = on_colour(primary)
    sidebar_muted = readable(
        from_oklch(0.82, 0.04, to_oklch(primary)[2]) if sidebar_text == WHITE else "#4a3b4b",
        (primary,),
        TEXT,
        lighter=sidebar_text == WHITE,
    )
    light_primary = readable(secondary, LIGHT_SURFACES, EDGE, lighter=False)
    dark_primary = readable(secondary, DARK_SURFACES, EDGE, lighter=True)
    # The current entry of the sidebar mixes the accent into the sidebar; its text must hold on both.
    return Palette(
        sidebar=primary,
        sidebar_foreground=sidebar_text,
        sidebar_muted=sidebar_muted,
        sidebar_accent=secondary,
        sidebar_accent_foreground=on_colour(secondary),
        light_primary=light_primary,
        light_primary_foreground=on_colour(light_primary),
        light_link=readable(accent, LIGHT_SURFACES, TEXT, lighter=False),
        dark_primary=dark_primary,
        dark_primary_foreground=on_colour(dark_primary),
        dark_link=readable(accent, DARK_SURFACES, TEXT, lighter=True),
    )


def preview(palette: Palette) -> dict[str, str]:
    """The colours of the preview on the settings page, by the names of its CSS variables."""
    return {
        "side": palette.sidebar,
        "side-fg": palette.sidebar_foreground,
        "side-muted": palette.sidebar_muted,
        "side-accent": palette.sidebar_accent,
        "side-accent-fg": palette.sidebar_accent_foreground,
        "light-btn": palette.light_primary,
        "light-btn-fg": palette.light_primary_foreground,
        "light-link": palette.light_link,
        "dark-btn": palette.dark_primary,
        "dark-btn-fg": palette.dark_primary_foreground,
        "dark-link": palette.dark_link,
    }


def lowest_contrasts(palette: Palette) -> dict[str, float]:
    """The lowest contrast of text that each of the three colours leads to, in the two themes."""
    return {
        "primary": min(contrast(one, palette.sidebar) for one in (palette.sidebar_foreground, palette.sidebar_muted)),
        "secondary": min(
            contrast(palette.light_primary_foreground, palette.light_primary),
            contrast(palette.dark_primary_foreground, palette.dark_primary),
        ),
        "accent": min(
            *(contrast(palette.light_link, one) for one in LIGHT_SURFACES),
            *(contrast(palette.dark_link, one) for one in DARK_SURFACES),
        ),
    }


def stylesheet(palette: Palette) -> str:
    """The tenant's tokens as CSS, for both themes."""
    shared = (
        f"--sidebar:{palette.sidebar};--sidebar-foreground:{palette.sidebar_foreground};"
        f"--sidebar-muted:{palette.sidebar_muted};--brand-primary:{palette.sidebar};"
        f"--sidebar-accent:{palette.sidebar};--sidebar-current:{palette.sidebar_accent};"
        f"--sidebar-current-foreground:{palette.sidebar_accent_foreground};"
        f"--sidebar-ring:{palette.sidebar_foreground};"
    )
    return (
        f":root{{{shared}--primary:{palette.light_primary};"
        f"--primary-foreground:{palette.light_primary_foreground};--primary-hover:{palette.light_primary};"
        f"--link:{palette.light_link};--ring:{palette.light_link};--c1:{palette.light_link}}}\n"
        f".dark{{{shared}--primary:{palette.dark_primary};"
        f"--primary-foreground:{palette.dark_primary_foreground};--primary-hover:{palette.dark_primary};"
        f"--link:{palette.dark_link};--ring:{palette.dark_link};--c1:{palette.dark_link}}}\n"
    )
