//! The data block of a figure: what is drawn, as JSON, so that a page's read-out and a reader's
//! script never have to guess numbers from pixels.

use serde::Serialize;
use sweep_core::crossover::Bound;

use crate::figure::{Figure, Weight};
use crate::scale::{Scale, ScaleKind};
use crate::scene::Frame;

#[derive(Serialize)]
struct Data<'a> {
    title: &'a str,
    x: AxisData<'a>,
    y: AxisData<'a>,
    measured: Option<[f64; 2]>,
    series: Vec<SeriesData<'a>>,
    mark: Option<MarkData>,
}

#[derive(Serialize)]
struct AxisData<'a> {
    title: &'a str,
    scale: ScaleKind,
    /// First and last value shown.
    domain: [f64; 2],
    /// Their pixels in the drawing's own coordinates.
    range: [f64; 2],
}

#[derive(Serialize)]
struct SeriesData<'a> {
    name: &'a str,
    /// Where the law rests on data.
    fitted: Option<[f64; 2]>,
    /// x, y, and where known the band's lower and upper end.
    curve: Vec<Vec<f64>>,
    /// x, y, and 1 for points that the law was fitted to.
    points: Vec<(f64, f64, u8)>,
}

#[derive(Serialize)]
struct MarkData {
    x: Option<f64>,
    y: f64,
    lower: f64,
    /// Null: never.
    upper: Option<f64>,
    words: String,
}

/// The data block of `figure`, drawn in `frame`.
pub(crate) fn json(figure: &Figure, frame: &Frame) -> String {
    let series = figure.series.iter().map(|series| SeriesData {
        name: &series.name,
        fitted: series.fitted.map(|f| [f.lower, f.upper].map(round)),
        curve: thinned(&series.curve)
            .map(|v| {
                let band = v.band.into_iter().flat_map(|band| [band.lower, band.upper]);
                [v.x, v.y].into_iter().chain(band).map(round).collect()
            })
            .collect(),
        points: series
            .points
            .iter()
            .map(|p| (round(p.x), round(p.y), u8::from(p.weight == Weight::Strong)))
            .collect(),
    });
    let data = Data {
        title: &figure.title,
        x: axis(&figure.x.title, &frame.x),
        y: axis(&figure.y.title, &frame.y),
        measured: figure.measured.map(|m| [m.lower, m.upper].map(round)),
        series: series.collect(),
        mark: figure.mark.as_ref().map(|mark| MarkData {
            x: mark.at.map(round),
            y: round(mark.value),
            lower: round(mark.lower),
            upper: match mark.upper {
                Bound::Hours(hours) => Some(round(hours)),
                Bound::Never => None,
            },
            words: format!("{} ({})", mark.label, mark.detail),
        }),
    };
    serde_json::to_string(&data).expect("plain data with string keys always serialises")
}

fn axis<'a>(title: &'a str, scale: &Scale) -> AxisData<'a> {
    let (domain, range) = (scale.domain().map(round), scale.range().map(round));
    AxisData { title, scale: scale.kind(), domain, range }
}

/// A law needs no more vertices than these to be read out between them on log axes.
const CURVE_N: usize = 60;

fn thinned<T>(items: &[T]) -> impl Iterator<Item = &T> {
    let stride = items.len().div_ceil(CURVE_N).max(1);
    let last = items.len().saturating_sub(1);
    items
        .iter()
        .enumerate()
        .filter(move |(i, _)| i % stride == 0 || *i == last)
        .map(|(_, item)| item)
}

/// Six significant digits: beyond any drawing's precision.
fn round(value: f64) -> f64 {
    format!("{value:.5e}").parse().unwrap_or(value)
}
