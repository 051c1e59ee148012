//! A small version of docs/propose.md: one world, few replicates, and bounds with a margin.

#[path = "../../examples/propose/designs.rs"]
mod designs;
#[path = "../../examples/propose/hours.rs"]
mod hours;
#[path = "../../examples/propose/study.rs"]
mod study;
#[path = "../../examples/propose/world.rs"]
mod world;

use designs::{Aim, Rival};
use hours::geometric_mean;
use study::study;
use world::World;

#[test]
fn proposals_need_fewer_hours_than_grids_levels_of_compute_and_chance() {
    let [_, _, offsets, _] = World::ALL;
    let study = study(offsets, &Rival::ALL, 16);
    for (aim, errors) in Aim::ALL.into_iter().zip(&study.own) {
        let mean = |rivals: &[Rival]| {
            let own =
                study.cells.iter().filter(|cell| cell.aim == aim && rivals.contains(&cell.rival));
            geometric_mean(own.flat_map(|cell| cell.ratios.iter().copied()))
        };
        let [grids, levels, chance] =
            [&Rival::ALL[..2], &Rival::ALL[2..4], &Rival::ALL[6..]].map(mean);
        let means =
            format!("{aim:?}: {grids:.2}, {levels:.2}, {chance:.2} at errors of {errors:?}");
        assert!(grids > 4.0 && levels > 2.0 && chance > 1.5, "{means}");
    }
}
