use proptest::prelude::*;

use super::*;
use crate::random::Stream;

/// Four benchmarks, three families.
fn truth() -> Sloth {
    let loadings = [0.7_f64, 1.3, 0.9, 1.0];
    let square: f64 = loadings.iter().map(|loading| loading * loading).sum();
    let unit = (square / 4.0).sqrt();
    Sloth {
        floors: vec![0.25, 0.0, 0.5, 0.2],
        levels: vec![-46.0 * 0.7, -46.0 * 1.3 - 0.5, -46.0 * 0.9 + 0.3, -46.4],
        loadings: loadings.map(|loading| loading / unit).to_vec(),
        families: vec![0.0, 0.6 * unit, -0.4 * unit],
        slopes: [0.9, 0.75, 0.011].map(|slope| slope * unit),
    }
}

/// Models of sizes and tokens that are crossed within each family, with noise on the scores.
fn models(law: &Sloth, noise: f64) -> Vec<Model> {
    let mut models = Vec::new();
    for family in 0..law.families.len() {
        for (i, params_n) in [4e8, 1.4e9, 7e9, 1.3e10].into_iter().enumerate() {
            for (k, tokens_d) in [3e10, 3e11, 2e12].into_iter().enumerate() {
                let mut stream = Stream::keyed(4, [family as u64, i as u64, k as u64]);
                let noisy = |score: f64| (score + noise * stream.normal()).clamp(0.0, 1.0);
                let scores = law.predict(family, params_n, tokens_d).into_iter().map(noisy);
                let scores = scores.map(Some).collect();
                models.push(Model { family, params_n, tokens_d, scores });
            }
        }
    }
    models
}

fn spread(law: &Sloth) -> (f64, f64) {
    let scores = models(law, 0.0).into_iter().flat_map(|m| m.scores).flatten();
    scores.fold((1.0, 0.0), |(low, high), score: f64| (f64::min(low, score), f64::max(high, score)))
}

#[test]
fn scores_without_noise_give_the_coefficients_back() {
    let law = truth();
    let (low, high) = spread(&law);
    assert!(low < 0.3 && high > 0.6, "the scores span little: {low} to {high}");
    let mut models = models(&law, 0.0);
    // Not every benchmark is known of every model.
    models[3].scores[1] = None;
    models[20].scores[2] = None;
    let found = fit(&models, &law.floors).expect("enough scores");
    assert!(found.has_converged, "{found:?}");
    let all = |law: &Sloth| [&law.levels[..], &law.loadings, &law.families, &law.slopes].concat();
    for (a, b) in all(&found.law).iter().zip(all(&law)) {
        assert!((a - b).abs() < 1e-4 * (1.0 + b.abs()), "{found:#?}");
    }
    assert!(found.objective < 1e-10, "{found:?}");
    let mean = found.law.loadings.iter().map(|x| x * x).sum::<f64>() / 4.0;
    assert!((mean - 1.0).abs() < 1e-12);
}

/// A family that was seen small alone is forecast large, because the slopes are shared.
#[test]
fn a_family_is_forecast_beyond_its_own_sizes() {
    let law = truth();
    let mut models = models(&law, 0.004);
    models.retain(|model| model.family != 2 || model.params_n < 1e9);
    let found = fit(&models, &law.floors).expect("enough scores");
    let forecast = found.law.predict(2, 1.3e10, 2e12);
    for (a, b) in forecast.iter().zip(law.predict(2, 1.3e10, 2e12)) {
        assert!((a - b).abs() < 0.03, "{forecast:?} {b}");
    }
}

/// One absurd score moves a fit of absolute values little.
#[test]
fn an_outlier_hardly_matters() {
    let law = truth();
    let mut models = models(&law, 0.0);
    models[5].scores[0] = Some(0.999);
    let found = fit(&models, &law.floors).expect("enough scores");
    for (a, b) in found.law.predict(1, 7e9, 2e12).iter().zip(law.predict(1, 7e9, 2e12)) {
        assert!((a - b).abs() < 5e-3, "{a} {b}");
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let law = truth();
    let models = models(&law, 0.0);
    assert_eq!(fit(&[], &law.floors), Err(Refusal::Empty));
    assert!(matches!(fit(&models, &law.floors[..3]), Err(Refusal::Ragged { .. })));
    assert!(matches!(fit(&models, &[0.25, 1.0, 0.5, 0.2]), Err(Refusal::OutOfBounds { .. })));
    assert!(matches!(fit(&models[..2], &law.floors), Err(Refusal::TooFew { .. })));
    let with = |change: fn(&mut Model)| {
        let mut models = models.clone();
        change(&mut models[0]);
        fit(&models, &law.floors)
    };
    assert!(matches!(with(|m| m.scores[0] = Some(1.2)), Err(Refusal::BadValue { .. })));
    assert!(matches!(with(|m| m.tokens_d = 0.0), Err(Refusal::BadValue { .. })));
    // A family that nobody is of.
    assert!(matches!(with(|m| m.family = 7), Err(Refusal::TooFew { .. })));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// The derivatives of every residual against differences.
    #[test]
    fn derivatives_equal_differences(nudges in prop::collection::vec(-1.0..1.0_f64, 12)) {
        let law = truth();
        let models = models(&law, 0.01);
        let table = Table::new(&models, &law.floors);
        let place = table.flat();
        let place = DVector::from_fn(place.len(), |i, _| place[i] + 0.3 * nudges[i % 12]);
        let Linearised { residuals, jacobian } = table.linearise(&place);
        prop_assert_eq!(residuals, table.residuals(&place));
        for i in 0..place.len() {
            let moved = |by: f64| {
                let mut moved = place.clone();
                moved[i] += by;
                table.residuals(&moved)
            };
            let difference = (moved(1e-5) - moved(-1e-5)) / 2e-5;
            prop_assert!((difference - jacobian.column(i)).amax() < 1e-8);
        }
    }
}
