//! A question put in order: checked, sorted, equal runs together.
//!
//! Sorting makes the answer independent of the order of its input, to the last bit.

use super::belief::{Belief, Point};
use super::spread::Place;
use super::target::{Aim, Quantity, Question, positive};
use super::{Arm, Candidate, Limits, Refused, Run, Space, Spread, State, Target};

/// Coefficients of every arm, and the target by them.
pub(super) struct Drawn<'a> {
    pub(super) coefficients: Vec<&'a [f64]>,
    pub(super) aim: Aim,
}

/// A run or, with its number, a candidate.
type Entry<'a> = (Place, &'a Vec<f64>, Option<(usize, &'a Candidate)>);

pub(super) struct Setting<'a> {
    pub(super) arms: &'a [Arm<'a>],
    spread: Spread,
    /// Configurations of runs and candidates, in the order of their arms.
    pub(super) points: Vec<Point>,
    /// By point, its runs that are measured or pending.
    pub(super) seeds: Vec<u32>,
    /// The candidates in their order here, that of their points and hours.
    pub(super) candidates: Vec<&'a Candidate>,
    /// By candidate, its place among those that were given.
    pub(super) given: Vec<usize>,
    /// By candidate, its point.
    pub(super) point_of: Vec<usize>,
    /// Coefficients by arm of each draw, with the aims there; the first is the fit.
    draws: Vec<Drawn<'a>>,
    pub(super) quantity: Quantity,
    /// The arms that the target is about.
    pub(super) asked: Vec<usize>,
}

impl<'a> Setting<'a> {
    pub(super) fn new(
        state: &'a State<'a>,
        space: &'a Space,
        target: &Target,
        limits: &Limits,
    ) -> Result<Self, Refused> {
        check(state, space, limits)?;
        target.check(&state.arms)?;
        let question = target.question(&state.arms)?;
        let targets = question.places(&state.arms).ok_or(Refused::NoOptimum)?;
        let place = |arm: usize, x: &[f64]| {
            let own = targets.iter().find(|(of, _)| *of == arm).map(|(_, x)| &x[..]);
            Place::new(arm, state.arms[arm].law, x, own)
        };

        let runs = state.measured.iter().chain(&state.pending);
        let runs = runs.map(|run| (place(run.arm, &run.x), &run.x, None));
        let candidates = space.candidates.iter().enumerate().map(|(number, candidate)| {
            (place(candidate.arm, &candidate.x), &candidate.x, Some((number, candidate)))
        });
        let mut entries: Vec<Entry<'a>> = runs.chain(candidates).collect();
        let hours = |of: Option<(usize, &Candidate)>| of.map_or(0.0, |(_, of)| of.hours);
        entries.sort_by(|(a, x, of_a), (b, y, of_b)| {
            let exact = || {
                let mut orders = x.iter().zip(*y).map(|(x, y)| x.total_cmp(y));
                orders.find(|order| order.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
            };
            let places = a.arm.cmp(&b.arm).then_with(|| a.key.cmp(&b.key));
            places.then_with(|| hours(*of_a).total_cmp(&hours(*of_b))).then_with(exact)
        });
        let (mut points, mut seeds) = (Vec::<Point>::new(), Vec::<u32>::new());
        let (mut candidates, mut given, mut point_of) = (Vec::new(), Vec::new(), Vec::new());
        for (place, x, candidate) in entries {
            if !points.last().is_some_and(|last| last.place.is(&place)) {
                points.push(Point { place, x: x.clone() });
                seeds.push(0);
            }
            let point = points.len() - 1;
            match candidate {
                Some((number, candidate)) => {
                    candidates.push(candidate);
                    given.push(number);
                    point_of.push(point);
                }
                None => seeds[point] += 1,
            }
        }

        let (arms, spread) = (&state.arms[..], state.spread);
        let draws = draws(arms, &question)?;
        Ok(Self {
            arms,
            spread,
            points,
            seeds,
            candidates,
            given,
            point_of,
            draws,
            quantity: question.quantity(),
            asked: targets.iter().map(|(arm, _)| *arm).collect(),
        })
    }

    /// Variance of one seed's own noise.
    pub(super) fn noise(&self) -> f64 {
        self.spread.seed * self.spread.seed
    }

    /// What is known without the batch.
    pub(super) fn belief(&self) -> Result<Belief<'_>, Refused> {
        let mut belief = Belief::new(self.arms, &self.points, self.spread, &self.draws)?;
        for (point, seeds_n) in self.seeds.iter().enumerate().filter(|(_, seeds_n)| **seeds_n > 0) {
            belief.learn(point, self.noise() / f64::from(*seeds_n));
        }
        Ok(belief)
    }

    /// The target by the fit.
    pub(super) fn value(&self) -> f64 {
        self.draws[0].aim.value
    }
}

/// Every draw of the arms' coefficients that the target has a value at, the fit first.
fn draws<'a>(arms: &'a [Arm<'a>], question: &Question<'_>) -> Result<Vec<Drawn<'a>>, Refused> {
    let drawn = |draw: Vec<&'a [f64]>| {
        let aim = question.aim(arms, &draw)?;
        let slopes = aim.gradients.iter().flat_map(|(_, gradient)| gradient);
        let is_usable = aim.value.is_finite() && slopes.clone().all(|slope| slope.is_finite());
        // A target that no coefficient changes has nothing to be learnt of.
        let is_open = slopes.clone().any(|slope| *slope != 0.0);
        (is_usable && is_open).then_some(Drawn { coefficients: draw, aim })
    };
    let fit = drawn(arms.iter().map(|arm| &arm.coefficients[..]).collect());
    let mut draws = vec![fit.ok_or(Refused::NoOptimum)?];
    let draws_n = arms[0].draws.len();
    let further = (0..draws_n).map(|draw| arms.iter().map(|arm| &arm.draws[draw][..]).collect());
    draws.extend(further.filter_map(drawn));
    Ok(draws)
}

/// Refuses numbers that cannot be used, and references to what there is not.
fn check(state: &State<'_>, space: &Space, limits: &Limits) -> Result<(), Refused> {
    if space.candidates.is_empty() {
        return Err(Refused::NoCandidates);
    }
    let arms_n = state.arms.len();
    let run = |what: &str, arm: usize, x: &[f64]| {
        let law = state.arms.get(arm).ok_or(Refused::NoArm { arm, arms_n })?.law;
        let variables = law.card().variables;
        if x.len() != variables.len() {
            return Err(Refused::Variables { found: x.len(), expected: variables.len() });
        }
        for (variable, x) in variables.iter().zip(x) {
            if !(variable.can_be_zero && *x == 0.0) {
                positive(&format!("{} of {what}", variable.symbol), *x)?;
            }
        }
        Ok(())
    };
    for (i, Run { arm, x }) in state.measured.iter().chain(&state.pending).enumerate() {
        run(&format!("run {}", i + 1), *arm, x)?;
    }
    for (i, Candidate { arm, x, hours }) in space.candidates.iter().enumerate() {
        run(&format!("candidate {}", i + 1), *arm, x)?;
        positive(&format!("the hours of candidate {}", i + 1), *hours)?;
    }
    let draws_n = state.arms.first().map_or(0, |arm| arm.draws.len());
    for arm in &state.arms {
        let width = arm.law.card().parameters.len();
        let fits = |c: &Vec<f64>| c.len() == width && c.iter().all(|c| c.is_finite());
        let all = std::iter::once(&arm.coefficients).chain(&arm.draws).all(fits);
        if !all || arm.draws.len() != draws_n || arm.fixed.iter().any(|i| *i >= width) {
            return Err(Refused::Coefficients { arm: arm.name.to_owned() });
        }
    }
    if limits.seeds_max == 0 {
        return Err(Refused::NotPositive {
            what: "seeds of one configuration".to_owned(),
            value: 0.0,
        });
    }
    positive("the budget", limits.budget_hours)?;
    positive("the hours of one run", limits.run_hours_max)?;
    positive("the price of a run", limits.slot_hours)?;
    let shares = [limits.largest_share, limits.repeat_share];
    if shares.iter().any(|share| share.is_nan() || *share < 0.0) || shares.iter().sum::<f64>() > 1.0
    {
        return Err(Refused::Shares);
    }
    let Spread { size, configuration, drift_per_decade, seed } = state.spread;
    positive("the noise of a seed", seed)?;
    if [size, configuration, drift_per_decade].iter().all(|sd| sd.is_finite() && *sd >= 0.0) {
        return Ok(());
    }
    Err(Refused::NotPositive { what: "a standard deviation".to_owned(), value: f64::NAN })
}
