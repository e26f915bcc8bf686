"""Parts of pages that are kept from one request to the next."""

from __future__ import annotations

from typing import Any

import pytest
from flask import render_template_string

from app.kernel import i18n

SHOWN = "{% call keep_part('greeting', *on) %}{{ _('Close') }} {{ name }} <b>{{ name }}</b>{% endcall %}"


@pytest.fixture
def write(app, monkeypatch) -> Any:
    """Renders the part in a language, as the product does, or as tests have it: checked."""

    def render(name: str, *on: Any, language: str = "en", checked: bool = False) -> str:
        monkeypatch.setitem(app.config, "TESTING", checked)
        with app.test_request_context(), i18n.force_locale(language):
            return render_template_string(SHOWN, name=name, on=on)

    return render


def test_a_part_is_written_once_for_each_language_and_what_it_depends_on(write):
    assert write("<Ann>", "once", ["a", ("b", "c")]) == "Close &lt;Ann&gt; <b>&lt;Ann&gt;</b>"
    assert write("Bob", "once", ["a", ("b", "c")]).startswith("Close &lt;Ann")
    assert write("Bob", "once", ["a", ("b", "d")]) == "Close Bob <b>Bob</b>"
    assert write("Bob", "once", ["a", ("b", "c")], language="it") == "Chiudi Bob <b>Bob</b>"


def test_tests_see_when_a_part_shows_more_than_what_it_is_kept_by(write):
    assert "Ann" in write("Ann", "checked", checked=True)
    assert "Ann" in write("Ann", "checked", checked=True)
    with pytest.raises(RuntimeError, match="greeting"):
        write("Bob", "checked", checked=True)
