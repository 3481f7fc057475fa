//! How much fell into each of a few bands over time: stronger is more. Pure.

use maud::{Markup, html};

use super::{Axis, WIDTH, Write, round};
use crate::web::pages::write;

/// One row: what fell between two bounds.
#[derive(Debug, Clone)]
pub(in crate::web::pages) struct Band {
    /// The bounds in words.
    pub(in crate::web::pages) name: String,
    /// How much, for each slot.
    pub(in crate::web::pages) counts: Vec<f64>,
}

const ROW: f64 = 14.0;

/// The highest band comes first. A cell's shade is its part of what fell into its column, in four steps.
pub(in crate::web::pages) fn heat(axis: &Axis, bands: &[Band], write_count: Write, label: &str) -> Markup {
    let height = ROW * bands.len() as f64;
    html! {
        div class="chart" role="group" aria-label=(label) {
            div class="plot heat" {
                div class="ys bands" aria-hidden="true" { @for band in bands { span { (band.name) } } }
                svg viewBox={ "0 0 " (WIDTH) " " (height) } preserveAspectRatio="none" role="img" aria-label=(label) {
                    @for (row, band) in bands.iter().enumerate() {
                        @for (first, length, shade) in cells(bands, band, axis.count) {
                            rect class={ "heat-" (shade) } x=(round(first as f64 * WIDTH / axis.count as f64))
                                y=(row as f64 * ROW) height=(ROW - 1.0)
                                width=(round(length as f64 * WIDTH / axis.count as f64)) {
                                title {
                                    (axis.clock(first)) ", " (band.name) ": "
                                    (said(bands, band, first..first + length, write_count))
                                }
                            }
                        }
                    }
                }
            }
            div class="xs" aria-hidden="true" {
                span { (axis.clock(0)) } span { (axis.clock(axis.count / 2)) } span { (axis.clock(axis.count)) }
            }
        }
    }
}

/// Shades by the part of a column that falls into a cell.
const SHADES: [(f64, u8); 4] = [(0.5, 4), (0.2, 3), (0.05, 2), (0.0, 1)];

fn column(bands: &[Band], slot: usize) -> f64 {
    bands.iter().filter_map(|band| band.counts.get(slot)).sum()
}

fn shade(bands: &[Band], band: &Band, slot: usize) -> u8 {
    let count = band.counts.get(slot).copied().unwrap_or_default();
    let share = if count > 0.0 { count / column(bands, slot) } else { return 0 };
    SHADES.into_iter().find(|(from, _)| share >= *from).map_or(0, |(_, shade)| shade)
}

/// Neighbours of one shade are one cell: first slot, slots, shade.
fn cells(bands: &[Band], band: &Band, count: usize) -> Vec<(usize, usize, u8)> {
    let mut cells: Vec<(usize, usize, u8)> = Vec::new();
    for slot in 0..count {
        let shade = shade(bands, band, slot);
        match cells.last_mut() {
            Some((_, length, before)) if *before == shade => *length += 1,
            _ => cells.push((slot, 1, shade)),
        }
    }
    cells.retain(|(_, _, shade)| *shade > 0);
    cells
}

fn said(bands: &[Band], band: &Band, slots: std::ops::Range<usize>, write_count: Write) -> String {
    let sum = |band: &Band| band.counts.get(slots.clone()).unwrap_or_default().iter().sum::<f64>();
    let all: f64 = bands.iter().map(sum).sum();
    let part = if all > 0.0 { sum(band) / all } else { 0.0 };
    format!("{} of {}, {}", write_count(sum(band)), write_count(all), write::percent(part))
}
