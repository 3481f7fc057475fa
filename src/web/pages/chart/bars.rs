//! How often each of a few ranges of values was met. Pure.

use maud::{Markup, html};

use super::{HEIGHT, WIDTH, round};
use crate::web::pages::write;

/// One column for each of `counts`, under it its label, which is the range's upper end.
pub(in crate::web::pages) fn bars(counts: &[(String, u64)], label: &str) -> Markup {
    let all: u64 = counts.iter().map(|(_, count)| count).sum();
    let most = counts.iter().map(|(_, count)| *count).max().unwrap_or_default().max(1) as f64;
    let wide = WIDTH / counts.len().max(1) as f64;
    html! {
        div class="chart" role="group" aria-label=(label) {
            div class="plot flush" {
                svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(label) {
                    @for (place, (name, count)) in counts.iter().enumerate().filter(|(_, (_, count))| *count > 0) {
                        // A column that is not nothing can be seen.
                        @let height = (*count as f64 / most * HEIGHT).max(1.5);
                        rect class="area s-query" x=(round(place as f64 * wide + 1.5)) y=(round(HEIGHT - height))
                            width=(round(wide - 3.0)) height=(round(height)) {
                            title { (name) ": " (count) ", " (write::percent(*count as f64 / all as f64)) }
                        }
                    }
                }
            }
            div class="xs even" aria-hidden="true" { @for (name, _) in counts { span { (name) } } }
        }
    }
}
