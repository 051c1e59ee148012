//! How often the intervals of a fit hold the truth, by simulation: the table of docs/fit-coverage.md.
//!
//!     cargo run -p law-engine --example fit_coverage -- [WORLDS] [SCHEME...]

#![expect(clippy::print_stdout, reason = "it prints a table")]

use law_engine::catalogue::{self, Data, Law, Options, Scheme};
use law_engine::forecast::central;
use law_engine::objective::Residual;
use law_engine::random::Stream;

const LEVEL: f64 = 0.9;
const DRAWS_N: u32 = 200;
/// Standard deviation of the noise, in log loss.
const NOISE: f64 = 0.005;
/// Runs, and points of each.
const DESIGNS: [(u64, u64); 7] = [(8, 1), (12, 1), (25, 1), (60, 1), (240, 1), (12, 8), (25, 8)];

/// What a world's runs err by.
#[derive(Clone, Copy, Debug)]
enum Noise {
    Normal,
    /// Student's with three degrees of freedom, of the same variance.
    Heavy,
}

impl Noise {
    fn draw(self, stream: &mut Stream) -> f64 {
        let normal = stream.normal();
        match self {
            Self::Normal => NOISE * normal,
            Self::Heavy => {
                let squares: f64 = (0..3).map(|_| stream.normal().powi(2)).sum();
                // Student's t over the root of its variance, which is three.
                NOISE * normal / squares.sqrt()
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

impl Setting {
    /// The runs of one world, all over the range. Checkpoints of a run share its error and have a
    /// small one of their own.
    fn world(&self, noise: Noise, (runs_n, points_n): (u64, u64), world: u64) -> Data {
        let (mut rows, mut response, mut groups) = (Vec::new(), Vec::new(), Vec::new());
        for run in 0..runs_n {
            let mut stream = Stream::keyed(world, [run, runs_n, points_n]);
            let u = (run as f64 + 0.5) / runs_n as f64;
            // A low-discrepancy sequence, begun elsewhere in every world.
            let v = ((run as f64 + 0.5) * 0.618_034 + world as f64 * 0.317).fract();
            let error = noise.draw(&mut stream);
            for point in 0..points_n {
                let done = 1.0 - 0.05 * point as f64;
                let row = if self.columns.len() == 1 {
                    (self.row)(u * done, 0.0)
                } else {
                    (self.row)(u, v * done)
                };
                let own = if points_n > 1 { 0.2 * NOISE * stream.normal() } else { 0.0 };
                response.push(self.law.predict(self.truth, &row) * (error + own).exp());
                rows.push(row);
                groups.push(run);
            }
        }
        Data::new(self.columns, rows, response, Some(groups)).expect("they are positive")
    }

    /// Shares of worlds whose interval holds the truth: of the exponents, and of the loss beyond.
    fn coverage(
        &self,
        options: &Options,
        scheme: Scheme,
        noise: Noise,
        design: (u64, u64),
        worlds_n: u64,
    ) -> (f64, f64) {
        let (mut exponents, mut losses) = (0.0, 0.0);
        for world in 0..worlds_n {
            let data = self.world(noise, design, world);
            let options = &Options { scheme, ..options.clone() };
            let estimate = self.law.estimate(&data, options).expect("it can be fitted");
            let draws = self.law.draws(&data, options, &estimate, DRAWS_N, world);
            let draws = draws.expect("what can be fitted can be fitted again");
            for i in self.exponents {
                let values = draws.iter().map(|draw| draw[*i]).collect();
                exponents += holds(self.truth[*i], values) / self.exponents.len() as f64;
            }
            let beyond = |coefficients: &[f64]| self.law.predict(coefficients, self.beyond);
            losses += holds(beyond(self.truth), draws.iter().map(|draw| beyond(draw)).collect());
        }
        (exponents / worlds_n as f64, losses / worlds_n as f64)
    }
}

fn holds(truth: f64, mut values: Vec<f64>) -> f64 {
    let interval = central(&mut values, LEVEL);
    f64::from(u8::from((interval.lower..=interval.upper).contains(&truth)))
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let worlds_n = arguments.first().and_then(|n| n.parse().ok()).unwrap_or(300);
    let all = [("residuals", Scheme::Residuals), ("runs", Scheme::Runs), ("wild", Scheme::Wild)];
    let is_asked = |name: &str| arguments.len() < 2 || arguments[1..].iter().any(|a| a == name);
    println!("| law | objective | noise | runs | points of a run | scheme | exponents | loss |");
    println!("|---|---|---|---:|---:|---|---:|---:|");
    for setting in settings() {
        for (objective, options) in [
            ("Huber 1e-3", Options::default()),
            ("least squares", Options::least_squares(Residual::Log)),
        ] {
            for noise in [Noise::Normal, Noise::Heavy] {
                for design in DESIGNS {
                    for (name, scheme) in all.iter().filter(|(name, _)| is_asked(name)) {
                        let (exponents, loss) =
                            setting.coverage(&options, *scheme, noise, design, worlds_n);
                        println!(
                            "| {} | {objective} | {noise:?} | {} | {} | {name} | {:.1} % | {:.1} % |",
                            setting.law.card().name,
                            design.0,
                            design.1,
                            100.0 * exponents,
                            100.0 * loss,
                        );
                    }
                }
            }
        }
    }
}
