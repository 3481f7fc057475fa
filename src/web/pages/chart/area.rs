//! Quantities that make up a whole, stacked over time. Pure.

use std::fmt::Write as _;

use maud::{Markup, html};

use super::{Axis, HEIGHT, Series, WIDTH, Write, columns, framed, legend, nice, round, runs};

/// The first series lies at the bottom. `label` says what the picture shows, for those who do not see it.
pub(in crate::web::pages) fn area(axis: &Axis, series: &[Series], write: Write, label: &str) -> Markup {
    let sums = stacked(series, axis.count);
    let most = sums.last().into_iter().flatten().flatten().fold(0.0_f64, |most, sum| most.max(*sum));
    let top = nice(most);
    let picture = html! {
        svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } preserveAspectRatio="none" role="img" aria-label=(label) {
            path class="grid" d={ "M0 " (HEIGHT / 2.0) "H" (WIDTH) } {}
            @for (place, one) in series.iter().enumerate() {
                @let below = place.checked_sub(1).map(|below| &sums[below]);
                path class={ "area " (one.class) } d=(outline(axis, &sums[place], below, top)) {}
            }
            (columns(axis, series, write))
        }
    };
    framed(axis, "chart", label, &legend(series, write), &write(top), &write(top / 2.0), &picture)
}

/// For each series the sum of it and all below it.
fn stacked(series: &[Series], count: usize) -> Vec<Vec<Option<f64>>> {
    let mut below = vec![None; count];
    let add = |below: &Option<f64>, value: Option<f64>| match (below, value) {
        (None, None) => None,
        (below, value) => Some(below.unwrap_or_default() + value.unwrap_or_default().max(0.0)),
    };
    let stack = series.iter().map(|one| {
        let values = one.values.iter().copied().chain(std::iter::repeat(None));
        below = below.iter().zip(values).map(|(below, value)| add(below, value)).collect();
        below.clone()
    });
    stack.collect()
}

fn outline(axis: &Axis, over: &[Option<f64>], under: Option<&Vec<Option<f64>>>, top: f64) -> String {
    let y = |value: f64| round(HEIGHT - value / top * HEIGHT);
    let mut path = String::new();
    for (first, run) in runs(over) {
        let half = WIDTH / axis.count as f64 / 2.0;
        let (left, right) = (round(axis.x(first) - half), round(axis.x(first + run.len() - 1) + half));
        let floor = |slot: usize| under.and_then(|under| under[slot]).unwrap_or_default();
        let _ = write!(path, "M{left} {}", y(run[0]));
        for (offset, value) in run.iter().enumerate() {
            let _ = write!(path, "L{} {}", round(axis.x(first + offset)), y(*value));
        }
        let last = first + run.len() - 1;
        let _ = write!(path, "L{right} {}L{right} {}", y(run[run.len() - 1]), y(floor(last)));
        if under.is_some() {
            for slot in (first..=last).rev() {
                let _ = write!(path, "L{} {}", round(axis.x(slot)), y(floor(slot)));
            }
        }
        let _ = write!(path, "L{left} {}Z", y(floor(first)));
    }
    path
}
