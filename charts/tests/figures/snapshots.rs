use charts::figure;
use charts::svg::{self, SvgOptions};
use charts::terminal;

use crate::fixtures;

#[test]
fn svg_of_every_state() {
    for (name, view) in fixtures::all() {
        let svg = svg::render(&figure::crossover(&view), &SvgOptions::default());
        if let Ok(folder) = std::env::var("FIGURES_DIR") {
            std::fs::write(format!("{folder}/{name}.svg"), &svg).unwrap();
        }
        insta::with_settings!({ snapshot_suffix => name }, { insta::assert_snapshot!("svg", svg) });
    }
}

#[test]
fn terminal_text_of_every_state() {
    for (name, view) in fixtures::all() {
        let text = terminal::render(&figure::crossover(&view), 100, 34, false);
        insta::with_settings!({ snapshot_suffix => name }, {
            insta::assert_snapshot!("terminal", text);
        });
    }
}

#[test]
fn a_narrow_terminal_in_colour() {
    let figure = figure::crossover(&fixtures::crossing());
    let text = terminal::render(&figure, 52, 26, true).replace('\u{1b}', "ESC");
    insta::assert_snapshot!(text);
}
