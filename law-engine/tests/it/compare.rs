//! The set of a crossover: closed forms, and a small version of docs/coverage.md.

use law_engine::compare::{Arm, FloorArm, LineArm, Rivals, Run, Sample, places};
use law_engine::curve::Cell;
use law_engine::random::Stream;

const SPAN: f64 = 4.6;
const HORIZON: f64 = 11.5;

/// Runs of `rows_n` rows evenly over [`SPAN`], the rows of one run with one error.
fn sample(
    law: impl Fn(f64) -> f64,
    arm: u64,
    seed: u64,
    [n, rows_n]: [usize; 2],
    noise: f64,
) -> Sample {
    let run = |i: usize| {
        let error = noise * Stream::keyed(seed, [arm, i as u64, 7]).normal();
        let end = SPAN * i as f64 / (n - 1) as f64;
        let row = |k: usize| {
            let x = end - 0.08 * k as f64;
            (x, law(x) + error)
        };
        // No cell in common: the arms are not paired.
        Run { cell: Cell { class: i, seed: arm }, rows: (0..rows_n).map(row).collect() }
    };
    Sample { runs: (0..n).map(run).collect() }
}

fn line(exponent: f64, crossing: f64) -> impl Fn(f64) -> f64 {
    move |x| -exponent * (x - crossing)
}

fn floor(floor: f64, exponent: f64, crossing: f64) -> impl Fn(f64) -> f64 {
    move |x| (floor + (1.0 - floor) * (-exponent * (x - crossing)).exp()).ln()
}

/// Share of 400 worlds whose set holds the crossing, at 90 %.
fn coverage<A: Arm<P>, const P: usize>(
    laws: [&dyn Fn(f64) -> f64; 2],
    design: [usize; 2],
    crossing: f64,
) -> f64 {
    let holds = |seed: u64| {
        let samples = [0, 1].map(|arm| sample(laws[arm], arm as u64, seed, design, 0.003));
        let rivals =
            Rivals::<A, P>::fit([&samples[0], &samples[1]]).expect("more runs than parameters");
        places(&rivals, [0.0, SPAN, HORIZON], 0.9).holds(crossing)
    };
    (0..400).filter(|seed| holds(*seed)).count() as f64 / 400.0
}

#[test]
fn one_to_one_pairs_give_fiellers_set_of_the_differences() {
    let [a, b] = [0, 1].map(|arm| {
        let mut sample = sample(line(0.06 + 0.02 * arm as f64, 6.0), arm, 3, [6, 1], 0.002);
        sample.runs.iter_mut().for_each(|run| run.cell.seed = 0);
        sample
    });
    // The differences are one line with one error each, whose test is exact.
    let differences: Vec<(f64, f64)> =
        a.runs.iter().zip(&b.runs).map(|(a, b)| (a.rows[0].0, b.rows[0].1 - a.rows[0].1)).collect();
    let n = differences.len() as f64;
    let centre = differences.iter().map(|d| d.0).sum::<f64>() / n;
    let level = differences.iter().map(|d| d.1).sum::<f64>() / n;
    let square: f64 = differences.iter().map(|d| (d.0 - centre).powi(2)).sum();
    let slope = differences.iter().map(|d| (d.0 - centre) * d.1).sum::<f64>() / square;
    let rest: f64 =
        differences.iter().map(|d| (d.1 - level - slope * (d.0 - centre)).powi(2)).sum();
    let rivals = Rivals::<LineArm, 2>::fit([&a, &b]).unwrap();
    let set = places(&rivals, [0.0, SPAN, HORIZON], 0.9);
    // Student's 90 % point for four degrees of freedom.
    for [from, to] in &set.intervals {
        for edge in [from, to].into_iter().filter(|x| **x > 0.0 && **x < HORIZON) {
            let spread = 1.0 / n + (edge - centre).powi(2) / square;
            let t = (level + slope * (edge - centre)) / (rest / (n - 2.0) * spread).sqrt();
            assert!((t.abs() / 2.131_847 - 1.0).abs() < 1e-2, "{edge}: {t}");
        }
    }
    assert!(set.holds(6.0) && !set.includes_earlier, "{set:?}");
}

#[test]
fn without_noise_the_set_is_the_crossing() {
    let samples =
        [0, 1].map(|arm| sample(line(0.06 + 0.02 * arm as f64, 7.0), arm, 1, [5, 1], 0.0));
    let rivals = Rivals::<LineArm, 2>::fit([&samples[0], &samples[1]]).unwrap();
    let set = places(&rivals, [0.0, SPAN, HORIZON], 0.9);
    let [[from, to]] = set.intervals[..] else { panic!("{set:?}") };
    assert!((from - 7.0).abs() < 1e-3 && (to - 7.0).abs() < 1e-3, "{set:?}");
    assert!(!set.includes_never && !set.includes_earlier);
}

#[test]
fn checkpoints_of_a_run_add_no_certainty() {
    let set = |rows_n| {
        let samples = [0, 1]
            .map(|arm| sample(line(0.06 + 0.02 * arm as f64, 6.0), arm, 5, [8, rows_n], 0.001));
        let rivals = Rivals::<LineArm, 2>::fit([&samples[0], &samples[1]]).unwrap();
        places(&rivals, [0.0, SPAN, HORIZON], 0.9).intervals[0]
    };
    let (ends, checkpoints) = (set(1), set(8));
    let width = |[from, to]: [f64; 2]| to - from;
    assert!(width(checkpoints) > 0.95 * width(ends), "{ends:?} {checkpoints:?}");
}

#[test]
fn lines_cover_at_their_level_with_and_without_checkpoints() {
    for (design, crossing) in [([4, 1], 2.8), ([5, 1], 6.9), ([8, 8], 6.9), ([12, 1], 9.2)] {
        let laws = [line(0.06, crossing), line(0.08, crossing)];
        let share = coverage::<LineArm, 2>([&laws[0], &laws[1]], design, crossing);
        assert!((0.86..=0.95).contains(&share), "{design:?} at {crossing}: {share}");
    }
}

#[test]
fn floors_cover_and_keep_what_they_cannot_exclude() {
    for (design, crossing) in [([5, 1], 6.9), ([8, 8], 2.8)] {
        let laws = [floor(0.45, 0.25, crossing), floor(0.4, 0.3, crossing)];
        let share = coverage::<FloorArm, 3>([&laws[0], &laws[1]], design, crossing);
        assert!(share >= 0.86, "{design:?} at {crossing}: {share}");
    }
}

#[test]
fn never_is_kept_where_it_is_true() {
    let kept = |seed: u64| {
        let samples = [
            sample(line(0.07, 0.0), 0, seed, [5, 1], 0.003),
            sample(|x| 0.02 - 0.07 * x, 1, seed, [5, 1], 0.003),
        ];
        let rivals = Rivals::<LineArm, 2>::fit([&samples[0], &samples[1]]).unwrap();
        places(&rivals, [0.0, SPAN, HORIZON], 0.9).includes_never
    };
    let share = (0..400).filter(|seed| kept(*seed)).count() as f64 / 400.0;
    assert!(share >= 0.95, "{share}");
}

#[test]
fn too_few_runs_are_refused() {
    let few = sample(line(0.07, 0.0), 0, 1, [3, 8], 0.003);
    assert!(Rivals::<FloorArm, 3>::fit([&few, &few]).is_none());
    assert!(Rivals::<LineArm, 2>::fit([&few, &few]).is_some());
}
