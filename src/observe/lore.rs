//! What is known of a prepared statement beyond its text: its shape, the types of its parameters, the columns of its result.
//! Learned from what passes; cached statements are described once and never again.

use std::sync::Arc;

use super::keys::Shape;
use super::report::Columns;

/// Of one statement.
#[derive(Debug, Default)]
pub struct Lore {
    /// From its text, once somebody wanted to know.
    pub shape: Option<Shape>,
    /// From the reply to a Describe; formats are not in it, for they are not known before Bind.
    pub columns: Option<Arc<Columns>>,
    /// OIDs, 0 where the client left it to the server and the server has not told.
    pub types: Vec<u32>,
}
