//! Asking a database for its foreign keys, by a server that rests: they tell the analyst which columns belong together.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::debug;

use super::Pool;
use super::inquiry::text;
use super::lease::{discard, put_back};
use super::server::{ErrandError, Server};
use crate::observe::repeats::Reference;
use crate::protocol::frame::cut_value;

/// A server that does not answer within this is closed.
const PATIENCE: Duration = Duration::from_secs(5);

/// Everything is named in full: the search_path is a client's. Keys of partitions are those of their tables again.
const SQL: &str = "SELECT one.relname, a.attname, other.relname, b.attname FROM pg_catalog.pg_constraint AS k \
    CROSS JOIN LATERAL ROWS FROM (pg_catalog.unnest(k.conkey), pg_catalog.unnest(k.confkey)) AS pair(own, other) \
    JOIN pg_catalog.pg_class AS one ON one.oid OPERATOR(pg_catalog.=) k.conrelid \
    JOIN pg_catalog.pg_class AS other ON other.oid OPERATOR(pg_catalog.=) k.confrelid \
    JOIN pg_catalog.pg_attribute AS a ON a.attrelid OPERATOR(pg_catalog.=) k.conrelid \
    AND a.attnum OPERATOR(pg_catalog.=) pair.own \
    JOIN pg_catalog.pg_attribute AS b ON b.attrelid OPERATOR(pg_catalog.=) k.confrelid \
    AND b.attnum OPERATOR(pg_catalog.=) pair.other \
    WHERE k.contype OPERATOR(pg_catalog.=) 'f' AND k.conparentid OPERATOR(pg_catalog.=) 0 LIMIT 20000";

impl Pool {
    /// Asks, as a task of its own, if a server rests now. `tell` gets what is declared; nothing where Postgres refuses.
    pub fn ask_references(self: &Arc<Self>, now: Instant, tell: impl FnOnce(Vec<Reference>) + Send + 'static) {
        let rested = self.ledger().borrow_rested(now, Duration::ZERO);
        let Some((mut server, since)) = rested else { return };
        self.homes[server.home].runtime.clone().spawn(async move {
            match tokio::time::timeout(PATIENCE, references(&mut server)).await {
                Ok(Ok(references)) => {
                    put_back(server, since, Instant::now());
                    tell(references);
                }
                Ok(Err(error @ ErrandError::Refused(_))) => {
                    debug!(event = "references_refused", database = %server.pool.database, %error);
                    put_back(server, since, Instant::now());
                    tell(Vec::new());
                }
                Ok(Err(ErrandError::Lost)) | Err(_) => {
                    server.pool.doubt();
                    discard(server, "it did not answer");
                }
            }
        });
    }
}

async fn references(server: &mut Server) -> Result<Vec<Reference>, ErrandError> {
    let mut references = Vec::new();
    server.ask(SQL, &mut |row| references.extend(reference(row))).await?;
    Ok(references)
}

/// The body of a DataRow. `None` for names that are not UTF-8, which no text of a client's could be held against.
fn reference(row: &[u8]) -> Option<Reference> {
    let rest = row.strip_prefix(&[0, 4])?;
    let name = |rest| -> Option<(String, &[u8])> {
        let (name, rest) = cut_value(rest)?;
        Some((text(name?)?.to_owned(), rest))
    };
    let (table, rest) = name(rest)?;
    let (column, rest) = name(rest)?;
    let (other_table, rest) = name(rest)?;
    let (other_column, _) = name(rest)?;
    Some(Reference { table, column, other_table, other_column })
}
