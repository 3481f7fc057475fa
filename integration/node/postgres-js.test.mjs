// postgres.js through TLS and SCRAM: a pool of thirty over two servers. It prepares under names of its own and pipelines
// up to a hundred statements on each connection. Run by tests/test_node.py, which sets PGHOST and the rest, and CA.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import postgres from "postgres";

const CLIENTS = 30;
const settings = {
  ssl: { ca: readFileSync(process.env.CA), servername: "localhost" },
  max: CLIENTS,
  fetch_types: true,
  onnotice: () => {},
};
const sql = postgres(settings);
after(() => sql.end());

const each = (count, story) => Promise.all(Array.from({ length: count }, (_, number) => story(number)));

test("TLS and SCRAM", async () => {
  assert.deepEqual([...(await sql`select ssl from pg_stat_ssl where pid = pg_backend_pid()`)], [{ ssl: true }]);
});

test("every connection of the pool at once", async () => {
  const held = await each(CLIENTS, () => sql.reserve());
  try {
    for (let turn = 0; turn < 10; turn++) {
      const answers = await Promise.all(held.map((one, number) => one`select ${number}::int * 10 + ${turn}::int as x`));
      answers.forEach(([row], number) => assert.equal(row.x, number * 10 + turn));
    }
  } finally {
    held.forEach((one) => one.release());
  }
});

test("pipelines", async () => {
  const answers = await each(3000, (number) => sql`select ${number}::int as x, ${"y".repeat(number % 50)} as y`);
  answers.forEach(([row], number) => assert.deepEqual(row, { x: number, y: "y".repeat(number % 50) }));
});

test("an error in a pipeline is its own statement's alone", async () => {
  const answers = await Promise.allSettled(Array.from({ length: 300 }, (_, number) => sql`select 100 / ${number % 3}::int as x`));
  answers.forEach((answer, number) => {
    if (number % 3 === 0) assert.equal(answer.reason.code, "22012");
    else assert.equal(answer.value[0].x, Math.trunc(100 / (number % 3)));
  });
});

test("transactions with savepoints stay on one server", async () => {
  await sql`drop table if exists js_tx`;
  await sql`create table js_tx (who int, x int)`;
  await each(100, (number) =>
    sql.begin(async (tx) => {
      const [first] = await tx`select pg_backend_pid() as pid`;
      await tx`insert into js_tx values (${number}, 1)`;
      await assert.rejects(
        tx.savepoint(async (inner) => {
          await inner`insert into js_tx values (${number}, 2)`;
          await inner`select 1/0`;
        }),
        { code: "22012" },
      );
      await tx.savepoint((inner) => inner`insert into js_tx values (${number}, 3)`);
      assert.deepEqual((await tx`select pg_backend_pid() as pid`)[0], first);
    }),
  );
  const [row] = await sql`select count(*)::int as n, sum(x)::int as x from js_tx`;
  assert.deepEqual(row, { n: 200, x: 400 });
});

test("a transaction sent as one pipeline", async () => {
  const answers = await each(60, (number) =>
    sql.begin("isolation level repeatable read", (tx) => [tx`show transaction_isolation`, tx`select ${number}::int as x`]),
  );
  answers.forEach(([[level], [row]], number) => {
    assert.equal(level.transaction_isolation, "repeatable read");
    assert.equal(row.x, number);
  });
});

test("cursors, read slowly and left early", async () => {
  await each(CLIENTS, async (number) => {
    let sum = 0;
    for await (const rows of sql`select x + ${number}::int as x from generate_series(1, 500) x`.cursor(50)) {
      sum += rows.reduce((all, row) => all + row.x, 0);
    }
    assert.equal(sum, 125250 + 500 * number);
    for await (const [row] of sql`select * from generate_series(1, 1000) x`.cursor()) {
      if (row.x === 3) break;
    }
  });
  assert.equal((await sql`select 1 as x`)[0].x, 1);
});

test("rows by the dozen, arrays, json and lists", async () => {
  await sql`drop table if exists js_many`;
  await sql`create table js_many (x int, tags text[], facts jsonb)`;
  const rows = Array.from({ length: 2000 }, (_, x) => ({ x, tags: ["a", `"${x}"`], facts: { x } }));
  const told = await sql`insert into js_many ${sql(rows)} returning x`;
  assert.equal(told.length, 2000);
  const found = await sql`select * from js_many where x in ${sql([3, 5])} and x = any(${[5, 3]}::int[]) order by x`;
  assert.deepEqual([...found], [rows[3], rows[5]]);
});

test("COPY both ways", async () => {
  await sql`drop table if exists js_copy`;
  await sql`create table js_copy (x int, y text)`;
  const lines = Array.from({ length: 20_000 }, (_, x) => `${x}\trow ${x}\n`);
  await pipeline(Readable.from(lines), await sql`copy js_copy from stdin`.writable());
  const out = [];
  for await (const chunk of await sql`copy (select * from js_copy order by x) to stdout`.readable()) out.push(chunk);
  assert.equal(Buffer.concat(out).toString(), lines.join(""));
});

test("several statements in one message", async () => {
  const answers = await sql`select 1 as x; select 2 as x`.simple();
  assert.deepEqual(answers.map(([row]) => row.x), [1, 2]);
});

test("a description, and a statement that is not prepared", async () => {
  const told = await sql`select ${1}::int as x, now() as y`.describe();
  assert.deepEqual(told.columns.map((column) => column.name), ["x", "y"]);
  const answers = await each(100, (number) => sql.unsafe("select $1::int as x", [number]));
  answers.forEach(([row], number) => assert.equal(row.x, number));
});

test("without prepared statements", async () => {
  const plain = postgres({ ...settings, prepare: false });
  try {
    const answers = await each(500, (number) => plain`select ${number}::int as x`);
    answers.forEach(([row], number) => assert.equal(row.x, number));
  } finally {
    await plain.end();
  }
});

test("a cancel", async () => {
  const query = sql`select pg_sleep(30) as js_sleep`;
  const stopped = assert.rejects(query.execute(), { code: "57014" });
  const running = () => sql`select from pg_stat_activity where wait_event = 'PgSleep' and query like '%js_sleep%'`;
  while ((await running()).length === 0);
  query.cancel();
  await stopped;
});

test("parameters of the connection", async () => {
  const tokyo = postgres({ ...settings, max: 2, connection: { TimeZone: "Asia/Tokyo", statement_timeout: 200 } });
  try {
    for (let turn = 0; turn < 3; turn++) {
      assert.equal((await tokyo`show TimeZone`)[0].TimeZone, "Asia/Tokyo");
      assert.notEqual((await sql`show TimeZone`)[0].TimeZone, "Asia/Tokyo");
      await assert.rejects(tokyo`select pg_sleep(30)`, { code: "57014" });
    }
  } finally {
    await tokyo.end();
  }
});
