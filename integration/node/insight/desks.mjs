// node-postgres and postgres.js as desks: one connection for the request, or a pool from which each statement takes one.

import pg from "pg";
import postgres from "postgres";

async function overPg(place, scenario) {
  const settings = { host: place.host, port: place.port, user: place.user, database: place.dbname };
  const pool = new pg.Pool({ ...settings, application_name: scenario.name, max: scenario.pool || 1 });
  const held = scenario.pool ? undefined : await pool.connect();
  return {
    ask: async (sql, values) => (await (held ?? pool).query(sql, values)).rows,
    close: async () => {
      held?.release();
      await pool.end();
    },
  };
}

// What a tagged template makes of a text with `$1`: its parts. Stories number parameters in the order of the text.
function parts(sql) {
  const strings = sql.split(/\$\d+/);
  return Object.assign(strings, { raw: strings });
}

async function overJs(place, scenario) {
  const settings = { host: place.host, port: place.port, user: place.user, database: place.dbname, onnotice: () => {} };
  const sql = postgres({ ...settings, max: scenario.pool || 1, connection: { application_name: scenario.name } });
  const held = scenario.pool ? undefined : await sql.reserve();
  return {
    ask: async (text, values) => [...(await (held ?? sql)(parts(text), ...values))],
    close: async () => {
      held?.release();
      await sql.end();
    },
  };
}

export const desks = { pg: overPg, postgres: overJs };
