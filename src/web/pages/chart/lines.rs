//! Quantities over time as lines, and perhaps a limit that they should keep. Pure.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{Axis, HEIGHT, Series, WIDTH, Write, columns, framed, legend, nice, round, runs};

/// A level that is drawn across.
#[derive(Debug, Clone, Copy)]
pub(in crate::web::pages) struct Limit {
    /// Where.
    pub(in crate::web::pages) at: f64,
    /// What it is.
    pub(in crate::web::pages) name: &'static str,
}

/// `label` says what the picture shows, for those who do not see it.
pub(in crate::web::pages) fn lines(
    axis: &Axis,
    series: &[Series],
    limit: Option<Limit>,
    write: Write,
    label: &str,
) -> Markup {
    let most = series.iter().flat_map(|one| one.values.iter().flatten()).fold(0.0_f64, |most, value| most.max(*value));
    let top = nice(limit.map_or(most, |limit| most.max(limit.at)));
    let picture = html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(label) {
            path class="grid" d={ "M0 " (HEIGHT / 2.0) "H" (WIDTH) } {}
            @if let Some(Limit { at, .. }) = limit {
                path class="limit" d={ "M0 " (y(at, top)) "H" (WIDTH) } {}
            }
            @for one in series {
                path class={ "line " (one.class) } d=(stroke(axis, &one.values, top)) {}
            }
            (columns(axis, series, write))
        }
    };
    let legend = html! {
        (legend(series, write))
        @if let Some(Limit { at, name }) = limit {
            p class="limit-key" { (super::mark("limit-mark")) (name) " " b { (write(at)) } }
        }
    };
    framed(axis, "chart lines", label, &legend, &write(top), &write(top / 2.0), &picture)
}

fn y(value: f64, top: f64) -> f64 {
    round(HEIGHT - value / top * HEIGHT)
}

fn stroke(axis: &Axis, values: &[Option<f64>], top: f64) -> String {
    let mut path = String::new();
    for (first, run) in runs(values) {
        for (offset, value) in run.iter().enumerate() {
            let letter = if offset == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{letter}{} {}", round(axis.x(first + offset)), y(*value, top));
        }
        if run.len() == 1 {
            // A point alone is a line without length, which is not seen.
            path.push_str("h1");
        }
    }
    path
}
