// What sessions remember beyond transactions, as users of node-postgres and postgres.js make use of it: settings made for
// each connection of a pool, notifications, locks; thirty over two servers. Run by tests/test_state_programs.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { once } from "node:events";
import { after, test } from "node:test";
import pg from "pg";
import postgres from "postgres";

const CLIENTS = 30;
const settings = { ssl: { ca: readFileSync(process.env.CA), servername: "localhost" }, max: CLIENTS, onnotice: () => {} };
const pool = new pg.Pool(settings);
const sql = postgres(settings);
after(() => Promise.all([pool.end(), sql.end()]));

const each = (count, story) => Promise.all(Array.from({ length: count }, (_, number) => story(number)));
const LOCK = 4714;

function resolvers() {
  let resolve;
  return { promise: new Promise((r) => (resolve = r)), resolve };
}

async function withEveryone(from, story) {
  const clients = await each(CLIENTS, () => from.connect());
  try {
    await Promise.all(clients.map(story));
  } finally {
    clients.forEach((client) => client.release());
  }
}

test("node-postgres: settings made when the pool connects", async () => {
  const prepared = new pg.Pool(settings);
  prepared.on("connect", (client) => client.query("set statement_timeout = 4321; set work_mem = '4321kB'"));
  try {
    await withEveryone(prepared, async (client) => {
      for (let turn = 0; turn < 5; turn++) {
        assert.equal((await client.query("show statement_timeout")).rows[0].statement_timeout, "4321ms");
        assert.equal((await client.query("show work_mem")).rows[0].work_mem, "4321kB");
        assert.equal((await pool.query("show statement_timeout")).rows[0].statement_timeout, "0");
      }
    });
  } finally {
    await prepared.end();
  }
});

test("node-postgres: a setting of each client's own", async () => {
  await withEveryone(pool, async (client, number) => {
    await client.query("select set_config('my.tenant', $1, false)", [String(number)]);
    for (let turn = 0; turn < 5; turn++) {
      const { rows } = await client.query("select current_setting('my.tenant') as tenant");
      assert.equal(rows[0].tenant, String(number));
    }
    await client.query("reset my.tenant");
  });
});

test("node-postgres: notifications", async () => {
  const listener = await pool.connect();
  try {
    await listener.query("listen news");
    const heard = new Set();
    listener.on("notification", (message) => {
      heard.add(Number(message.payload));
      if (heard.size === CLIENTS) listener.emit("all heard");
    });
    const all = once(listener, "all heard", { signal: AbortSignal.timeout(10_000) });
    await Promise.all([all, each(CLIENTS, (number) => pool.query("select pg_notify('news', $1)", [String(number)]))]);
    await listener.query("unlisten news");
  } finally {
    listener.release(true);
  }
});

test("node-postgres: a lock held over several transactions", async () => {
  const holders = [];
  await withEveryone(pool, async (client, number) => {
    await client.query("select pg_advisory_lock($1)", [LOCK]);
    holders.push(number);
    for (let turn = 0; turn < 3; turn++) await client.query("begin; select 1; commit");
    assert.deepEqual(holders.splice(0), [number]);
    const { rows } = await client.query("select pg_advisory_unlock($1) as held", [LOCK]);
    assert.equal(rows[0].held, true);
  });
});

test("node-postgres: a temporary table", async () => {
  await withEveryone(pool, async (client, number) => {
    await client.query(`create temp table scratch as select * from generate_series(0, ${number}) x`);
    for (let turn = 0; turn < 3; turn++) {
      assert.equal((await client.query("select count(*)::int as n from scratch")).rows[0].n, number + 1);
    }
    await client.query("discard temp");
  });
});

test("postgres.js: notifications", async () => {
  const heard = new Set();
  let done;
  const all = new Promise((resolve, reject) => {
    done = resolve;
    AbortSignal.timeout(10_000).onabort = () => reject(new Error(`heard only ${[...heard]}`));
  });
  const { unlisten } = await sql.listen("updates", (payload) => {
    heard.add(Number(payload));
    if (heard.size === CLIENTS) done();
  });
  await each(CLIENTS, (number) => sql.notify("updates", String(number)));
  await all;
  await unlisten();
});

test("postgres.js: more listeners than servers, with and without prepared statements", async () => {
  const apps = Array.from({ length: 6 }, (_, number) => postgres({ ...settings, max: 1, prepare: number % 2 === 0 }));
  try {
    const heard = apps.map(() => resolvers());
    await Promise.all(apps.map((app, number) => app.listen("everyone", heard[number].resolve)));
    await sql.notify("everyone", "news");
    assert.deepEqual(await Promise.all(heard.map(({ promise }) => promise)), apps.map(() => "news"));
  } finally {
    await Promise.all(apps.map((app) => app.end()));
  }
});

test("postgres.js: a reserved connection keeps what it set", async () => {
  const held = await each(CLIENTS, () => sql.reserve());
  try {
    await Promise.all(
      held.map(async (one, number) => {
        await one`select set_config('lock_timeout', ${String(1001 + number)}, false)`;
        for (let turn = 0; turn < 5; turn++) assert.equal((await one`show lock_timeout`)[0].lock_timeout, `${1001 + number}ms`);
        await one`reset lock_timeout`;
      }),
    );
  } finally {
    held.forEach((one) => one.release());
  }
});
