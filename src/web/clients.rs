//! `/api/clients`: one row a client, the oldest first.

use std::sync::Arc;

use serde::Serialize;

use super::WebState;
use super::answer::{ms, time};
use super::filter::Filter;
use crate::observe::pins::Pin;
use crate::observe::snapshot::ClientView;
use crate::observe::who::Who;

pub(super) fn list(state: &WebState, filter: Filter) -> Vec<Client> {
    let mut clients = state.clients.list();
    clients
        .retain(|client| filter.pool(&client.database, &client.user) && filter.application(&client.application_name));
    clients.sort_unstable_by_key(|client| (client.connected_at, client.id));
    let finders = state.insight.finders();
    clients.iter().take(filter.limit()).map(|client| Client::new(client, &finders)).collect()
}

/// One row. `wait_ms` and `query_ms` are sums since the client came.
#[derive(Debug, Serialize)]
pub(super) struct Client {
    id: u64,
    database: String,
    user: String,
    application_name: String,
    addr: String,
    state: &'static str,
    /// Since when, to the second.
    state_since: Option<String>,
    /// What ties it to a server of its own: the reasons, none for most.
    pinned: Vec<&'static str>,
    connected_at: String,
    queries: u64,
    transactions: u64,
    wait_ms: f64,
    query_ms: f64,
    /// Numbers of the findings about its application.
    findings: Vec<u64>,
}

impl Client {
    fn new(client: &ClientView, finders: &[(u64, Arc<Who>)]) -> Client {
        let its = |who: &Who| {
            who.database == client.database
                && who.user == client.user
                && who.application_name == client.application_name
        };
        Client {
            id: client.id,
            database: client.database.to_string(),
            user: client.user.to_string(),
            application_name: client.application_name.to_string(),
            addr: client.addr.to_string(),
            state: client.state.as_str(),
            state_since: client.since.map(time),
            pinned: client.pins.iter().map(Pin::as_str).collect(),
            connected_at: time(client.connected_at),
            queries: client.queries,
            transactions: client.transactions,
            wait_ms: ms(client.wait),
            query_ms: ms(client.query),
            findings: finders.iter().filter(|(_, who)| its(who)).map(|(id, _)| *id).collect(),
        }
    }
}
