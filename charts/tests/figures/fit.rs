//! The figures of a fitted law.

use charts::figure::fit::{FittedLaw, Quantity, Run, Slice, fit, residuals};
use charts::figure::{Unit, Vertex};
use charts::svg::{self, SvgOptions};
use charts::terminal;
use sweep_core::fit::Interval;

use crate::properties::assert_sound;
use crate::xml::assert_well_formed;

/// Hoffmann et al.'s law at three sizes, each run off by up to two per cent.
fn fitted() -> FittedLaw {
    let law = |n: f64, d: f64| 1.69 + 406.4 * n.powf(-0.34) + 410.7 * d.powf(-0.28);
    let tokens = [1e9, 3e9, 1e10, 3e10, 1e11];
    let slice = |(i, n): (usize, f64)| Slice {
        name: format!("N = {n:.0e}"),
        runs: tokens
            .iter()
            .enumerate()
            .map(|(j, d)| Run {
                x: *d,
                observed: law(n, *d) * (1.0 + 0.02 * ((i + 2 * j) % 3) as f64 - 0.02),
                predicted: law(n, *d),
                label: format!("row {}", 5 * i + j + 1),
            })
            .collect(),
        curve: (0..=20)
            .map(|k| {
                let x = 1e9 * 10_f64.powf(f64::from(k) * 0.15);
                let y = law(n, x);
                let band = Some(Interval { lower: 0.98 * y, upper: 1.02 * y });
                Vertex { x, y, band }
            })
            .collect(),
    };
    FittedLaw {
        law: "chinchilla".to_owned(),
        equation: "L = E + A N^-alpha + B D^-beta".to_owned(),
        variable: Quantity { title: "D, training tokens".to_owned(), unit: Unit::Count },
        response: Quantity { title: "L, cross-entropy".to_owned(), unit: Unit::Number },
        slices: [7e7, 7e8, 7e9].into_iter().enumerate().map(slice).collect(),
        notes: vec!["the law is drawn for each slice at the mean of its runs.".to_owned()],
    }
}

#[test]
fn runs_and_law_in_the_terminal() {
    insta::assert_snapshot!(terminal::render(&fit(&fitted()), 100, 30, false));
}

#[test]
fn residuals_in_the_terminal() {
    insta::assert_snapshot!(terminal::render(&residuals(&fitted()), 100, 24, false));
}

#[test]
fn both_are_sound_svg_with_every_run() {
    for figure in [fit(&fitted()), residuals(&fitted())] {
        let svg = svg::render(&figure, &SvgOptions::default());
        assert_well_formed(&svg);
        for (width, height) in [(960.0, 600.0), (400.0, 300.0), (360.0, 280.0)] {
            assert_sound(&figure, width, height);
        }
        for row in 1..=15 {
            assert!(svg.contains(&format!("row {row}<")), "row {row} is missing");
        }
    }
}

#[test]
fn the_largest_residual_is_said_and_the_scale_holds_it() {
    let figure = residuals(&fitted());
    assert!(figure.title.ends_with("the largest is 2 %"), "{}", figure.title);
    let [lower, upper] = figure.y.domain;
    let heights: Vec<f64> =
        figure.series.iter().flat_map(|series| series.points.iter().map(|p| p.y)).collect();
    assert_eq!(heights.len(), 15);
    assert!(heights.iter().all(|y| lower < *y && *y < upper));
}

#[test]
fn nothing_to_draw_is_said() {
    let nothing = FittedLaw { slices: Vec::new(), ..fitted() };
    for figure in [fit(&nothing), residuals(&nothing)] {
        assert_eq!(figure.message.as_deref(), Some("There are no runs to draw."));
        assert_well_formed(&svg::render(&figure, &SvgOptions::default()));
    }
}
