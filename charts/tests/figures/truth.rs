//! The picture must not lie: title, mark, band and data block all say what the one `Crossover` says.

use charts::Scene;
use charts::figure;
use charts::scene::{Role, Shape};
use charts::svg::{self, SvgOptions};
use sweep_core::crossover::{Bound, Outcome};
use sweep_core::fit::LawName;

use crate::fixtures;
use crate::xml::assert_well_formed;

#[test]
fn the_two_laws_agree_at_the_mark() {
    for view in [fixtures::crossing(), fixtures::open_interval(), fixtures::passed()] {
        let figure = figure::crossover(&view);
        let mark = figure.mark.as_ref().unwrap();
        let at = mark.at.unwrap();
        let (Outcome::At { hours, .. } | Outcome::Passed { hours, .. }) =
            view.forecast.crossovers[0].outcome
        else {
            panic!("the fixture crosses");
        };
        assert_eq!(at, hours);
        for arm in &view.forecast.arms {
            let law = arm.chosen_fit().unwrap().predict(at);
            assert!((law / mark.value - 1.0).abs() < 1e-9, "{}: {law}", arm.arm);
        }
        // And so do the curves that are drawn: both have a vertex exactly there.
        for series in &figure.series {
            let vertex = series.curve.iter().find(|v| (v.x / at - 1.0).abs() < 1e-8).unwrap();
            assert!((vertex.y / mark.value - 1.0).abs() < 1e-8, "{}", series.name);
        }
    }
}

#[test]
fn laws_that_disagree_at_the_mark_are_reported() {
    let mut view = fixtures::crossing();
    let sound = figure::crossover(&view);
    assert!(sound.notes.iter().all(|note| !note.contains("differ")), "{:?}", sound.notes);
    view.forecast.crossovers[0].outcome =
        Outcome::At { hours: 2.0, lower: 0.07, upper: Bound::Hours(4.0) };
    let notes = figure::crossover(&view).notes;
    let expected = "The two laws differ by 10.9 % at the mark.";
    assert!(notes.iter().any(|note| note == expected), "{notes:?}");
}

#[test]
fn the_mark_uses_the_laws_of_the_crossover_not_those_chosen() {
    let mut view = fixtures::crossing();
    let arm = &mut view.forecast.arms[0];
    let mut floor = arm.fits[0].clone();
    floor.law = LawName::PowerFloor;
    floor.coefficients[0].value *= 2.0;
    arm.fits.push(floor);
    arm.chosen = LawName::PowerFloor;
    let figure = figure::crossover(&view);
    assert!((figure.mark.unwrap().value / fixtures::GPT.value - 1.0).abs() < 1e-9);
}

#[test]
fn the_title_is_the_headline() {
    for (name, view) in fixtures::all() {
        let Some(crossover) = view.forecast.crossovers.first() else { continue };
        let figure = figure::crossover(&view);
        assert_eq!(figure.title, crossover.headline());
        let svg = svg::render(&figure, &SvgOptions::default());
        let headline = crossover.headline().replace('<', "&lt;").replace('>', "&gt;");
        assert!(svg.contains(&format!("-title\">{headline}</title>")), "{name}");
    }
}

#[test]
fn an_undetermined_forecast_shows_points_only() {
    let figure = figure::crossover(&fixtures::undetermined());
    assert!(figure.mark.is_none() && figure.series.iter().all(|s| s.curve.is_empty()));
    assert_eq!(figure.series.iter().map(|s| s.points.len()).sum::<usize>(), 30 + 12);
}

#[test]
fn measured_data_keep_a_third_of_the_width_and_the_mark_stays_inside() {
    for (name, view) in fixtures::all() {
        let scene = Scene::new(&figure::crossover(&view), 960.0, 600.0);
        let (x, area) = (scene.frame.x, scene.frame.area);
        let measured = x.map(fixtures::MEASURED.upper) - x.map(fixtures::MEASURED.lower);
        let share = measured / area.width();
        // Only a crossing far away may take more.
        let least = if name == "open_interval" { 0.2 } else { 0.33 };
        assert!(name == "nothing" || share > least, "{name}: {share}");
        let rings = scene.shapes.iter().filter_map(|shape| match shape {
            Shape::Glyph { at, role: Role::MarkRing, .. } => Some(*at),
            _ => None,
        });
        for ring in rings {
            assert!(area.contains(ring), "{name}");
        }
    }
}

#[test]
fn svg_is_small_well_formed_self_contained_and_the_same_each_time() {
    for (name, view) in fixtures::all() {
        let figure = figure::crossover(&view);
        let svg = svg::render(&figure, &SvgOptions::default());
        assert_well_formed(&svg);
        // 60 observations and two laws: well below the size of a photograph's thumbnail.
        let limit = if name == "four_arms" { 60_000 } else { 30_000 };
        assert!(svg.len() < limit, "{name}: {} bytes", svg.len());
        for outside in ["href", "url(", "@import", "<script"] {
            assert!(!svg.contains(outside), "{name} refers to {outside}");
        }
        assert_eq!(svg, svg::render(&figure, &SvgOptions::default()));
    }
}
