//! Where scripts are compared: a Postgres with two databases that are alike before each script, one of them behind pgweir
//! with a single server, and that server fresh for each script.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::player::{Place, Told, play};
use super::script::Script;
use crate::support::PATIENCE;
use crate::support::client::{Client, connect};
use crate::support::pgweir::{self, Pgweir};
use crate::support::postgres::{self, Postgres};
use crate::support::wire::{password, query, startup};

/// What a script finds. Nothing in it depends on when it is run; columns are short so that no table has a second one for
/// what is long, which would take as much time again.
const BUILD: &str = "\
    set client_min_messages = error; drop schema if exists direct cascade; create schema direct;
    create table items (id int primary key, name varchar(90));
    insert into items values (1, 'one'), (2, 'two'), (3, 'three');
    create table kids (item int references items deferrable initially deferred);
    create table lines (line varchar(400));
    create function noisy(word text) returns text language plpgsql as
    $$ begin raise notice 'heard %', word; return word; end $$";

/// The same where the tables are as they were.
const FILL: &str = "delete from kids; delete from lines; delete from items; \
    insert into items values (1, 'one'), (2, 'two'), (3, 'three')";

/// Closes the servers that pgweir has kept.
const CLEAR: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() \
    and pid <> pg_backend_pid()";

/// The role that may log in with a password and no TLS.
const ROLE: &str = "direct";

/// Numbers theatres and scripts.
static NUMBER: AtomicU32 = AtomicU32::new(0);

/// Two databases and a pgweir.
pub(crate) struct Theatre {
    direct: Place,
    pgweir: Pgweir,
    /// One session in each database, to set the scene.
    admins: [Client; 2],
    /// The tables have to be built anew.
    changed: bool,
    /// For how long a reply is waited for. Only a test that fails waits for it.
    pub(crate) patience: Duration,
    _postgres: Arc<Postgres>,
}

fn number() -> u32 {
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

impl Theatre {
    pub(crate) fn open() -> Theatre {
        let postgres = postgres::shared();
        let here = number();
        let names = [format!("plain_{here}"), format!("pooled_{here}")];
        postgres.sql(&format!(
            "do $$ begin create role {ROLE} login password '{}'; exception when duplicate_object or unique_violation then null; end $$",
            postgres::verifier()
        ));
        for name in &names {
            postgres.sql(&format!("create database {name} owner {ROLE}"));
        }
        let addr = SocketAddr::from(([127, 0, 0, 1], postgres.port));
        let pgweir = pgweir::start(&toml(postgres.port, &names[1]), &[]);
        let admins = [admin(addr, &names[0]), admin(addr, &names[1])];
        let [database, _] = names;
        let direct = Place { addr, user: ROLE.to_string(), database, password: Some("secret"), patience: PATIENCE };
        Theatre { direct, pgweir, admins, changed: true, patience: PATIENCE, _postgres: postgres }
    }

    /// Plays a script to both: how the replies differ, if they do; or why it is no script.
    pub(crate) fn compare(&mut self, script: &Script) -> Result<Option<String>, String> {
        let scene = if std::mem::replace(&mut self.changed, changes_tables(script)) { BUILD } else { FILL };
        self.admins.iter_mut().for_each(|admin| set_scene(admin, scene));
        let direct = play(&self.direct, script)?;
        // Each user of pgweir's has a pool of its own, and its servers' user is the same.
        let user = format!("user_{}", number());
        let place = Place {
            addr: self.pgweir.addr,
            user,
            database: "app".to_string(),
            password: None,
            patience: self.patience,
        };
        let pooled = play(&place, script)?;
        Ok(difference(&direct, &pooled))
    }
}

fn toml(port: u16, database: &str) -> String {
    format!(
        "[pool]\npool_size = 1\n[auth]\nauth_type = \"trust\"\n[tls.server]\nmode = \"disable\"\n[databases.app]\n\
         host = \"127.0.0.1\"\nport = {port}\ndbname = \"{database}\"\nuser = \"{ROLE}\"\npassword = \"secret\"\n"
    )
}

fn admin(addr: SocketAddr, database: &str) -> Client {
    let mut conn = connect(addr);
    conn.send(&startup(&[("user", ROLE), ("database", database)]));
    conn.expect("R");
    conn.send(&password("secret"));
    Client::welcome(conn)
}

fn changes_tables(script: &Script) -> bool {
    let text = script.to_string().to_ascii_lowercase();
    ["create", "alter", "drop"].iter().any(|word| text.contains(word))
}

fn set_scene(admin: &mut Client, scene: &str) {
    for sql in [CLEAR, scene] {
        admin.send(&query(sql));
        loop {
            let message = admin.message().expect("the scene can be set");
            assert_ne!(message.tag, b'E', "{}", message.text());
            if message.tag == b'Z' {
                break;
            }
        }
    }
}

/// The first reply that differs, of the first client that has one.
fn difference(direct: &[Told], pooled: &[Told]) -> Option<String> {
    let client = (0..direct.len()).find(|client| direct[*client] != pooled[*client])?;
    let (direct, pooled) = (&direct[client], &pooled[client]);
    let same = direct.iter().zip(pooled).take_while(|(direct, pooled)| direct == pooled).count();
    let show = |told: &Told| told[same..].iter().take(4).cloned().collect::<Vec<_>>().join("\n    ");
    Some(format!(
        "client {client} after {same} replies the same\n  Postgres:\n    {}\n  pgweir:\n    {}",
        show(direct),
        show(pooled)
    ))
}
