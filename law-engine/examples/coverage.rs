//! How often the set of a crossover holds the truth: simulated worlds, cell by cell.
//!
//! `cargo run --release -p law-engine --example coverage -- WORLDS [FAMILY]` prints the table of
//! docs/coverage.md. Nothing is random but what the seed of a world says.

#![expect(clippy::print_stdout, reason = "its output is the table")]

use std::f64::consts::LN_10;

use law_engine::compare::{Arm, FloorArm, LineArm, Rivals, Run, Sample, places};
use law_engine::curve::Cell;
use law_engine::random::Stream;

const LEVEL: f64 = 0.9;
/// x is ln of compute over that of the smallest run; two decades are measured.
const SPAN: f64 = 4.605_170_185_988_091;
/// Nothing is looked for beyond a thousand times the largest run.
const HORIZON: f64 = SPAN + 6.907_755_278_982_137;
const CONFIGURATIONS: [usize; 5] = [4, 5, 8, 12, 25];
const NOISES: [f64; 3] = [0.001, 0.003, 0.01];
const TRUTHS: [(&str, f64); 5] = [
    ("inside", 0.6 * SPAN),
    ("3x", SPAN + 1.098_612_288_668_11),
    ("10x", SPAN + LN_10),
    ("100x", 2.0 * SPAN),
    ("never", f64::INFINITY),
];

/// Rows of one run: its end, or its last eight checkpoints.
#[derive(Clone, Copy)]
struct Design {
    configurations_n: usize,
    checkpoints_n: u32,
    noise: f64,
}

/// Two laws `E + A e^(-alpha x)` that are equal at a place.
#[derive(Clone, Copy)]
struct World {
    floors: [f64; 2],
    exponents: [f64; 2],
    crossing: f64,
}

impl World {
    fn power(crossing: f64) -> Self {
        let exponents = if crossing.is_finite() { [0.06, 0.08] } else { [0.07, 0.07] };
        Self { floors: [0.0; 2], exponents, crossing }
    }

    fn floor(crossing: f64) -> Self {
        let floors = if crossing.is_finite() { [0.45, 0.40] } else { [0.40, 0.45] };
        Self { floors, exponents: [0.25, 0.30], crossing }
    }

    fn ln_loss(&self, arm: usize, x: f64) -> f64 {
        let (floor, exponent) = (self.floors[arm], self.exponents[arm]);
        if self.crossing.is_finite() {
            // Both are one at the crossing.
            (floor + (1.0 - floor) * (-exponent * (x - self.crossing)).exp()).ln()
        } else {
            // The second is 3 % above the first at the largest run, and by more or no less beyond.
            let lead = if arm == 1 { 1.03 } else { 1.0 };
            lead_of(floor, exponent, x, lead)
        }
    }

    fn sample(&self, arm: usize, design: Design, world: u64) -> Sample {
        let runs = (0..design.configurations_n).map(|i| {
            let end = SPAN * i as f64 / (design.configurations_n - 1) as f64;
            // Every cell of the table has its own worlds.
            let cell = [design.noise.to_bits(), self.crossing.to_bits()];
            let key = cell[0] ^ cell[1].rotate_left(17) ^ u64::from(design.checkpoints_n);
            let place = (arm * 1000 + design.configurations_n * 10_000 + i) as u64;
            let mut stream = Stream::keyed(world, [key, place, 0]);
            let shared = design.noise * stream.normal();
            let row = |k: u32| {
                // Checkpoints are spread over the last half of the run, and scatter a little.
                let x = end - 0.693 * f64::from(k) / 8.0;
                let own = if k > 0 { 0.3 * design.noise * stream.normal() } else { 0.0 };
                (x, self.ln_loss(arm, x) + shared + own)
            };
            let rows = (0..design.checkpoints_n).map(row).collect();
            // No cell is shared: the arms are not paired.
            Run { cell: Cell { class: i, seed: arm as u64 }, rows }
        });
        Sample { runs: runs.collect() }
    }
}

fn lead_of(floor: f64, exponent: f64, x: f64, lead: f64) -> f64 {
    let at_end = floor + (1.0 - floor) * 0.8;
    (lead * (floor + (1.0 - floor) * 0.8 * (-exponent * (x - SPAN)).exp()) / at_end).ln()
}

/// How many of the worlds have the truth in their set.
fn held<A: Arm<P>, const P: usize>(world: World, design: Design, worlds_n: u64) -> u64 {
    let holds = |seed: u64| {
        let samples = [0, 1].map(|arm| world.sample(arm, design, seed));
        let rivals = Rivals::<A, P>::fit([&samples[0], &samples[1]]).expect("enough runs");
        let set = places(&rivals, [0.0, SPAN, HORIZON], LEVEL);
        // An arm that is ahead all along is ahead at the end, unless noise has it otherwise: then
        // "it was overtaken before" is what is kept.
        let never = set.includes_never && (rivals.lead(SPAN) > 0.0 || set.holds(SPAN));
        if world.crossing.is_finite() { set.holds(world.crossing) } else { never }
    };
    (0..worlds_n).filter(|seed| holds(*seed)).count() as u64
}

fn table<A: Arm<P>, const P: usize>(name: &str, worlds_n: u64, world: fn(f64) -> World) {
    println!("\n## {name}\n");
    let heads: Vec<&str> = TRUTHS.iter().map(|(name, _)| *name).collect();
    println!("| runs per arm | noise | {} | {}, 8 checkpoints |", heads.join(" | "), {
        heads.join(", 8 checkpoints | ")
    });
    println!("|---|---|{}", "---|".repeat(2 * heads.len()));
    for configurations_n in CONFIGURATIONS {
        for noise in NOISES {
            let mut line = format!("| {configurations_n} | {:.1} % |", 100.0 * noise);
            for checkpoints_n in [1, 8] {
                for (_, crossing) in TRUTHS {
                    let design = Design { configurations_n, checkpoints_n, noise };
                    let held = held::<A, P>(world(crossing), design, worlds_n);
                    line += &format!(" {:.1} |", 100.0 * held as f64 / worlds_n as f64);
                }
            }
            println!("{line}");
        }
    }
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let worlds_n = arguments.next().and_then(|n| n.parse().ok()).unwrap_or(200);
    let family = arguments.next();
    let wants = |name: &str| family.as_deref().is_none_or(|family| family == name);
    if wants("power") {
        table::<LineArm, 2>("power", worlds_n, World::power);
    }
    if wants("power-floor") {
        table::<FloorArm, 3>("power-floor", worlds_n, World::floor);
    }
}
