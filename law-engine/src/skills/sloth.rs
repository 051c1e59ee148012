//! Sloth: benchmark scores of many families by one skill that grows with parameters and tokens.
//!
//! ```text
//! y_ij    = c_j + (1 - c_j) sigma(b_j + Lambda_j theta_i)
//! theta_i = a_f(i) + w_s ln s_i + w_t ln t_i + w_st ln s_i ln t_i
//! ```
//!
//! `y_ij` is the score of model i on benchmark j as a share, `c_j` what guessing scores, which is
//! given; `s_i` counts parameters and `t_i` training tokens. A family has a level a of its own and
//! shares the slopes w with all others, so that a family seen at one size can be forecast at another.
//! All coefficients are fitted themselves, on the whole line.
//!
//! Loss: `SmoothL1` with beta 0.01 of y itself, which is Huber's with delta 0.01 over 0.01.
//!
//! Source: Polo et al., arXiv 2412.06540, and repository felipemaiapolo/sloth, read in the authors'
//! code and not run. Here is the law with one skill and the plain sigmoid; theirs has up to four
//! skills and may learn a monotone link, of which the form was not read. Valid for base models of the
//! sizes and tokens that were fitted, and families that were; nothing was published that could be
//! checked.
//!
//! Two changes of the coefficients change no score, so they are fixed: the first family's level is
//! zero, and Lambda has a mean square of one and a positive sum.

use nalgebra::{DMatrix, DVector};

use super::Link;
use super::descent::{Linearised, descend};
use crate::catalogue::Refusal;
use crate::objective::Huber;

/// `SmoothL1`'s change from quadratic to linear.
pub const BETA: f64 = 0.01;
/// Slopes: ln s, ln t, and their product.
const SLOPES: usize = 3;
/// The name in refusals.
const NAME: &str = "sloth";

/// A model with its scores.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its family, counted from zero.
    pub family: usize,
    /// s.
    pub params_n: f64,
    /// t.
    pub tokens_d: f64,
    /// By benchmark, a share; None where it was not measured.
    pub scores: Vec<Option<f64>>,
}

/// The law, fitted.
#[derive(Clone, Debug, PartialEq)]
pub struct Sloth {
    /// c: what guessing scores, by benchmark.
    pub floors: Vec<f64>,
    /// b, by benchmark.
    pub levels: Vec<f64>,
    /// Lambda, by benchmark.
    pub loadings: Vec<f64>,
    /// a, by family.
    pub families: Vec<f64>,
    /// w of ln s, ln t and ln s ln t.
    pub slopes: [f64; SLOPES],
}

/// A fit, and how good it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Estimate {
    pub law: Sloth,
    /// Summed `SmoothL1` losses.
    pub objective: f64,
    pub has_converged: bool,
}

impl Sloth {
    /// Theta, the skill of a model of `family`.
    ///
    /// # Panics
    /// With a family that was not fitted.
    #[must_use]
    pub fn skill(&self, family: usize, params_n: f64, tokens_d: f64) -> f64 {
        let (s, t) = (params_n.ln(), tokens_d.ln());
        self.families[family] + dot(&self.slopes, &[s, t, s * t])
    }

    /// The scores of a model of `family`, by benchmark.
    ///
    /// # Panics
    /// As [`Sloth::skill`].
    #[must_use]
    pub fn predict(&self, family: usize, params_n: f64, tokens_d: f64) -> Vec<f64> {
        let skill = self.skill(family, params_n, tokens_d);
        let score = |(floor, (level, loading)): (&f64, (&f64, &f64))| {
            Link { floor: *floor, ceiling: 1.0 }.score(level + loading * skill)
        };
        self.floors.iter().zip(self.levels.iter().zip(&self.loadings)).map(score).collect()
    }
}

/// Fits the law to `models`, whose scores on benchmark j cannot fall below `floors[j]` but by chance.
///
/// # Errors
/// [`Refusal`] of a table that is empty, ragged, holds what is no score or size, or has fewer scores
/// than coefficients, on the whole or of one benchmark or family.
pub fn fit(models: &[Model], floors: &[f64]) -> Result<Estimate, Refusal> {
    check(models, floors)?;
    let table = Table::new(models, floors);
    let huber = Huber { delta: BETA };
    let lowest = [table.alternate(), table.flat()]
        .into_iter()
        .map(|start| {
            descend(start, huber, |place| table.residuals(place), |place| table.linearise(place))
        })
        .min_by(|a, b| a.objective.total_cmp(&b.objective))
        .ok_or(Refusal::NoStart)?;
    Ok(Estimate {
        law: table.law(&lowest.place),
        objective: lowest.objective / BETA,
        has_converged: lowest.has_converged,
    })
}

fn check(models: &[Model], floors: &[f64]) -> Result<(), Refusal> {
    let benchmarks_n = floors.len();
    if models.is_empty() || benchmarks_n == 0 {
        return Err(Refusal::Empty);
    }
    let bad = |row: usize, column: &str, value: f64| {
        Err(Refusal::BadValue { row: row + 1, column: column.to_owned(), value })
    };
    if let Some(floor) = floors.iter().find(|floor| !(0.0..1.0).contains(*floor)) {
        return Err(Refusal::OutOfBounds {
            coefficient: "c".to_owned(),
            value: *floor,
            lower: 0.0,
            upper: 1.0,
        });
    }
    // Families are numbered from zero, so that there are no more of them than models.
    for (row, model) in models.iter().enumerate() {
        if model.family >= models.len() {
            return bad(row, "family", model.family as f64);
        }
    }
    let families_n = families_n(models);
    let mut of_benchmark = vec![0; benchmarks_n];
    let mut of_family = vec![0; families_n];
    for (row, model) in models.iter().enumerate() {
        if model.scores.len() != benchmarks_n {
            let found = model.scores.len();
            return Err(Refusal::Ragged { row: row + 1, found, expected: benchmarks_n });
        }
        for (column, size) in [("parameters", model.params_n), ("tokens", model.tokens_d)] {
            if !(size.is_finite() && size > 0.0) {
                return bad(row, column, size);
            }
        }
        for (benchmark, score) in model.scores.iter().enumerate() {
            let Some(score) = score else { continue };
            if !(0.0..=1.0).contains(score) {
                return bad(row, "the score", *score);
            }
            of_benchmark[benchmark] += 1;
            of_family[model.family] += 1;
        }
    }
    let few = |places: usize, needed: usize| {
        if places < needed { Err(Refusal::TooFew { law: NAME, places, needed }) } else { Ok(()) }
    };
    for n in of_benchmark.iter().copied() {
        few(n, 3)?;
    }
    for n in of_family {
        few(n, 1)?;
    }
    // One loading is the unit of the others, one family the zero of the others.
    few(of_benchmark.iter().sum(), 2 * benchmarks_n + families_n + SLOPES - 1)
}

fn families_n(models: &[Model]) -> usize {
    models.iter().map(|model| model.family + 1).max().unwrap_or(0)
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// One score.
struct Cell {
    model: usize,
    benchmark: usize,
    score: f64,
}

/// Scores as the solver sees them. A place has the levels b, the loadings without the one that is the
/// unit, the families without the first, and the slopes of logarithms about their means, in which
/// parameters, tokens and their product are nearly independent.
struct Table<'a> {
    floors: &'a [f64],
    cells: Vec<Cell>,
    family_of: Vec<usize>,
    families_n: usize,
    /// By model: ln s and ln t about their means, and the product of these.
    scales: Vec<[f64; SLOPES]>,
    means: [f64; 2],
    /// The benchmark whose loading is one: the one whose scores differ most.
    unit: usize,
}

/// A place, taken apart.
struct Parts<'a> {
    levels: &'a [f64],
    loadings: Vec<f64>,
    families: Vec<f64>,
    slopes: &'a [f64],
}

impl<'a> Table<'a> {
    fn new(models: &[Model], floors: &'a [f64]) -> Self {
        let n = models.len() as f64;
        let mean = |of: fn(&Model) -> f64| models.iter().map(|m| of(m).ln()).sum::<f64>() / n;
        let means = [mean(|m| m.params_n), mean(|m| m.tokens_d)];
        let scale = |model: &Model| {
            let (s, t) = (model.params_n.ln() - means[0], model.tokens_d.ln() - means[1]);
            [s, t, s * t]
        };
        let scores = |(model, of): (usize, &Model)| {
            let cells = of.scores.iter().enumerate().filter_map(move |(benchmark, score)| {
                score.map(|score| Cell { model, benchmark, score })
            });
            cells.collect::<Vec<Cell>>()
        };
        let mut table = Self {
            floors,
            cells: models.iter().enumerate().flat_map(scores).collect(),
            family_of: models.iter().map(|model| model.family).collect(),
            families_n: families_n(models),
            scales: models.iter().map(scale).collect(),
            means,
            unit: 0,
        };
        let spread = |benchmark: &usize| {
            let linked = table.linked_of(*benchmark);
            let n = linked.len() as f64;
            let mean = linked.iter().map(|(_, z)| z).sum::<f64>() / n;
            linked.iter().map(|(_, z)| (z - mean).powi(2)).sum::<f64>() / n
        };
        table.unit =
            (0..floors.len()).max_by(|a, b| spread(a).total_cmp(&spread(b))).unwrap_or_default();
        table
    }

    fn place_n(&self) -> usize {
        2 * self.floors.len() - 1 + self.families_n - 1 + SLOPES
    }

    /// Where a benchmark's loading is in a place; None of the unit.
    fn loading_at(&self, benchmark: usize) -> Option<usize> {
        let offset = self.floors.len() + benchmark - usize::from(benchmark > self.unit);
        (benchmark != self.unit).then_some(offset)
    }

    /// Where a family's level is; None of the first.
    fn family_at(&self, family: usize) -> Option<usize> {
        (family > 0).then(|| 2 * self.floors.len() - 1 + family - 1)
    }

    fn parts<'p>(&self, place: &'p DVector<f64>) -> Parts<'p> {
        let place = place.as_slice();
        let at = |at: Option<usize>, fixed: f64| at.map_or(fixed, |at| place[at]);
        Parts {
            levels: &place[..self.floors.len()],
            loadings: (0..self.floors.len()).map(|j| at(self.loading_at(j), 1.0)).collect(),
            families: (0..self.families_n).map(|f| at(self.family_at(f), 0.0)).collect(),
            slopes: &place[place.len() - SLOPES..],
        }
    }

    fn skills(&self, parts: &Parts<'_>) -> Vec<f64> {
        let skill = |(family, scale): (&usize, &[f64; SLOPES])| {
            parts.families[*family] + dot(parts.slopes, scale)
        };
        self.family_of.iter().zip(&self.scales).map(skill).collect()
    }

    fn link(&self, benchmark: usize) -> Link {
        Link { floor: self.floors[benchmark], ceiling: 1.0 }
    }

    /// Law less score, by cell.
    fn residuals(&self, place: &DVector<f64>) -> DVector<f64> {
        let parts = self.parts(place);
        let skills = self.skills(&parts);
        let residual = |cell: &Cell| {
            let (j, skill) = (cell.benchmark, skills[cell.model]);
            self.link(j).score(parts.levels[j] + parts.loadings[j] * skill) - cell.score
        };
        DVector::from_iterator(self.cells.len(), self.cells.iter().map(residual))
    }

    fn linearise(&self, place: &DVector<f64>) -> Linearised {
        let parts = self.parts(place);
        let skills = self.skills(&parts);
        let mut jacobian = DMatrix::zeros(self.cells.len(), self.place_n());
        for (row, Cell { model, benchmark, .. }) in self.cells.iter().enumerate() {
            let (skill, loading) = (skills[*model], parts.loadings[*benchmark]);
            let slope = self.link(*benchmark).slope(parts.levels[*benchmark] + loading * skill);
            jacobian[(row, *benchmark)] = slope;
            if let Some(at) = self.loading_at(*benchmark) {
                jacobian[(row, at)] = slope * skill;
            }
            if let Some(at) = self.family_at(self.family_of[*model]) {
                jacobian[(row, at)] = slope * loading;
            }
            for (k, scale) in self.scales[*model].iter().enumerate() {
                jacobian[(row, self.place_n() - SLOPES + k)] = slope * loading * scale;
            }
        }
        Linearised { residuals: self.residuals(place), jacobian }
    }

    /// The models that a benchmark scored, each with its score on the line of the link. Scores at
    /// the ends are taken for ones a little inside.
    fn linked_of(&self, benchmark: usize) -> Vec<(usize, f64)> {
        const INSIDE: f64 = 0.02;
        let floor = self.floors[benchmark];
        let linked = |cell: &Cell| {
            let share = ((cell.score - floor) / (1.0 - floor)).clamp(INSIDE, 1.0 - INSIDE);
            Link::PLAIN.inverse(share).map(|z| (cell.model, z))
        };
        self.cells.iter().filter(|cell| cell.benchmark == benchmark).filter_map(linked).collect()
    }

    /// A start: benchmarks on a straight line of the skill, skill on one of the scales, in turns.
    fn alternate(&self) -> DVector<f64> {
        const ROUNDS: usize = 30;
        let mut place = self.flat();
        for _ in 0..ROUNDS {
            let skills = self.skills(&self.parts(&place));
            let lines: Vec<(f64, f64)> = (0..self.floors.len())
                .map(|benchmark| line(&self.linked_of(benchmark), &skills))
                .collect();
            let unit = lines[self.unit].1;
            if unit.abs() < 1e-9 {
                break;
            }
            for (benchmark, (level, loading)) in lines.iter().enumerate() {
                place[benchmark] = *level;
                if let Some(at) = self.loading_at(benchmark) {
                    place[at] = loading / unit;
                }
            }
            self.solve_skills(&mut place);
        }
        place
    }

    /// A start: all benchmarks load alike.
    fn flat(&self) -> DVector<f64> {
        let mut place = DVector::zeros(self.place_n());
        for benchmark in 0..self.floors.len() {
            let linked = self.linked_of(benchmark);
            place[benchmark] = linked.iter().map(|(_, z)| z).sum::<f64>() / linked.len() as f64;
            if let Some(at) = self.loading_at(benchmark) {
                place[at] = 1.0;
            }
        }
        self.solve_skills(&mut place);
        place
    }

    /// Levels, families and slopes by least squares on the line of the link, the loadings as they are.
    fn solve_skills(&self, place: &mut DVector<f64>) {
        let loadings = self.parts(place).loadings;
        let places_n = self.place_n();
        let free: Vec<usize> = (0..places_n)
            .filter(|at| !(0..self.floors.len()).any(|j| self.loading_at(j) == Some(*at)))
            .collect();
        let mut rows: Vec<(Vec<f64>, f64)> = Vec::new();
        for (benchmark, loading) in loadings.iter().enumerate() {
            for (model, z) in self.linked_of(benchmark) {
                let mut row = vec![0.0; places_n];
                row[benchmark] = 1.0;
                if let Some(at) = self.family_at(self.family_of[model]) {
                    row[at] = *loading;
                }
                for (k, scale) in self.scales[model].iter().enumerate() {
                    row[places_n - SLOPES + k] = loading * scale;
                }
                rows.push((free.iter().map(|at| row[*at]).collect(), z));
            }
        }
        let design = DMatrix::from_fn(rows.len(), free.len(), |i, k| rows[i].0[k]);
        let right = DVector::from_iterator(rows.len(), rows.iter().map(|(_, z)| *z));
        let square = design.tr_mul(&design);
        let ridge = 1e-9 * square.trace() / free.len() as f64;
        let damped = square + DMatrix::identity(free.len(), free.len()) * ridge;
        if let Some(solver) = damped.cholesky() {
            let solution = solver.solve(&design.tr_mul(&right));
            free.iter().zip(solution.iter()).for_each(|(at, value)| place[*at] = *value);
        }
    }

    /// The law in logarithms themselves, with Lambda normalised.
    fn law(&self, place: &DVector<f64>) -> Sloth {
        let parts = self.parts(place);
        let square: f64 = parts.loadings.iter().map(|loading| loading * loading).sum();
        let sum: f64 = parts.loadings.iter().sum();
        let unit = (square / self.floors.len() as f64).sqrt().copysign(sum);
        let ([s, t], [by_s, by_t, by_both]) =
            (self.means, [parts.slopes[0], parts.slopes[1], parts.slopes[2]]);
        // What centring took out of every skill comes back through the levels.
        let shift = by_both * s * t - by_s * s - by_t * t;
        let level = |(level, loading): (&f64, &f64)| level + loading * shift;
        Sloth {
            floors: self.floors.to_vec(),
            levels: parts.levels.iter().zip(&parts.loadings).map(level).collect(),
            loadings: parts.loadings.iter().map(|loading| loading / unit).collect(),
            families: parts.families.iter().map(|family| family * unit).collect(),
            slopes: [by_s - by_both * t, by_t - by_both * s, by_both].map(|slope| slope * unit),
        }
    }
}

/// Level and slope of the least squares line of `linked` over the skills; no slope where these do
/// not vary.
fn line(linked: &[(usize, f64)], skills: &[f64]) -> (f64, f64) {
    let points: Vec<(f64, f64)> = linked.iter().map(|(model, z)| (skills[*model], *z)).collect();
    let fit = crate::straight::Straight::fit(&points);
    let slope = if fit.slope.is_finite() { fit.slope } else { 0.0 };
    (fit.level - slope * fit.centre, slope)
}

#[cfg(test)]
mod tests;
