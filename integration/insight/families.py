"""The families: what each must be found as, with which numbers of executions. What they do is in loops.py, clean.py and, for
object mappers, in programs/."""

from insight.label import Expect, Family

# Just enough to be called a loop; some; and so many that the first occurrence must be enough.
SIZES = (5, 9, 27)


def linked(child: str, parent: str, column: str) -> Expect:
    """An N+1."""
    return Expect("n_plus_one", child, parent, column)


BOOKS_OF_AUTHORS = (linked("books", "authors", "id"),)
REVIEWS_OF_BOOKS = linked("reviews", "books", "id")

LOOPS = [
    Family("belongs_to", (linked("authors", "books", "author_id"),), SIZES, cured=True),
    Family("has_many", BOOKS_OF_AUTHORS, SIZES, cured=True),
    Family("count", BOOKS_OF_AUTHORS, SIZES, cured=True),
    Family("exists", BOOKS_OF_AUTHORS, SIZES, cured=True),
    Family("latest", BOOKS_OF_AUTHORS, SIZES, cured=True),
    Family("deferred", (linked("books", "books", "id"),), SIZES, cured=True),
    Family("nested", BOOKS_OF_AUTHORS + (REVIEWS_OF_BOOKS,), SIZES, cured=True),
    Family("two_children", BOOKS_OF_AUTHORS + (linked("countries", "authors", "country_code"),), SIZES, cured=True),
    Family("conditional", BOOKS_OF_AUTHORS, (5, 9, 20)),
    Family("reverse", BOOKS_OF_AUTHORS, SIZES),
    Family("shuffled", BOOKS_OF_AUTHORS, SIZES),
    Family("repeated_keys", (linked("authors", "books", "author_id"),), SIZES, cured=True),
    Family("uuid_keys", (linked("books", "publishers", "id"),), SIZES, cured=True),
    Family("text_keys", (linked("order_lines", "orders", "number"),), SIZES, cured=True),
    Family("dense_ids", (linked("book_tags", "tags", "id"),), SIZES, cured=True),
    Family("update_loop", (linked("books", "books", "id"),), SIZES, cured=True),
    Family("transaction_a_row", BOOKS_OF_AUTHORS, SIZES),
    Family("parallel_1", BOOKS_OF_AUTHORS, SIZES, pool=1),
    Family("parallel_5", BOOKS_OF_AUTHORS, SIZES, pool=5),
    Family("parallel_20", BOOKS_OF_AUTHORS, SIZES, pool=20),
    Family("one_after_the_other_over_a_pool", BOOKS_OF_AUTHORS, SIZES, pool=5),
    # Two levels: all of one at once and then all of the next, as resolvers are called; or one after the other.
    Family("resolvers", BOOKS_OF_AUTHORS + (REVIEWS_OF_BOOKS,), SIZES, pool=5),
    Family("nested_over_a_pool", BOOKS_OF_AUTHORS + (REVIEWS_OF_BOOKS,), SIZES, pool=5),
    # The same pool serves other requests meanwhile; or the same page for somebody else.
    Family("among_others", BOOKS_OF_AUTHORS, SIZES, pool=5, tolerated=frozenset({"duplicate_read"})),
    Family("two_at_once", BOOKS_OF_AUTHORS, SIZES, pool=5, tolerated=frozenset({"duplicate_read"})),
    # The same, but each request says with every statement which it is.
    Family("traced", BOOKS_OF_AUTHORS, SIZES, pool=5, tolerated=frozenset({"duplicate_read"})),
    Family("tree_walk", (Expect("tree_walk", "employees"),), (6, 9, 27), cured=True),
    Family("duplicate_read", (Expect("duplicate_read", "settings"),), SIZES, cured=True),
    Family("insert_loop", (Expect("row_at_a_time_insert", "events"),), (12, 27), cured=True),
    Family("insert_from_rows", (Expect("row_at_a_time_insert", "events"),), (12, 27), cured=True),
]

CLEAN = [
    Family("polling", slow=True),
    # The rule for duplicate reads calls this one, and nobody could say that it is wrong.
    Family("polling_fast", slow=True, tolerated=frozenset({"duplicate_read"})),
    Family("keyset_paging"),
    Family("offset_paging"),
    Family("retries"),
    Family("shared_connection"),
    Family("list_then_unrelated"),
    Family("clicks", slow=True),
    Family("clicks_among_others", slow=True),
    Family("key_value"),
    Family("ids_from_file"),
    Family("worker"),
    Family("tpc_b"),
    Family("batches"),
    Family("fetch_loop"),
    Family("dashboard"),
    Family("small_enum"),
    Family("months"),
    Family("allowed"),
]

ALL = {family.name: family for family in LOOPS + CLEAN}
