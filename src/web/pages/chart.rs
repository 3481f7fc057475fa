//! Pictures of numbers as SVG: what they share. Shapes are stretched to the room there is, so all that is written stands beside
//! them as HTML; colours are classes of the style sheet. Pure.

use maud::{Markup, html};

use super::write;

mod area;
mod bars;
mod heat;
mod lines;
mod pieces;
mod spark;
mod waterfall;

pub(super) use area::area;
pub(super) use bars::bars;
pub(super) use heat::{Band, heat};
pub(super) use lines::{Limit, lines};
pub(super) use pieces::{Piece, key, pieces};
pub(super) use spark::spark;
pub(super) use waterfall::{Run, waterfall};

/// The time axis: `count` slots of `step` seconds, the first of which begins at `begin`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Axis {
    /// In seconds since 1970.
    pub(super) begin: u32,
    /// Seconds a slot.
    pub(super) step: u32,
    /// Slots.
    pub(super) count: usize,
}

impl Axis {
    /// The slot of a moment, if it is on the axis.
    pub(super) fn slot(&self, at: u32) -> Option<usize> {
        let slot = (at.checked_sub(self.begin)? / self.step.max(1)) as usize;
        (slot < self.count).then_some(slot)
    }

    fn seconds(&self) -> u32 {
        self.step * self.count as u32
    }

    /// The middle of a slot on a picture that is [`WIDTH`] wide.
    fn x(&self, slot: usize) -> f64 {
        (slot as f64 + 0.5) * WIDTH / self.count.max(1) as f64
    }

    fn clock(&self, slot: usize) -> String {
        write::clock(self.begin + self.step * slot as u32, self.seconds())
    }
}

/// One quantity over time.
#[derive(Debug, Clone)]
pub(super) struct Series {
    /// In the legend.
    pub(super) name: &'static str,
    /// How it looks: a class of the style sheet.
    pub(super) class: &'static str,
    /// One for each slot; `None` where nothing is known.
    pub(super) values: Vec<Option<f64>>,
}

/// How a picture's numbers are written.
pub(super) type Write = fn(f64) -> String;

/// The width of a picture in its own units.
const WIDTH: f64 = 600.0;
/// And its height.
const HEIGHT: f64 = 120.0;

/// The end of an axis: the next round number, a step times a power of ten.
pub(super) fn nice(most: f64) -> f64 {
    if !most.is_finite() || most <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(most.log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|end| *end >= most * 0.999).unwrap_or(most)
}

/// Runs of slots in which something is known: first slot and values.
fn runs(values: &[Option<f64>]) -> Vec<(usize, Vec<f64>)> {
    let mut runs: Vec<(usize, Vec<f64>)> = Vec::new();
    for (slot, value) in values.iter().enumerate() {
        match (value, runs.last_mut()) {
            (Some(value), Some((first, run))) if *first + run.len() == slot => run.push(*value),
            (Some(value), _) => runs.push((slot, vec![*value])),
            (None, _) => {}
        }
    }
    runs
}

/// The frame around a picture: a legend with the newest values above, the ends of both axes beside it.
fn framed(axis: &Axis, class: &str, label: &str, legend: &Markup, top: &str, middle: &str, picture: &Markup) -> Markup {
    html! {
        div class=(class) role="group" aria-label=(label) {
            (legend)
            div class="plot" {
                div class="ys" aria-hidden="true" { span { (top) } span { (middle) } span { "0" } }
                (picture)
            }
            div class="xs" aria-hidden="true" {
                span { (axis.clock(0)) }
                span { (axis.clock(axis.count / 2)) }
                span { (axis.clock(axis.count)) }
            }
        }
    }
}

/// Names of the series, each with its mark and its newest value.
fn legend(series: &[Series], write: Write) -> Markup {
    html! {
        ul class="legend" {
            @for one in series {
                li {
                    (mark(one.class))
                    (one.name) " "
                    b { (newest(&one.values).map_or_else(|| "–".to_owned(), write)) }
                }
            }
        }
    }
}

/// The newest value that is known, not that of the last slot alone, which has hardly begun.
fn newest(values: &[Option<f64>]) -> Option<f64> {
    values.iter().rev().take(3).flatten().copied().next()
}

/// A sample of a class' colour and stroke.
pub(super) fn mark(class: &str) -> Markup {
    html! {
        svg class={ "mark " (class) } viewBox="0 0 14 10" aria-hidden="true" {
            rect class="swatch" width="14" height="10" {}
            path class="line" d="M0 5H14" {}
        }
    }
}

/// Invisible columns over a picture that say what is under them: one for each few slots.
fn columns(axis: &Axis, series: &[Series], write: Write) -> Markup {
    let wide = axis.count.div_ceil(COLUMNS).max(1);
    html! {
        g class="hits" {
            @for first in (0..axis.count).step_by(wide) {
                @if let Some(words) = words(axis, series, write, first..(first + wide).min(axis.count)) {
                    rect x=(round(first as f64 * WIDTH / axis.count as f64)) y="0"
                        width=(round(wide as f64 * WIDTH / axis.count as f64)) height=(HEIGHT) { title { (words) } }
                }
            }
        }
    }
}

/// More of them would weigh more than the picture.
const COLUMNS: usize = 60;

fn words(axis: &Axis, series: &[Series], write: Write, slots: std::ops::Range<usize>) -> Option<String> {
    let most = |one: &Series| one.values.get(slots.clone())?.iter().flatten().copied().reduce(f64::max);
    let values: Vec<String> =
        series.iter().filter_map(|one| Some(format!("{} {}", one.name, write(most(one)?)))).collect();
    (!values.is_empty()).then(|| format!("{}\n{}", axis.clock(slots.start), values.join("\n")))
}

/// To a tenth of a unit: finer is not seen.
fn round(x: f64) -> f64 {
    (x * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests;
