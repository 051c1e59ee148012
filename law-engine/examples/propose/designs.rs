//! Ways to spend a budget: by proposals, and as people do.

use law_engine::catalogue::frontier::Frontier;
use law_engine::propose::{Arm, Limits, Run, Scale, Space, Spread, State, Target, propose};
use law_engine::query::Fitted;
use law_engine::random::Stream;

use super::world::{FLOPS_C, Place, SMALLEST_N, TRUTH, World, hours, law, options, pool};

/// Fewest and most tokens per parameter of a grid.
const RATIOS: [f64; 2] = [2.5, 160.0];
/// Shares of the budget after which everything is fitted anew and the next runs are proposed.
const STAGES: [f64; 4] = [0.12, 0.3, 0.6, 1.0];
/// Coefficients beside the fit that a proposal looks at.
const DRAWS_N: u32 = 6;

/// What is to be known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    Loss,
    Size,
}

impl Aim {
    pub(crate) const ALL: [Self; 2] = [Self::Loss, Self::Size];

    fn target(self) -> Target {
        let scale = Scale::Flops(FLOPS_C);
        match self {
            Self::Loss => Target::BestLoss { arm: 0, scale },
            Self::Size => Target::BestSize { arm: 0, scale },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Rival {
    /// Even sizes and ratios of tokens to parameters.
    Grid { side: usize },
    /// Five levels of compute over three decades, or as many as the smallest size allows, with seven
    /// sizes over a factor of 16 about the optimum, times an offset.
    IsoFlop { offset: f64, smallest_n: f64 },
    /// From the pool, each run as likely as any other.
    Random,
    /// From the pool, each run as likely as its hours are few.
    CheapRandom,
}

impl Rival {
    pub(crate) const ALL: [Self; 8] = [
        Self::Grid { side: 5 },
        Self::Grid { side: 7 },
        Self::IsoFlop { offset: 1.0, smallest_n: SMALLEST_N },
        Self::IsoFlop { offset: 3.0, smallest_n: SMALLEST_N },
        Self::IsoFlop { offset: 1.0, smallest_n: 0.0 },
        Self::IsoFlop { offset: 3.0, smallest_n: 0.0 },
        Self::Random,
        Self::CheapRandom,
    ];

    /// The runs, for `budget` hours. None where so few do not pay for them.
    pub(crate) fn runs(self, budget: f64, replicate: u64) -> Option<Vec<Place>> {
        match self {
            Self::Grid { side } => largest(budget, |largest_n| grid(side, largest_n)),
            Self::IsoFlop { offset, smallest_n } => {
                largest(budget, |scale| iso_flop(scale, offset, smallest_n))
            }
            Self::Random => Some(random(budget, replicate, |_| 1.0)),
            Self::CheapRandom => Some(random(budget, replicate, hours)),
        }
    }
}

/// `count` factors, evenly spaced from one to another.
fn factors(from: f64, to: f64, count: usize) -> impl Iterator<Item = f64> + Clone {
    (0..count).map(move |i| from * (to / from).powf(i as f64 / (count - 1) as f64))
}

fn grid(side: usize, largest_n: f64) -> Vec<Place> {
    let ratios = factors(RATIOS[0], RATIOS[1], side);
    factors(SMALLEST_N, largest_n, side)
        .flat_map(|n| ratios.clone().map(move |ratio| [n, ratio * n]))
        .collect()
}

/// `scale` is the size that is optimal at the largest compute.
fn iso_flop(scale: f64, offset: f64, smallest_n: f64) -> Vec<Place> {
    let frontier = Frontier::new(TRUTH);
    let flops_c = |n: f64| 6.0 * (n / frontier.balance).powf(frontier.size_exponent.recip());
    let most = flops_c(scale);
    let least = (1e-3 * most).max(flops_c(4.0 * smallest_n));
    factors(least, most, 5)
        .flat_map(|flops_c| {
            let centre = offset * frontier.at(flops_c).params_n;
            factors(0.25 * centre, 4.0 * centre, 7).map(move |n| [n, flops_c / (6.0 * n)])
        })
        .collect()
}

/// The design whose largest size makes it cost the budget.
fn largest(budget: f64, design: impl Fn(f64) -> Vec<Place>) -> Option<Vec<Place>> {
    let is_affordable =
        |ln_n: f64| design(ln_n.exp()).into_iter().map(hours).sum::<f64>() <= budget;
    let (mut lower, mut upper) = ((5.0 * SMALLEST_N).ln(), 1e13_f64.ln());
    if !is_affordable(lower) {
        return None;
    }
    for _ in 0..50 {
        let middle = 0.5 * (lower + upper);
        if is_affordable(middle) { lower = middle } else { upper = middle }
    }
    Some(design(lower.exp()))
}

/// Runs of the pool, each once, until no further one is affordable. The first of the order is
/// exponential with the mean `rarity`: the rarer, the later.
fn random(budget: f64, replicate: u64, rarity: impl Fn(Place) -> f64) -> Vec<Place> {
    let mut stream = Stream::keyed(replicate, [budget.to_bits(), 4, 0]);
    // Half a chi-squared of two degrees of freedom is exponential.
    let key = |run: Place| (0.5 * stream.chi_squared(2) * rarity(run), run);
    let mut order: Vec<(f64, Place)> = pool(budget).into_iter().map(key).collect();
    order.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut left = budget;
    let mut take = |run: &Place| {
        let is_affordable = hours(*run) <= left;
        left -= if is_affordable { hours(*run) } else { 0.0 };
        is_affordable
    };
    order.into_iter().map(|(_, run)| run).filter(|run| take(run)).collect()
}

/// Proposed runs, in stages. Before the first there is nothing but Hoffmann et al.'s fits, which are
/// not the truth.
pub(crate) fn proposed(world: World, aim: Aim, budget: f64, replicate: u64) -> Vec<Place> {
    let published = law().card().published;
    let mut arm = Arm::new("simulated", law(), published[0].coefficients);
    arm.draws = vec![published[1].coefficients.to_vec()];
    let places = pool(budget).into_iter().map(|run| run.to_vec());
    let space = Space::new(0, places, |x| hours([x[0], x[1]]));
    let mut runs: Vec<Place> = Vec::new();
    let mut spent = 0.0;
    for stage in STAGES {
        let measured = runs.iter().map(|run| Run { arm: 0, x: run.to_vec() }).collect();
        let state = State {
            arms: vec![arm.clone()],
            measured,
            pending: Vec::new(),
            spread: Spread::default(),
        };
        let limits = Limits { budget_hours: stage * budget - spent, ..Limits::of_budget(budget) };
        let Ok(proposal) = propose(&state, &space, &aim.target(), &limits) else { break };
        spent += proposal.hours;
        for run in &proposal.runs {
            runs.extend((0..run.seeds_n).map(|_| [run.x[0], run.x[1]]));
        }
        let data = world.measure(&runs, replicate);
        if let Ok(fitted) = Fitted::new(law(), &data, &options(), DRAWS_N, replicate) {
            let next = Arm::of_fit("simulated", &fitted, DRAWS_N as usize);
            let at = Frontier::new(next.coefficients[..].try_into().expect("the law has five"));
            // A fit without a best run says less than what was believed before.
            if at.at(FLOPS_C).params_n.ln().abs() < 60.0 {
                arm = next;
            }
        }
    }
    runs
}
