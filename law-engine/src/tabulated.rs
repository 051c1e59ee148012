//! A table of runs as a study, along whatever the arms are compared.
//!
//! Runs at nearly one place of the axis are of one class, as those of an isoFLOP slice are. Of the
//! runs of one arm, class and seed the best configuration counts: that is the question that a
//! comparison answers, what each arm reaches for its cost.

use std::collections::BTreeMap;

use sweep_core::crossover::Axis;

use crate::curve::{Cell, Place, Study};

/// Runs closer together than this share of their place are of one class: steps are rounded, and so
/// are the compute counts of tables.
const SAME: f64 = 0.02;

/// One run of a table.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Its arm, by number.
    pub arm: usize,
    /// Its place on the axis.
    pub place: f64,
    /// Which configuration it is of: runs of one arm, class and configuration are repeats.
    pub configuration: u64,
    /// None numbers the repeats of a configuration in their order.
    pub seed: Option<u64>,
    pub loss: f64,
}

/// Which runs of a table are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Envelope {
    /// Of each class and seed the best configuration.
    #[default]
    Best,
    /// Of those, the ones that no run of the arm beats at a smaller place.
    Lower,
    /// Every run.
    All,
}

/// The study of `rows`, whose places and losses must be positive and finite, and by row whether it
/// is part of it.
#[must_use]
pub fn study(axis: Axis, arms: &[String], rows: &[Row], envelope: Envelope) -> (Study, Vec<bool>) {
    let (class_of, class_places) = classes(rows);
    let mut repeats: BTreeMap<(usize, usize, u64), u64> = BTreeMap::new();
    let cell = |(row, class): (&Row, &usize)| {
        let seen = repeats.entry((row.arm, *class, row.configuration)).or_default();
        *seen += 1;
        Cell { class: *class, seed: row.seed.unwrap_or(*seen) }
    };
    let cells: Vec<Cell> = rows.iter().zip(&class_of).map(cell).collect();
    let mut is_part = vec![false; rows.len()];
    let mut curves = Vec::new();
    for (number, arm) in arms.iter().enumerate() {
        let mut own: Vec<usize> = (0..rows.len()).filter(|i| rows[*i].arm == number).collect();
        own.sort_by_key(|i| cells[*i]);
        if envelope != Envelope::All {
            own.sort_by(|a, b| {
                cells[*a].cmp(&cells[*b]).then(rows[*a].loss.total_cmp(&rows[*b].loss))
            });
            own.dedup_by_key(|i| cells[*i]);
        }
        if envelope == Envelope::Lower {
            own.sort_by(|a, b| rows[*a].place.total_cmp(&rows[*b].place));
            let mut least = f64::INFINITY;
            own.retain(|i| {
                let is_lower = rows[*i].loss < least;
                least = least.min(rows[*i].loss);
                is_lower
            });
        }
        own.iter().for_each(|i| is_part[*i] = true);
        let place =
            |i: &usize| Place { cell: cells[*i], hours: rows[*i].place, loss: rows[*i].loss };
        curves.push((arm.clone(), own.iter().map(place).collect()));
    }
    (Study::of_places(axis, curves, class_places), is_part)
}

/// By row its class, and by class its place: the geometric mean of its rows.
fn classes(rows: &[Row]) -> (Vec<usize>, Vec<f64>) {
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by(|a, b| rows[*a].place.total_cmp(&rows[*b].place));
    let mut class_of = vec![0; rows.len()];
    let mut places: Vec<(f64, f64, u32)> = Vec::new();
    for row in order {
        let place = rows[row].place;
        match places.last_mut() {
            Some((first, sum, n)) if place <= *first * (1.0 + SAME) => {
                *sum += place.ln();
                *n += 1;
            }
            _ => places.push((place, place.ln(), 1)),
        }
        class_of[row] = places.len() - 1;
    }
    (class_of, places.iter().map(|(_, sum, n)| (sum / f64::from(*n)).exp()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(place: f64, configuration: u64, loss: f64) -> Row {
        Row { arm: 0, place, configuration, seed: None, loss }
    }

    fn parts(rows: &[Row], envelope: Envelope) -> (Study, Vec<bool>) {
        study(Axis::Flops, &["a".to_owned()], rows, envelope)
    }

    #[test]
    fn nearby_places_are_one_class_and_the_best_configuration_counts() {
        let rows = [row(1e18, 1, 3.0), row(1.01e18, 2, 2.9), row(1e19, 1, 2.5), row(1e19, 2, 2.6)];
        let (study, is_part) = parts(&rows, Envelope::Best);
        assert_eq!(study.class_hours.len(), 2);
        assert_eq!(is_part, [false, true, true, false]);
    }

    #[test]
    fn repeats_of_a_configuration_are_seeds() {
        let rows = [row(1e18, 1, 3.0), row(1e18, 1, 3.1), row(1e18, 2, 3.2)];
        let (study, is_part) = parts(&rows, Envelope::Best);
        assert_eq!(is_part, [true, true, false]);
        let seeds: Vec<u64> = study.curves[0].points.iter().map(|p| p.cell.seed).collect();
        assert_eq!(seeds, [1, 2]);
    }

    #[test]
    fn the_lower_envelope_drops_what_a_cheaper_run_beats() {
        let rows = [row(1e18, 1, 3.0), row(2e18, 2, 3.1), row(4e18, 3, 2.8)];
        assert_eq!(parts(&rows, Envelope::Lower).1, [true, false, true]);
        assert_eq!(parts(&rows, Envelope::All).1, [true; 3]);
    }
}
