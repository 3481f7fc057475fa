//! Routes under numbers, so that a statement need not carry its own. Pure.

use std::sync::Arc;

use hashbrown::HashMap;

/// All routes so far. Numbers are never given up; 0 is none.
#[derive(Debug, Default)]
pub(super) struct Routes {
    numbers: HashMap<Arc<str>, u32>,
    names: Vec<Arc<str>>,
}

impl Routes {
    /// This route's number; 0 when there are too many, or it is too long to be one.
    pub(super) fn number(&mut self, route: &str) -> u32 {
        if let Some(number) = self.numbers.get(route) {
            return *number;
        }
        if self.names.len() >= MOST || route.is_empty() || route.len() > LONGEST {
            return 0;
        }
        let name: Arc<str> = route.into();
        self.names.push(name.clone());
        let number = self.names.len() as u32;
        self.numbers.insert(name, number);
        number
    }

    /// The route with this number.
    pub(super) fn name(&self, number: u32) -> Option<&str> {
        let at = (number as usize).checked_sub(1)?;
        self.names.get(at).map(|name| &**name)
    }
}

/// Some put an id into them.
const MOST: usize = 4_096;

/// In bytes.
const LONGEST: usize = 512;
