//! How often the intervals of a fit hold the truth, by simulation: the table of docs/fit-coverage.md.
//!
//!     cargo run -p law-engine --example fit_coverage -- [WORLDS] [METHOD...]

#![expect(clippy::print_stdout, reason = "it prints a table")]

use law_engine::catalogue::{self, Data, Law, Options, Profile, Scheme};
use law_engine::forecast::central;
use law_engine::objective::Residual;
use law_engine::random::Stream;
use sweep_core::fit::Interval;

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

/// How intervals are made.
#[derive(Clone, Copy)]
enum Method {
    /// Of refits.
    Refits(Scheme),
    /// Of each coefficient's profile.
    Profile,
    /// Of the curvature at the optimum.
    Delta,
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

    /// Shares of worlds whose interval holds the truth: of the exponents, and of the loss beyond,
    /// which is not a number for methods that know coefficients only.
    fn coverage(
        &self,
        options: &Options,
        method: Method,
        noise: Noise,
        design: (u64, u64),
        worlds_n: u64,
    ) -> (f64, f64) {
        let (mut exponents, mut losses) = (0.0, 0.0);
        for world in 0..worlds_n {
            let data = self.world(noise, design, world);
            let (of_exponents, of_loss) = match method {
                Method::Refits(scheme) => {
                    let options = Options { scheme, ..options.clone() };
                    self.refits(&data, &options, world)
                }
                Method::Profile => (self.profiles(&data, options, |p| p.interval), f64::NAN),
                Method::Delta => (self.profiles(&data, options, |p| p.delta), f64::NAN),
            };
            exponents += of_exponents;
            losses += of_loss;
        }
        (exponents / worlds_n as f64, losses / worlds_n as f64)
    }

    /// Share of the exponents whose interval of refits holds the truth, and whether that of the loss
    /// beyond does.
    fn refits(&self, data: &Data, options: &Options, world: u64) -> (f64, f64) {
        let estimate = self.law.estimate(data, options).expect("it can be fitted");
        let draws = self.law.draws(data, options, &estimate, DRAWS_N, world);
        let draws = draws.expect("what can be fitted can be fitted again");
        let interval = |mut values: Vec<f64>| central(&mut values, LEVEL);
        let exponents = self.share(|i| interval(draws.iter().map(|draw| draw[i]).collect()));
        let beyond = |coefficients: &[f64]| self.law.predict(coefficients, self.beyond);
        let losses = interval(draws.iter().map(|draw| beyond(draw)).collect());
        (exponents, holds(beyond(self.truth), losses))
    }

    /// Share of the exponents whose interval of profiles holds the truth.
    fn profiles(&self, data: &Data, options: &Options, of: impl Fn(&Profile) -> Interval) -> f64 {
        let estimate = self.law.estimate(data, options).expect("it can be fitted");
        let profiles = self.law.profiles(data, options, &estimate, LEVEL);
        let profiles = profiles.expect("what can be fitted has a profile");
        self.share(|i| of(profiles[i].as_ref().expect("nothing is given")))
    }

    fn share(&self, interval: impl Fn(usize) -> Interval) -> f64 {
        let held = self.exponents.iter().map(|i| holds(self.truth[*i], interval(*i))).sum::<f64>();
        held / self.exponents.len() as f64
    }
}

fn holds(truth: f64, interval: Interval) -> f64 {
    f64::from(u8::from((interval.lower..=interval.upper).contains(&truth)))
}

/// One line of the table.
struct Line {
    objective: &'static str,
    method: &'static str,
    text: String,
    /// Of exponents, and of the loss beyond, where the method has one.
    shares: Vec<f64>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let worlds_n = arguments.first().and_then(|n| n.parse().ok()).unwrap_or(300);
    let all = [
        ("residuals", Method::Refits(Scheme::Residuals)),
        ("runs", Method::Refits(Scheme::Runs)),
        ("wild", Method::Refits(Scheme::Wild)),
        ("profile", Method::Profile),
        ("delta", Method::Delta),
    ];
    let is_asked = |name: &str| arguments.len() < 2 || arguments[1..].iter().any(|a| a == name);
    let objectives = [
        ("Huber 1e-3", Options::default()),
        ("least squares", Options::least_squares(Residual::Log)),
    ];
    let mut lines = Vec::new();
    for setting in settings() {
        for (objective, options) in &objectives {
            for noise in [Noise::Normal, Noise::Heavy] {
                for design in DESIGNS {
                    for (name, method) in all.iter().filter(|(name, _)| is_asked(name)) {
                        let (exponents, loss) =
                            setting.coverage(options, *method, noise, design, worlds_n);
                        let law = setting.law.card().name;
                        let (runs, points) = design;
                        let text = format!(
                            "| {law} | {objective} | {noise:?} | {runs} | {points} | {name} | {} | {} |",
                            percent(exponents),
                            percent(loss),
                        );
                        let shares = [exponents, loss];
                        let shares = shares.into_iter().filter(|share| !share.is_nan()).collect();
                        lines.push(Line { objective, method: name, text, shares });
                    }
                }
            }
        }
    }
    summary(&lines, objectives.map(|(name, _)| name), all.map(|(name, _)| name));
    println!("\n| law | objective | noise | runs | points of a run | method | exponents | loss |");
    println!("|---|---|---|---:|---:|---|---:|---:|");
    lines.iter().for_each(|line| println!("{}", line.text));
}

fn percent(share: f64) -> String {
    if share.is_nan() { "-".to_owned() } else { format!("{:.1} %", 100.0 * share) }
}

/// What each method does over all lines.
fn summary(lines: &[Line], objectives: [&str; 2], methods: [&str; 5]) {
    println!("| objective | method | mean | least | most | within 86 to 95 % |");
    println!("|---|---|---:|---:|---:|---:|");
    for objective in objectives {
        for method in methods {
            let own = lines.iter().filter(|l| l.objective == objective && l.method == method);
            let shares: Vec<f64> = own.flat_map(|line| line.shares.iter().copied()).collect();
            let n = shares.len();
            if n == 0 {
                continue;
            }
            let within = shares.iter().filter(|share| (0.86..=0.95).contains(*share)).count();
            println!(
                "| {objective} | {method} | {} | {} | {} | {within} of {n} |",
                percent(shares.iter().sum::<f64>() / n as f64),
                percent(shares.iter().copied().fold(1.0, f64::min)),
                percent(shares.iter().copied().fold(0.0, f64::max)),
            );
        }
    }
}
