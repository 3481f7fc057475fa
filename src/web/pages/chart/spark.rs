//! A line as small as a word. Pure.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::round;

const SPARK_WIDTH: f64 = 80.0;
const SPARK_HEIGHT: f64 = 18.0;

/// From zero to the highest value; what the values are stands in `label`.
pub(in crate::web::pages) fn spark(values: &[f64], label: &str) -> Markup {
    let most = values.iter().copied().fold(0.0_f64, f64::max);
    html! {
        @if most > 0.0 {
            svg class="spark" viewBox={ "0 0 " (SPARK_WIDTH) " " (SPARK_HEIGHT) } preserveAspectRatio="none" role="img"
                aria-label=(label) {
                path d=(path(values, most)) {}
            }
        }
    }
}

fn path(values: &[f64], most: f64) -> String {
    let step = SPARK_WIDTH / (values.len().max(2) - 1) as f64;
    let mut path = format!("M0 {SPARK_HEIGHT}");
    for (place, value) in values.iter().enumerate() {
        let y = SPARK_HEIGHT - 1.0 - value / most * (SPARK_HEIGHT - 2.0);
        let _ = write!(path, "L{} {}", (place as f64 * step).round(), round(y));
    }
    let _ = write!(path, "V{SPARK_HEIGHT}Z");
    path
}
