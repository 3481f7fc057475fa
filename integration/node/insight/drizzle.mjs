// Drizzle over node-postgres: what programs do with it, with the loop and without.

import { asc, count, desc, eq, exists, gt, inArray, sql, sum } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import pg from "pg";
import * as schema from "./tables.mjs";

const { authors, books, countries, employees, events, jobs, lines, orders, pages, publishers, reviews, sales, settings, tags } = schema;

const SETTING = "setting-c4ca42";

const someAuthors = (db, n) => db.select().from(authors).orderBy(asc(authors.name)).limit(n);
const someBooks = (db, n) =>
  db
    .select({ id: books.id, title: books.title, authorId: books.authorId, views: books.views })
    .from(books)
    .orderBy(asc(books.id))
    .limit(n);
const booksOf = (db, author) => db.select().from(books).where(eq(books.authorId, author.id));
const authorOf = (db, book) => db.query.authors.findFirst({ where: eq(authors.id, book.authorId) });
const setting = (db, key) => db.query.settings.findFirst({ where: eq(settings.key, key) });
const onShelf = (db, n) => db.select().from(books).where(eq(books.shelf, 1)).orderBy(asc(books.title)).limit(n);

async function each(rows, what) {
  for (const row of rows) await what(row);
}

const perAuthor = (what) => async (db, n) => each(await someAuthors(db, n), (author) => what(db, author));
const perBook = (what) => async (db, n) => each(await someBooks(db, n), (book) => what(db, book));
const range = (n, step = 1) => Array.from({ length: n }, (_, index) => index * step);

async function inOrder(db, rows, order) {
  const found = await someAuthors(db, rows);
  await each(order, (index) => booksOf(db, found[index]));
}

// In some disorder, the same every time: seven has no factor in common with any of the sizes.
const disorder = (n) => range(n).map((index) => (index * 7 + 3) % n);

const loops = {
  belongs_to: perBook(authorOf),
  has_many: perAuthor(booksOf),
  count: perAuthor((db, author) => db.$count(books, eq(books.authorId, author.id))),
  exists: perAuthor((db, author) =>
    db.execute(sql`select ${exists(db.select({ one: sql`1` }).from(books).where(eq(books.authorId, author.id)))} as any`),
  ),
  latest: perAuthor((db, author) =>
    db.query.books.findFirst({ where: eq(books.authorId, author.id), orderBy: desc(books.published) }),
  ),
  deferred: perBook((db, book) => db.select({ summary: books.summary }).from(books).where(eq(books.id, book.id))),
  nested: perAuthor(async (db, author) =>
    each(await booksOf(db, author), (book) => db.select().from(reviews).where(eq(reviews.bookId, book.id))),
  ),
  two_children: perAuthor(async (db, author) => {
    await booksOf(db, author);
    await db.select().from(countries).where(eq(countries.code, author.countryCode));
  }),
  conditional: (db, n) => inOrder(db, 3 * n, range(n, 3)),
  reverse: (db, n) => inOrder(db, n, range(n).reverse()),
  shuffled: (db, n) => inOrder(db, n, disorder(n)),
  repeated_keys: async (db, n) => each(await onShelf(db, n), (book) => authorOf(db, book)),
  uuid_keys: async (db, n) =>
    each(await db.select().from(publishers).orderBy(publishers.name).limit(n), (publisher) =>
      db.select().from(books).where(eq(books.publisherId, publisher.id)),
    ),
  text_keys: async (db, n) =>
    each(await db.select().from(orders).orderBy(orders.total).limit(n), (order) =>
      db.select().from(lines).where(eq(lines.orderNumber, order.number)),
    ),
  update_loop: perBook((db, book) =>
    db
      .update(books)
      .set({ views: book.views + 1 })
      .where(eq(books.id, book.id)),
  ),
  transaction_a_row: perAuthor((db, author) => db.transaction((tx) => booksOf(tx, author))),
  parallel_5: async (db, n) => Promise.all((await someAuthors(db, n)).map((author) => booksOf(db, author))),
  tree_walk: async (db, n) => {
    let id = n + 5;
    for (const _ of range(n)) {
      const [employee] = await db.select().from(employees).where(eq(employees.id, id));
      id = employee.managerId;
    }
  },
  duplicate_read: perBook((db) => setting(db, SETTING)),
  insert_loop: (db, n) => each(range(n), (number) => db.insert(events).values({ name: "seen", bookId: number })),
};

const byName = { orderBy: asc(authors.name) };

const cured = {
  belongs_to: (db, n) => db.query.books.findMany({ with: { author: true }, limit: n }),
  has_many: (db, n) => db.query.authors.findMany({ ...byName, with: { books: true }, limit: n }),
  count: (db, n) => db.select({ author: books.authorId, books: count() }).from(books).groupBy(books.authorId).limit(n),
  exists: (db, n) =>
    db
      .select()
      .from(authors)
      .where(exists(db.select({ one: sql`1` }).from(books).where(eq(books.authorId, authors.id))))
      .limit(n),
  latest: (db, n) => db.selectDistinctOn([books.authorId]).from(books).orderBy(books.authorId, desc(books.published)).limit(n),
  deferred: (db, n) => db.select().from(books).orderBy(asc(books.id)).limit(n),
  nested: (db, n) => db.query.authors.findMany({ ...byName, with: { books: { with: { reviews: true } } }, limit: n }),
  two_children: (db, n) => db.query.authors.findMany({ ...byName, with: { books: true, country: true }, limit: n }),
  repeated_keys: (db, n) => db.query.books.findMany({ where: eq(books.shelf, 1), with: { author: true }, limit: n }),
  uuid_keys: (db, n) => db.query.publishers.findMany({ with: { books: true }, limit: n }),
  text_keys: (db, n) => db.query.orders.findMany({ with: { lines: true }, limit: n }),
  update_loop: async (db, n) => {
    const ids = (await someBooks(db, n)).map((book) => book.id);
    await db
      .update(books)
      .set({ views: sql`${books.views} + 1` })
      .where(inArray(books.id, ids));
  },
  tree_walk: (db, n) =>
    db.execute(sql`with recursive up as (select id, manager_id from employees where id = ${n + 5}
      union all select e.id, e.manager_id from employees e join up on e.id = up.manager_id) select id from up`),
  duplicate_read: async (db, n) => {
    await someBooks(db, n);
    await setting(db, SETTING);
  },
  insert_loop: (db, n) => db.insert(events).values(range(n).map((number) => ({ name: "seen", bookId: number }))),
};

const page = (db) => db.select().from(pages).orderBy(asc(pages.id)).limit(20);
const everySo = async (db, table, step, times) => (await db.select().from(table)).filter((_, at) => at % step === 0).slice(0, times);
// A connection of its own brings what the scenario needs to know, so that the scenario does not show where it is from.
const known = {};

const clean = {
  keyset_paging: async (db) => {
    let seen = 0;
    for (const _ of range(12)) seen = (await page(db).where(gt(pages.id, seen))).at(-1).id;
  },
  offset_paging: (db) => each(range(13, 20), (offset) => page(db).offset(offset)),
  shared_connection: (db) =>
    each(known.names, async (name) => {
      const author = await db.query.authors.findFirst({ where: eq(authors.name, name) });
      await booksOf(db, author);
    }),
  list_then_unrelated: async (db) => {
    await someBooks(db, 25);
    await each([17, 150, 3, 88, 121, 9, 64, 180, 42, 5, 133, 77], (id) => db.select().from(employees).where(eq(employees.id, id)));
    await each(known.keys.slice(0, 8), (key) => setting(db, key));
  },
  batches: (db) =>
    each(range(6, 25), (offset) =>
      db.query.books.findMany({ orderBy: asc(books.title), with: { reviews: true }, limit: 25, offset }),
    ),
  small_enum: async (db) => {
    await db.select().from(orders).orderBy(asc(orders.number)).limit(25);
    await each([1, 2, 3, 4, 5], (priority) => db.$count(jobs, eq(jobs.priority, priority)));
  },
  months: async (db) => {
    await db.select().from(tags).orderBy(asc(tags.id)).limit(25);
    await each(range(12), (at) =>
      db
        .select({ total: sum(sales.amount) })
        .from(sales)
        .where(eq(sales.month, at + 1)),
    );
  },
  key_value: (db) => each(known.keys, (key) => setting(db, key)),
};

async function know(place) {
  const client = new pg.Client({ ...place, application_name: "before" });
  await client.connect();
  const db = drizzle(client, { schema });
  known.names = (await everySo(db, authors, 3, 30)).map((row) => row.name);
  known.keys = (await everySo(db, settings, 7, 30)).map((row) => row.key);
  await client.end();
}

// One request; how many statements it asked for.
export async function request(place, scenario) {
  const where = { host: place.host, port: place.port, user: place.user, database: place.dbname };
  known.asked ??= know(where);
  await known.asked;
  const pool = new pg.Pool({ ...where, application_name: scenario.name, max: scenario.pool || 1 });
  let asked = 0;
  const db = drizzle(pool, { schema, logger: { logQuery: () => (asked += 1) } });
  try {
    await { loop: loops, cured, clean }[scenario.form][scenario.family](db, scenario.size);
  } finally {
    await pool.end();
  }
  return asked;
}
