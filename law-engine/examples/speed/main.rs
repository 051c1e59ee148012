//! How fast the engine is, beside scipy on the same rows and machine: writes `docs/speed.md`.
//!
//! ```text
//! cargo run --release -p law-engine --example speed -- RUNS.csv [PYTHON]
//! ```
//!
//! `RUNS.csv` has the columns params_n, tokens_d and loss, such as the 240 runs of arXiv 2404.10102.
//! `PYTHON` is an interpreter with scipy; without it the peer is left out and the page says so.

use std::error::Error;
use std::fmt::Write as _;
use std::process::Command;
use std::time::{Duration, Instant};

use law_engine::catalogue::{AnnealingSums, Data, Estimate, Law, Options, find, schedule};
use law_engine::random::Stream;
use law_engine::tabulated::{Envelope, Row, study};
use law_engine::{Request, analyse};
use sweep_core::crossover::Axis;
use sweep_core::ids::ForecastId;
use sweep_core::spec::LawChoice;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let path = arguments.next().ok_or("name the CSV file of the runs")?;
    let data = read(&path)?;
    let law = find("chinchilla").ok_or("chinchilla is in the catalogue")?;
    let mut page = head(&data);
    for Line { what, time, note } in engine(law, &data)? {
        writeln!(page, "| {what} | {} | {note} |", words(time))?;
    }
    page += "\n## The peer\n\n";
    page += &match arguments.next() {
        Some(python) => peer(&python, &path)?,
        None => "Not run: no interpreter was named.\n".to_owned(),
    };
    let to = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/speed.md");
    std::fs::write(to, page)?;
    Ok(())
}

/// One measured thing.
struct Line {
    what: &'static str,
    time: Duration,
    note: String,
}

fn head(data: &Data) -> String {
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown").to_owned();
    format!(
        "# Speed of the law engine\n\n\
         Written by `cargo run --release -p law-engine --example speed -- RUNS.csv PYTHON`, which \
         runs the peer on the same rows, one after the other. {} rows; {}, load {load} when it \
         began. Chinchilla's law under Huber loss of log residuals with delta 1e-3, medians; one \
         thread unless said.\n\n\
         | what | time | |\n|---|---|---|\n",
        data.rows_n(),
        model.trim_start_matches([':', ' ', '\t']),
    )
}

fn words(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        s if s < 1e-3 => format!("{:.1} us", s * 1e6),
        s if s < 1.0 => format!("{:.2} ms", s * 1e3),
        s => format!("{s:.2} s"),
    }
}

/// Median time of `times` calls.
fn median<T>(times: usize, mut call: impl FnMut() -> T) -> Duration {
    let mut all: Vec<Duration> = (0..times)
        .map(|_| {
            let begin = Instant::now();
            std::hint::black_box(call());
            begin.elapsed()
        })
        .collect();
    all.sort_unstable();
    all[times / 2]
}

/// Coefficients of every combination of a protocol's starts (arXiv 2203.15556, appendix D.3).
fn protocol() -> Vec<Vec<f64>> {
    let amplitudes = [0.0_f64, 5.0, 10.0, 15.0, 20.0, 25.0].map(f64::exp);
    let floors = [-1.0_f64, -0.5, 0.0, 0.5, 1.0].map(f64::exp);
    let exponents = [0.0, 0.5, 1.0, 1.5, 2.0];
    let mut starts = vec![Vec::new()];
    let lists: [&[f64]; 5] = [&floors, &amplitudes, &amplitudes, &exponents, &exponents];
    for list in lists {
        starts = starts
            .iter()
            .flat_map(|start: &Vec<f64>| list.iter().map(|x| [start.clone(), vec![*x]].concat()))
            .collect();
    }
    starts
}

fn engine(law: &dyn Law, data: &Data) -> Outcome<Vec<Line>> {
    let options = Options::default();
    let fit = law.estimate(data, &options)?;
    let line = |what, time, note: String| Line { what, time, note };
    let mut lines = Vec::new();

    let time = median(300, || law.estimate(data, &options));
    lines.push(line("global fit from cold", time, format!("objective {:.10e}", fit.objective)));

    let literal = Options { starts_n: 0, begin: protocol(), ..options.clone() };
    let n = literal.begin.len();
    let mut protocol_fit: Option<Estimate> = None;
    let time = median(1, || protocol_fit = law.estimate(data, &literal).ok());
    let objective = protocol_fit.map_or(f64::NAN, |fit| fit.objective);
    let what = "the literal protocol of 4,500 starts, each to its end";
    lines.push(line(what, time, format!("{n} starts; objective {objective:.10e}")));

    for (what, is_cold, threads_n) in [
        ("4,000 refits to resamples, each a cold global fit", true, 1),
        ("the same on 2 threads", true, 2),
        ("4,000 refits to resamples, each from the optimum", false, 1),
        ("the same on 2 threads", false, 2),
    ] {
        let options = Options { is_cold, threads_n, ..options.clone() };
        let time = median(3, || law.draws(data, &options, &fit, 4000, 1));
        lines.push(line(what, time, String::new()));
    }

    // The last row is the new run. It is taken out again between the refits, which are all that is
    // timed.
    let before = data.filter(|row| row + 1 < data.rows_n());
    let last = data.filter(|row| row + 1 == data.rows_n());
    for (what, is_searched) in [
        ("refit after one new run, with the search as a safeguard", true),
        ("the same from the earlier optima alone", false),
    ] {
        let mut kept = law.keep(&before, &options)?;
        kept.refit(true)?;
        let mut times = Vec::new();
        for _ in 0..300 {
            let begin = Instant::now();
            kept.insert(&last)?;
            std::hint::black_box(kept.refit(is_searched)?);
            times.push(begin.elapsed());
            kept.remove(last.groups()[0]);
            kept.refit(false)?;
        }
        times.sort_unstable();
        lines.push(line(what, times[times.len() / 2], String::new()));
    }

    let time = median(20, || law.influences(data, &options, &fit));
    lines.push(line(
        "what each of the runs does to the fit, by a refit without it",
        time,
        String::new(),
    ));

    let (arms, rows) = languini();
    let (study, _) = study(Axis::Hours, &arms, &rows, Envelope::Best);
    let request = Request {
        forecast: ForecastId::default(),
        law: LawChoice::Auto,
        level: 0.9,
        horizon_hours: 1e6,
        draws_n: 1000,
        seed: 1,
    };
    let time = median(20, || analyse(&study, &request));
    let what = "two arms, 5 classes, 3 seeds: both laws, 1,000 paired draws of each, crossing sets";
    lines.push(line(what, time, String::new()));

    lines.extend(slopes(law, &options)?);
    lines.extend(curves());

    let rates: Vec<f64> = (0..1_000_000).map(|i| 3e-4 * (1.0 - f64::from(i) / 1e6)).collect();
    let time = median(20, || {
        (schedule::forward_area(&rates), schedule::annealing_area(&rates, 2000, 0.99))
    });
    lines.push(line("S1 and S2 of a schedule of 1,000,000 steps", time, String::new()));
    Ok(lines)
}

/// Objective and gradient of tables of all sizes.
fn slopes(law: &dyn Law, options: &Options) -> Outcome<Vec<Line>> {
    let truth = [1.8172, 477.83, 2143.4, 0.3473, 0.3672];
    let mut lines = Vec::new();
    for (rows_n, what) in [
        (1_000_u64, "objective and gradient of 1,000 rows"),
        (10_000, "objective and gradient of 10,000 rows"),
        (100_000, "objective and gradient of 100,000 rows"),
        (1_000_000, "objective and gradient of 1,000,000 rows"),
    ] {
        let (mut rows, mut losses) = (Vec::new(), Vec::new());
        for i in 0..rows_n {
            let mut stream = Stream::keyed(1, [i, 0, 0]);
            let mut between = |lower: f64, ratio: f64| {
                lower * ratio.powf(stream.below(1 << 20) as f64 / f64::from(1 << 20))
            };
            let row = vec![between(5.7e7, 280.0), between(8.2e8, 380.0)];
            losses.push(law.predict(&truth, &row) * (0.005 * stream.normal()).exp());
            rows.push(row);
        }
        let kept = law.keep(&Data::new(&["N", "D"], rows, losses, None)?, options)?;
        let times = if rows_n > 100_000 { 20 } else { 300 };
        let time = median(times, || kept.slope(&truth));
        let per_row = 1e9 * time.as_secs_f64() / rows_n as f64;
        lines.push(Line { what, time, note: format!("{per_row:.2} ns a row") });
    }
    Ok(lines)
}

/// The annealing law on a hundred curves of 10,000 points.
fn curves() -> Vec<Line> {
    let rates: Vec<f64> = (0..10_000).map(|i| 3e-3 * (1.0 - f64::from(i) / 1.1e4)).collect();
    let (s1, s2) = (schedule::forward_area(&rates), schedule::annealing_area(&rates, 200, 0.99));
    let loss = |run: u64, point: usize| {
        let noise = (0.002 * Stream::keyed(run, [point as u64, 0, 0]).normal()).exp();
        (2.789 + 0.593 * s1[point].powf(-0.455) - 0.481 * s2[point]) * noise
    };
    let losses: Vec<f64> = (0..100)
        .flat_map(|run| (0..s1.len()).map(move |point| (run, point)))
        .map(|(run, point)| loss(run, point))
        .collect();
    let (all_s1, all_s2) = (s1.repeat(100), s2.repeat(100));
    let whole = |mut sums: AnnealingSums| {
        sums.add(&all_s1, &all_s2, &losses);
        sums
    };
    let time = median(20, || whole(AnnealingSums::wide()).fit());
    let what = "the annealing law's linear coefficients at 33 exponents, of 1,000,000 points";
    let wide = whole(AnnealingSums::wide()).fit();
    let mut lines = vec![Line { what, time, note: String::new() }];
    if let Some(wide) = wide {
        let sums = whole(AnnealingSums::narrow(wide.coefficients[3]));
        let time = median(100, || {
            let mut sums = sums.clone();
            sums.add(&s1, &s2, &losses[..s1.len()]);
            sums.fit()
        });
        let what = "one run of 10,000 points more in a fit of 1,000,000";
        let alpha = sums.fit().map_or(f64::NAN, |fit| fit.coefficients[3]);
        let note = format!("least squares of relative residuals; alpha {alpha:.4} of 0.455");
        lines.push(Line { what, time, note });
    }
    lines
}

/// Two arms over Languini Kitchen's classes with 0.3 % of noise.
fn languini() -> (Vec<String>, Vec<Row>) {
    let mut rows = Vec::new();
    for (arm, exponent) in [0.075, 0.095].into_iter().enumerate() {
        for hours in [6.0, 12.0, 24.0, 48.0, 96.0_f64] {
            for seed in 0..3 {
                let noise = Stream::keyed(seed, [arm as u64, hours as u64, 0]).normal();
                let loss = (hours / 5e4).powf(-exponent) * (0.003 * noise).exp();
                rows.push(Row { arm, place: hours, configuration: 0, seed: Some(seed), loss });
            }
        }
    }
    (vec!["gpt".to_owned(), "qlstm".to_owned()], rows)
}

fn read(path: &str) -> Outcome<Data> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().ok_or("the file is empty")?.split(',').collect();
    let place = |name: &str| {
        header
            .iter()
            .position(|column| *column == name)
            .ok_or_else(|| format!("{path} lacks {name}"))
    };
    let places = [place("params_n")?, place("tokens_d")?, place("loss")?];
    let excluded = place("excluded_by_epoch").ok();
    let (mut rows, mut losses) = (Vec::new(), Vec::new());
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        if excluded.is_some_and(|place| cells[place] == "1") {
            continue;
        }
        let [n, d, loss] = places.map(|place| cells[place].parse::<f64>());
        rows.push(vec![n?, d?]);
        losses.push(loss?);
    }
    Ok(Data::new(&["N", "D"], rows, losses, None)?)
}

/// Runs the peer, which prints rows of a table.
fn peer(python: &str, path: &str) -> Outcome<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/speed/peer.py");
    let output = Command::new(python).args([script, path]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
