"""The grouped list and the board: columns, saved views, lanes, linked records, and the rest of a long group."""

from __future__ import annotations

import re
from uuid import uuid4

import pytest

from app.collaboration.service.links import link_records
from app.kernel.uow import uow
from app.sales.service.opportunities.editing import create_opportunity
from app.tasks.models.names import StatusGroup
from app.tasks.queries import branches, groups
from app.tasks.queries.tasks import first_status
from app.tasks.service.statuses import save_status
from app.tasks.service.tasks import create_task
from app.tenancy.service.members import remove_member


def make(actor, title="Task", **values):
    with uow(actor):
        return create_task(actor=actor, title=title, **values)


@pytest.fixture
def seller(company, sign_in):
    return sign_in(company.sales)


def columns(page):
    return re.findall(r'<th scope="col" data-col="([^"]+)"', page.text)


def titles(page):
    return re.findall(r'data-open title="[^"]*"><span class="clip">([^<]+)', page.text)


def test_each_list_keeps_its_own_columns(company, seller):
    """The list's do not become the table's, nor those of a module's list."""
    make(company.sales.actor, tags=["fair"], estimate=90)
    assert seller.post("/views/task_list/columns", data={"cols": "title~300,tags,start_on"}).status_code == 200
    page = seller.get("/tasks/list")
    assert columns(page) == ["title", "tags", "start_on"]
    assert 'style="width:300px"' in page.text
    assert 'data-edit="tags" data-value="fair"' in page.text
    assert "tags" not in columns(seller.get("/tasks/table"))
    assert "tags" not in columns(seller.get("/sales/activities/list"))
    assert columns(seller.get("/tasks/list?cols=title,estimate")) == ["title", "estimate"]


def test_a_saved_view_holds_grouping_lanes_columns_and_sort(company, seller, sign_in):
    make(company.sales.actor)
    state = "group=priority&cols=title,owner&sort=-due_on&q=Task"
    answer = seller.post(
        "/views/task_list/save",
        data={"state": state, "name": "By urgency", "options": "1", "visibility": "shared", "is_default": "1"},
    )
    assert answer.location.startswith("/tasks/list?view=")
    page = seller.get("/tasks/list")
    assert re.findall(r'data-group="([^"]+)"', page.text) == ["P0", "P1", "P2", "P3"]
    assert columns(page) == ["title", "owner"]
    assert 'aria-sort="descending"' not in page.text and 'value="Task"' in page.text
    assert "By urgency" in sign_in(company.marketing).get("/tasks/list").text
    assert "By urgency" not in seller.get("/tasks/board").text + seller.get("/sales/activities/list").text
    # A blank value takes away the view's own.
    assert 'data-group="P0"' not in seller.get(f"{answer.location}&group=").text
    board = seller.post("/views/task_board/save", data={"state": "lanes=priority&group=owner", "name": "Lanes"})
    assert re.findall(r'data-lane="([^"]+)"', seller.get(board.location).text) == ["P2"]


@pytest.mark.parametrize("query", ["lanes=weather", "lanes=due", "group=due", "fragment=more&in=x&from=0",
                                   "fragment=more&in=x&from=many", "fragment=more&from=999999999999"])  # fmt: skip
def test_what_the_board_does_not_know_is_refused(seller, query):
    assert seller.get(f"/tasks/board?{query}").status_code == 400


def test_the_rest_of_a_group_comes_in_place(company, seller, counting, monkeypatch):
    monkeypatch.setattr(groups, "PAGE", 3)
    actor = company.sales.actor
    made = [make(actor, f"Task {number}") for number in range(8)]
    make(actor, "Child", parent_id=made[0].id)
    status = made[0].status_id
    page = seller.get("/tasks/list")
    seen = titles(page)
    assert len(seen) == 3 and "data-more" in page.text
    spent = []
    for first in (4, 7):
        with counting() as statements:
            part = seller.get(f"/tasks/list?fragment=more&in={status}&from={first}")
        seen += titles(part)
        spent.append(len(statements))
    assert seen == [f"Task {number}" for number in range(7, -1, -1)] + ["Child"]
    assert spent[0] <= spent[1] <= spent[0] + 1  # the sub-tasks, where there are any
    cards = seller.get(f"/tasks/board?lanes=priority&fragment=more&in={status}&in=P2&from=4").text
    assert len(re.findall("data-card=", cards)) == 3
    assert seller.get("/tasks/board?fragment=more&in=nowhere%00&from=4").status_code == 404
    assert seller.get("/tasks/board?group=priority&fragment=more&in=P9&from=4").text == ""


def levels(page):
    found = re.findall(
        r'data-due="[^"]*"(?: data-child="(\d)")?.*?data-open title="[^"]*"><span class="clip">([^<]+)', page.text
    )
    return [(int(level or 0), title) for level, title in found]


def chain(actor, *names, **values):
    """Each below the one before it."""
    made = []
    for name in names:
        made.append(make(actor, name, parent_id=made[-1].id if made else None, **values))
    return made


def test_three_levels_of_sub_tasks_are_shown_and_cost_the_same(company, seller, counting):
    actor = company.sales.actor
    one = chain(actor, "One", "One.1", "One.1.1", "One.1.1.1", "One.1.1.1.1")
    spent = []
    for round_ in range(2):
        if round_:
            chain(actor, "Two", "Two.1", "Two.1.1", "Two.1.1.1")
            make(actor, "One.0", parent_id=one[0].id)
            make(actor, "One.1.0", parent_id=one[1].id)
        seller.get("/tasks/list")
        with counting() as statements:
            page = seller.get("/tasks/list")
        spent.append(len(statements))
    assert spent[0] == spent[1]
    assert levels(page) == [
        (0, "Two"), (1, "Two.1"), (2, "Two.1.1"), (3, "Two.1.1.1"),
        (0, "One"), (1, "One.0"), (1, "One.1"), (2, "One.1.0"), (2, "One.1.1"), (3, "One.1.1.1"),
    ]  # fmt: skip
    # What has something below it folds; the third level does not, it says how many there are.
    assert len(re.findall(r"<button[^>]* data-branch ", page.text)) == 6
    # A search is for tasks, wherever they stand.
    assert levels(seller.get("/tasks/list?q=One.1.1")) == [(0, "One.1.1.1.1"), (0, "One.1.1.1"), (0, "One.1.1")]


def test_what_stands_alone_is_found_and_nothing_is_there_twice(app, company, seller, sign_in):
    """Below a task that one does not see, and in a module's list below another module's task."""
    admin, sales = company.admin.actor, company.sales.actor
    above = make(admin, "A", module="sales")
    between = make(admin, "B", module="marketing", parent_id=above.id)
    below = make(admin, "C", module="sales", parent_id=between.id)
    make(admin, "D", module="marketing", parent_id=below.id)
    make(admin, "E", module="marketing", parent_id=between.id)
    browser = sign_in(company.admin)
    assert levels(browser.get("/tasks/list")) == [(0, "A"), (1, "B"), (2, "E"), (2, "C"), (3, "D")]
    assert levels(browser.get("/sales/activities/list")) == [(0, "C"), (1, "D"), (0, "A"), (1, "B"), (2, "E")]
    assert levels(browser.get("/marketing/activities/list")) == [(0, "D"), (0, "B"), (1, "E"), (1, "C")]
    # The seller sees no marketing task but what is theirs: what is below B stands by itself.
    assert levels(seller.get("/tasks/list")) == [(0, "C"), (0, "A")]
    rest = f"/tasks/list?fragment=below&from=1&level=1&in={between.id}"
    assert levels(seller.get(rest)) == []
    assert levels(browser.get(rest)) == [(2, "E"), (2, "C"), (3, "D")]
    make(sales, "Mine")
    assert [title for _level, title in levels(seller.get("/tasks/list"))] == ["Mine", "C", "A"]


def test_the_rest_of_many_sub_tasks_comes_in_place(company, seller, monkeypatch):
    monkeypatch.setattr(branches, "PAGE", 2)
    actor = company.sales.actor
    top = make(actor, "Top")
    many = [make(actor, f"Sub {number}", parent_id=top.id) for number in range(5)]
    make(actor, "Deep", parent_id=many[2].id)
    page = seller.get("/tasks/list")
    assert levels(page) == [(0, "Top"), (1, "Sub 4"), (1, "Sub 3")]
    assert f'data-child="1" data-rest-of="{top.id}"' in page.text
    assert 'data-rest="3"' in page.text
    part = seller.get(f"/tasks/list?fragment=below&from=3&level=0&in={top.id}")
    assert levels(part) == [(1, "Sub 2"), (2, "Deep"), (1, "Sub 1")]
    assert 'data-rest="5"' in part.text
    last = seller.get(f"/tasks/list?fragment=below&from=5&level=0&in={top.id}")
    assert levels(last) == [(1, "Sub 0")]
    assert "data-rest" not in last.text
    # All of them together have a limit too: the deepest wait.
    monkeypatch.setattr(branches, "PAGE", 50)
    monkeypatch.setattr(branches, "MOST", 5)
    page = seller.get("/tasks/list")
    assert "Deep" not in page.text
    assert f'data-child="2" data-rest-of="{many[2].id}"' in page.text
    for wrong, code in (("level=3", 400), ("level=x", 400), ("", 400)):
        assert seller.get(f"/tasks/list?fragment=below&from=1&in={top.id}&{wrong}").status_code == code
    assert seller.get("/tasks/list?fragment=below&from=1&level=0&in=x").status_code == 404


def test_lanes_show_a_cell_for_each_pair_and_cost_the_same(company, seller, counting):
    actor = company.sales.actor
    with uow(actor):
        review = first_status(StatusGroup.IN_REVIEW)
    spent = []
    for size in (1, 4):
        for number in range(size):
            make(actor, f"Urgent {number}", priority="P0")
            make(actor, f"Later {number}", priority="P3", status_id=review.id)
        seller.get("/tasks/board?lanes=priority")
        with counting() as statements:
            page = seller.get("/tasks/board?lanes=priority")
        spent.append(len(statements))
    assert spent[0] == spent[1]
    lanes = dict(re.findall(r'data-lane="(P\d)"(.*?)(?=data-lane="P|<script)', page.text, flags=re.S))
    assert list(lanes) == ["P0", "P3"]
    cells = re.findall(r'data-column="([^"]+)" data-values="([^"]+)"', lanes["P3"])
    assert len(cells) == len(re.findall(r"data-head=", page.text))
    cell = next(values for key, values in cells if key == str(review.id))
    assert f'"status": "{review.id}"' in cell.replace("&#34;", '"').replace("&quot;", '"').replace("&amp;", "&")
    assert "P3" in cell
    shown = re.split(r'data-column="', lanes["P3"])
    assert [len(re.findall("data-card=", one)) for one in shown if one.startswith(str(review.id))] == [5]


def test_a_cell_that_is_not_said_whole_is_refused(seller):
    assert seller.get("/tasks/list?fragment=more&from=4").status_code == 400
    assert seller.get("/tasks/board?lanes=priority&fragment=more&in=P1&from=4").status_code == 400
    odd = f"urn:uuid:{uuid4()}"
    assert seller.get(f"/tasks/list?fragment=more&in={odd}&from=4").status_code in {200, 404}


def test_a_modules_list_shows_what_another_modules_task_is_over(app, company, sign_in):
    above = make(company.admin.actor, "Sales task", module="sales")
    make(company.admin.actor, "Marketing part", module="marketing", parent_id=above.id)
    browser = sign_in(company.admin)
    assert titles(browser.get("/marketing/activities/list")) == ["Marketing part"]
    assert titles(browser.get("/tasks/list")) == ["Sales task", "Marketing part"]


def test_a_full_status_takes_no_new_task_either(company, seller):
    admin = company.admin.actor
    with uow(admin):
        doing = first_status(StatusGroup.IN_PROGRESS)
        save_status(doing.id, actor=admin, name="Doing", wip_limit=1, wip_hard=True)
    for code in (201, 409):
        answer = seller.api("POST", "/api/v1/tasks/", json={"title": "New", "status": str(doing.id)})
        assert answer.status_code == code, answer.text
    assert "its limit is 1" in answer.json["message"]
    assert seller.api("POST", "/api/v1/tasks/", json={"title": "Elsewhere"}).status_code == 201


def test_two_who_change_a_tasks_people_do_not_undo_each_other(company, seller, sign_in):
    task = make(company.sales.actor)
    url, seen = f"/api/v1/tasks/{task.id}/people", task.version
    mine = {"collaborators": [str(company.marketing.member_id)], "version": seen}
    assert seller.api("PUT", url, json=mine).status_code == 200
    theirs = {"collaborators": [str(company.viewer.member_id)], "version": seen}
    assert sign_in(company.admin).api("PUT", url, json=theirs).status_code == 409
    assert [one["id"] for one in seller.api("GET", url).json["collaborators"]] == [str(company.marketing.member_id)]


def test_what_somebody_owned_who_has_left_is_shown_under_their_name(company, seller):
    make(company.sales.actor, "Left behind", owner_id=company.marketing.member_id)
    with uow(company.admin.actor):
        remove_member(company.marketing.member_id, actor=company.admin.actor)
    for url in ("/tasks/list?group=owner", "/tasks/board?group=owner", "/tasks/board?lanes=owner"):
        page = seller.get(url).text
        assert "Left behind" in page, url
        assert "Max Market" in page, url
    nobody_else = seller.get("/tasks/list?group=owner").text
    assert f'data-group="{company.viewer.member_id}"' not in nobody_else


def test_who_has_left_gets_no_new_task(company, seller):
    with uow(company.admin.actor):
        remove_member(company.marketing.member_id, actor=company.admin.actor)
    given = {"title": "Too late", "owner": str(company.marketing.member_id)}
    refused = seller.api("POST", "/api/v1/tasks/", json=given)
    assert (refused.status_code, list(refused.json["errors"])) == (422, ["owner"])
    assert seller.api("POST", "/api/v1/tasks/", json={**given, "owner": None}).status_code == 201


def test_tasks_are_grouped_by_the_record_they_were_linked_to_first(app, company, seller, sign_in, counting):
    admin = company.admin.actor
    with uow(admin):
        deals = [create_opportunity(actor=admin, title=name) for name in ("Bakery", "Airport")]
    tasks = [make(admin, title, module="sales") for title in ("One", "Two", "Three")]
    with uow(admin):
        link_records("task", tasks[0].id, "opportunity", deals[0].id, actor=admin)
        link_records("opportunity", deals[1].id, "task", tasks[1].id, actor=admin)
        link_records("task", tasks[1].id, "opportunity", deals[0].id, actor=admin)
    page = sign_in(company.admin).get("/tasks/list?group=link")
    found = dict(
        re.findall(
            r'data-group="[^"]+" data-values="[^"]*link[^"]*" data-name="([^"]+)">(.*?)</tbody>', page.text, flags=re.S
        )
    )
    assert list(found) == ["Airport", "Bakery", "No linked record"]
    assert ["Two" in found["Airport"], "One" in found["Bakery"], "Three" in found["No linked record"]] == [True] * 3
    with uow(admin):
        link_records("task", tasks[2].id, "opportunity", deals[0].id, actor=admin)
    emptied = sign_in(company.admin).get("/tasks/list?group=link").text
    assert 'data-name="No linked record"' in emptied, "somebody may want to put one there again"
    # Who sees no opportunities is not told what they are called.
    marketing = sign_in(company.marketing)
    mine = make(company.marketing.actor, "Mine")
    with uow(admin):
        link_records("task", mine.id, "opportunity", deals[0].id, actor=admin)
    text = marketing.get("/tasks/list?group=link&fragment=1").text
    assert "Mine" in text
    assert "Bakery" not in text


def test_further_groups_and_lanes_of_linked_records_come_in_place(app, company, sign_in, counting, monkeypatch):
    monkeypatch.setattr(groups, "MAX_LINKED", 2)
    admin = company.admin.actor
    for number, name in enumerate(("Few", "Some", "More", "Most"), start=1):
        with uow(admin):
            deal = create_opportunity(actor=admin, title=name)
        for _ in range(number):
            task = make(admin, f"For {name}", module="sales")
            with uow(admin):
                link_records("task", task.id, "opportunity", deal.id, actor=admin)
    make(admin, "Alone", module="sales")
    browser = sign_in(company.admin)
    url = "/tasks/list?group=link"

    def names(page):
        return re.findall(r'data-name="([^"·]+)"', page.text)

    browser.get(url)
    with counting() as first:
        page = browser.get(url)
    assert names(page) == ["More", "Most", "No linked record"]
    assert re.search(r'data-groups="3".*Linked records: show 2 more of 2', page.text, flags=re.S)
    # All tasks are counted, those of groups that are not shown too.
    assert 'class="sk-count">11<' in page.text
    with counting() as then:
        rest = browser.get(f"{url}&fragment=groups&from=3")
    assert names(rest) == ["Few", "Some"]
    assert rest.text.count("data-task=") == 3
    assert "data-groups" not in rest.text
    assert len(then) <= len(first)
    board = browser.get("/tasks/board?lanes=link")
    lanes = r'data-lane="[^"]+" aria-label="([^"]+)"'
    assert re.findall(lanes, board.text) == ["More", "Most", "No linked record"]
    assert board.text.count("data-card=") == 8
    assert 'data-groups="3"' in board.text
    rest = browser.get("/tasks/board?lanes=link&fragment=groups&from=3")
    assert re.findall(lanes, rest.text) == ["Few", "Some"]
    assert [rest.text.count(one) for one in ("data-card=", "data-head=", "data-groups")] == [3, 0, 0]
    assert browser.get(f"{url}&fragment=groups&from=0").status_code == 400
    for known in ("/tasks/list?group=status", "/tasks/board?group=owner", "/tasks/board?lanes=priority"):
        assert browser.get(f"{known}&fragment=groups&from=3").status_code == 400, known
    assert "data-group=" not in browser.get(f"{url}&fragment=groups&from=99").text
