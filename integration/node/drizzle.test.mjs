// Drizzle over node-postgres and over postgres.js, through TLS and SCRAM: pools of thirty over two servers. Run by
// tests/test_node.py, which sets PGHOST and the rest, and CA.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { and, eq, relations, sql } from "drizzle-orm";
import { drizzle as overPg } from "drizzle-orm/node-postgres";
import { drizzle as overJs } from "drizzle-orm/postgres-js";
import { integer, jsonb, pgTable, serial, text, timestamp } from "drizzle-orm/pg-core";
import pg from "pg";
import postgres from "postgres";

const CLIENTS = 30;
const settings = { ssl: { ca: readFileSync(process.env.CA), servername: "localhost" }, max: CLIENTS };

const authors = pgTable("dz_author", {
  id: serial().primaryKey(),
  name: text().notNull().unique(),
  since: timestamp({ withTimezone: true }).defaultNow(),
});
const books = pgTable("dz_book", {
  id: serial().primaryKey(),
  title: text().notNull(),
  facts: jsonb().$type(),
  authorId: integer("author_id").references(() => authors.id),
});
const authorsBooks = relations(authors, ({ many }) => ({ books: many(books) }));
const booksAuthor = relations(books, ({ one }) => ({ author: one(authors, { fields: [books.authorId], references: [authors.id] }) }));
const schema = { authors, books, authorsBooks, booksAuthor };

const pool = new pg.Pool(settings);
const client = postgres({ ...settings, onnotice: () => {} });
after(() => Promise.all([pool.end(), client.end()]));

const each = (count, story) => Promise.all(Array.from({ length: count }, (_, number) => story(number)));

const drivers = { "node-postgres": overPg(pool, { schema }), "postgres.js": overJs(client, { schema }) };

async function newTables(db) {
  await db.execute(sql`drop table if exists dz_book, dz_author`);
  await db.execute(sql`create table dz_author (id serial primary key, name text not null unique, since timestamptz default now())`);
  await db.execute(
    sql`create table dz_book (id serial primary key, title text not null, facts jsonb, author_id int references dz_author)`,
  );
}

for (const [driver, db] of Object.entries(drivers)) {
  test(`${driver}: rows, joins and relations`, async () => {
    await newTables(db);
    const [ada] = await db.insert(authors).values({ name: "Ada" }).returning();
    assert.ok(ada.since instanceof Date);
    await db.insert(books).values(Array.from({ length: 500 }, (_, n) => ({ title: `book ${n}`, facts: { n }, authorId: ada.id })));
    await db.update(books).set({ title: "changed" }).where(sql`(${books.facts} ->> 'n')::int < 10`);
    const joined = await db.select().from(books).innerJoin(authors, eq(books.authorId, authors.id)).where(eq(books.title, "changed"));
    assert.equal(joined.length, 10);
    const found = await db.query.authors.findFirst({ with: { books: { where: eq(books.title, "book 400") } } });
    assert.deepEqual(found.books.map((book) => book.facts), [{ n: 400 }]);
    await db.insert(authors).values({ name: "Ada" }).onConflictDoNothing();
    assert.equal(await db.$count(authors), 1);
  });

  test(`${driver}: transactions with savepoints, from everyone at once`, async () => {
    await newTables(db);
    await each(100, (number) =>
      db.transaction(async (tx) => {
        await tx.insert(authors).values({ name: `kept ${number}` });
        await assert.rejects(
          tx.transaction(async (inner) => {
            await inner.insert(authors).values({ name: `lost ${number}` });
            await inner.insert(authors).values({ name: `kept ${number}` });
          }),
        );
        await tx.transaction((inner) => inner.insert(authors).values({ name: `too ${number}` }));
      }),
    );
    await assert.rejects(
      db.transaction(async (tx) => {
        await tx.insert(authors).values({ name: "lost" });
        tx.rollback();
      }),
    );
    assert.equal(await db.$count(authors), 200);
  });

  test(`${driver}: an isolation level`, async () => {
    const level = (tx) => tx.execute(sql`show transaction_isolation`).then((answer) => (answer.rows ?? answer)[0].transaction_isolation);
    await each(40, async (number) => {
      const config = number % 2 ? { isolationLevel: "serializable", accessMode: "read only" } : undefined;
      assert.equal(await db.transaction(level, config), number % 2 ? "serializable" : "read committed");
    });
  });

  test(`${driver}: settings of a transaction, as for row-level security`, async () => {
    const tenant = (on) =>
      on.execute(sql`select coalesce(current_setting('my.tenant', true), '') as x`).then((answer) => (answer.rows ?? answer)[0].x);
    await each(100, async (number) => {
      await db.transaction(async (tx) => {
        await tx.execute(sql`select set_config('my.tenant', ${String(number)}, true)`);
        assert.equal(await tenant(tx), String(number));
      });
      assert.equal(await tenant(db), "");
    });
  });

  test(`${driver}: statements prepared by name`, async () => {
    await newTables(db);
    await db.insert(authors).values(Array.from({ length: 50 }, (_, n) => ({ name: `author ${n}` })));
    const byName = db.select().from(authors).where(and(eq(authors.name, sql.placeholder("name")))).prepare("by_name");
    const answers = await each(600, (number) => byName.execute({ name: `author ${number % 60}` }));
    answers.forEach((rows, number) => assert.deepEqual(rows.map((row) => row.name), number % 60 < 50 ? [`author ${number % 60}`] : []));
  });
}
