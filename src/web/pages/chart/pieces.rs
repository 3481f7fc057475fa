//! One bar that is split into its parts. Pure.

use maud::{Markup, html};

use super::{mark, round};

/// One part.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::web::pages) struct Piece {
    /// What it is.
    pub(in crate::web::pages) name: &'static str,
    /// How it looks.
    pub(in crate::web::pages) class: &'static str,
    /// How much.
    pub(in crate::web::pages) value: f64,
}

/// As long as `whole` says of what is the longest: 0 to 1. `label` says the same in words.
pub(in crate::web::pages) fn pieces(pieces: &[Piece], whole: f64, label: &str) -> Markup {
    let sum: f64 = pieces.iter().map(|piece| piece.value).sum();
    let scale = if sum > 0.0 { 100.0 * whole.clamp(0.0, 1.0) / sum } else { 0.0 };
    let mut x = 0.0;
    let placed = pieces.iter().map(|piece| {
        let at = x;
        x += piece.value * scale;
        (at, piece)
    });
    let placed: Vec<(f64, &Piece)> = placed.filter(|(_, piece)| piece.value * scale >= 0.05).collect();
    html! {
        svg class="pieces" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label=(label) {
            title { (label) }
            @for (at, piece) in placed {
                rect class={ "area " (piece.class) } x=(round(at)) width=(round(piece.value * scale)) height="8" {}
            }
        }
    }
}

/// What the parts are called.
pub(in crate::web::pages) fn key(pieces: &[Piece], write: super::Write) -> Markup {
    html! {
        ul class="legend" {
            @for piece in pieces { li { (mark(piece.class)) (piece.name) " " b { (write(piece.value)) } } }
        }
    }
}
