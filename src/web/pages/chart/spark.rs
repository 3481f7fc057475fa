//! A line as small as a word. Pure.

use std::fmt::Write as _;

use maud::{Markup, html};

/// In its own units; the width is one less than there are values. Whole numbers weigh little, and a list has a hundred of these.
const HEIGHT: f64 = 90.0;
/// So that a stroke at the edge is not cut.
const RIM: f64 = 5.0;

/// From zero to the highest value; what the values are stands in `label`.
pub(in crate::web::pages) fn spark(values: &[f64], label: &str) -> Markup {
    let most = values.iter().copied().fold(0.0_f64, f64::max);
    html! {
        @if most > 0.0 {
            svg class="spark" viewBox={ "0 0 " (values.len().max(2) - 1) " " (HEIGHT) } preserveAspectRatio="none" role="img"
                aria-label=(label) {
                path d=(path(values, most)) {}
            }
        }
    }
}

fn path(values: &[f64], most: f64) -> String {
    let y = |value: &f64| (HEIGHT - RIM - value / most * (HEIGHT - 2.0 * RIM)).round();
    let Some((first, rest)) = values.split_first() else { return String::new() };
    let (mut path, mut before) = (format!("M0 {HEIGHT}V{}", y(first)), y(first));
    for value in rest {
        let step = y(value) - before;
        let _ = if step == 0.0 { write!(path, "h1") } else { write!(path, "l1 {step}") };
        before += step;
    }
    let _ = write!(path, "V{HEIGHT}Z");
    path
}
