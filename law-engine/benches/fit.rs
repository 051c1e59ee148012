//! Fits of the catalogue's laws: a cold global fit of the Chinchilla law to 240 rows, and what a
//! bootstrap refit of it costs. `cargo bench --bench fit`.

use divan::{Bencher, black_box};
use law_engine::catalogue::{self, Data, Options};
use law_engine::random::Stream;

fn main() {
    divan::main();
}

/// 240 rows over the range of Hoffmann et al.'s runs, with half a per cent of noise.
fn data() -> Data {
    let law = catalogue::find("chinchilla").expect("it is in the catalogue");
    let truth = [1.8172, 477.83, 2143.4, 0.3473, 0.3672];
    let mut rows = Vec::new();
    let mut losses = Vec::new();
    for i in 0..240_u64 {
        let mut stream = Stream::keyed(1, [i, 0, 0]);
        let n = 5.7e7 * f64::powf(280.0, (i % 15) as f64 / 14.0);
        let d = 8.2e8 * f64::powf(380.0, (i / 15) as f64 / 15.0);
        losses.push(law.predict(&truth, &[n, d]) * (0.005 * stream.normal()).exp());
        rows.push(vec![n, d]);
    }
    Data::new(&["N", "D"], rows, losses, None).expect("they are positive")
}

#[divan::bench]
fn chinchilla_cold(bencher: Bencher<'_, '_>) {
    let law = catalogue::find("chinchilla").expect("it is in the catalogue");
    let (data, options) = (data(), Options::default());
    bencher.bench(|| law.estimate(black_box(&data), black_box(&options)));
}

/// Refits from the optimum, and refits that search anew.
#[divan::bench(args = [false, true])]
fn chinchilla_100_draws(bencher: Bencher<'_, '_>, is_cold: bool) {
    let law = catalogue::find("chinchilla").expect("it is in the catalogue");
    let (data, options) = (data(), Options { is_cold, ..Options::default() });
    let estimate = law.estimate(&data, &options).expect("it can be fitted");
    bencher.bench(|| law.draws(black_box(&data), &options, &estimate, 100, 1));
}
