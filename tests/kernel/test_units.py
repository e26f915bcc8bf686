"""Money, filters, colours, formats, clock, errors, mail, files."""

from __future__ import annotations

import asyncio
import datetime as dt
import importlib.util
import io
import re
import smtplib
import uuid
from decimal import Decimal

import boto3
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto.server import ThreadedMotoServer

from app.kernel import clock, crypto, i18n, mail, money, storage
from app.kernel.crud.fields import cruds
from app.kernel.crud.filters import leaf_text, parse_leaf, period_bounds
from app.kernel.db import db
from app.kernel.errors import BadRequest, NotFound, Unavailable
from app.kernel.feature import Schedule, registry
from app.kernel.mail import MailMessage
from app.kernel.tenant import platform_scope
from app.kernel.uow import platform_uow
from app.settings import branding

# ── money ────────────────────────────────────────────────────────────────────────────────────────

CENTS = st.decimals("-999999999999.99", "999999999999.99", places=2, allow_nan=False, allow_infinity=False)


@given(CENTS)
def test_every_amount_survives_both_ways_of_writing_it(value):
    english = f"{value:,.2f}"
    italian = english.translate(str.maketrans(",.", ".,"))
    assert money.parse_amount(english) == money.parse_amount(italian) == value
    assert money.parse_amount(f"€ {italian}") == money.parse_amount(f"{italian} EUR") == value
    assert money.parse_amount(str(value)) == value == money.parse_amount(value)


@given(st.text(max_size=30))
def test_any_other_text_is_a_number_or_a_value_error(text):
    try:
        value = money.parse_amount(text)
    except ValueError:
        return
    assert abs(value) <= money.MAX_AMOUNT
    assert value == money.quantize(value)


@pytest.mark.parametrize(
    ("text", "value"),
    [("1.234", "1234"), ("1.234,5", "1234.5"), ("1,234.5", "1234.5"), ("0,005", "0.01"), ("12,34", "12.34"),
     ("1 234,00 €", "1234"), ("1'234.50", "1234.5"), ("-5", "-5"), ("1.234.567", "1234567")],
)  # fmt: skip
def test_amounts_as_people_write_them(text, value):
    assert money.parse_amount(text) == Decimal(value)


@pytest.mark.parametrize("text", ["", "abc", "1e9", "NaN", "Infinity", "1-2", "..", "9" * 13, "1.2.3,4,5"])
def test_what_is_no_amount(text):
    with pytest.raises(ValueError, match=re.escape(text) or "^$"):
        money.parse_amount(text)


def test_currencies_do_not_add_up():
    assert money.Money(Decimal(1)) + money.Money(Decimal(2)) == money.Money(Decimal(3))
    with pytest.raises(ValueError, match="USD"):
        money.Money(Decimal(1)) + money.Money(Decimal(1), "USD")


# ── colours ──────────────────────────────────────────────────────────────────────────────────────

COLOUR = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


@settings(deadline=None, max_examples=150)
@given(COLOUR, COLOUR, COLOUR)
def test_any_three_colours_can_be_read(primary, secondary, accent):
    made = branding.compute(primary, secondary, accent)
    texts = [
        (made.sidebar_foreground, made.sidebar),
        (made.sidebar_muted, made.sidebar),
        (made.sidebar_accent_foreground, made.sidebar_accent),
        (made.light_primary_foreground, made.light_primary),
        (made.dark_primary_foreground, made.dark_primary),
        *((made.light_link, one) for one in branding.LIGHT_SURFACES),
        *((made.dark_link, one) for one in branding.DARK_SURFACES),
    ]
    for text, surface in texts:
        assert branding.contrast(text, surface) >= 4.5, (text, surface)
    for filled, surfaces in (
        (made.light_primary, branding.LIGHT_SURFACES),
        (made.dark_primary, branding.DARK_SURFACES),
    ):
        assert all(branding.contrast(filled, one) >= 3 for one in surfaces)


@given(COLOUR, COLOUR)
def test_contrast_is_wcags(one, other):
    assert 1 <= branding.contrast(one, other) == branding.contrast(other, one) <= 21.0001
    assert round(branding.contrast("#ffffff", "#000000"), 3) == 21


def test_the_stylesheet_of_a_tenant_is_public_and_odd_addresses_are_not(client):
    good = client.get("/branding/any/390035-901d6b-ffffff.css")
    assert good.status_code == 200
    assert good.content_type.startswith("text/css")
    for bad in ("x", "390035-901d6b", "390035-901d6b-zzzzzz", "390035-901d6b-FFFFFF", "390035-901d6b-fff"):
        assert client.get(f"/branding/any/{bad}.css").status_code == 404


# ── filters ──────────────────────────────────────────────────────────────────────────────────────


@given(st.from_regex(r"[a-z_]{1,20}", fullmatch=True), st.sampled_from(["eq", "in", "between", "contains"]),
       st.lists(st.text(min_size=1, max_size=20), max_size=4))  # fmt: skip
def test_a_filter_survives_the_address(field, operator, values):
    leaf = {"field": field, "operator": operator, "value": values}
    assert parse_leaf(leaf_text(leaf)) == leaf


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_filter_compiles_runs_or_is_refused(app, acme, data):
    """Values of every sort in every condition: rows, or BadRequest; never a database error."""
    from app.kernel.crud.filters import OPERATORS
    from app.kernel.crud.query import plan
    from app.kernel.crud.tree import compile_tree
    from app.kernel.tenant import tenant_scope

    crud = cruds[data.draw(st.sampled_from(sorted(cruds)))]
    field = data.draw(st.sampled_from([one for one in crud.fields if one.filterable]))
    operator = data.draw(st.sampled_from(sorted(OPERATORS[field.kind])))
    values = data.draw(
        st.lists(
            st.one_of(
                st.text(st.characters(exclude_categories=["Cs"]), max_size=12), st.integers().map(str),
                st.dates().map(str), st.uuids().map(str), st.sampled_from(["today", "me", "this_month", "true", "\x00"]),
            ),
            max_size=3,
        )
    )  # fmt: skip
    actor = acme.admin.actor
    with app.test_request_context(), tenant_scope(actor):
        try:
            found = compile_tree(
                crud, {"field": field.key, "operator": operator, "value": values}, actor, plan(crud).columns
            )
        except BadRequest:
            return
        assert db.session.execute(db.select(crud.model.id).where(found).limit(1)).all() is not None


@pytest.mark.parametrize(
    "day", [dt.date(2026, 1, 31), dt.date(2024, 2, 29), dt.date(2026, 12, 31), dt.date(2026, 3, 29)]
)
@pytest.mark.parametrize("name", ["today", "this_month", "this_year"])
def test_a_period_holds_its_day(app, day, name):
    first, last = period_bounds(name, day)
    assert first <= day <= last


# ── clock and formats ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("day", "hours"), [(dt.date(2026, 3, 29), 23), (dt.date(2026, 10, 25), 25), (dt.date(2026, 6, 1), 24)]
)
def test_days_of_the_change_of_time_are_shorter_and_longer(day, hours):
    start, end = clock.day_bounds(day, "Europe/Rome")
    assert (end - start) == dt.timedelta(hours=hours)
    assert clock.day_bounds(day + dt.timedelta(days=1), "Europe/Rome")[0] == end


@given(
    st.dates(dt.date(1990, 1, 1), dt.date(2100, 1, 1)),
    st.sampled_from(["Europe/Rome", "America/New_York", "Asia/Tokyo"]),
)
def test_days_follow_each_other_without_gap(day, zone):
    assert clock.day_bounds(day, zone)[1] == clock.day_bounds(day + dt.timedelta(days=1), zone)[0]


def test_today_depends_on_the_zone():
    with clock.frozen(dt.datetime(2026, 1, 1, 23, 30, tzinfo=dt.UTC)):
        assert clock.today("Europe/Rome") == dt.date(2026, 1, 2)
        assert clock.today("America/New_York") == dt.date(2026, 1, 1)


def test_formats_in_italian(app):
    with app.test_request_context("/?lang=it"):
        assert i18n.money(Decimal("1234.5")).replace("\u00a0", " ") == "1.234,50 €"
        assert i18n.money(Decimal(1234)).replace("\u00a0", " ") == "1.234 €"
        assert i18n.number(Decimal("1234567.891"), 2) == "1.234.567,89"
        assert i18n.percent(0.348, 1) == "34,8%"
        assert i18n.date(dt.date(2026, 11, 22)) == "22 nov 2026"
        assert i18n.moment(dt.datetime(2026, 7, 1, 10, 0, tzinfo=dt.UTC)).endswith("12:00")


def test_formats_in_english(app):
    with app.test_request_context("/?lang=en"):
        assert i18n.money(Decimal("1234.5")) == "€1,234.50"
        assert i18n.number(Decimal("1234567.891"), 2) == "1,234,567.89"
        assert i18n.date(dt.date(2026, 11, 22)) == "Nov 22, 2026"
    for nothing in (
        i18n.money,
        i18n.number,
        i18n.percent,
        i18n.date,
        i18n.moment,
        i18n.ago,
        i18n.short_date,
        i18n.clock_time,
    ):
        assert nothing(None) == "–"


@pytest.mark.parametrize(("header", "language"), [("it", "it"), ("en-US,en;q=0.9", "en"), ("de", "it"), ("", "it")])
def test_a_visitor_reads_the_language_of_the_browser(client, header, language):
    assert f'<html lang="{language}"' in client.get("/login/", headers={"Accept-Language": header}).text


# ── errors ───────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_errors_are_pages_for_people_and_json_for_scripts(app, acme, sign_in, accept):
    viewer, admin = sign_in(acme.viewer), sign_in(acme.admin)
    cases = {
        404: admin.get(f"/sales/accounts/show/{uuid.uuid4()}", accept=accept),
        403: viewer.get("/settings/audit", accept=accept),
        405: admin.client.put("/sales/", headers={"Accept": accept, "X-CSRFToken": admin.token}),
        409: admin.post(f"/users/{acme.admin.member_id}/remove", accept=accept),
        413: admin.post("/settings/profile", accept=accept, data=b"x" * (64 * 1024 * 1024 + 1),
                        content_type="application/x-www-form-urlencoded"),
    }  # fmt: skip
    for status, answer in cases.items():
        assert answer.status_code == status
        if accept == "text/html":
            assert answer.content_type.startswith("text/html")
            assert "<html" in answer.text
        else:
            assert answer.content_type == "application/json"
            assert answer.json["message"]
        assert "Traceback" not in answer.text
        assert answer.headers["X-Request-Id"]


def test_a_lost_race_over_rest_is_a_conflict(acme, sign_in):
    person = sign_in(acme.sales)
    made = person.api("POST", "/api/v1/accounts/", json={"name": f"Race {uuid.uuid4().hex[:8]}"}).json
    url = f"/api/v1/accounts/{made['id']}"
    assert person.api("PUT", url, json={"city": "Roma", "version": made["result"]["version"]}).status_code == 200
    stale = person.api("PUT", url, json={"city": "Milano", "version": made["result"]["version"]})
    assert stale.status_code == 409
    assert stale.json["message"]


def test_too_many_attempts_are_answered_with_the_time_to_wait(app, client):
    from app.kernel.http import error_response, too_many

    error = too_many(17)
    for accept in ("text/html", "application/json"):
        with app.test_request_context("/x", headers={"Accept": accept}):
            app.preprocess_request()
            answer = error_response(error.status, error.message, details=error.details)
            assert answer.status_code == 429
            assert answer.headers["Retry-After"] == "17"


def test_every_page_carries_the_security_headers(client):
    answer = client.get("/login/")
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self' 'nonce-" in policy
    assert "unsafe-eval" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["X-Frame-Options"] == "DENY"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "query", ["q=%00", "q=%ff%fe", "q=" + "a" * 3000, "f=name:eq:%00", "f=%00", "page=x", "sort=%00"]
)
def test_odd_addresses_never_break(acme, sign_in, query):
    person = sign_in(acme.admin)
    for page in (
        "/search",
        "/lookup/account",
        "/sales/accounts/",
        "/users/list/",
        "/settings/audit",
        "/sales/pipeline",
    ):
        assert person.get(f"{page}?{query}").status_code < 500, page


# ── secrets ──────────────────────────────────────────────────────────────────────────────────────


def test_a_password_is_hashed_as_owasp_asks() -> None:
    # A copy of the module: the tests' own hashes are cheap.
    spec = importlib.util.spec_from_file_location("fresh_crypto", crypto.__file__)
    assert spec is not None and spec.loader is not None
    fresh = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fresh)
    stored = fresh.hash_password("a-good-long-password")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert fresh.check_password(stored, "a-good-long-password")
    assert not fresh.check_password(stored, "another password")
    assert not fresh.check_password(None, "a password that nobody has")


def test_secrets_are_encrypted_and_keys_rotate(app):
    from cryptography.fernet import Fernet

    sealed = crypto.encrypt("a secret")
    assert "secret" not in sealed
    assert crypto.decrypt(sealed) == "a secret"
    old = app.config["ENCRYPTION_KEYS"]
    try:
        app.config["ENCRYPTION_KEYS"] = [Fernet.generate_key().decode(), *old]
        assert crypto.decrypt(sealed) == "a secret"
        newer = crypto.encrypt("new")
        app.config["ENCRYPTION_KEYS"] = old
        with pytest.raises(ValueError, match="ENCRYPTION_KEYS"):
            crypto.decrypt(newer)
    finally:
        app.config["ENCRYPTION_KEYS"] = old


def test_a_signed_token_is_for_one_purpose_and_a_while(app):
    token = crypto.sign({"a": 1}, purpose="one")
    assert crypto.unsign(token, purpose="one", max_age=60) == {"a": 1}
    with pytest.raises(NotFound):
        crypto.unsign(token, purpose="two", max_age=60)
    with clock.frozen(clock.now() + dt.timedelta(seconds=62)), pytest.raises(NotFound):
        crypto.unsign(token, purpose="one", max_age=60)


# ── mail ─────────────────────────────────────────────────────────────────────────────────────────


class Postman:
    """An SMTP server's handler: keeps what it takes, refuses when told to."""

    def __init__(self):
        self.taken, self.refuse = [], None

    async def handle_RCPT(self, server, session, envelope, address, options):
        await asyncio.sleep(0)
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.taken.append(envelope)
        return "250 OK"


@pytest.fixture
def smtp(app):
    postman = Postman()
    controller = Controller(postman, hostname="127.0.0.1", port=0)
    controller.port = _free_port()
    controller.start()
    app.config["SMTP_URL"] = f"smtp://127.0.0.1:{controller.port}"
    yield postman
    app.config["SMTP_URL"] = None
    controller.stop()


def _free_port():
    import socket

    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def write_mail(app, to):
    with app.test_request_context(), platform_uow("identity") as session:
        mail.send(
            "password_reset", to=to, name="Zoë", locale="it", context={"url": "http://x/login/reset/T", "minutes": 60}
        )
        session.flush()
        return session.scalar(db.select(MailMessage.id).where(MailMessage.to_email == to))


def status_of(pk):
    with platform_scope("vendor"):
        return db.session.get(MailMessage, pk)


def test_a_mail_leaves_by_smtp_once_and_its_body_is_dropped(app, smtp):
    to = f"{uuid.uuid4().hex[:8]}@there.example"
    pk = write_mail(app, to)
    assert mail.deliver(pk) is True
    assert mail.deliver(pk) is True
    assert [one.rcpt_tos for one in smtp.taken] == [[to]]
    import email as parser
    import email.policy

    message = parser.message_from_bytes(smtp.taken[0].content, policy=email.policy.default)
    assert {one.get_content_type() for one in message.walk()} >= {"text/plain", "text/html"}
    assert message["Auto-Submitted"] == "auto-generated"
    assert "\n" not in message["Subject"]
    row = status_of(pk)
    assert (row.status, row.text, row.html) == ("sent", None, None)


def test_not_now_is_tried_again_and_never_is_not(app, smtp):
    first, second = (write_mail(app, f"{uuid.uuid4().hex[:8]}@there.example") for _ in range(2))
    smtp.refuse = "451 4.7.1 Greylisted, try again later"
    assert mail.deliver(first) is False
    assert status_of(first).status == "queued"
    assert status_of(first).next_at > clock.now()
    smtp.refuse = "550 5.1.1 No such person"
    assert mail.deliver(second) is False
    assert status_of(second).status == "failed"
    assert "No such person" in status_of(second).last_error
    smtp.refuse = None
    with clock.frozen(clock.now() + dt.timedelta(minutes=5)):
        assert mail.sweep() >= 1
    assert status_of(first).status == "sent"


def test_no_address_keeps_the_mails_behind_it(app, smtp):
    mark = uuid.uuid4().hex[:8]
    bad, abroad, good = (write_mail(app, f"{one}@{mark}.example") for one in ("\uff41", "b", "c"))
    with platform_scope("vendor"):
        db.session.get(MailMessage, abroad).to_email = f"b@bücher-{mark}.example"
        db.session.get(MailMessage, good).next_at = clock.now() + dt.timedelta(seconds=1)
        db.session.commit()
    with clock.frozen(clock.now() + dt.timedelta(minutes=1)):
        mail.sweep()
    assert [status_of(one).status for one in (bad, abroad, good)] == ["failed", "sent", "sent"]
    assert any(one.rcpt_tos[0].startswith("b@xn--bcher-") for one in smtp.taken)


def test_a_server_that_is_away_is_tried_five_times(app):
    app.config["SMTP_URL"] = f"smtp://127.0.0.1:{_free_port()}"
    try:
        pk = write_mail(app, f"{uuid.uuid4().hex[:8]}@there.example")
        for _attempt in range(5):
            assert mail.deliver(pk) is False
        assert status_of(pk).status == "failed"
    finally:
        app.config["SMTP_URL"] = None
    assert issubclass(smtplib.SMTPException, OSError)


@pytest.fixture
def secure_smtp(app, tmp_path, monkeypatch):
    """A server that takes mail only over TLS and from somebody who signs in."""
    import ssl

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, secret = tmp_path / "cert.pem", tmp_path / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, secret)
    postman = Postman()

    def authenticate(_server, _session, _envelope, _mechanism, data):
        return AuthResult(success=(data.login, data.password) == (b"me@here", b"p/w"))

    controller = Controller(
        postman, hostname="127.0.0.1", port=_free_port(), tls_context=context, require_starttls=True,
        auth_required=True, authenticator=authenticate, auth_exclude_mechanism=["LOGIN"],
    )  # fmt: skip
    controller.start()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    yield postman, controller.port
    app.config["SMTP_URL"] = None
    controller.stop()


def test_a_mail_leaves_over_tls_by_somebody_who_signs_in(app, secure_smtp):
    postman, port = secure_smtp
    to = f"{uuid.uuid4().hex[:8]}@there.example"
    pk = write_mail(app, to)
    app.config["SMTP_URL"] = f"smtp://me%40here:p%2Fw@localhost:{port}?starttls=1"
    assert mail.deliver(pk) is True
    assert [one.rcpt_tos for one in postman.taken] == [[to]]


# ── files ────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def s3():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        patch.setenv("AWS_DEFAULT_REGION", "eu-south-1")
        url = f"http://{host}:{port}"
        boto3.client("s3", endpoint_url=url).create_bucket(
            Bucket="files", CreateBucketConfiguration={"LocationConstraint": "eu-south-1"}
        )
        yield url
    server.stop()


@pytest.fixture(params=["local", "s3"])
def store(request, tmp_path):
    if request.param == "local":
        return storage.make_store(f"file://{tmp_path}", None)
    return storage.make_store("s3://files/prefix", request.getfixturevalue("s3"))


def test_a_file_comes_back_as_it_was_and_goes(store):
    key = storage.tenant_key(uuid.uuid4(), "brand", "logo.webp")
    store.put(key, io.BytesIO(b"one"))
    store.put(key, io.BytesIO(b"two"))
    with store.open(key) as stream:
        assert stream.read() == b"two"
    store.delete(key)
    store.delete(key)
    with pytest.raises(NotFound):
        store.open(key)


def test_no_key_leaves_the_folder(tmp_path):
    local = storage.make_store(f"file://{tmp_path / 'root'}", None)
    (tmp_path / "secret").write_text("x")
    for key in ("../secret", "a/../../secret", "/etc/passwd"):
        with pytest.raises(NotFound):
            local.open(key)
        with pytest.raises(NotFound):
            local.put(key, io.BytesIO(b"y"))
    assert (tmp_path / "secret").read_text() == "x"


def test_a_full_disk_is_unavailable_and_leaves_no_half_file(tmp_path):
    class Full(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, _buffer):
            raise OSError(28, "No space left on device")

    local = storage.make_store(f"file://{tmp_path}", None)
    with pytest.raises(Unavailable):
        local.put("a/b", Full())
    assert not [one for one in tmp_path.rglob("*") if one.is_file()]


def test_a_store_that_is_away_is_unavailable(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-south-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    away = storage.make_store("s3://files", f"http://127.0.0.1:{_free_port()}")
    with pytest.raises(Unavailable):
        away.open("x")
    with pytest.raises(Unavailable):
        away.put("x", io.BytesIO(b"x"))


def test_a_schedule_keeps_to_its_times():
    at = lambda text: dt.datetime.fromisoformat(f"2026-11-28T{text}+00:00").timestamp()  # noqa: E731
    nightly, often = Schedule("nightly", cron="20 3 * * *"), Schedule("often", every=60)
    assert nightly.first(at("03:19:59")) == nightly.after(at("03:19:59")) == at("03:20:00")
    assert nightly.after(at("03:20:00")) == at("03:20:00") + 86400
    assert (often.first(at("10:00:00")), often.after(at("10:00:00"))) == (at("10:00:00"), at("10:01:00"))
    for one in registry.schedules:
        assert one.after(0) > 0, one
