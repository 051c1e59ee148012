//! The observational law: a target by the principal components of standard benchmarks, and these by
//! compute.
//!
//! ```text
//! S_ik = principal component k of the scores of model i
//! y_i  = c + (h - c) sigma(v + u_1 S_i1 + u_2 S_i2 + ...)
//! S_fk = nu_fk + w_fk ln C
//! ```
//!
//! y is a target score as a share, c what guessing scores and h its ceiling, both given in a [`Link`];
//! C is training FLOP. Each family f has a line of its own in ln C for each component, so that a
//! family's target is forecast at a compute it was not trained at, and a target that only a few
//! models were measured on is known of all.
//!
//! u and v are fitted by ordinary least squares after the reverse of the link, as in the authors'
//! code. They take three components, put in scores that are missing by one component, and hold out
//! models of 8.4e22 FLOP and more. Source: Ruan et al., arXiv 2405.10938, repository
//! ryoungj/ObsScaling, read in the authors' code and not run. Valid for the families and benchmarks
//! that were fitted; nothing was published that could be checked.

use nalgebra::{DMatrix, DVector, SymmetricEigen};

use super::Link;
use crate::catalogue::Refusal;
use crate::straight::Straight;

/// Principal components that the authors take.
pub const COMPONENTS: usize = 3;
/// Training FLOP from which on the authors hold models out.
pub const HELD_OUT_FLOPS: f64 = 8.4e22;
const NAME: &str = "observational";

/// Scores of models about their means, along the directions in which they differ most.
#[derive(Clone, Debug, PartialEq)]
pub struct Principal {
    /// By benchmark.
    pub means: Vec<f64>,
    /// By component, the first the most important, a unit vector over the benchmarks with a sum that
    /// is not below zero.
    pub directions: Vec<Vec<f64>>,
    /// By component, its share of the variance of all.
    pub shares: Vec<f64>,
}

impl Principal {
    /// The first `components_n` principal components of `scores`, a row for each model.
    ///
    /// # Errors
    /// [`Refusal`] of an empty or ragged table, values that are not numbers, and fewer models than
    /// components and one.
    pub fn of(scores: &[Vec<f64>], components_n: usize) -> Result<Self, Refusal> {
        let benchmarks_n = check(scores)?;
        let (places, needed) = (scores.len(), components_n + 1);
        if places < needed || benchmarks_n < components_n {
            return Err(Refusal::TooFew { law: NAME, places: places.min(benchmarks_n), needed });
        }
        let n = places as f64;
        let mean = |j: usize| scores.iter().map(|row| row[j]).sum::<f64>() / n;
        let means: Vec<f64> = (0..benchmarks_n).map(mean).collect();
        let centred = DMatrix::from_fn(places, benchmarks_n, |i, j| scores[i][j] - means[j]);
        let eigen = SymmetricEigen::new(centred.tr_mul(&centred) / n);
        let mut order: Vec<usize> = (0..benchmarks_n).collect();
        order.sort_by(|a, b| eigen.eigenvalues[*b].total_cmp(&eigen.eigenvalues[*a]));
        order.truncate(components_n);
        let direction = |k: &usize| {
            let column = eigen.eigenvectors.column(*k);
            let sign = 1.0_f64.copysign(column.sum());
            column.iter().map(|x| sign * x).collect()
        };
        let total = eigen.eigenvalues.sum();
        Ok(Self {
            directions: order.iter().map(direction).collect(),
            shares: order.iter().map(|k| eigen.eigenvalues[*k] / total).collect(),
            means,
        })
    }

    /// S, the components of a model with `scores`.
    ///
    /// # Panics
    /// With another number of scores than there are benchmarks.
    #[must_use]
    pub fn place(&self, scores: &[f64]) -> Vec<f64> {
        assert_eq!(scores.len(), self.means.len(), "a score for each benchmark");
        let along = |direction: &Vec<f64>| {
            let about = scores.iter().zip(&self.means).map(|(score, mean)| score - mean);
            about.zip(direction).map(|(score, share)| score * share).sum()
        };
        self.directions.iter().map(along).collect()
    }
}

/// The number of benchmarks.
fn check(scores: &[Vec<f64>]) -> Result<usize, Refusal> {
    let expected = scores.first().map(Vec::len).ok_or(Refusal::Empty)?;
    for (row, of_model) in scores.iter().enumerate() {
        let found = of_model.len();
        if found != expected {
            return Err(Refusal::Ragged { row: row + 1, found, expected });
        }
        if let Some(value) = of_model.iter().find(|score| !score.is_finite()) {
            let column = "the score".to_owned();
            return Err(Refusal::BadValue { row: row + 1, column, value: *value });
        }
    }
    Ok(expected)
}

/// Puts in what is missing of `scores`, by one principal component of all, until that no longer
/// changes it.
///
/// # Errors
/// As [`Principal::of`], and for a benchmark without any score.
pub fn impute(scores: &[Vec<Option<f64>>]) -> Result<Vec<Vec<f64>>, Refusal> {
    const ROUNDS: usize = 1000;
    const STILL: f64 = 1e-10;
    let benchmarks_n = scores.first().map(Vec::len).ok_or(Refusal::Empty)?;
    let mean = |j: usize| {
        let known: Vec<f64> =
            scores.iter().filter_map(|row| row.get(j).copied().flatten()).collect();
        known.iter().sum::<f64>() / known.len() as f64
    };
    let means: Vec<f64> = (0..benchmarks_n).map(mean).collect();
    let filled = |row: &Vec<Option<f64>>| {
        let known = row.iter().enumerate();
        // A row of another length is refused below, like a benchmark without a mean.
        known.map(|(j, score)| score.unwrap_or(*means.get(j).unwrap_or(&f64::NAN))).collect()
    };
    let mut full: Vec<Vec<f64>> = scores.iter().map(filled).collect();
    check(&full)?;
    if scores.iter().flatten().all(Option::is_some) {
        return Ok(full);
    }
    for _ in 0..ROUNDS {
        let principal = Principal::of(&full, 1)?;
        let mut change = 0.0_f64;
        for (row, known) in full.iter_mut().zip(scores) {
            let place = principal.place(row)[0];
            for (j, known) in known.iter().enumerate() {
                if known.is_none() {
                    let value = principal.means[j] + place * principal.directions[0][j];
                    change = change.max((value - row[j]).abs());
                    row[j] = value;
                }
            }
        }
        if change < STILL {
            break;
        }
    }
    Ok(full)
}

/// A target by principal components.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub link: Link,
    /// v.
    pub level: f64,
    /// u, by component.
    pub weights: Vec<f64>,
    /// Models that were left out because they score at an end of the link or beyond.
    pub left_out: usize,
}

impl Target {
    /// Fits the target scores of models at `places`, their principal components.
    ///
    /// # Errors
    /// [`Refusal`] of ragged or too few models.
    pub fn fit(places: &[Vec<f64>], scores: &[f64], link: Link) -> Result<Self, Refusal> {
        let components_n = check(places)?;
        if places.len() != scores.len() {
            let (found, expected) = (scores.len(), places.len());
            return Err(Refusal::Ragged { row: found.min(expected) + 1, found, expected });
        }
        let linked = places.iter().zip(scores);
        let rows: Vec<(&Vec<f64>, f64)> =
            linked.filter_map(|(x, y)| link.inverse(*y).map(|z| (x, z))).collect();
        let needed = components_n + 2;
        if rows.len() < needed {
            return Err(Refusal::TooFew { law: NAME, places: rows.len(), needed });
        }
        let design = DMatrix::from_fn(rows.len(), components_n + 1, |i, k| {
            if k == 0 { 1.0 } else { rows[i].0[k - 1] }
        });
        let right = DVector::from_iterator(rows.len(), rows.iter().map(|(_, z)| *z));
        // By singular values: components of a line of models depend on each other.
        let solved = design.svd(true, true).solve(&right, 1e-12);
        let Ok(solution) = solved else { return Err(Refusal::NoStart) };
        Ok(Self {
            link,
            level: solution[0],
            weights: solution.iter().skip(1).copied().collect(),
            left_out: places.len() - rows.len(),
        })
    }

    /// The score of a model at `place`.
    #[must_use]
    pub fn predict(&self, place: &[f64]) -> f64 {
        let sum: f64 = self.weights.iter().zip(place).map(|(u, s)| u * s).sum();
        self.link.score(self.level + sum)
    }
}

/// One family's principal components over compute.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// By component: its value at one FLOP and its slope by ln FLOP.
    pub lines: Vec<(f64, f64)>,
}

impl Family {
    /// The lines through models of `flops` each at its place.
    ///
    /// # Errors
    /// [`Refusal`] of a ragged table, compute that is not positive, and less than two different
    /// amounts of it.
    pub fn fit(flops: &[f64], places: &[Vec<f64>]) -> Result<Self, Refusal> {
        let components_n = check(places)?;
        if flops.len() != places.len() {
            let (found, expected) = (flops.len(), places.len());
            return Err(Refusal::Ragged { row: found.min(expected) + 1, found, expected });
        }
        if let Some(row) = flops.iter().position(|c| !(c.is_finite() && *c > 0.0)) {
            let column = "FLOP".to_owned();
            return Err(Refusal::BadValue { row: row + 1, column, value: flops[row] });
        }
        let line = |k: usize| {
            let points = flops.iter().zip(places).map(|(c, place)| (c.ln(), place[k]));
            let line = Straight::fit(&points.collect::<Vec<_>>());
            (line.at(0.0), line.slope)
        };
        let lines: Vec<(f64, f64)> = (0..components_n).map(line).collect();
        if lines.iter().any(|(_, slope)| !slope.is_finite()) {
            return Err(Refusal::TooFew { law: NAME, places: 1, needed: 2 });
        }
        Ok(Self { lines })
    }

    /// The components at `flops_c`.
    #[must_use]
    pub fn place(&self, flops_c: f64) -> Vec<f64> {
        self.lines.iter().map(|(level, slope)| level + slope * flops_c.ln()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    const LINK: Link = Link { floor: 0.25, ceiling: 0.9 };

    /// Scores of five benchmarks by two skills, each a line in ln C of the family's own.
    fn scores(family: usize, flops: f64) -> Vec<f64> {
        let x = (flops / 1e22).ln();
        let skills = [[0.06 * x, 0.02 * x], [0.08 * x - 0.05, 0.1 - 0.01 * x]][family];
        let loadings = [[0.9, 0.1], [0.7, -0.4], [0.5, 0.6], [0.8, 0.0], [0.3, 0.2]];
        loadings.map(|[a, b]| 0.5 + a * skills[0] + b * skills[1]).to_vec()
    }

    fn flops() -> Vec<f64> {
        (0..8).map(|i| 1e20 * 4_f64.powi(i)).collect()
    }

    fn table() -> Vec<Vec<f64>> {
        (0..2).flat_map(|family| flops().into_iter().map(move |c| scores(family, c))).collect()
    }

    #[test]
    fn two_components_hold_scores_of_two_skills() {
        let table = table();
        let principal = Principal::of(&table, 2).expect("sixteen models");
        assert!((principal.shares.iter().sum::<f64>() - 1.0).abs() < 1e-9, "{principal:?}");
        assert!(principal.shares[0] > principal.shares[1]);
        for row in &table {
            let place = principal.place(row);
            for (j, score) in row.iter().enumerate() {
                let back = principal.means[j]
                    + place[0] * principal.directions[0][j]
                    + place[1] * principal.directions[1][j];
                assert!((back - score).abs() < 1e-9);
            }
        }
        assert!(Principal::of(&table[..2], 2).is_err());
        assert_eq!(Principal::of(&[], 1), Err(Refusal::Empty));
    }

    #[test]
    fn what_is_missing_of_one_skill_is_put_in() {
        let whole: Vec<Vec<f64>> = (0..10)
            .map(|i| [0.9, 0.7, 0.5].map(|a| 0.4 + 0.05 * a * f64::from(i)).to_vec())
            .collect();
        let mut holes: Vec<Vec<Option<f64>>> =
            whole.iter().map(|row| row.iter().copied().map(Some).collect()).collect();
        assert_eq!(impute(&holes).as_ref(), Ok(&whole));
        holes[2][1] = None;
        holes[7][0] = None;
        let full = impute(&holes).expect("most is there");
        for (a, b) in full.iter().flatten().zip(whole.iter().flatten()) {
            assert!((a - b).abs() < 1e-6, "{a} {b}");
        }
        holes.iter_mut().for_each(|row| row[0] = None);
        assert!(matches!(impute(&holes), Err(Refusal::BadValue { .. })));
    }

    /// A target that is a sigmoid of the skills is forecast at compute that its family was not
    /// trained at.
    #[test]
    fn a_target_is_forecast_from_smaller_models() {
        let (table, flops) = (table(), flops());
        let principal = Principal::of(&table, 2).expect("sixteen models");
        let places: Vec<Vec<f64>> = table.iter().map(|row| principal.place(row)).collect();
        let truth = |place: &[f64]| LINK.score(-0.4 + 3.0 * place[0] + 1.5 * place[1]);
        let targets: Vec<f64> = places.iter().map(|place| truth(place)).collect();
        let is_small = |i: &usize| flops[i % flops.len()] < 4e23;
        let small: Vec<usize> = (0..places.len()).filter(is_small).collect();
        let of_small: Vec<Vec<f64>> = small.iter().map(|i| places[*i].clone()).collect();
        let y: Vec<f64> = small.iter().map(|i| targets[*i]).collect();
        let target = Target::fit(&of_small, &y, LINK).expect("enough models");
        assert!((target.level + 0.4).abs() < 1e-9 && (target.weights[1] - 1.5).abs() < 1e-9);
        for family in 0..2 {
            let own = family * 8..family * 8 + 6;
            let line = Family::fit(&flops[..6], &places[own]).expect("six models");
            let place = line.place(flops[7]);
            let (found, expected) = (target.predict(&place), targets[family * 8 + 7]);
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }

    #[test]
    fn models_at_the_ends_of_the_link_are_left_out_and_counted() {
        let mut stream = Stream::keyed(1, [0; 3]);
        let places: Vec<Vec<f64>> = (0..12).map(|_| vec![stream.normal()]).collect();
        let mut scores: Vec<f64> = places.iter().map(|x| LINK.score(1.0 + 2.0 * x[0])).collect();
        scores[4] = 0.2;
        scores[9] = 0.95;
        let target = Target::fit(&places, &scores, LINK).expect("ten are left");
        assert_eq!(target.left_out, 2);
        assert!((target.weights[0] - 2.0).abs() < 1e-9, "{target:?}");
        assert!(Target::fit(&places[..2], &scores[..2], LINK).is_err());
        assert!(Target::fit(&places, &scores[..2], LINK).is_err());
        assert!(Family::fit(&[1e20, 1e20], &places[..2]).is_err());
        assert!(Family::fit(&[1e20, -1.0], &places[..2]).is_err());
    }
}
