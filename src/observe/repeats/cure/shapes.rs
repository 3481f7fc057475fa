//! A loop's statements as the words of its cure need them: tables and columns as SQL, the child's conditions, what of them
//! has to stay as it is. Pure.

use crate::sql::facts::{Ask, Chosen, Compared, Facts, written};

/// What is known of a finding's statements.
#[derive(Debug, Clone, Copy)]
pub(in crate::observe::repeats) struct Shapes<'a> {
    pub(in crate::observe::repeats) parent: Option<&'a Facts>,
    pub(in crate::observe::repeats) child: Option<&'a Facts>,
    /// The parent's column.
    pub(in crate::observe::repeats) column: Option<&'a str>,
    /// The slot of the child that its values went to.
    pub(in crate::observe::repeats) slot: Option<usize>,
}

/// The child's equality whose value comes from the loop, and the others beside it.
struct Asked<'a> {
    chosen: &'a Chosen,
    ask: &'a Ask,
}

impl<'a> Shapes<'a> {
    fn compared(&self) -> Option<&'a Compared> {
        let slot = self.slot.or_else(|| self.known().map(|asked| asked.ask.slot));
        self.child?.compared.get(slot.unwrap_or(0))?.as_ref()
    }

    /// Where all of the child's conditions are known: that of the slot, or the only one that there may be.
    fn known(&self) -> Option<Asked<'a>> {
        let chosen = self.child?.chosen.as_ref()?;
        let mut asks = chosen.conditions.iter().filter_map(|condition| condition.ask.as_ref());
        let ask = match self.slot {
            Some(slot) => asks.find(|ask| ask.slot == slot)?,
            None => asks.next().filter(|_| asks.next().is_none())?,
        };
        Some(Asked { chosen, ask })
    }

    /// The child's conditions as they are, where nothing tells which of several is the loop's.
    pub(super) fn undecided(&self) -> Option<String> {
        let chosen = self.child?.chosen.as_ref().filter(|_| self.slot.is_none())?;
        let asks = chosen.conditions.iter().filter(|condition| condition.ask.is_some()).count();
        let conditions: Vec<&str> = chosen.conditions.iter().map(|condition| condition.text.as_str()).collect();
        (asks > 1).then(|| conditions.join(" AND "))
    }

    /// The child's table, as SQL: that of the compared column, or the first.
    pub(super) fn table(&self) -> String {
        let compared = self.compared().and_then(|compared| compared.table.as_deref());
        let first = || self.child.and_then(|child| child.tables.first()).map(String::as_str);
        compared.or_else(first).map_or_else(|| "…".to_owned(), written)
    }

    /// What the child reads: all that it does, with its aliases, if that is known.
    pub(super) fn from(&self) -> String {
        self.known().map_or_else(|| self.table(), |asked| asked.chosen.from.clone())
    }

    /// The column that the child compares, as SQL.
    pub(super) fn asked(&self) -> String {
        self.compared().map_or_else(|| "…".to_owned(), |compared| written(&compared.column))
    }

    /// The same as the child writes it, to stand where the child's tables do.
    pub(super) fn own(&self) -> String {
        self.known().map_or_else(|| self.asked(), |asked| asked.ask.column.clone())
    }

    /// Whether it is known what the child asks for.
    pub(super) fn is_known(&self) -> bool {
        self.compared().is_some()
    }

    /// The number of the value that the child asks for.
    pub(super) fn number(&self) -> u32 {
        self.known().map_or(1, |asked| asked.ask.number)
    }

    /// The child's conditions, for all values at once.
    pub(super) fn any(&self) -> String {
        self.conditions(&format!("= ANY(${})", self.number()))
    }

    /// The child's conditions with something else behind the column that it asks for.
    pub(super) fn conditions(&self, compared: &str) -> String {
        let Some(Asked { chosen, ask }) = self.known() else { return format!("{} {compared} AND …", self.asked()) };
        let all = chosen.conditions.iter().map(|condition| match &condition.ask {
            Some(other) if other == ask => format!("{} {compared}", ask.column),
            _ => condition.text.clone(),
        });
        all.collect::<Vec<_>>().join(" AND ")
    }

    /// Whether the child asks for more than the value, as far as is known.
    pub(super) fn has_others(&self) -> bool {
        self.child.is_some() && self.known().is_none_or(|asked| asked.others().next().is_some())
    }

    /// ` AND …`, where the child asks for more.
    pub(super) fn more(&self) -> &'static str {
        if self.has_others() { " AND …" } else { "" }
    }

    /// What is to be said of the child's conditions once all of them stand there.
    pub(super) fn note(&self) -> String {
        let Some(asked) = self.known() else { return self.rest().to_owned() };
        let same =
            match asked.others().chain([asked.chosen.from.as_str()]).flat_map(numbers).collect::<Vec<_>>().as_slice() {
                [] => String::new(),
                [one] => format!(", if {one} is the same for all"),
                several => format!(", if {} are the same for all", several.join(" and ")),
            };
        let list = if asked.ask.is_list { "; its list has one value each time" } else { "" };
        same + list
    }

    /// What is to be said of those that do not.
    pub(super) fn rest(&self) -> &'static str {
        if self.has_others() { ", with its other conditions as they are" } else { "" }
    }

    /// What the child selects, with the column that tells whose each row is.
    pub(super) fn list_with_own(&self) -> String {
        let (list, own) = (self.list(), self.own());
        if self.selects(&own) { list } else { format!("{own}, {list}") }
    }

    fn selects(&self, column: &str) -> bool {
        let Some(child) = self.child else { return false };
        let (alone, last) = (child.tables.len() == 1, bare(column));
        let is =
            |item: &String| item == column || item == "*" || (alone && (bare(item) == last || item.ends_with(".*")));
        child.selected.iter().any(is)
    }

    /// What the child selects, as it is written, if that is short and means the same where it is to stand.
    pub(super) fn list(&self) -> String {
        let selected = self.child.map_or(&[][..], |child| &child.selected);
        let list = selected.join(", ");
        let known = self.known().is_some() || selected.iter().all(|item| self.is_own(item));
        if list.is_empty() || list.len() > 80 || !known { "…".to_owned() } else { list }
    }

    /// Whether the child counts: what has nothing to be counted has zero.
    pub(super) fn counts(&self) -> bool {
        self.child.is_some_and(|child| child.aggregate.as_deref() == Some("COUNT"))
    }

    /// Whether the child asks that there be nothing.
    pub(super) fn denies(&self) -> bool {
        let first = self.child.and_then(|child| child.selected.first());
        first.is_some_and(|item| item.get(..4).is_some_and(|word| word.eq_ignore_ascii_case("not ")))
    }

    /// What the child selects, if that means the same where its table has no alias.
    pub(super) fn bare_list(&self) -> String {
        let own = self.child.is_some_and(|child| child.selected.iter().all(|item| self.is_own(item)));
        if own { self.list() } else { "…".to_owned() }
    }

    fn is_own(&self, item: &str) -> bool {
        item.split_once('.').is_none_or(|(first, _)| first == bare(&self.table()))
    }

    /// The parent's table and its column, as SQL, where the child's can be put beside them.
    pub(super) fn beside(&self) -> Option<(String, String)> {
        let (table, column) = (self.parent_table()?, self.column?);
        let column = on(&table, column);
        let read = self.child.is_some_and(|child| child.tables.iter().any(|read| bare(&written(read)) == bare(&table)));
        (!read).then_some((table, column))
    }

    /// The same, where that may return several rows for one.
    pub(super) fn joined(&self) -> Option<(String, String)> {
        let counts = self.parent.is_some_and(|parent| parent.limit) && !self.is_key();
        self.beside().filter(|_| !counts)
    }

    /// ` WHERE …`, where the parent has conditions, as far as is known.
    pub(super) fn parents(&self) -> &'static str {
        let chosen = self.parent.and_then(|parent| parent.chosen.as_ref());
        if chosen.is_some_and(|chosen| chosen.conditions.is_empty()) { "" } else { " WHERE …" }
    }

    fn parent_table(&self) -> Option<String> {
        self.parent?.tables.first().map(|table| written(table))
    }

    /// The child asks for one row by what is its key, as far as names tell: its LIMIT says nothing.
    pub(super) fn is_key(&self) -> bool {
        let asked = self.asked();
        asked.eq_ignore_ascii_case("id") || asked.eq_ignore_ascii_case("uuid")
    }

    /// The child reads the row again that the parent has read.
    pub(super) fn is_deferred(&self) -> bool {
        let same = self.parent_table().is_some_and(|parent| bare(&parent) == bare(&self.table()));
        let column = self.column.map(|column| column.rsplit('.').next().unwrap_or(column));
        same && column == self.compared().map(|compared| compared.column.as_str()) && !self.has_others()
    }
}

impl<'a> Asked<'a> {
    /// The texts of the other conditions.
    fn others(&self) -> impl Iterator<Item = &'a str> {
        let all = self.chosen.conditions.iter().filter(|condition| condition.ask.as_ref() != Some(self.ask));
        all.map(|condition| condition.text.as_str())
    }
}

/// `$2`, `$3` in a text without values.
fn numbers(text: &str) -> impl Iterator<Item = String> {
    text.split('$').skip(1).filter_map(|rest| {
        let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
        (!digits.is_empty()).then(|| format!("${digits}"))
    })
}

/// `authors.id` as it is, `id` with its table, which is written as SQL already.
fn on(table: &str, column: &str) -> String {
    if column.contains('.') { written(column) } else { format!("{table}.{}", written(column)) }
}

fn bare(table: &str) -> &str {
    table.rsplit('.').next().unwrap_or(table)
}
