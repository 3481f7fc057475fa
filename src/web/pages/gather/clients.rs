//! Of clients.

use hashbrown::HashMap;

use super::vitals::called;
use super::{Known, contains, leaf, wanted};
use crate::observe::pins::Pin;
use crate::observe::snapshot::{ClientState, ClientView, Running};
use crate::web::pages::ask::Ask;
use crate::web::pages::clients::{ClientRow, Clients, Crowd};

/// Crowds that are shown above the list.
const CROWDS_MAX: usize = 12;

/// One part of the list, as it is asked for.
pub(in crate::web::pages) fn clients(known: &Known, ask: &Ask) -> Clients {
    let wanted = wanted(ask);
    let its = |client: &&ClientView| {
        wanted.group(&client.database, &client.user, &client.application_name)
            && (ask.state.is_empty() || client.state.as_str() == ask.state)
            && contains(&ask.text, &[&client.addr])
    };
    let mut all: Vec<&ClientView> = known.clients.iter().filter(its).collect();
    order(&mut all, &ask.sort);
    let (count, finders) = (all.len(), Finders::of(known));
    let crowds = crowds(&all, &finders);
    let rows = leaf(all, ask).into_iter().map(|client| row(known, client, &finders)).collect();
    Clients { rows, all: count, crowds, choices: known.choices() }
}

fn order(clients: &mut [&ClientView], sort: &str) {
    use std::cmp::Reverse;
    match sort {
        "age" => clients.sort_by_key(|client| client.connected_at),
        "queries" => clients.sort_by_key(|client| Reverse(client.queries)),
        "transactions" => clients.sort_by_key(|client| Reverse(client.transactions)),
        "wait" => clients.sort_by_key(|client| Reverse(client.wait)),
        "query" => clients.sort_by_key(|client| Reverse(client.query)),
        _ => clients.sort_by_key(|client| (rank(client.state), client.since, client.id)),
    }
}

/// Those come first who want something.
fn rank(state: ClientState) -> u8 {
    match state {
        ClientState::Waiting => 0,
        ClientState::Active => 1,
        ClientState::Idle => 2,
    }
}

/// Open findings by database, user and application.
struct Finders(HashMap<[String; 3], usize>);

impl Finders {
    fn of(known: &Known) -> Finders {
        let mut counts: HashMap<[String; 3], usize> = HashMap::new();
        for (_, who) in known.insight.finders() {
            let key = [&who.database, &who.user, &who.application_name].map(|name| name.to_string());
            *counts.entry(key).or_default() += 1;
        }
        Finders(counts)
    }

    fn count(&self, client: &ClientView) -> usize {
        if self.0.is_empty() {
            return 0;
        }
        let key = [&client.database, &client.user, &client.application_name].map(|name| name.to_string());
        self.0.get(&key).copied().unwrap_or_default()
    }
}

fn crowds(clients: &[&ClientView], finders: &Finders) -> Vec<Crowd> {
    let mut crowds: HashMap<[&str; 3], Crowd> = HashMap::new();
    for client in clients {
        let key: [&str; 3] = [&client.application_name, &client.database, &client.user];
        let crowd = crowds.entry(key).or_insert_with(|| Crowd {
            application: key[0].to_owned(),
            database: key[1].to_owned(),
            user: key[2].to_owned(),
            counts: [0; 3],
            findings: finders.count(client),
        });
        let place = match client.state {
            ClientState::Active => 0,
            ClientState::Waiting => 1,
            ClientState::Idle => 2,
        };
        crowd.counts[place] += 1;
    }
    let mut crowds: Vec<Crowd> = crowds.into_values().collect();
    let size = |crowd: &Crowd| crowd.counts.iter().sum::<usize>();
    crowds.sort_by(|one, two| size(two).cmp(&size(one)).then_with(|| one.application.cmp(&two.application)));
    crowds.truncate(CROWDS_MAX);
    crowds
}

fn row(known: &Known, client: &ClientView, finders: &Finders) -> ClientRow {
    let age = known.now.as_millisecond() - client.connected_at.as_millisecond();
    ClientRow {
        id: client.id,
        addr: client.addr.to_string(),
        application: client.application_name.to_string(),
        database: client.database.to_string(),
        user: client.user.to_string(),
        state: client.state,
        since_ms: client.since.map(|since| (known.now.as_millisecond() - since.as_millisecond()) as f64),
        running: running(known, client.running),
        ties: client.pins.iter().map(Pin::as_str).collect(),
        age_s: age as f64 / 1e3,
        queries: client.queries,
        transactions: client.transactions,
        wait_ms: client.wait.as_secs_f64() * 1e3,
        query_ms: client.query.as_secs_f64() * 1e3,
        findings: finders.count(client),
    }
}

/// What a server runs, in words.
pub(super) fn running(known: &Known, running: Running) -> String {
    match running {
        Running::Unknown => String::new(),
        Running::Nothing | Running::AtRest => "nothing runs".to_owned(),
        Running::Statement(digest) => known.insight.facts(digest).map_or(String::new(), |facts| called(&facts)),
    }
}

/// Clients on a pool's page.
const CROWD_MAX: usize = 10;

/// A few clients of the pool that is asked for that do this.
pub(super) fn crowd(known: &Known, ask: &Ask, state: ClientState) -> Vec<ClientRow> {
    let its =
        |client: &&ClientView| client.state == state && *client.database == *ask.database && *client.user == *ask.user;
    let finders = Finders::of(known);
    let mut its: Vec<&ClientView> = known.clients.iter().filter(its).collect();
    its.sort_by_key(|client| (client.since.is_none(), client.since, client.id));
    its.into_iter().take(CROWD_MAX).map(|client| row(known, client, &finders)).collect()
}
