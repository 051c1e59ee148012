//! How often the intervals of a fit hold the truth, by simulation: the table of docs/fit-coverage.md.
//!
//!     cargo run --release -p law-engine --example fit_coverage -- [WORLDS]

#![expect(clippy::print_stdout, reason = "it prints a table")]

use law_engine::catalogue::{self, Data, Law, Options};
use law_engine::forecast::central;
use law_engine::objective::Residual;
use law_engine::random::Stream;

const LEVEL: f64 = 0.9;
const DRAWS_N: u32 = 400;
/// Standard deviation of the noise, in log loss.
const NOISE: f64 = 0.005;

/// What a world's runs err by.
#[derive(Clone, Copy, Debug)]
enum Noise {
    Normal,
    /// Student's with three degrees of freedom, of the same variance.
    Heavy,
}

impl Noise {
    fn draw(self, stream: &mut Stream) -> f64 {
        match self {
            Self::Normal => NOISE * stream.normal(),
            Self::Heavy => {
                let normal = stream.normal();
                // The variance of Student's t with three degrees of freedom is three.
                NOISE * normal * (1.0 / stream.chi_squared(3)).sqrt()
            }
        }
    }
}

/// A law with its truth, and where its runs are.
struct Setting {
    law: &'static dyn Law,
    truth: &'static [f64],
    /// Coefficients whose intervals are counted.
    exponents: &'static [usize],
    /// A place ten times beyond the runs in every variable.
    beyond: &'static [f64],
    row: fn(f64, f64) -> Vec<f64>,
    columns: &'static [&'static str],
}

fn settings() -> [Setting; 2] {
    let find = |name| catalogue::find(name).expect("it is in the catalogue");
    [
        Setting {
            law: find("chinchilla"),
            truth: &[1.8172, 477.83, 2143.4, 0.3473, 0.3672],
            exponents: &[3, 4],
            beyond: &[1.6e11, 3e12],
            row: |u, v| vec![5.7e7 * 280_f64.powf(u), 8.2e8 * 380_f64.powf(v)],
            columns: &["N", "D"],
        },
        Setting {
            law: find("power-const"),
            truth: &[1.8, 400.0, 0.3],
            exponents: &[2],
            beyond: &[3e12],
            row: |u, _| vec![8.2e8 * 380_f64.powf(u)],
            columns: &["D"],
        },
    ]
}

/// Shares of worlds whose interval holds the truth: of the exponents, and of the loss beyond.
fn coverage(
    setting: &Setting,
    options: &Options,
    noise: Noise,
    runs_n: u64,
    points_n: u64,
    worlds_n: u64,
) -> (f64, f64) {
    let (mut exponents, mut losses, mut worlds) = (0.0, 0.0, 0.0);
    for world in 0..worlds_n {
        let (mut rows, mut response, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for run in 0..runs_n {
            let mut stream = Stream::keyed(world, [run, runs_n, points_n]);
            // Low-discrepancy places: every world has its own, all cover the range.
            let place = |step: f64| ((run as f64 + 0.5) * step + world as f64 * 0.317).fract();
            let u = (run as f64 + 0.5) / runs_n as f64;
            let error = noise.draw(&mut stream);
            for point in 0..points_n {
                // Checkpoints of a run share its error.
                let v = place(0.618_034) * (1.0 - 0.05 * point as f64);
                let u =
                    if setting.columns.len() == 1 { u * (1.0 - 0.01 * point as f64) } else { u };
                let row = (setting.row)(u, v);
                let own = 0.2 * NOISE * if points_n > 1 { stream.normal() } else { 0.0 };
                response.push(setting.law.predict(setting.truth, &row) * (error + own).exp());
                rows.push(row);
                groups.push(run);
            }
        }
        let data = Data::new(setting.columns, rows, response, Some(groups)).expect("positive");
        let Ok(estimate) = setting.law.estimate(&data, options) else { continue };
        let draws = setting.law.draws(&data, options, &estimate, DRAWS_N, world);
        let draws = draws.expect("what can be fitted can be fitted again");
        let holds = |truth: f64, mut values: Vec<f64>| {
            let interval = central(&mut values, LEVEL);
            f64::from(u8::from((interval.lower..=interval.upper).contains(&truth)))
        };
        for i in setting.exponents {
            let values = draws.iter().map(|draw| draw[*i]).collect();
            exponents += holds(setting.truth[*i], values) / setting.exponents.len() as f64;
        }
        let beyond = |draw: &Vec<f64>| setting.law.predict(draw, setting.beyond);
        let truth = setting.law.predict(setting.truth, setting.beyond);
        losses += holds(truth, draws.iter().map(beyond).collect());
        worlds += 1.0;
    }
    (exponents / worlds, losses / worlds)
}

fn main() {
    let worlds_n = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(300);
    println!("| law | objective | noise | runs | points of a run | exponents | loss 10x beyond |");
    println!("|---|---|---|---:|---:|---:|---:|");
    for setting in settings() {
        for (name, options) in [
            ("Huber 1e-3", Options::default()),
            ("least squares", Options::least_squares(Residual::Log)),
        ] {
            for noise in [Noise::Normal, Noise::Heavy] {
                for (runs_n, points_n) in [(8, 1), (12, 1), (25, 1), (60, 1), (240, 1), (25, 8)] {
                    let (exponents, losses) =
                        coverage(&setting, &options, noise, runs_n, points_n, worlds_n);
                    println!(
                        "| {} | {name} | {noise:?} | {runs_n} | {points_n} | {:.1} % | {:.1} % |",
                        setting.law.card().name,
                        100.0 * exponents,
                        100.0 * losses,
                    );
                }
            }
        }
    }
}
