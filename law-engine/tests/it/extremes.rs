//! Numbers that no paper has: every law answers or refuses, and never panics.

use law_engine::catalogue::{Data, Law, Options, cross_checks, find, rank, standouts, verdicts};
use law_engine::objective::{Huber, Residual};
use law_engine::query::approaches::{Run, envelope, isoflop};
use law_engine::query::{Fitted, invert, predict};
use proptest::prelude::*;

/// Laws of every kind of shape: additive, products, curves, breaks, mixtures of logarithms.
const LAWS: [&str; 10] = [
    "chinchilla",
    "chinchilla-gamma",
    "power-const",
    "power-hours",
    "kaplan-nd",
    "farseer",
    "data-constrained",
    "moe-clark",
    "bnsl-1",
    "precision",
];

fn law(name: &str) -> &'static dyn Law {
    find(name).unwrap_or_else(|| panic!("no law {name}"))
}

/// From the smallest numbers to the largest, the usual ones more often. What is no positive finite
/// number is refused by the table, which has tests of its own.
fn numbers() -> impl Strategy<Value = f64> {
    prop_oneof![
        20 => (-2.0..12.0_f64).prop_map(|decades| 10f64.powf(decades)),
        2 => (-300.0..300.0_f64).prop_map(|decades| 10f64.powf(decades)),
        1 => prop::sample::select(vec![1e-300, 1e300, 1.0, f64::MAX, f64::MIN_POSITIVE, 5e-324]),
    ]
}

/// Rows of up to four variables, some of them constant, and their responses.
fn tables() -> impl Strategy<Value = (Vec<Vec<f64>>, Vec<f64>)> {
    (1..24_usize, any::<bool>()).prop_flat_map(|(rows_n, is_constant)| {
        let rows = prop::collection::vec(prop::collection::vec(numbers(), 4), rows_n);
        let rows = rows.prop_map(move |mut rows: Vec<Vec<f64>>| {
            if is_constant {
                let first = rows[0].clone();
                rows.iter_mut().for_each(|row| row[1] = first[1]);
            }
            rows
        });
        (rows, prop::collection::vec(numbers(), rows_n))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_number_is_a_panic(
        (rows, responses) in tables(),
        name in prop::sample::select(LAWS.to_vec()),
        residual in prop::sample::select(vec![Residual::Log, Residual::Raw, Residual::Relative]),
        robust in any::<bool>(),
    ) {
        let law = law(name);
        let card = law.card();
        let n = card.variables.len();
        let symbols = card.letters();
        let rows = rows.into_iter().map(|row| row.into_iter().cycle().take(n).collect()).collect();
        let Ok(data) = Data::new(&symbols, rows, responses, None) else { return Ok(()) };
        let huber = if robust { Huber::STANDARD } else { Huber::LEAST_SQUARES };
        let options = Options { residual, huber, ..Options::default() };
        let Ok(fitted) = Fitted::new(law, &data, &options, 4, 1) else { return Ok(()) };
        let estimate = &fitted.estimate;
        prop_assert!(estimate.coefficients.iter().all(|c| c.is_finite()), "{estimate:?}");
        for verdict in verdicts(&card, &data, estimate, None) {
            prop_assert!(!verdict.to_string().is_empty());
        }
        let influences = law.influences(&data, &options, estimate).expect("it was fitted before");
        for verdict in standouts(&card, estimate, &influences) {
            prop_assert!(!verdict.to_string().is_empty());
        }
        let profiles = law.profiles(&data, &options, estimate, 0.9).expect("it was fitted before");
        for profile in profiles.iter().flatten() {
            prop_assert!(profile.interval.lower <= profile.interval.upper, "{profile:?}");
        }
        for verdict in cross_checks(&card, &profiles, None) {
            prop_assert!(!verdict.to_string().is_empty());
        }
        let x: Vec<f64> = fitted.spans.iter().map(|(_, most)| most * 10.0).collect();
        let _ = predict(&fitted, &x, 0.9);
        let _ = invert(&fitted, 0, &x, estimate.residuals.len() as f64, 0.9);
    }

    #[test]
    fn best_sizes_of_any_numbers_are_refused_or_finite((rows, responses) in tables()) {
        let run = |(row, loss): (&Vec<f64>, &f64)| Run {
            params_n: row[0],
            flops_c: row[1],
            loss: *loss,
            run: (row[2].log10() as u64) % 5,
        };
        let runs: Vec<Run> = rows.iter().zip(&responses).map(run).collect();
        for sizes in [isoflop(&runs), envelope(&runs)].into_iter().flatten() {
            prop_assert!(sizes.exponent(0.9).best.is_finite(), "{sizes:?}");
        }
    }

    #[test]
    fn laws_are_ranked_on_any_numbers((rows, responses) in tables()) {
        let rows: Vec<Vec<f64>> = rows.iter().map(|row| row[..2].to_vec()).collect();
        let Ok(data) = Data::new(&["N", "D"], rows, responses, None) else { return Ok(()) };
        let scale = data.column("N").expect("it is a column");
        let laws = rank::of_loss(&["N", "D"]);
        let (ranked, refused) = rank::rank(&laws, &data, &Options::default(), &scale, 0.2);
        prop_assert_eq!(ranked.len() + refused.len(), laws.len());
    }
}
