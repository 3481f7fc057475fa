"""The tables of the demo's shop. Ids are dense, as serial columns make them. What the cured app has more is an index."""

from support.postgres import Postgres

ROLE, PASSWORD, DATABASE = "shop", "shop", "shop"
AUTHORS, BOOKS_EACH, POSTS, PRODUCTS, USERS = 200, 4, 800_000, 40, 2_000

# A product's picture, as text: what no list shows. 20 of them are more than a megabyte.
PICTURE = 60_000

# Long enough that a look-up without an index is felt, short enough to be made in seconds.
TABLES = f"""
create unlogged table authors as select id, 'Author ' || id as name from generate_series(1, {AUTHORS}) id;
create unlogged table books as
    select (a.id - 1) * {BOOKS_EACH} + n as id, a.id as author_id, 'Book ' || n || ' of ' || a.id as title
    from authors a, generate_series(1, {BOOKS_EACH}) n;
create unlogged table posts as
    select id, 'post-' || id || '-about-things' as slug, 'Post ' || id as title, 'What was to be said.' as body
    from generate_series(1, {POSTS}) id;
create unlogged table products as
    select id, 'Product ' || id as name, id * 3 % 100 as price, repeat(md5(id::text), {PICTURE // 32}) as picture
    from generate_series(1, {PRODUCTS}) id;
create unlogged table users as select id, 'User ' || id as name, 'basic' as plan from generate_series(1, {USERS}) id;
create unlogged table orders (
    id bigint generated always as identity, user_id int, total int, state text default 'new', at timestamptz default now());
insert into orders (user_id, total, state) select 1 + i % {USERS}, i % 97, 'done' from generate_series(1, 40000) i;
create unlogged table reports (at timestamptz default now(), sum bigint);
"""

INDEXES = """
alter table authors add primary key (id);
alter table books add primary key (id);
alter table posts add primary key (id);
alter table products add primary key (id);
alter table users add primary key (id);
alter table orders add primary key (id);
create index on books (author_id);
create index on orders (user_id);
create index on orders (id) where state = 'new';
"""

# What the cure of the slow look-up is.
CURE = "create unique index on posts (slug);"

# One server has two cores' worth of a query, as on a busy machine.
SETTINGS = {"max_parallel_workers_per_gather": 0}


def fill(postgres: Postgres, is_fixed: bool) -> None:
    """Everything, in some seconds."""
    postgres.run(f"create role {ROLE} login password '{PASSWORD}'", f"create database {DATABASE} owner {ROLE}")
    steps = TABLES + INDEXES + (CURE if is_fixed else "")
    postgres.run(f"set role {ROLE}; {steps}", "reset role", "vacuum analyze", dbname=DATABASE)
