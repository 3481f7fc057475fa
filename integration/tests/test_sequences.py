"""Sessions by chance say the same to Postgres and through pgweir, and where they did not, it would be seen. `make sequences` plays
more of them."""

import re

import pytest

from sequences.known import KNOWN, known
from sequences.normal import normal
from sequences.owing import Owing
from sequences.play import Difference, first_difference, improvise, play
from sequences.script import Line, NoScript, Script
from sequences.shrink import Shrinker
from sequences.stage import Stage
from sequences.unnamed import Unnamed
from sequences.writer import Writer
from support.places import ROOT

SEEDS = range(1, 121)
STEPS = 25

# A session in another mode than transaction mode differs at its first BEGIN; some of these seeds have one.
SEEDS_WITH_BEGIN = range(1, 6)

SECONDS_TO_SHRINK = 15


@pytest.fixture(scope="module")
def stage():
    with Stage() as ours:
        yield ours


def shrunk(stage: Stage, script: Script, difference: Difference) -> Shrinker:
    """As short as it gets in a test that fails."""
    shrinker = Shrinker(lambda shorter: play(stage, shorter), script, difference, SECONDS_TO_SHRINK)
    shrinker.shrink()
    return shrinker


def test_seeds(stage):
    for seed in SEEDS:
        script, difference = improvise(stage, seed, STEPS)
        if difference and not difference.known:
            found = shrunk(stage, script, difference)
            pytest.fail(f"seed {seed}\n{found.script}\n{found.found}", pytrace=False)


def test_a_seed_is_a_script(stage):
    first, again = (improvise(stage, 7, 10)[0] for _ in range(2))
    assert str(first) == str(again) == str(Script.read(str(first)))
    assert len(first.lines) > 20


def test_what_differs_is_found_and_shrunk():
    """In statement mode there are no transactions, and what is left of such a sequence is its BEGIN."""
    with Stage(PGWEIR_POOL_POOL_MODE="statement") as other:
        found = (improvise(other, seed, STEPS) for seed in SEEDS_WITH_BEGIN)
        script, difference = next(pair for pair in found if pair[1])
        small = shrunk(other, script, difference)
    assert len(script.lines) > 20 and len(small.script.lines) <= 3
    assert re.search("begin|start transaction|chain|prepare transaction", str(small.script), re.IGNORECASE), small.script


def test_a_script_that_is_none(stage):
    """Somebody would wait for ever, or nobody knows for what."""
    for text in [
        "# servers=1 user=app\na: Q begin\nb: Q select 1",
        "a: P - select 1\na: wait\na: S",
        "a: P - selec\na: P - select 1\na: S\na: wait\na: B - -\na: S",
        "a: E - 0\na: S",
    ]:
        with pytest.raises(NoScript):
            play(stage, Script.read(text))


def test_scripts_by_hand(stage):
    """Of what only these players know: formats, types, values in bytes, cuts, notifications, logins."""
    for text in [
        "a: P s:23,25 values ($1, $2)\na: B p s in=1,0 out=1 x:00000005 ''\na: D P p\na: cut 3\na: E p 0\na: S\na: B - s null x\na: E - 0\na: S",
        "# servers=1 user=postgres\na: login TimeZone=Asia/Tokyo\na: Q show timezone\nb: Q show timezone; set role r1\na: F 177 in=1 out=1 x:00000005 x:00000006",
        "a: Q listen x\na: wait\nb: Q notify x, 'y'\nb: wait\na: Q select 1",
        "a: Q copy w from stdin\na: wait\na: d 1\\n\na: c\na: wait\nb: Q select length('{x*70000}')\nb: X\na: Q select count(*) from w",
    ]:
        script = Script.read(text)
        assert play(stage, script) is None, script


def test_replies_are_compared():
    one, other = "D 'x'", "D 'y'"
    for direct, through, expected in [
        ([], [], None),
        ([one, "Z I"], [one, "Z I"], None),
        ([one, "Z I"], [other, "Z I"], (one, other)),
        ([one, one], [one], (one, "(nothing)")),
        ([one], [one, one], ("(nothing)", one)),
        (["Z I TimeZone='UTC'"], ["Z I"], ("Z I TimeZone='UTC'", "Z I")),
        (["E C='3F000' M='schema \"pg_temp\" does not exist'", one], ["E C='42P01'", one], None),
        (["E C='3F000' M='schema \"pg_temp\" does not exist'", one], ["E C='42P01'", other], (one, other)),
        (["E C='3F000'"], ["E C='42P01'"], ("E C='3F000'", "E C='42P01'")),
    ]:
        assert first_difference(direct, through) == expected


def test_replies_without_what_is_of_one_session():
    column = b"\0\1a\0%b\0\1\0\0\0\x17\0\4\xff\xff\xff\xff\0\0"
    failed = b"SERROR\0VERROR\0C25P02\0Mno\0Fpostgres.c\0L%d\0Rexec_%s_message\0\0"
    for tag, body, expected in [
        ("D", b"\0\3\0\0\0\1x\xff\xff\xff\xff\0\0\0\0", "D 'x'|null|''"),
        ("T", column % b"\0\0\x40\1", "T a:own,1,23,4,-1,0"),
        ("T", column % b"\0\0\0\0", "T a:0,1,23,4,-1,0"),
        ("t", b"\0\2\0\0\0\x17\0\0\x50\0", "t 23 own"),
        ("E", failed % (1, b"bind"), "E S='ERROR' V='ERROR' C='25P02' M='no'"),
        ("E", failed % (2, b"parse"), "E S='ERROR' V='ERROR' C='25P02' M='no'"),
        ("E", b"C26000\0Mprepared statement \"p1\" no\0\0", "E C='26000' M='prepared statement \"<any>\" no'"),
        ("E", b"C26000\0Mprepared statement \"weir1\" no\0\0", "E C='26000' M='prepared statement \"weir1\" no'"),
        ("C", b"SELECT 1\0", "C SELECT 1\\x00"),
        ("1", b"", "1"),
    ]:
        assert normal(tag, body) == expected


def test_what_is_owed():
    """Tags that are sent, and behind the bar those that come; what is owed, and whether others may have the server."""
    for course, owed, at_rest in [
        ("Q|T D C Z", False, True),
        ("Q|T D C", True, False),
        ("P B E S|1 2 C Z", False, True),
        ("P B E H|1 2 C", False, False),
        ("P D H|1 t T", False, True),
        ("P B E S|E", True, False),
        ("P B E S|E Z", False, True),
        ("P B E H|E", False, False),
        ("Q|G", False, False),
        ("Q d c|G C Z", False, True),
        ("P B E S d c S|1 2 G C Z", False, True),
        ("P B E S d c S|1 2 E Z Z", False, True),
    ]:
        sent, _, come = course.partition("|")
        owing = Owing()
        [owing.send(tag) for tag in sent.split()]
        [owing.receive(tag, b"I") for tag in come.split()]
        assert (owing.is_owed(), owing.is_at_rest()) == (owed, at_rest), course


def test_the_unnamed_statement_is_used_where_it_is_known():
    """Steps that were answered, the last not yet; `!`: with an error."""
    large = f"P - select '{{x*{1 << 15}}}'"
    for steps, expected in [
        (["B - -,S"], True),
        (["P - select 1,S", "B - -,S"], True),
        (["!P - select 1,S", "B - -,S"], False),
        (["!P - select 1,S", "P - select 1,B - -,S"], True),
        (["!P - select 1,S", "P - select 1,S", "D S -,S"], True),
        (["P - select 1,S,B - -,S"], False),
        ([f"{large},S", "B - -,S"], True),
        ([f"{large},B - -,S", "B - -,S"], False),
        (["B - s,E - 0,S"], True),
        (["B - s,S,E - 0,S"], False),
    ]:
        unnamed = Unnamed()
        *before, last = ([Line(0, what) for what in step.strip("!").split(",")] for step in steps)
        for step, lines in zip(steps, before):
            unnamed.played(lines, erred=step.startswith("!"))
        assert unnamed.allows(last) == expected, steps


def test_the_shrinker_keeps_what_it_takes():
    """Of a script of which two lines and a login matter, those are left; what differs otherwise is another story."""

    def played(script: Script) -> Difference | None:
        said = [line.what for line in script.lines]
        if "Q set" not in [what[:5] for what in said]:
            return Difference(1, 0, "Z I", "Z T")
        is_there = "DateStyle" in script.logins[0] and "Q show" in said
        return Difference(said.index("Q show") + 1, 0, "D 'x'", "D 'y'") if is_there else None

    noise = [f"Q select {number}" for number in range(9)]
    lines = [Line(0, what) for what in [*noise, "Q set; select 1", *noise, "Q show", *noise]]
    script = Script(logins=({"DateStyle": "German", "TimeZone": "UTC"}, {"TimeZone": "UTC"}), lines=lines)
    shrinker = Shrinker(played, script, Difference(20, 0, "D 'x'", "D 'y'"), 60)
    assert shrinker.shrink()
    assert str(shrinker.script) == "# servers=2 user=app\na: login DateStyle=German\na: Q set\na: Q show"


def test_what_is_known_is_said_where_it_is_read():
    page = (ROOT / "docs" / "transaction-mode.md").read_text()
    names = [entry.name for entry in KNOWN]
    assert len(set(names)) == len(names)
    for entry in KNOWN:
        assert entry.reason and entry.page in page, entry.name
    changed = "E C='0A000' R='RevalidateCachedQuery'"
    assert known(changed, "2").name == "a result that has changed"
    assert known(changed, changed) is None and known("2", changed) is None


def test_openings_are_many():
    scripts = [Writer(seed).script for seed in range(200)]
    assert {script.servers for script in scripts} == {1, 2, 6}
    assert {len(script.logins) for script in scripts} == {2, 3, 4}
    assert {script.user for script in scripts} == {"app", "postgres"}
