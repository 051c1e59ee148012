//! Fits of the catalogue's laws: a cold global fit of the Chinchilla law to 240 rows, what a
//! bootstrap refit of it costs, what one more row does, and the passes of large tables. `cargo bench
//! --bench fit`.

use divan::{Bencher, black_box};
use law_engine::catalogue::{self, AnnealingSums, Data, Options};
use law_engine::random::Stream;

fn main() {
    divan::main();
}

/// Rows over the range of Hoffmann et al.'s runs, with half a per cent of noise.
fn data(rows_n: u64) -> Data {
    let law = catalogue::find("chinchilla").expect("it is in the catalogue");
    let truth = [1.8172, 477.83, 2143.4, 0.3473, 0.3672];
    let mut rows = Vec::new();
    let mut losses = Vec::new();
    for i in 0..rows_n {
        let mut stream = Stream::keyed(1, [i, 0, 0]);
        let n = 5.7e7 * f64::powf(280.0, (i % 15) as f64 / 14.0);
        let d = 8.2e8 * f64::powf(380.0, (i / 15) as f64 / (rows_n / 15) as f64);
        losses.push(law.predict(&truth, &[n, d]) * (0.005 * stream.normal()).exp());
        rows.push(vec![n, d]);
    }
    Data::new(&["N", "D"], rows, losses, None).expect("they are positive")
}

#[divan::bench]
fn chinchilla_cold(bencher: Bencher<'_, '_>) {
    let law = catalogue::find("chinchilla").expect("it is in the catalogue");
    let (data, options) = (data(240), Options::default());
    bencher.bench(|| law.estimate(black_box(&data), black_box(&options)));
}

/// Refits from the optimum, and refits that search anew.
#[divan::bench(args = [false, true])]
fn chinchilla_100_draws(bencher: Bencher<'_, '_>, is_cold: bool) {
    let law = catalogue::find("chinchilla").expect("it is in the catalogue");
    let (data, options) = (data(240), Options { is_cold, ..Options::default() });
    let estimate = law.estimate(&data, &options).expect("it can be fitted");
    bencher.bench(|| law.draws(black_box(&data), &options, &estimate, 100, 1));
}

/// One row more in a fit that is kept, alone and with the search.
#[divan::bench(args = [false, true])]
fn chinchilla_one_row_more(bencher: Bencher<'_, '_>, is_searched: bool) {
    let law = catalogue::find("chinchilla").expect("it is in the catalogue");
    let data = data(240);
    let (before, last) = (data.filter(|row| row != 100), data.filter(|row| row == 100));
    let mut kept = law.keep(&before, &Options::default()).expect("usable data");
    kept.refit(true).expect("it can be fitted");
    bencher.bench_local(|| {
        kept.remove(100);
        kept.insert(black_box(&last)).expect("usable data");
        kept.refit(is_searched)
    });
}

/// Objective and gradient.
#[divan::bench(args = [1_000, 10_000, 100_000, 1_000_000])]
fn chinchilla_slope(bencher: Bencher<'_, '_>, rows_n: u64) {
    let law = catalogue::find("chinchilla").expect("it is in the catalogue");
    let kept = law.keep(&data(rows_n), &Options::default()).expect("usable data");
    bencher
        .counter(divan::counter::ItemsCount::new(rows_n))
        .bench_local(|| kept.slope(black_box(&[1.8, 480.0, 2100.0, 0.34, 0.36])));
}

/// The points of a run and the fit, whatever was there before.
#[divan::bench]
fn annealing_10_000_points_more(bencher: Bencher<'_, '_>) {
    let s1: Vec<f64> = (1..=10_000).map(|i| 1e-3 * f64::from(i)).collect();
    let s2: Vec<f64> = s1.iter().map(|s1| 0.01 * s1).collect();
    let losses: Vec<f64> = s1.iter().map(|s1| 2.8 + 0.6 * s1.powf(-0.45) - 0.005 * s1).collect();
    let mut sums = AnnealingSums::narrow(0.45);
    bencher.bench_local(|| {
        sums.add(black_box(&s1), &s2, &losses);
        sums.fit()
    });
}
