//! What a run reported: a line for each metric, or the points of one.

use std::fmt::Write as _;

use sweep_core::metric::Series;

use super::table::{Column, draw};

/// Every metric with its points, its last value and the range of all.
pub(crate) fn table(all: &[Series]) -> String {
    let columns = [
        Column::Text("metric"),
        Column::Number("points"),
        Column::Number("last step"),
        Column::Number("last"),
        Column::Number("least"),
        Column::Number("most"),
    ];
    draw(&columns, all.iter().map(cells).collect())
}

fn cells(series: &Series) -> Vec<String> {
    let last = series.points().next_back();
    let finite = || series.values.iter().flatten().copied();
    let range = |pick: fn(f64, f64) -> f64| finite().reduce(pick).map_or_else(none, number);
    vec![
        series.metric.to_string(),
        series.steps.len().to_string(),
        last.map_or_else(none, |(step, _)| step.to_string()),
        last.and_then(|(_, value)| value).map_or_else(none, number),
        range(f64::min),
        range(f64::max),
    ]
}

fn none() -> String {
    "-".to_owned()
}

/// Four significant digits, whatever the size.
fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor();
    if (-4.0..6.0).contains(&magnitude) {
        let digits = (3.0 - magnitude).max(0.0) as usize;
        format!("{value:.digits$}")
    } else {
        format!("{value:.3e}")
    }
}

/// The points, all digits, with a head; a value that was not finite is left empty.
pub(crate) fn csv(series: &Series) -> String {
    let mut text = format!("step,{}\n", series.metric);
    for (step, value) in series.points() {
        let value = value.map(|value| value.to_string()).unwrap_or_default();
        writeln!(text, "{step},{value}").expect("text takes what is written to it");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn metrics_are_told_by_their_range_and_their_last_point() {
        insta::assert_snapshot!(table(&fixtures::series()));
    }

    #[test]
    fn the_points_of_one_are_a_table_for_programs() {
        insta::assert_snapshot!(csv(&fixtures::series()[0]));
    }
}
