"""What every benchmark needs: its lines, taking turns, and signed-in browsers."""

from __future__ import annotations

import re
import statistics
from collections.abc import Callable

import requests

from bench import data
from bench.stack import Load

Line = tuple[str, str, str, str]


class Bench:
    """One run: the data, the recordings, the lines of the result."""

    def __init__(self, wanted: list[str], quick: bool) -> None:
        self.wanted = set(wanted)
        self.rounds, self.seconds = (2, 4.0) if quick else (5, 5.0)
        # (organizations, deals in the big one, deals in all)
        self.size = (50, 5_000, 20_000) if quick else (1000, 100_000, 1_000_000)
        self.lines: list[Line] = []

    def wants(self, *names: str) -> bool:
        """Whether one of ``names`` was asked for; all are when none was."""
        return not self.wanted or bool(self.wanted & set(names))

    def add(self, name: str, what: str, ratio: float, target: str, figures: str) -> None:
        """Notes and prints a result."""
        line = (name, what, f"{ratio:.2f} ({target})", figures)
        self.lines.append(line)
        print("| " + " | ".join(line) + " |", flush=True)

    def alternate(self, *runs: Callable[[], Load]) -> list[list[Load]]:
        """Each of ``runs`` in turn, ``rounds`` times, after one warm-up that does not count."""
        for one in runs:
            one()
        found: list[list[Load]] = [[] for _ in runs]
        for _ in range(self.rounds):
            for index, one in enumerate(runs):
                found[index].append(one())
        return found


def median_rate(loads: list[Load]) -> float:
    """Requests per second."""
    return statistics.median(one.rate for one in loads)


def median_p95(loads: list[Load]) -> float:
    """Milliseconds."""
    return statistics.median(one.p95 for one in loads)


def sign_in_form(page: str, email: str) -> dict[str, str]:
    """What the sign-in page sends, with the CSRF token that it carries."""
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None
    return {"email": email, "password": data.PASSWORD, "csrf_token": token[1]}


def signed_in(base: str, email: str) -> requests.Session:
    """A person's browser."""
    browser = requests.Session()
    page = browser.get(base + "/login/", timeout=30).text
    answer = browser.post(
        base + "/login/",
        data=sign_in_form(page, email),
        timeout=30,
        allow_redirects=False,
    )
    assert answer.status_code == 302, answer.status_code
    return browser


def session_of(base: str, email: str) -> dict[str, str]:
    """The cookie header of a signed-in person."""
    return cookies_of(signed_in(base, email))


def cookies_of(browser: requests.Session) -> dict[str, str]:
    """The header that a browser's cookies make."""
    return {"Cookie": "; ".join(f"{one.name}={one.value}" for one in browser.cookies)}
