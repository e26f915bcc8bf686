"""Comments: who writes and reads them, what they do to each other, whom they tell, what is left of them."""

from __future__ import annotations

import datetime as dt
import io
import threading
import time
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask_babel import force_locale
from freezegun import freeze_time
from PIL import Image
from sqlalchemy import func, select, text

from app.collaboration.jobs import purge_unreachable
from app.collaboration.models import Attachment, Comment, CommentMention, RecordLink
from app.collaboration.queries import conversation, get_comment, list_links
from app.collaboration.records import get_record
from app.collaboration.service.attachments import upload
from app.collaboration.service.comments import (
    add_comment,
    delete_comment,
    edit_comment,
    find_mentions,
    react,
    resolve_thread,
    restore_comment,
)
from app.collaboration.service.links import link_records, unlink
from app.kernel import clock, storage
from app.kernel.actor import Actor
from app.kernel.db import db
from app.kernel.errors import Conflict, Forbidden, Invalid, NotFound, TooLarge
from app.kernel.markdown import render
from app.kernel.tenant import tenant_scope
from app.kernel.uow import uow
from app.notifications.jobs import mail_unread
from app.notifications.models import Notification
from app.notifications.service import mark_read, text_of
from app.sales.models.accounts import Account
from app.tasks.models.names import MemberRole
from app.tasks.service.tasks import create_task, delete_task, set_people
from tests.cast import Company
from tests.support import SignedIn, work_off
from tests.tenancy.helpers import mails


def account(actor: Actor, name: str = "Bakery") -> UUID:
    with uow(actor) as session:
        row = Account(name=name, owner_id=actor.member_id)
        session.add(row)
        session.flush()
        return row.id


def task(actor: Actor, title: str = "Task", **values: Any) -> UUID:
    with uow(actor):
        return create_task(actor=actor, title=title, **values).id


def say(actor: Actor, kind: str, record_id: UUID, body: str, **values: Any) -> UUID:
    with uow(actor):
        return add_comment(kind, record_id, body, actor=actor, **values).id


def talk(actor: Actor, kind: str, record_id: UUID) -> Any:
    with tenant_scope(actor):
        return conversation(get_record(kind, record_id), actor)


def bell(person: Any) -> list[str]:
    """What a person's bell says, newest first."""
    with tenant_scope(person.actor), force_locale("en"):
        rows = db.session.scalars(
            select(Notification)
            .where(Notification.member_id == person.member_id)
            .order_by(Notification.created_at.desc())
        )
        return [f"{one.category}: {text_of(one)}" for one in rows]


def picture(width: int = 40, height: int = 20) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (width, height), "#901d6b").save(target, "PNG")
    return target.getvalue()


# ── writing and reading ──────────────────────────────────────────────────────────────────────────


def test_threads_come_oldest_first_with_their_answers(company: Company) -> None:
    actor = company.sales.actor
    record = account(actor)
    first = say(actor, "account", record, "First")
    say(company.admin.actor, "account", record, "Second")
    answer = say(company.admin.actor, "account", record, "An answer", parent_id=first)
    say(actor, "account", record, "An answer to the answer", parent_id=answer)
    found = talk(actor, "account", record)
    assert [one.comment.body for one in found.threads] == ["First", "Second"]
    assert [one.comment.body for one in found.threads[0].replies] == ["An answer", "An answer to the answer"]
    assert (found.count, found.more) == (4, 0)


def test_markdown_is_safe_and_names_stand_out() -> None:
    html = render("**bold** <script>alert(1)</script> [x](javascript:alert(1)) ![p](https://spy.example/p.png) `@Ann`"
                  " @Ann https://example.com", ("@Ann",))  # fmt: skip
    assert "<strong>bold</strong>" in html
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert "<img" not in html
    assert html.count("sk-at") == 1 and "<code>@Ann</code>" in html
    assert 'rel="noopener noreferrer nofollow ugc"' in html


@pytest.mark.parametrize(("body", "key"), [("", "body"), ("   \n ", "body"), ("x" * 20_001, "body")])
def test_what_is_no_comment_is_refused_in_words(company: Company, body: str, key: str) -> None:
    actor = company.sales.actor
    with pytest.raises(Invalid) as refused:
        say(actor, "account", account(actor), body)
    assert key in refused.value.errors


def test_ten_megabytes_are_refused_and_nothing_is_stored(company: Company, sign_in: Any) -> None:
    person: SignedIn = sign_in(company.sales)
    record = account(company.sales.actor)
    answer = person.api(
        "POST", "/api/v1/comments/", json={"kind": "account", "record": str(record), "body": "x" * 10_000_000}
    )
    assert answer.status_code == 422
    assert "20,000" in answer.json["errors"]["body"][0]
    assert talk(company.sales.actor, "account", record).count == 0


def test_whoever_only_reads_reads(company: Company) -> None:
    record = account(company.sales.actor)
    say(company.sales.actor, "account", record, "Hello")
    viewer = company.viewer.actor
    assert talk(viewer, "account", record).count == 1
    for attempt in (
        lambda: say(viewer, "account", record, "Me too"),
        lambda: say(viewer, "account", record, "x", internal=True),
    ):
        with pytest.raises(Forbidden):
            attempt()


def test_a_record_out_of_sight_has_no_comments(company: Company, rival: Company) -> None:
    """Another organization's, another module's, and none at all are the same."""
    record = account(company.sales.actor)
    comment = say(company.sales.actor, "account", record, "Hello")
    hidden = task(company.sales.actor)
    inside = say(company.sales.actor, "task", hidden, "Between us")
    for actor, kind, record_id, comment_id in (
        (rival.admin.actor, "account", record, comment),
        (company.marketing.actor, "task", hidden, inside),
        (company.sales.actor, "account", uuid4(), uuid4()),
        (company.sales.actor, "nothing", record, uuid4()),
    ):
        with pytest.raises(NotFound):
            talk(actor, kind, record_id)
        with pytest.raises(NotFound):
            say(actor, kind, record_id, "Hello")
        for verb in (
            lambda one, who: edit_comment(one, "x", actor=who),
            lambda one, who: delete_comment(one, actor=who),
            lambda one, who: react(one, "👍", actor=who),
            lambda one, who: resolve_thread(one, actor=who, resolved=True),
        ):
            with pytest.raises(NotFound), uow(actor):
                verb(comment_id, actor)


def test_a_collaborator_talks_about_a_task_of_another_module(company: Company) -> None:
    owner = company.sales.actor
    with uow(owner):
        row = create_task(actor=owner, title="Shared")
        set_people(row, MemberRole.WATCHER, [company.marketing.member_id], actor=owner)
    say(company.marketing.actor, "task", row.id, "I watch this")
    assert talk(owner, "task", row.id).count == 1


def test_internal_comments_are_for_those_who_work_on_it(company: Company, sign_in: Any) -> None:
    actor = company.sales.actor
    record = account(actor)
    root = say(actor, "account", record, "Between us", internal=True)
    say(company.admin.actor, "account", record, "An answer", parent_id=root)
    assert talk(company.admin.actor, "account", record).count == 2
    found = talk(company.viewer.actor, "account", record)
    assert (found.count, found.threads) == (0, [])
    with tenant_scope(company.viewer.actor), pytest.raises(NotFound):
        get_comment(root, company.viewer.actor)
    viewer: SignedIn = sign_in(company.viewer)
    assert "Between us" not in viewer.get(f"/comments/account/{record}").text
    assert viewer.get(f"/comments/go/{root}").status_code == 404
    assert viewer.api("GET", f"/api/v1/comments/{root}").status_code == 404
    listed = viewer.api("GET", f"/api/v1/comments/?kind=account&record={record}")
    assert listed.json["count"] == 0


def test_rest_without_a_record_lists_what_the_caller_may_see(company: Company, sign_in: Any) -> None:
    """Newest first; neither another module's nor internal ones for those who only read."""
    actor = company.sales.actor
    record, hidden = account(actor), task(actor, "Secret")
    say(actor, "account", record, "About the account")
    say(actor, "account", record, "Internal", internal=True)
    say(actor, "task", hidden, "About the task")
    with uow(actor):
        link_records("account", record, "task", hidden, actor=actor)

    def bodies(person: Any, url: str) -> list[str]:
        answer = sign_in(person).api("GET", url).json
        assert answer["count"] == len(answer["result"])
        return [one["body"] for one in answer["result"]]

    assert bodies(company.sales, "/api/v1/comments/") == ["About the task", "Internal", "About the account"]
    assert bodies(company.viewer, "/api/v1/comments/") == ["About the task", "About the account"]
    assert bodies(company.sales, "/api/v1/task-comments/") == ["About the task"]
    assert bodies(company.marketing, "/api/v1/task-comments/") == []
    second = sign_in(company.sales).api("GET", "/api/v1/comments/?page_size=1&page=1&kind=account").json
    assert (second["count"], [one["body"] for one in second["result"]]) == (2, ["About the account"])
    assert sign_in(company.sales).api("GET", "/api/v1/record-links/").json["count"] == 1
    assert sign_in(company.marketing).api("GET", "/api/v1/record-links/").json["count"] == 0
    assert sign_in(company.sales).api("GET", "/api/v1/comments/?page=x").status_code == 400


# ── changing ─────────────────────────────────────────────────────────────────────────────────────


def test_only_its_author_edits_and_what_it_said_is_kept(company: Company, sign_in: Any) -> None:
    actor = company.sales.actor
    record = account(actor)
    one = say(actor, "account", record, "Teh first")
    with pytest.raises(Forbidden), uow(company.admin.actor):
        edit_comment(one, "Mine", actor=company.admin.actor)
    with uow(actor):
        edited = edit_comment(one, "The first", actor=actor, version=1)
        assert edited.edited_at is not None
    with pytest.raises(Conflict) as stale, uow(actor):
        edit_comment(one, "Third", actor=actor, version=1)
    assert stale.value.details["body"] == "The first"
    history = sign_in(company.viewer).api("GET", f"/api/v1/comments/{one}/history").json
    assert [row["body"] for row in history["result"]] == ["Teh first"]


def test_a_deleted_comment_comes_back_for_a_day(company: Company) -> None:
    actor = company.sales.actor
    record = account(actor)
    one = say(actor, "account", record, "Oops")
    answered = say(actor, "account", record, "Kept in place")
    say(company.admin.actor, "account", record, "Because of me", parent_id=answered)
    with uow(actor):
        delete_comment(one, actor=actor)
        delete_comment(answered, actor=actor)
    found = talk(actor, "account", record)
    assert [len(shown.replies) for shown in found.threads] == [1]
    assert found.threads[0].html == "" and found.count == 1
    with uow(actor):
        restore_comment(one, actor=actor)
    assert talk(actor, "account", record).count == 2
    with uow(actor):
        delete_comment(one, actor=actor)
    with freeze_time(clock.now() + dt.timedelta(days=1, minutes=1)), pytest.raises(NotFound), uow(actor):
        restore_comment(one, actor=actor)


def test_an_admin_takes_away_what_somebody_else_wrote(company: Company) -> None:
    record = account(company.sales.actor)
    one = say(company.sales.actor, "account", record, "Rude")
    with uow(company.admin.actor):
        delete_comment(one, actor=company.admin.actor)
    assert talk(company.sales.actor, "account", record).count == 0


def test_a_thread_is_resolved_and_opened_again_at_its_first_comment(company: Company) -> None:
    actor = company.sales.actor
    record = account(actor)
    root = say(actor, "account", record, "Which price?")
    answer = say(actor, "account", record, "Ten", parent_id=root)
    with uow(company.admin.actor):
        resolve_thread(root, actor=company.admin.actor, resolved=True)
    assert talk(actor, "account", record).threads[0].resolved_by == company.admin.actor.label
    with pytest.raises(Invalid), uow(actor):
        resolve_thread(answer, actor=actor, resolved=True)
    with uow(actor):
        assert resolve_thread(root, actor=actor, resolved=False).resolved_at is None


def test_a_reaction_is_there_once_and_goes_again(company: Company) -> None:
    actor = company.sales.actor
    record = account(actor)
    one = say(actor, "account", record, "Done")
    for who in (company.sales.actor, company.admin.actor):
        with uow(who):
            assert react(one, "🎉", actor=who)
    shown = talk(actor, "account", record).threads[0].reactions
    assert [(r.emoji, r.count, r.mine) for r in shown] == [("🎉", 2, True)]
    with uow(actor):
        assert not react(one, "🎉", actor=actor)
    assert talk(actor, "account", record).threads[0].reactions[0].mine is False
    for nonsense in ("", "a", "👍👍", "<b>", "x" * 40):
        with pytest.raises(Invalid), uow(actor):
            react(one, nonsense, actor=actor)


# ── mentions ─────────────────────────────────────────────────────────────────────────────────────


def test_the_longest_name_is_meant_and_an_address_names_nobody() -> None:
    from app.collaboration.queries import Mentionable

    people = [Mentionable(name, (uuid4(),)) for name in ("Ann", "Ann Rossi", "Bo")]
    found = find_mentions("@ann rossi and @Bo, not x@Bo nor @Bob nor @Annabel", people)
    assert [(text, one.name) for text, one in found] == [("@ann rossi", "Ann Rossi"), ("@Bo", "Bo")]


def test_a_mention_tells_at_once_and_by_mail_unless_it_is_read(company: Company) -> None:
    sales, admin = company.sales, company.admin
    record = account(sales.actor, "Bakery")
    name = admin.actor.label
    say(sales.actor, "account", record, f"@{name} please look")
    work_off()
    assert [one.split(": ")[0] for one in bell(admin)] == ["mentions"]
    assert "mentioned you in “Bakery”" in bell(admin)[0]
    mail_unread(actor=None)
    assert not mails(admin.email)
    later = clock.now() + dt.timedelta(minutes=6)
    with freeze_time(later):
        mail_unread(actor=None)
        mail_unread(actor=None)
    work_off()
    sent = [one for one in mails(admin.email) if "mentioned you" in one["Subject"]]
    assert len(sent) == 1
    assert "please look" in sent[0].get_body(("plain",)).get_content()
    say(sales.actor, "account", record, f"@{name} once more")
    work_off()
    with uow(admin.actor):
        mark_read(actor=admin.actor)
    with freeze_time(later + dt.timedelta(minutes=6)):
        mail_unread(actor=None)
    assert len([one for one in mails(admin.email) if "mentioned you" in one["Subject"]]) == 1


def test_nobody_hears_of_what_they_may_not_see(company: Company) -> None:
    hidden = task(company.sales.actor, "Secret")
    marketer, viewer = company.marketing.actor.label, company.viewer.actor.label
    say(company.sales.actor, "task", hidden, f"@{marketer} look")
    record = account(company.sales.actor)
    say(company.sales.actor, "account", record, f"@{viewer} look", internal=True)
    work_off()
    assert bell(company.marketing) == [] and bell(company.viewer) == []


def test_an_edit_tells_only_those_whom_it_names_anew(company: Company) -> None:
    sales, admin = company.sales, company.admin
    record = account(sales.actor)
    one = say(sales.actor, "account", record, f"@{admin.actor.label} hello")
    work_off()
    with uow(sales.actor):
        edit_comment(one, f"@{admin.actor.label} and @{company.viewer.actor.label}: hello", actor=sales.actor)
    work_off()
    assert len(bell(admin)) == 1 and len(bell(company.viewer)) == 1
    with tenant_scope(sales.actor):
        assert db.session.scalar(select(func.count()).where(CommentMention.comment_id == one)) == 2


def test_the_owner_and_who_wrote_before_hear_of_a_comment(company: Company) -> None:
    record = account(company.sales.actor, "Bakery")
    say(company.admin.actor, "account", record, "Hello")
    work_off()
    assert "commented on “Bakery”" in bell(company.sales)[0]
    say(company.sales.actor, "account", record, "Hello too")
    work_off()
    assert "commented on “Bakery”" in bell(company.admin)[0]
    assert len(bell(company.sales)) == 1


# ── files ────────────────────────────────────────────────────────────────────────────────────────


def test_a_picture_is_uploaded_sent_previewed_and_taken_by_who_may(
    company: Company, rival: Company, sign_in: Any
) -> None:
    person: SignedIn = sign_in(company.sales)
    record = account(company.sales.actor)
    where = {"kind": "account", "record": str(record)}
    sent = person.api("POST", "/api/v1/comments/files", data={**where, "file": (io.BytesIO(picture()), "draft.png")})
    assert sent.status_code == 201, sent.text
    file = sent.json["result"]
    assert sign_in(company.admin).get(file["url"]).status_code == 404, "not sent yet: its uploader's alone"
    made = person.api("POST", "/api/v1/comments/", json={**where, "body": "", "attachments": [file["id"]]})
    assert made.status_code == 201 and made.json["result"]["attachments"][0]["name"] == "draft.png"
    reader = sign_in(company.viewer)
    answer = reader.get(file["url"])
    assert answer.data == picture() and answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert reader.get(file["preview"]).mimetype == "image/webp"
    assert sign_in(rival.admin).get(file["url"]).status_code == 404
    again = person.api("POST", "/api/v1/comments/", json={**where, "body": "x", "attachments": [file["id"]]})
    assert again.status_code == 422, "a file belongs to one comment"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("virus.exe", b"MZ" + b"\0" * 200),
        ("page.html", b"<html><script>1</script>"),
        ("drawing.svg", b"<svg onload='1'/>"),
        ("picture.png", b"<html><script>1</script>"),
        ("picture.png", picture()[:60]),
        ("letter.pdf", b"MZ" + b"\0" * 200),
        ("notes.txt", b"text with \0 inside"),
        ("none", b"x"),
        ("empty.txt", b""),
    ],
)
def test_a_forbidden_file_is_refused_in_words(company: Company, name: str, data: bytes) -> None:
    actor = company.sales.actor
    record = account(actor)
    with pytest.raises(Invalid) as refused, uow(actor):
        upload("account", record, name, data, actor=actor)
    assert refused.value.errors["file"]


def test_a_file_beyond_the_limit_is_too_large(company: Company) -> None:
    actor = company.sales.actor
    record = account(actor)
    with pytest.raises(TooLarge), uow(actor):
        upload("account", record, "big.zip", b"PK\x03\x04" + b"\0" * (25 * 1024 * 1024), actor=actor)


def test_a_name_from_outside_is_only_a_name(company: Company) -> None:
    actor = company.sales.actor
    record = account(actor)
    with uow(actor):
        file = upload("account", record, "..\\..\\etc/pass\x00wd\n.txt", b"hello", actor=actor)
        assert file.name == "passwd.txt"
        assert file.key == f"{actor.organization_id}/attachments/{file.id}/file"


# ── links ────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_shows_on_both_sides_to_those_who_see_the_other(company: Company) -> None:
    actor = company.sales.actor
    record, hidden = account(actor, "Bakery"), task(actor, "Call")
    with uow(actor):
        link = link_records("account", record, "task", hidden, actor=actor)
        assert link_records("task", hidden, "account", record, actor=actor).id == link.id
        link_id = link.id
    with tenant_scope(actor):
        assert [one.record.label for one in list_links(get_record("account", record))] == ["Call"]
        assert [one.record.label for one in list_links(get_record("task", hidden))] == ["Bakery"]
    viewer = company.marketing.actor
    with tenant_scope(company.viewer.actor):
        assert [one.record.label for one in list_links(get_record("account", record))] == ["Call"]
    with pytest.raises(NotFound), uow(viewer):
        link_records("account", record, "task", hidden, actor=viewer)
    with pytest.raises(Forbidden), uow(company.viewer.actor):
        unlink(link_id, actor=company.viewer.actor)
    with pytest.raises(Invalid), uow(actor):
        link_records("account", record, "account", record, actor=actor)
    with uow(actor):
        unlink(link_id, actor=actor)
    with tenant_scope(actor):
        assert list_links(get_record("task", hidden)) == []


def test_two_who_link_the_same_records_at_once_are_told_to_look_again(app: Flask, company: Company) -> None:
    actor = company.sales.actor
    record, other = account(actor, "Bakery"), task(actor, "Call")
    written = threading.Event()

    def first() -> None:
        with app.app_context(), uow(actor):
            link_records("account", record, "task", other, actor=actor)
            written.set()
            until = time.monotonic() + 20  # the second one's INSERT waits for the end of this transaction
            while not db.session.scalar(text("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")):
                assert time.monotonic() < until
                time.sleep(0.01)

    thread = threading.Thread(target=first)
    thread.start()
    assert written.wait(20)
    with pytest.raises(Conflict), uow(actor):
        link_records("account", record, "task", other, actor=actor)
    thread.join(20)
    with tenant_scope(actor):
        assert [one.record.label for one in list_links(get_record("account", record))] == ["Call"]


# ── what is left ─────────────────────────────────────────────────────────────────────────────────


def test_purge_removes_what_nobody_can_reach(company: Company) -> None:
    """Comments of a deleted task, links to it, deleted comments after a day, files that were never sent."""
    actor = company.sales.actor
    record, doomed = account(actor), task(actor, "Doomed")
    with uow(actor):
        file = upload("task", doomed, "a.txt", b"hello", actor=actor)
        add_comment("task", doomed, "With a file", actor=actor, attachment_ids=[file.id])
        unsent = upload("account", record, "b.txt", b"hello", actor=actor)
        link_records("account", record, "task", doomed, actor=actor)
        keys = [file.key, unsent.key]
    kept = say(actor, "account", record, "Kept")
    gone = say(actor, "account", record, "Gone")
    with uow(actor):
        delete_comment(gone, actor=actor)
        from app.tasks.queries.tasks import get_task

        delete_task(get_task(doomed), actor=actor)
    with freeze_time(clock.now() + dt.timedelta(days=1, hours=1)):
        purge_unreachable(actor=None)
    with tenant_scope(actor):
        assert set(db.session.scalars(select(Comment.id))) == {kept}
        assert db.session.scalar(select(func.count()).select_from(Attachment)) == 0
        assert db.session.scalar(select(func.count()).select_from(RecordLink)) == 0
    for key in keys:
        with pytest.raises(NotFound):
            storage.store().open(key)


# ── screens ──────────────────────────────────────────────────────────────────────────────────────


def test_three_times_the_comments_cost_the_same_queries(company: Company, sign_in: Any, counting: Any) -> None:
    actor = company.sales.actor
    record = account(actor)
    person: SignedIn = sign_in(company.sales)
    seen = []
    for _round in range(2):
        for number in range(3 if not seen else 9):
            root = say(actor, "account", record, f"@{company.admin.actor.label} {number}")
            say(company.admin.actor, "account", record, "Answer", parent_id=root)
            with uow(actor):
                react(root, "👍", actor=actor)
                resolve_thread(root, actor=actor, resolved=bool(number % 2))
        person.get(f"/comments/account/{record}")
        with counting() as statements:
            assert person.get(f"/comments/account/{record}").status_code == 200
        seen.append(len(statements))
    assert seen[0] == seen[1] <= 9, seen


def test_a_record_without_rights_to_it_has_no_comments_tab_to_load(company: Company, sign_in: Any) -> None:
    """People and files of the search for names are those of the organization."""
    person = sign_in(company.sales)
    record = account(company.sales.actor)
    found = person.api("GET", f"/comments/account/{record}/people?q={company.admin.actor.label[:3].lower()}").json
    assert company.admin.actor.label in [one["name"] for one in found["result"]]
