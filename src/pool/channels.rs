//! Who listens on which channel of one database. `T` names a listener, for whoever tells it. Pure.

use hashbrown::HashMap;

/// The channels that somebody listens on.
#[derive(Debug)]
pub struct Channels<T> {
    channels: HashMap<Box<str>, Channel<T>>,
}

#[derive(Debug)]
struct Channel<T> {
    /// Whether the server listens on it by now.
    open: bool,
    listeners: Vec<(u32, T)>,
}

/// What has to be done for a new listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// Nothing: the server listens already.
    Open,
    /// Wait: it has been asked to.
    Opening,
    /// Ask it.
    First,
}

impl<T> Default for Channels<T> {
    fn default() -> Channels<T> {
        Channels { channels: HashMap::new() }
    }
}

impl<T> Channels<T> {
    /// Client `id` listens on a channel; once, however often it says so.
    pub fn join(&mut self, id: u32, listener: T, channel: &str) -> Joined {
        let has = self.has(id, channel);
        if let Some(known) = self.channels.get_mut(channel) {
            if !has {
                known.listeners.push((id, listener));
            }
            return if known.open { Joined::Open } else { Joined::Opening };
        }
        self.channels.insert(channel.into(), Channel { open: false, listeners: vec![(id, listener)] });
        Joined::First
    }

    /// Whether client `id` listens on a channel.
    pub fn has(&self, id: u32, channel: &str) -> bool {
        self.channels.get(channel).is_some_and(|known| known.listeners.iter().any(|(other, _)| *other == id))
    }

    /// The server listens on it now.
    pub fn opened(&mut self, channel: &str) {
        self.channels.get_mut(channel).into_iter().for_each(|known| known.open = true);
    }

    /// The server listens on nothing any more.
    pub fn close_all(&mut self) {
        self.channels.values_mut().for_each(|known| known.open = false);
    }

    /// Client `id` no longer listens on this channel, or on any: the channels on which nobody does now.
    pub fn leave(&mut self, id: u32, channel: Option<&str>) -> Vec<Box<str>> {
        let mut empty = Vec::new();
        self.channels.retain(|name, known| {
            if channel.is_none_or(|channel| *channel == **name) {
                known.listeners.retain(|(other, _)| *other != id);
            }
            if known.listeners.is_empty() {
                empty.push(name.clone());
            }
            !known.listeners.is_empty()
        });
        empty
    }

    /// Who listens on a channel.
    pub fn listeners(&self, channel: &str) -> impl Iterator<Item = &T> {
        self.channels.get(channel).into_iter().flat_map(|known| known.listeners.iter().map(|(_, listener)| listener))
    }

    /// The channels.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.channels.keys().map(|name| &**name)
    }

    /// Everybody who listens, once for each channel.
    pub fn everybody(&self) -> impl Iterator<Item = &(u32, T)> {
        self.channels.values().flat_map(|known| &known.listeners)
    }

    /// Whether nobody listens on anything.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coming_and_going() {
        let mut channels = Channels::default();
        assert_eq!(channels.join(1, "one", "a"), Joined::First);
        assert_eq!(channels.join(2, "two", "a"), Joined::Opening);
        channels.opened("a");
        assert_eq!(channels.join(2, "two", "a"), Joined::Open);
        assert_eq!(channels.listeners("a").collect::<Vec<_>>(), [&"one", &"two"]);
        assert_eq!(channels.join(1, "one", "b"), Joined::First);
        assert!(channels.has(1, "b") && !channels.has(2, "b") && !channels.has(1, "c"));
        assert_eq!(channels.leave(1, Some("a")), []);
        assert_eq!(channels.leave(2, None), ["a".into()]);
        assert_eq!(channels.join(2, "two", "a"), Joined::First);
        channels.opened("b");
        channels.close_all();
        assert_eq!(channels.join(2, "two", "b"), Joined::Opening);
        assert_eq!(channels.leave(1, None), []);
        let mut left = channels.leave(2, None);
        left.sort();
        assert_eq!(left, ["a".into(), "b".into()]);
        assert!(channels.is_empty());
        assert_eq!(channels.listeners("a").count(), 0);
    }
}
