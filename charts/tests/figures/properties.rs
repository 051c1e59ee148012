//! What holds for every figure, however wild its numbers.

use charts::figure::{self, Figure};
use charts::scene::{Area, LEAST_SIZE, Scene, Shape};
use charts::svg::{self, SvgOptions};
use charts::terminal;
use charts::text;
use proptest::prelude::*;
use sweep_core::crossover::{Bound, Outcome};
use sweep_core::forecast::ForecastView;

use crate::fixtures::{self, Law};
use crate::xml::assert_well_formed;

pub(crate) fn assert_sound(figure: &Figure, width: f64, height: f64) {
    let scene = Scene::new(figure, width, height);
    let view_box = Area { left: 0.0, top: 0.0, right: scene.width, bottom: scene.height };
    let mut labels: Vec<(Area, &str)> = Vec::new();
    for shape in &scene.shapes {
        let places = match shape {
            Shape::Rect { area, .. } => vec![
                charts::scene::At { x: area.left, y: area.top },
                charts::scene::At { x: area.right, y: area.bottom },
            ],
            Shape::Line { places, .. } | Shape::Region { places, .. } => places.clone(),
            Shape::Glyph { at, .. } => vec![*at],
            Shape::Label(label) => {
                let area = label.area();
                let is_inside = area.left >= 0.0
                    && area.right <= scene.width
                    && area.top >= 0.0
                    && area.bottom <= scene.height;
                assert!(is_inside, "`{}` leaves the figure: {area:?}", label.text);
                for (other, text) in &labels {
                    assert!(!area.overlaps(other), "`{}` overlaps `{text}`", label.text);
                }
                labels.push((area, &label.text));
                vec![label.at]
            }
        };
        for at in places {
            assert!(view_box.contains(at), "{shape:?} leaves the figure");
        }
    }
}

fn assert_fits_terminal(figure: &Figure, columns: usize, rows: usize) {
    let plain = terminal::render(figure, columns, rows, false);
    for line in plain.lines() {
        assert!(text::columns(line) <= columns as f64, "{columns} columns: {line}");
    }
    assert!(!plain.contains('\u{1b}'));
    let coloured = terminal::render(figure, columns, rows, true);
    assert_eq!(without_colour(&coloured), plain);
}

fn without_colour(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or("").to_owned();
    parts.fold(first, |text, part| text + part.split_once('m').expect("a colour ends in `m`").1)
}

#[test]
fn every_state_is_sound_at_every_size() {
    for (_, view) in fixtures::all() {
        let figure = figure::crossover(&view);
        for (width, height) in [(960.0, 600.0), (720.0, 440.0), (400.0, 420.0), LEAST_SIZE] {
            assert_sound(&figure, width, height);
        }
        for (columns, rows) in [(100, 34), (80, 24), (52, 26), (40, 12), (20, 8), (3, 1)] {
            assert_fits_terminal(&figure, columns, rows);
        }
    }
}

fn law() -> impl Strategy<Value = Law> {
    (-3.0..3.0f64, -0.5..2.0f64).prop_map(|(value, alpha)| Law {
        value: 10f64.powf(value),
        hours: 0.01,
        alpha,
    })
}

fn bound() -> impl Strategy<Value = Bound> {
    prop_oneof![
        Just(Bound::Never),
        (-9.0..9.0f64).prop_map(|exponent| Bound::Hours(10f64.powf(exponent))),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let hours = || (-9.0..9.0f64).prop_map(|exponent| 10f64.powf(exponent));
    prop_oneof![
        (hours(), hours(), bound()).prop_map(|(hours, lower, upper)| Outcome::At {
            hours,
            lower,
            upper
        }),
        (hours(), hours(), bound()).prop_map(|(hours, lower, upper)| Outcome::Passed {
            hours,
            lower,
            upper
        }),
        prop::option::of(hours()).prop_map(|lower| Outcome::None { lower }),
        ".{0,60}".prop_map(|reason| Outcome::Undetermined { reason }),
    ]
}

type Arm = (String, Law, f64);

fn arms() -> impl Strategy<Value = Vec<Arm>> {
    prop::collection::vec((".{1,30}", law(), -1.0..50.0f64), 0..7)
}

fn view(arms: &[Arm], outcomes: &[Outcome]) -> ForecastView {
    let name = |i: usize| arms.get(i).map_or("absent", |arm| arm.0.as_str());
    let crossover = |outcome: &Outcome| fixtures::crossover(name(0), name(1), outcome.clone(), 0.5);
    let arms: Vec<(&str, Law, f64)> =
        arms.iter().map(|(name, law, growth)| (name.as_str(), *law, *growth)).collect();
    fixtures::view(&arms, outcomes.iter().map(crossover).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_forecast_is_drawn_inside_the_figure_without_overlaps(
        arms in arms(), outcomes in prop::collection::vec(outcome(), 0..3),
        width in 100.0..1600.0f64, height in 100.0..1000.0f64,
        columns in 1usize..160, rows in 1usize..60,
    ) {
        let figure = figure::crossover(&view(&arms, &outcomes));
        assert_sound(&figure, width, height);
        assert_fits_terminal(&figure, columns, rows);
        assert_well_formed(&svg::render(&figure, &SvgOptions { width, height }));
    }
}
