//! A question of a given size, for measuring how long a proposal takes.

use law_engine::catalogue::find;
use law_engine::propose::{Arm, Limits, Run, Scale, Space, Spread, State, Target};

pub(crate) struct Question {
    pub(crate) state: State<'static>,
    pub(crate) space: Space,
    pub(crate) target: Target,
    pub(crate) limits: Limits,
}

/// 25 runs are measured, and the law has six draws beside the fit. Runs of up to 900 h are
/// affordable, within 3,000 h.
pub(crate) fn question(candidates_n: usize) -> Question {
    let law = find("chinchilla").expect("it is in the catalogue");
    let truth = [1.8172, 482.01, 2085.43, 0.3478, 0.3658];
    let draw = |i: u32| {
        let shift = 0.01 * (f64::from(i) - 2.5);
        vec![truth[0], truth[1] * (18.0 * shift).exp(), truth[2], truth[3] + shift, truth[4]]
    };
    let arm = Arm { draws: (0..6).map(draw).collect(), ..Arm::new("simulated", law, &truth) };
    let grid = |sizes: usize, ratios: usize, most: f64| {
        (0..sizes * ratios).map(move |i| {
            let n = 1e7 * (most / 1e7).powf((i / ratios) as f64 / (sizes - 1) as f64);
            let ratio = 2.5 * 64_f64.powf((i % ratios) as f64 / (ratios - 1) as f64);
            vec![n, ratio * n]
        })
    };
    let measured = grid(5, 5, 1e8).map(|x| Run { arm: 0, x }).collect();
    let hours = |x: &[f64]| 0.2 + 6.0 * x[0] * x[1] / 1.44e18;
    Question {
        state: State { arms: vec![arm], measured, pending: Vec::new(), spread: Spread::default() },
        space: Space::new(0, grid(candidates_n / 10, 10, 3e9), hours),
        target: Target::BestLoss { arm: 0, scale: Scale::Flops(1e24) },
        limits: Limits::of_budget(3000.0),
    }
}
