"""The dashboard in a real browser, over an app that has every disease."""

import html
import os
import re
from contextlib import ExitStack
from urllib.parse import urlsplit

import psycopg
import pytest

from support.browser import Chromium
from support.children import eventually
from support.pgweir import Pgweir
from support.postgres import Postgres, create_roles
from support.sick import CURE, HOSTILE_NAME, SCRIPT, TABLES, Sick
from tests.conftest import dsn

PAGES = ["/", "/pools", "/pool?database=app&user=app", "/statements", "/slow", "/findings", "/clients"]
HEAVIEST_PAGE = 200 << 10
POOL_SIZE = 8

# A directory for pictures of the pages, for whoever wants to look at them.
SHOTS = os.environ.get("PGWEIR_SHOTS")


@pytest.fixture(scope="module")
def sick():
    """pgweir before a sick app: first its loops are found, then a crowd fills the pool."""
    with ExitStack() as stack:
        postgres = stack.enter_context(Postgres())
        create_roles(postgres)
        with psycopg.connect(postgres.url("app", "secret"), autocommit=True) as client:
            client.execute(TABLES)
        env = {"PGWEIR_POOL_POOL_SIZE": POOL_SIZE}
        pooler = stack.enter_context(Pgweir(database_url=postgres.url("app", "secret"), env=env))
        app = stack.enter_context(Sick(dsn(pooler)))
        eventually(lambda: "n_plus_one" in pooler.get("/api/findings")[1], "the N+1 is found", 60)
        app.crowd(POOL_SIZE + 4)
        eventually(lambda: "saturated for" in pooler.get("/")[1], "the pool is saturated", 60)
        yield pooler
        assert not app.errors


@pytest.fixture(scope="module")
def chromium():
    """One browser for all of them."""
    with Chromium() as browser:
        yield browser


@pytest.fixture
def visit(chromium):
    """Makes visits, of which none may have anything to complain of."""
    visits = []

    def start(pooler, **how):
        visits.append(chromium.visit(pooler.http, **how))
        return visits[-1]

    yield start
    for one in visits:
        one.close()
        assert not one.complaints


def headline(page) -> str:
    return page.locator("h1").first.inner_text()


def test_each_disease_is_named_on_the_overview(sick, visit):
    wanted = ["pool app/app saturated for", "N+1 in web at /authors", "index on posts.slug may be missing", "wide rows", "duplicate reads"]

    def missing():
        text = sick.get("/")[1]
        return [disease for disease in wanted if disease not in text]

    try:
        eventually(lambda: not missing(), "all of them are named", 60)
    except AssertionError:
        pytest.fail(f"not named: {missing()}")
    page = visit(sick).go("/")
    assert re.match(r"\d+ problems: pool app/app saturated for \d+ s; ", headline(page)), headline(page)


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_whole_and_light(sick, visit, path):
    visitor = visit(sick)
    page = visitor.go(path)
    assert headline(page)
    assert 0 < visitor.weight < HEAVIEST_PAGE
    assert page.evaluate("getComputedStyle(document.querySelector('header')).position") == "sticky", "no style sheet"
    assert page.locator("#live").is_visible(), "no script"
    assert "NaN" not in page.content()
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{urlsplit(path).path.strip('/') or 'overview'}.png")


@pytest.mark.parametrize("path", [*PAGES, "/statements?text=slug", "/findings?application_name=web"])
def test_a_phone_need_not_scroll_sideways(sick, visit, path):
    page = visit(sick, width=390, height=844, is_mobile=True, has_touch=True).go(path)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    wide = "[...document.querySelectorAll('main *')].filter((one) => one.getBoundingClientRect().right > 391).length"
    assert page.evaluate(wide) == 0


def test_every_link_leads_somewhere(sick):
    seen, left = set(), ["/"]
    while left:
        address = left.pop()
        path, _, fragment = address.partition("#")
        if path in seen:
            continue
        seen.add(path)
        status, text = sick.get(path)
        assert status == 200, address
        if fragment:
            assert f'id="{fragment}"' in text, address
        if text.startswith("<!DOCTYPE html>") and len(seen) + len(left) < 400:
            left += [link for link in links(text) if not link.startswith("#")]
    assert {urlsplit(path).path for path in seen} >= {"/", "/pools", "/pool", "/statements", "/statement", "/slow", "/findings", "/clients"}


def links(text: str) -> list[str]:
    return [html.unescape(link) for link in re.findall(r'<a[^>]* href="([^"]*)"', text)]


def test_each_big_number_leads_to_its_list(sick, visit):
    page = visit(sick).go("/")
    for name, wanted in [("Queries/s", "Statements"), ("p95 wait", "Pools"), ("Waiting now", "Clients"), ("Servers busy", "Clients")]:
        page.goto(f"http://{sick.http}/")
        page.locator("a.number", has_text=name).click()
        page.wait_for_url(lambda url: urlsplit(url).path != "/")
        assert headline(page).startswith(wanted)


@pytest.mark.parametrize("with_script", [True, False])
def test_filters(sick, visit, with_script):
    page = visit(sick, java_script_enabled=with_script).go("/statements")
    page.select_option("select[name=application_name]", "blog")
    page.fill("input[name=text]", "SLUG")
    page.get_by_role("button", name="Filter").click()
    page.wait_for_url("**/statements?*text=SLUG*")
    rows = page.locator("tbody tr")
    assert rows.count() == 1 and "posts where slug" in rows.first.inner_text()
    assert page.input_value("input[name=text]") == "SLUG"
    page.get_by_role("link", name="Show all").click()
    page.wait_for_url(lambda url: "text" not in url)
    assert page.locator("tbody tr").count() > 5
    page.goto(f"http://{sick.http}/clients?state=waiting")
    states = set(page.locator("table.clients td[data-l=state] .state").all_inner_texts())
    assert states == {"◆ waits"}
    page.goto(f"http://{sick.http}/statements?text=nowhere")
    assert page.locator(".empty").inner_text().startswith("No statement matches.")


def test_order(sick, visit):
    page = visit(sick).go("/statements")
    page.get_by_role("link", name="Bytes/call").click()
    page.wait_for_url("**sort=bytes*")
    assert "documents" in page.locator("tbody tr").first.inner_text()
    assert page.locator("th[aria-sort=descending]").inner_text().startswith("Bytes/call")


def test_ranges_stay(sick, visit):
    page = visit(sick).go("/pools")
    for name, value in [("6 h", "6h"), ("48 h", "48h"), ("15 min", "15m")]:
        page.locator(".ranges").get_by_role("link", name=name).click()
        page.wait_for_url(f"**/pools?range={value}")
        assert page.locator(".ranges [aria-current]").inner_text() == name
        page.get_by_role("navigation", name="Pages").get_by_role("link", name="Statements").click()
        page.wait_for_url(f"**/statements?range={value}")
        page.go_back()


def test_hostile_sql_stays_text(sick, visit):
    page = visit(sick).go("/statements?text=onmouseover")
    row = page.locator("tbody tr").first
    assert SCRIPT in row.inner_text()
    row.locator("a.sql").click()
    page.wait_for_url("**/statement?*")
    assert SCRIPT in page.locator("pre.sql").inner_text()
    assert HOSTILE_NAME in page.locator("main").inner_text()
    page.goto(f"http://{sick.http}/clients")
    assert HOSTILE_NAME in page.locator("main").inner_text()
    page.goto(f"http://{sick.http}/slow?reason=all&text={'onmouseover'}")
    assert "error 22012" in page.locator("main").inner_text()
    page.goto(f"http://{sick.http}/statements?text=%22%3E%3Cscript%3Ealert(4)%3C/script%3E")
    assert page.input_value("input[name=text]") == '"><script>alert(4)</script>'


def test_a_finding_shows_all(sick, visit):
    page = visit(sick).go("/findings?application_name=web")
    card = page.locator("article", has_text="N+1").first
    text = card.inner_text()
    for piece in ["Wasted an hour", "25 ×", "author_id = $1", "Proof:", "authors.id values returned by the parent", "Cure"]:
        assert piece in text, text
    assert card.locator(".waterfall rect").count() > 20


def test_it_keeps_itself_fresh(sick, visit):
    page = visit(sick).go("/")
    stamp = page.locator("footer time").inner_text()
    page.locator(".numbers a").nth(2).focus()
    page.evaluate("document.getElementById('main').before(Object.assign(document.createElement('i'), {id: 'mine'}))")
    page.wait_for_function("stamp => document.querySelector('footer time').innerText !== stamp", arg=stamp)
    assert page.locator("#mine").count() == 1, "the page was not loaded again"
    assert page.evaluate("document.activeElement.innerText").startswith("p95 wait"), "the focus stays where it was"
    live = page.locator("#live")
    live.click()
    assert live.inner_text() == "paused" and live.get_attribute("aria-pressed") == "false"


def test_by_keyboard(sick, visit):
    page = visit(sick).go("/statements")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    reached = set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.name || document.activeElement.id || document.activeElement.innerText"))
    assert {"Pools", "6 h", "live", "database", "text", "Filter", "p95"} <= reached


def test_dark_and_light(sick, visit):
    shade = "getComputedStyle(document.body).backgroundColor"
    light, dark = (visit(sick, color_scheme=scheme).go("/").evaluate(shade) for scheme in ("light", "dark"))
    brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (light, dark)]
    assert brightness[0] > 600 > 200 > brightness[1]


EMPTY = {
    "/": "Nobody has asked anything yet.",
    "/pools": "No pool yet.",
    "/statements": "No statement has run yet.",
    "/slow": "Nothing was slow.",
    "/findings": "Nothing found.",
    "/clients": "No client is connected.",
}


def test_empty_pages_say_what_would_appear(run_pgweir, visit):
    # Any name and user: no pool before the first client.
    pooler = run_pgweir(config={"auth": {"auth_type": "trust"}, "databases": {"*": {"host": "127.0.0.1", "port": 1}}})
    visitor = visit(pooler)
    for path, wanted in EMPTY.items():
        assert wanted in visitor.go(path).locator("main").inner_text()


def test_it_says_when_nobody_answers(run_pgweir, postgres, chromium):
    pooler = run_pgweir(database_url=postgres.url("app", "secret"))
    visitor = chromium.visit(pooler.http)
    page = visitor.go("/")
    pooler.child.process.terminate()
    page.wait_for_function("() => document.getElementById('live').innerText === 'no answer'")
    visitor.close()


def test_a_healthy_app_has_no_problem(own_postgres, run_pgweir, visit):
    with psycopg.connect(own_postgres.url("app", "secret"), autocommit=True) as client:
        client.execute(TABLES)
        client.execute(CURE)
    pooler = run_pgweir(database_url=own_postgres.url("app", "secret"), env={"PGWEIR_POOL_POOL_SIZE": POOL_SIZE})

    def has_run():
        text = pooler.get("/")[1]
        problems = re.findall(r"<h1>([^<]*)|<p>([^<]*)", text)
        assert "problem:" not in text and "problems:" not in text, problems
        return pooler.metric("pgweir_queries_total") > 1000

    with Sick(dsn(pooler), cured=True) as app:
        eventually(has_run, "a thousand statements", 60)
        assert headline(visit(pooler).go("/")) == "No problems."
    assert not app.errors
