//! What the analyst keeps, asked for by HTTP.
