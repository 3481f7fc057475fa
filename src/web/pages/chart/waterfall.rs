//! When each statement of one occurrence ran. Pure.

use maud::{Markup, html};

use super::round;
use crate::web::pages::write;

/// One statement.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::web::pages) struct Run {
    /// What it is, short.
    pub(in crate::web::pages) name: String,
    /// The one whose rows were looped over.
    pub(in crate::web::pages) is_parent: bool,
    /// Sent so long after the begin, in milliseconds.
    pub(in crate::web::pages) begin_ms: f64,
    /// Waited before that.
    pub(in crate::web::pages) wait_ms: f64,
    /// And then ran.
    pub(in crate::web::pages) query_ms: f64,
}

const ROW: f64 = 5.0;

/// One line for each, the first on top, from left to right.
pub(in crate::web::pages) fn waterfall(runs: &[Run]) -> Markup {
    let begin = runs.iter().map(|run| run.begin_ms - run.wait_ms).fold(0.0_f64, f64::min);
    let end = runs.iter().map(|run| run.begin_ms + run.query_ms).fold(0.0_f64, f64::max);
    let scale = 100.0 / (end - begin).max(0.001);
    let x = |ms: f64| round3((ms - begin) * scale);
    let label = format!("{} statements in {}", runs.len(), write::ms(end - begin));
    html! {
        figure class="waterfall" {
            svg viewBox={ "0 0 100 " (ROW * runs.len() as f64) } preserveAspectRatio="none" role="img" aria-label=(label) {
                @for (row, run) in runs.iter().enumerate() {
                    g {
                        title { (run.name) ": at " (write::ms(run.begin_ms)) ", " (write::ms(run.query_ms)) }
                        @if run.wait_ms > 0.0 {
                            rect class="area s-wait" x=(x(run.begin_ms - run.wait_ms)) y=(round(row as f64 * ROW))
                                width=(round3(run.wait_ms * scale)) height=(ROW - 1.0) {}
                        }
                        rect class=(if run.is_parent { "area s-parent" } else { "area s-query" }) x=(x(run.begin_ms))
                            y=(round(row as f64 * ROW)) width=(round3(run.query_ms * scale).max(0.3)) height=(ROW - 1.0) {}
                    }
                }
            }
            figcaption { span { "0" } span { (label) } span { (write::ms(end - begin)) } }
        }
    }
}

fn round3(x: f64) -> f64 {
    (x * 1e3).round() / 1e3
}
