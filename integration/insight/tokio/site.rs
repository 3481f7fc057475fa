//! The site of the clean load: what visitors ask it for, one request at a time. Each request is a few statements; lists are
//! read whole, and what somebody opens afterwards comes in a request of its own, between those of others.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Row, Statement};

use crate::chance::Chance;

/// Which of the two shops of load.sql.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    /// From 1, without a gap, in all tables.
    Dense,
    /// Spread over a billion.
    Sparse,
}

impl Ids {
    fn schema(self) -> &'static str {
        match self {
            Ids::Dense => "dense.",
            Ids::Sparse => "sparse.",
        }
    }

    /// The id of a row, as load.sql makes it; `from` is where a table's numbers begin.
    fn of(self, number: i32, from: i32) -> i32 {
        match self {
            Ids::Dense => number,
            Ids::Sparse => (i64::from(number + from) * 7_368_787 % 999_999_937) as i32,
        }
    }
}

/// Rows of accounts and of items.
const ROWS: usize = 2000;

/// Where items' numbers begin in the sparse shop.
const ITEMS: i32 = 5000;

/// Somebody with an account, and with the list that was read last.
pub(crate) struct Visitor {
    account: i32,
    list: Vec<i32>,
    seen: i32,
}

impl Visitor {
    /// Anybody.
    pub(crate) fn new(chance: &mut Chance) -> Visitor {
        Visitor { account: chance.number(ROWS), list: Vec::new(), seen: 0 }
    }
}

/// The site, over some connections: one for the whole request, or for each statement another.
pub(crate) struct Site<'a> {
    clients: &'a [Client],
    ids: Ids,
    left: &'a Cell<i64>,
    turn: Cell<usize>,
    statements: RefCell<HashMap<(usize, String), Statement>>,
}

type Values<'v> = [&'v (dyn ToSql + Sync)];

impl<'a> Site<'a> {
    /// `left` is how many statements all sites may still send.
    pub(crate) fn new(clients: &'a [Client], ids: Ids, left: &'a Cell<i64>) -> Site<'a> {
        Site { clients, ids, left, turn: Cell::new(0), statements: RefCell::default() }
    }

    /// Whether anything is left to do.
    pub(crate) fn open(&self) -> bool {
        self.left.get() > 0
    }

    /// One request.
    pub(crate) async fn request(&self, visitor: &mut Visitor, chance: &mut Chance) {
        if chance.below(3) == 0 {
            let token = "select id, name from $.accounts where token = md5($1::int4::text)";
            self.ask(token, &[&visitor.account]).await;
        }
        match chance.below(20) {
            0..=3 => self.list(visitor, chance).await,
            4..=9 => self.click(visitor, chance).await,
            10..=11 => self.item(self.ids.of(chance.number(ROWS), ITEMS)).await,
            12 => self.orders(visitor).await,
            13 => self.batch(visitor).await,
            14 => self.numbers(chance).await,
            15..=16 => self.page(visitor).await,
            17 if self.clients.len() == 1 => self.buy(visitor, chance).await,
            _ => self.visit(visitor, chance).await,
        }
    }

    /// A list, read whole.
    async fn list(&self, visitor: &mut Visitor, chance: &mut Chance) {
        let offset = i64::from(chance.number(200));
        let kind = chance.number(8);
        let list = "select id, title, seller_id, kind from $.items where kind = $1 order by id limit 25 offset $2";
        visitor.list = self.ask(list, &[&kind, &offset]).await.iter().map(|row| row.get(0)).collect();
    }

    /// One item of the list that was read last, some requests ago.
    async fn click(&self, visitor: &Visitor, chance: &mut Chance) {
        let item = match visitor.list.len() {
            0 => self.ids.of(chance.number(ROWS), ITEMS),
            length => visitor.list[chance.below(length)],
        };
        self.item(item).await;
    }

    /// An item, and then its seller: one row, then one row.
    async fn item(&self, id: i32) {
        let found = self.ask("select id, seller_id, title, price from $.items where id = $1", &[&id]).await;
        if let Some(row) = found.first() {
            let seller: i32 = row.get(1);
            self.ask("select id, name from $.accounts where id = $1", &[&seller]).await;
            self.ask("select count(*) from $.orders where item_id = $1", &[&id]).await;
        }
    }

    /// One's own orders with what was ordered, in one question.
    async fn orders(&self, visitor: &Visitor) {
        let joined =
            "select o.id, o.total, i.title from $.orders o join $.items i on i.id = o.item_id where o.account_id = $1";
        self.ask(joined, &[&self.ids.of(visitor.account, 0)]).await;
    }

    /// What the items of a list have to do with, all at once.
    async fn batch(&self, visitor: &Visitor) {
        let batch = "select item_id, count(*) from $.orders where item_id = any($1) group by item_id";
        self.ask(batch, &[&visitor.list]).await;
    }

    /// A dashboard.
    async fn numbers(&self, chance: &mut Chance) {
        let month = chance.number(12);
        self.ask("select count(*) from $.orders where month = $1", &[&month]).await;
        self.ask("select sum(total) from $.orders where month = $1", &[&month]).await;
        self.ask("select kind, count(*) from $.items group by kind", &[]).await;
    }

    /// The next page, behind the last row of the one before.
    async fn page(&self, visitor: &mut Visitor) {
        let page = "select id, title from $.items where id > $1 order by id limit 20";
        let rows = self.ask(page, &[&visitor.seen]).await;
        visitor.seen = rows.last().map_or(0, |row| row.get(0));
    }

    /// A transaction, for which the connection must be held.
    async fn buy(&self, visitor: &Visitor, chance: &mut Chance) {
        let (account, item) = (self.ids.of(visitor.account, 0), self.ids.of(chance.number(ROWS), ITEMS));
        self.ask("begin", &[]).await;
        self.ask("select price from $.items where id = $1", &[&item]).await;
        self.ask("update $.accounts set balance = balance - 1 where id = $1", &[&account]).await;
        self.ask("insert into $.visits values ($1, $2)", &[&account, &item]).await;
        self.ask("commit", &[]).await;
    }

    /// A row in a log.
    async fn visit(&self, visitor: &Visitor, chance: &mut Chance) {
        let (account, item) = (self.ids.of(visitor.account, 0), self.ids.of(chance.number(ROWS), ITEMS));
        self.ask("insert into $.visits values ($1, $2)", &[&account, &item]).await;
    }

    async fn ask(&self, sql: &str, values: &Values<'_>) -> Vec<Row> {
        self.left.set(self.left.get() - 1);
        let at = (self.turn.get() + 1) % self.clients.len();
        self.turn.set(at);
        let statement = self.prepared(at, sql).await;
        self.clients[at].query(&statement, values).await.unwrap()
    }

    async fn prepared(&self, at: usize, sql: &str) -> Statement {
        let key = (at, sql.to_owned());
        let known = self.statements.borrow().get(&key).cloned();
        match known {
            Some(statement) => statement,
            None => {
                let statement = self.clients[at].prepare(&sql.replace("$.", self.ids.schema())).await.unwrap();
                self.statements.borrow_mut().insert(key, statement.clone());
                statement
            }
        }
    }
}
