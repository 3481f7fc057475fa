//! Connections of one request: one that it holds, or a pool of the application's own from which each statement takes one.
//! Over a pool of one the statements are a pipeline, as this driver has it.

use std::collections::HashMap;
use std::sync::Mutex;

use serde_json::Value;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, Error, NoTls, Statement};

use crate::cell::Cell;

/// A row by its columns' names.
pub(crate) type Row = HashMap<String, Cell>;

/// See the module.
pub(crate) struct Desk {
    connections: Vec<Connection>,
    turn: Mutex<usize>,
    kept: bool,
}

struct Connection {
    client: Client,
    statements: Mutex<HashMap<String, Statement>>,
}

impl Desk {
    /// `size` connections, one where that is 0.
    pub(crate) async fn open(place: &Value, application: &str, size: usize, kept: bool) -> Result<Desk, Error> {
        let mut config = Config::new();
        config.host(place["host"].as_str().unwrap()).port(place["port"].as_u64().unwrap() as u16);
        config.user(place["user"].as_str().unwrap()).dbname(place["dbname"].as_str().unwrap());
        config.application_name(application);
        let mut connections = Vec::new();
        for _ in 0..size.max(1) {
            let (client, connection) = config.connect(NoTls).await?;
            tokio::spawn(connection);
            connections.push(Connection { client, statements: Mutex::default() });
        }
        Ok(Desk { connections, turn: Mutex::new(0), kept })
    }

    /// One statement on the next connection.
    pub(crate) async fn ask(&self, sql: &str, values: &[Cell]) -> Result<Vec<Row>, Error> {
        let connection = self.next();
        if values.is_empty() && !["select", "fetch", "with"].contains(&sql.split(' ').next().unwrap()) {
            return connection.client.batch_execute(sql).await.map(|()| Vec::new());
        }
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| value as _).collect();
        let rows = match self.kept {
            true => connection.client.query(&connection.prepared(sql).await?, &values).await?,
            false => connection.client.query(sql, &values).await?,
        };
        Ok(rows.iter().map(by_name).collect())
    }

    fn next(&self) -> &Connection {
        let mut turn = self.turn.lock().unwrap();
        *turn = (*turn + 1) % self.connections.len();
        &self.connections[*turn]
    }
}

impl Connection {
    async fn prepared(&self, sql: &str) -> Result<Statement, Error> {
        let known = self.statements.lock().unwrap().get(sql).cloned();
        if let Some(statement) = known {
            return Ok(statement);
        }
        let statement = self.client.prepare(sql).await?;
        self.statements.lock().unwrap().insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

fn by_name(row: &tokio_postgres::Row) -> Row {
    row.columns().iter().enumerate().map(|(at, column)| (column.name().to_owned(), row.get(at))).collect()
}
