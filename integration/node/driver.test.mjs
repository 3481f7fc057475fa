// node-postgres through TLS and SCRAM: a pool of thirty over two servers. Run by tests/test_node.py, which sets PGHOST
// and the rest, and CA, the file of the authority that signed pgweir's certificate.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import pg from "pg";

const CLIENTS = 30;
const settings = { ssl: { ca: readFileSync(process.env.CA), servername: "localhost" }, max: CLIENTS };
const pool = new pg.Pool(settings);
after(() => pool.end());

async function withClient(story) {
  const client = await pool.connect();
  try {
    return await story(client);
  } finally {
    client.release();
  }
}

test("TLS and SCRAM", async () => {
  const { rows } = await pool.query("select ssl from pg_stat_ssl where pid = pg_backend_pid()");
  assert.deepEqual(rows, [{ ssl: true }]);
});

test("named statements of one name and several texts", async () => {
  const clients = await Promise.all(Array.from({ length: CLIENTS }, () => pool.connect()));
  try {
    for (let turn = 0; turn < 10; turn++) {
      const answers = await Promise.all(
        clients.map((client, number) =>
          client.query({ name: `twice-${number % 3 === 0 ? "a" : number}`, text: "select $1::int * 2 as x", values: [number] }),
        ),
      );
      answers.forEach((answer, number) => assert.equal(answer.rows[0].x, number * 2));
    }
    const texts = await Promise.all(
      clients.map((client, number) => client.query({ name: "same", text: `select ${number} + $1::int as x`, values: [1] })),
    );
    texts.forEach((answer, number) => assert.equal(answer.rows[0].x, number + 1));
  } finally {
    clients.forEach((client) => client.release());
  }
});

test("a pool of thirty on two servers", async () => {
  const asked = Array.from({ length: 600 }, (_, number) => pool.query("select $1::int as x", [number]));
  (await Promise.all(asked)).forEach((answer, number) => assert.equal(answer.rows[0].x, number));
  const { rows } = await pool.query("select count(*)::int as n from pg_stat_activity where usename = 'app'");
  assert.ok(rows[0].n >= 1 && rows[0].n <= 2, `${rows[0].n} servers`);
});

test("transactions stay on one server", async () => {
  const inOneTransaction = () =>
    withClient(async (client) => {
      await client.query("begin");
      const first = await client.query("select pg_backend_pid() as pid");
      const second = await client.query("select pg_backend_pid() as pid");
      await client.query("commit");
      assert.deepEqual(first.rows, second.rows);
    });
  await Promise.all(Array.from({ length: 100 }, inOneTransaction));
});

test("an error, and the client goes on", async () => {
  await withClient(async (client) => {
    await assert.rejects(client.query("select 1/0"), { code: "22012" });
    await assert.rejects(client.query({ name: "bad", text: "select * from nowhere" }), { code: "42P01" });
    assert.equal((await client.query("select 1 as x")).rows[0].x, 1);
  });
});

test("a statement timeout set at startup", async () => {
  const client = new pg.Client({ ...settings, statement_timeout: 200 });
  await client.connect();
  try {
    await assert.rejects(client.query("select pg_sleep(30)"), { code: "57014" });
    assert.equal((await client.query("show statement_timeout")).rows[0].statement_timeout, "200ms");
  } finally {
    await client.end();
  }
  const { rows } = await pool.query("show statement_timeout");
  assert.equal(rows[0].statement_timeout, "0");
});

test("a query timeout of the driver's own closes only that client", async () => {
  const client = new pg.Client({ ...settings, query_timeout: 200 });
  client.on("error", () => {});
  await client.connect();
  await assert.rejects(client.query("select pg_sleep(2)"), /timeout/);
  await client.end();
  assert.equal((await pool.query("select 2 as x")).rows[0].x, 2);
});

test("pg_cancel_backend reaches the query that runs", async () => {
  await withClient(async (client) => {
    const { rows } = await client.query("begin; select pg_backend_pid() as pid").then((answers) => answers[1]);
    const sleeping = assert.rejects(client.query("select pg_sleep(30)"), { code: "57014" });
    await pool.query("select pg_cancel_backend($1)", [rows[0].pid]);
    await sleeping;
    await client.query("rollback");
  });
});

test("a large row", async () => {
  const { rows } = await pool.query("select repeat('x', 20000000) as x");
  assert.equal(rows[0].x.length, 20000000);
});

test("several statements in one message", async () => {
  const answers = await pool.query("select 1 as x; select 2 as x; select 3 as x");
  assert.deepEqual(answers.map((answer) => answer.rows[0].x), [1, 2, 3]);
});
