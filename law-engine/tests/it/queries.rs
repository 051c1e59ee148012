//! Questions asked of a fitted law, against closed forms and figures of the literature.

use law_engine::catalogue::frontier::Frontier;
use law_engine::catalogue::{self, Data, Law, Options};
use law_engine::objective::Residual;
use law_engine::query::allocation::contrast;
use law_engine::query::{Budget, Fitted, Reach, Throughput, allocate, invert, outgrow, predict};
use law_engine::random::Stream;

const HOFFMANN: [f64; 5] = [1.69, 406.4, 410.7, 0.34, 0.28];
/// Besiroglu et al., arXiv 2404.10102, table 1.
const EPOCH: [f64; 5] = [1.8172, 482.01, 2085.43, 0.3478, 0.3658];

fn chinchilla() -> &'static dyn Law {
    catalogue::find("chinchilla").expect("it is in the catalogue")
}

/// Runs of the law on a grid, with a relative noise of normal errors.
fn grid(truth: &[f64], noise: f64) -> Data {
    let rows: Vec<Vec<f64>> = [1e8, 2e8, 4e8, 8e8, 1.6e9, 3.2e9]
        .iter()
        .flat_map(|n| [2e9, 8e9, 3.2e10, 1.28e11].map(|d| vec![*n, d]))
        .collect();
    let loss = |(i, row): (usize, &Vec<f64>)| {
        let error = noise * Stream::keyed(5, [i as u64, 0, 0]).normal();
        chinchilla().predict(truth, row) * error.exp()
    };
    let losses = rows.iter().enumerate().map(loss).collect();
    Data::new(&["N", "D"], rows, losses, None).expect("a grid can be fitted")
}

/// A fit whose coefficients are those of the literature, to the last digit.
fn exactly(coefficients: [f64; 5]) -> Fitted<'static> {
    let data = grid(&coefficients, 0.0);
    let mut fitted = Fitted::new(chinchilla(), &data, &Options::default(), 0, 1).expect("a fit");
    fitted.estimate.coefficients = coefficients.to_vec();
    fitted
}

/// L(70e9, 1.4e12) by three sets of coefficients.
#[test]
fn chinchilla_itself_is_predicted_as_published() {
    for (coefficients, expected) in [(HOFFMANN, 1.9366), (EPOCH, 1.9739)] {
        let answer = predict(&exactly(coefficients), &[70e9, 1.4e12], 0.9);
        assert!((answer.best - expected).abs() < 5e-5, "{answer:?}");
        assert_eq!((answer.law, answer.run), (None, None));
        for (beyond, expected) in answer.beyond.iter().zip([70e9 / 3.2e9, 1.4e12 / 1.28e11]) {
            assert!((beyond - f64::log10(expected)).abs() < 1e-12, "{answer:?}");
        }
    }
}

/// An interval of one run holds nine in ten new runs of known noise, and one of the law is narrower.
#[test]
fn nine_in_ten_new_runs_lie_in_the_interval_of_one_run() {
    let noise = 0.01;
    let data = grid(&HOFFMANN, noise);
    let fitted = Fitted::new(chinchilla(), &data, &Options::least_squares(Residual::Log), 400, 1)
        .expect("a fit");
    assert!((fitted.noise() / noise - 1.0).abs() < 0.35, "{}", fitted.noise());
    let place = [5e8, 2e10];
    let answer = predict(&fitted, &place, 0.9);
    let (law, run) = (answer.law.expect("there are draws"), answer.run.expect("and residuals"));
    assert!(run.lower < law.lower && law.upper < run.upper, "{answer:?}");
    assert!(law.lower <= answer.median && answer.median <= law.upper, "{answer:?}");
    let truth = chinchilla().predict(&HOFFMANN, &place);
    let new = |i: u64| truth * (noise * Stream::keyed(9, [i, 0, 0]).normal()).exp();
    let inside = (0..2000).filter(|i| (run.lower..=run.upper).contains(&new(*i))).count();
    assert!((0.80..=0.98).contains(&(inside as f64 / 2000.0)), "{inside} of 2000: {answer:?}");
}

#[test]
fn inversion_undoes_prediction() {
    let fitted = exactly(HOFFMANN);
    for (variable, place) in [(1, [7e9, 3e11]), (0, [7e9, 3e11]), (1, [2e8, 5e9])] {
        let loss = predict(&fitted, &place, 0.9).best;
        let found = invert(&fitted, variable, &place, loss, 0.9);
        let Reach::At(value) = found.best else { panic!("{found:?}") };
        assert!((value / place[variable] - 1.0).abs() < 1e-6, "{found:?}");
        assert!((found.beyond - fitted.beyond(variable, value)).abs() < 1e-12, "{found:?}");
    }
}

#[test]
fn a_loss_below_the_floor_is_never_reached() {
    let fitted = exactly(HOFFMANN);
    // With N = 7e9 no number of tokens gets below E + A N^-alpha.
    let floor = HOFFMANN[0] + HOFFMANN[1] * 7e9_f64.powf(-HOFFMANN[3]);
    let below = invert(&fitted, 1, &[7e9, 1.0], floor - 1e-3, 0.9);
    assert_eq!(below.best, Reach::Never);
    assert!(below.beyond.is_nan() && below.least > floor, "{below:?}");
    let above = invert(&fitted, 1, &[7e9, 1.0], floor + 0.1, 0.9);
    assert!(matches!(above.best, Reach::At(_)), "{above:?}");
    let high = invert(&fitted, 1, &[7e9, 1.0], 1e9, 0.9);
    assert_eq!(high.best, Reach::Before(high.searched.0));
}

#[test]
fn draws_that_never_reach_a_loss_leave_the_interval_open() {
    let data = grid(&HOFFMANN, 0.01);
    let fitted = Fitted::new(chinchilla(), &data, &Options::default(), 200, 1).expect("a fit");
    let least = invert(&fitted, 1, &[7e9, 1.0], 1e9, 0.9).least;
    let found = invert(&fitted, 1, &[7e9, 1.0], least + 0.01, 0.9);
    let interval = found.interval.expect("there are draws");
    assert!(found.never > 0.05 && interval.upper.is_infinite(), "{found:?}");
    let easy = invert(&fitted, 1, &[8e8, 1.0], 2.9, 0.9);
    assert!(easy.never < 0.05 && easy.interval.is_some_and(|i| i.upper.is_finite()), "{easy:?}");
}

/// The numeric optimum against Hoffmann's closed form, and Epoch's printed 18.4 tokens a parameter.
#[test]
fn the_best_division_of_flops_is_the_closed_form() {
    for coefficients in [HOFFMANN, EPOCH] {
        let (fitted, frontier) = (exactly(coefficients), Frontier::new(coefficients));
        for flops_c in [1e19, 5.76e23, 1e26] {
            let budget = Budget::Flops { flops_c, per_param_token: 6.0 };
            let found = allocate(&fitted, budget, &[1.0, 1.0], 0.9).expect("an optimum");
            let closed = frontier.at(flops_c);
            for (found, closed) in [
                (found.params_n, closed.params_n),
                (found.tokens_d, closed.tokens_d),
                (found.ratio, closed.tokens_d / closed.params_n),
                (found.loss, closed.loss),
                (found.size_exponent, frontier.size_exponent),
                (found.data_exponent, frontier.data_exponent),
            ] {
                assert!((found.best / closed - 1.0).abs() < 1e-5, "{found:?} {closed}");
                assert_eq!(found.interval, None);
            }
        }
    }
    let budget = Budget::Flops { flops_c: 5.76e23, per_param_token: 6.0 };
    let epoch = allocate(&exactly(EPOCH), budget, &[1.0, 1.0], 0.9).expect("an optimum");
    assert!((epoch.ratio.best - 18.4).abs() < 0.05, "{epoch:?}");
}

/// N* = (alpha A K^beta / (q beta B))^(1 / (alpha + q beta)), of an hour budget with K = 3600 a H.
#[test]
fn the_best_division_of_hours_is_the_closed_form_and_not_that_of_flops() {
    let [_, a, b, alpha, beta] = EPOCH;
    let fitted = exactly(EPOCH);
    let throughput = Throughput { amplitude: 2e11, exponent: 0.7, residual_sd: 0.0 };
    let hours = 1e5;
    let found = allocate(&fitted, Budget::Hours { hours, throughput }, &[1.0, 1.0], 0.9);
    let found = found.expect("an optimum");
    let (tokens, q) = (3600.0 * 2e11 * hours, 0.7);
    let ln_n = ((alpha * a / (q * beta * b)).ln() + beta * tokens.ln()) / (alpha + q * beta);
    assert!((found.params_n.best.ln() - ln_n).abs() < 1e-5, "{found:?} {ln_n}");
    let spent = found.tokens_d.best / throughput.at(found.params_n.best) / 3600.0;
    assert!((spent / hours - 1.0).abs() < 1e-9, "{spent}");
    assert!((found.size_exponent.best - beta / (alpha + q * beta)).abs() < 1e-5, "{found:?}");

    // Large models lose fewer tokens than their FLOPs say: hours buy a larger one.
    let other = contrast(&fitted, hours, throughput, 6.0, &[1.0, 1.0]).expect("both exist");
    assert!(other.size_ratio > 1.1 && other.loss_excess > 0.0, "{other:?}");
    let run = other.flop_optimal;
    assert!((run.tokens_d / throughput.at(run.params_n) / 3600.0 / hours - 1.0).abs() < 1e-6);
    let frontier = Frontier::new(EPOCH).at(6.0 * run.params_n * run.tokens_d);
    assert!((frontier.params_n / run.params_n - 1.0).abs() < 1e-5, "{other:?}");
    // Where throughput falls as FLOPs say, the two are one.
    let even = Throughput { amplitude: 1e14, exponent: 1.0, residual_sd: 0.0 };
    let same = contrast(&fitted, hours, even, 6.0, &[1.0, 1.0]).expect("both exist");
    assert!((same.size_ratio - 1.0).abs() < 1e-5 && same.loss_excess.abs() < 1e-9, "{same:?}");
}

/// Krajewski et al., arXiv 2402.07871, table 2: losses at the published optima, for active
/// parameters (43 times as many in all), tokens and granularity. The published coefficients are
/// rounded: losses come out up to 0.025 low.
#[test]
fn granular_mixtures_have_the_losses_of_their_published_optima() {
    let law = catalogue::find("moe-granular").expect("it is in the catalogue");
    let card = law.card();
    let published = card.published.first().expect("it has published fits").coefficients;
    for (active, tokens_d, granularity, loss) in [
        (1e8, 4.37e9, 8.0, 3.133),
        (1e9, 28.94e9, 16.0, 2.491),
        (3e9, 72.90e9, 16.0, 2.245),
        (7e9, 137.60e9, 32.0, 2.076),
        (70e9, 941.07e9, 32.0, 1.694),
        (300e9, 2.96e12, 64.0, 1.503),
        (1e12, 7.94e12, 64.0, 1.367),
    ] {
        let x: Vec<f64> = card
            .variables
            .iter()
            .map(|variable| match variable.symbol {
                "N" => 43.0 * active,
                "D" => tokens_d,
                _ => granularity,
            })
            .collect();
        let found = law.predict(published, &x);
        assert!((loss - found) > 0.005 && (loss - found) < 0.025, "{active:e}: {found}");
    }
}

/// A logit of attention that grows as N^0.5 from 100 at 1e7 parameters is 1e4 at 1e11.
#[test]
fn a_rising_response_outgrows_a_threshold() {
    let law = law_engine::expression::law("y(N) = k N^p", &[]).expect("a law");
    let sizes = [1e7, 3e7, 1e8, 3e8, 1e9_f64];
    let noise = |i: usize| (0.02 * Stream::keyed(8, [i as u64, 0, 0]).normal()).exp();
    let logits =
        sizes.iter().enumerate().map(|(i, n)| 100.0 * (n / 1e7).sqrt() * noise(i)).collect();
    let rows = sizes.iter().map(|n| vec![*n]).collect();
    let data = Data::new(&["N"], rows, logits, None).expect("five good rows");
    let fitted = Fitted::new(law, &data, &Options::default(), 200, 1).expect("a fit");
    let found = outgrow(&fitted, 0, &[1e7], 1e4, 0.9);
    let Reach::At(size) = found.best else { panic!("{found:?}") };
    let interval = found.interval.expect("there are draws");
    assert!((size / 1e11).ln().abs() < 0.5, "{found:?}");
    assert!(interval.lower < 1e11 && 1e11 < interval.upper, "{found:?}");
    assert!((found.beyond - 2.0).abs() < 0.3 && found.never == 0.0, "{found:?}");
    assert!(found.least > 1e4, "{found:?}");
    // Far below what the smallest model has, it was outgrown before the search begins.
    assert!(matches!(outgrow(&fitted, 0, &[1e7], 1e-3, 0.9).best, Reach::Before(_)));
}
