//! Forecasts with realistic numbers: classes of 2 to 32 s, two seeds, three sizes.

use sweep_core::class::ComputeClass;
use sweep_core::clock::Timestamp;
use sweep_core::crossover::{Axis, Bound, Crossover, Outcome, Probability};
use sweep_core::fit::{
    ArmFits, Coefficient, Convergence, CurvePoint, HeldOut, Interval, LawFit, LawName,
};
use sweep_core::forecast::{Forecast, ForecastView};
use sweep_core::ids::{FitId, ForecastId, RunId, SweepId};
use sweep_core::observation::{Fitness, Observation};
use sweep_core::spec::LawChoice;
use sweep_core::units::AcceleratorTime;
use uuid::Uuid;

pub(crate) const CLASSES: [u64; 5] = [2, 4, 8, 16, 32];
const SECOND: f64 = 1.0 / 3600.0;
pub(crate) const MEASURED: Interval = Interval { lower: 2.0 * SECOND, upper: 32.0 * SECOND };

/// A power law through `value` at `hours`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Law {
    pub(crate) value: f64,
    pub(crate) hours: f64,
    pub(crate) alpha: f64,
}

impl Law {
    pub(crate) fn at(self, hours: f64) -> f64 {
        self.value * (hours / self.hours).powf(-self.alpha)
    }
}

fn id(name: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes())
}

/// Two seeds and three sizes per class around `law`; the noise is a fixed pattern.
pub(crate) fn observations(arm: &str, law: Law) -> Vec<Observation> {
    let mut all = Vec::new();
    for (c, seconds) in CLASSES.into_iter().enumerate() {
        for seed in 1..=2u64 {
            for (s, size) in ["1m", "3m", "8m"].into_iter().enumerate() {
                let class = ComputeClass::new(AcceleratorTime::from_ms(seconds * 1000));
                // Small models are best in small classes, large ones in large classes.
                let misfit = 0.035 * (s as f64 - c as f64 / 2.0).powi(2);
                let wave = (c * 7 + s * 3 + seed as usize * 5) as f64;
                let noise = 0.006 * (wave * 2.399).sin();
                all.push(Observation {
                    run: RunId(id(&format!("{arm} {size} {seed} {seconds}"))),
                    arm: arm.to_owned(),
                    size: size.to_owned(),
                    seed,
                    class,
                    params_n: [1_000_000, 3_000_000, 8_000_000][s],
                    tokens_d: seconds * 40_000,
                    unique_tokens: None,
                    flops_c: 6.0e6 * seconds as f64 * 40_000.0,
                    hours: class.hours(),
                    bits_per_byte: law.at(class.hours()) * (1.0 + misfit + noise),
                    fitness: Fitness::Fit,
                });
            }
        }
    }
    all
}

/// A fit of `law` whose band widens with the distance from the data at `growth` per e-fold.
pub(crate) fn fit(arm: &str, law: Law, growth: f64, horizon: f64) -> LawFit {
    let interval = |value: f64| Interval { lower: value * 0.9, upper: value * 1.1 };
    let coefficient = |name: &str, value: f64| Coefficient {
        name: name.to_owned(),
        value,
        interval: interval(value),
    };
    let scale = law.value * law.hours.powf(law.alpha);
    let steps = 120;
    let curve = (0..=steps).map(|i| {
        let share = f64::from(i) / f64::from(steps);
        let hours = MEASURED.lower * (horizon / MEASURED.lower).powf(share);
        let value = scale * hours.powf(-law.alpha);
        let beyond = (hours / MEASURED.upper).ln().max(0.0);
        let width = (0.008 + growth * beyond).exp();
        CurvePoint { hours, value, band: Interval { lower: value / width, upper: value * width } }
    });
    LawFit {
        id: FitId(id(arm)),
        arm: arm.to_owned(),
        law: LawName::Power,
        coefficients: vec![coefficient("A", scale), coefficient("alpha", law.alpha)],
        level: 0.9,
        observations_n: 10,
        classes_n: 5,
        hours_measured: MEASURED,
        objective: 1.2e-4,
        residual_rms: 0.006,
        convergence: Convergence::Converged,
        held_out: Some(HeldOut { hours: MEASURED.upper, observed: 2.01, forecast: 2.03 }),
        curve: curve.collect(),
        caveats: Vec::new(),
    }
}

pub(crate) fn crossover(leader: &str, challenger: &str, outcome: Outcome, never: f64) -> Crossover {
    let names = [leader, challenger].map(str::to_owned);
    Crossover {
        outcome,
        hours_measured: MEASURED,
        horizon_hours: MEASURED.upper * 10_000.0,
        probability: Probability { ahead: 1.0 - never, never, ..Probability::default() },
        draws_n: 1000,
        ..Crossover::undetermined(names, LawName::Power, Axis::Hours, String::new())
    }
}

pub(crate) fn view(arms: &[(&str, Law, f64)], crossovers: Vec<Crossover>) -> ForecastView {
    let observations: Vec<Observation> =
        arms.iter().flat_map(|(arm, law, _)| observations(arm, *law)).collect();
    let horizon = MEASURED.upper * 10_000.0;
    let fits = arms.iter().map(|(arm, law, growth)| ArmFits {
        arm: (*arm).to_owned(),
        fits: vec![fit(arm, *law, *growth, horizon)],
        chosen: LawName::Power,
        choice: LawChoice::Auto,
    });
    ForecastView {
        sweep_name: "gpt-or-qlstm".to_owned(),
        hours_unit: "cpu core hours".to_owned(),
        forecast: Forecast {
            id: ForecastId(id("forecast")),
            sweep: SweepId(id("sweep")),
            parent: None,
            made_at: Timestamp(1_790_000_000_000),
            observations_n: observations.len() as u32,
            arms: fits.collect(),
            crossovers,
        },
        observations,
    }
}

/// Where the laws of the fixtures cross: 12 minutes.
pub(crate) const CROSSING: f64 = 0.2;
pub(crate) const GPT: Law = Law { value: 1.55, hours: CROSSING, alpha: 0.075 };
pub(crate) const QLSTM: Law = Law { value: 1.55, hours: CROSSING, alpha: 0.12 };

/// The challenger overtakes beyond the data, and the interval ends.
pub(crate) fn crossing() -> ForecastView {
    let outcome = Outcome::At { hours: CROSSING, lower: 0.07, upper: Bound::Hours(0.9) };
    let mut crossover = crossover("gpt", "qlstm", outcome, 0.04);
    crossover.other_law = Some(
        "With a floor (power-floor law) the crossing is at 21 min (90 %: 5 min to never)".into(),
    );
    let mut view = view(&[("gpt", GPT, 0.004), ("qlstm", QLSTM, 0.006)], vec![crossover]);
    view.observations[0].fitness = Fitness::Plateau { bigram_bits_per_byte: 2.2 };
    view
}

/// The same, but the interval includes never and the crossing is far away.
pub(crate) fn open_interval() -> ForecastView {
    let hours = 40.0;
    let far = |alpha| Law { value: 1.3, hours, alpha };
    let outcome = Outcome::At { hours, lower: 0.8, upper: Bound::Never };
    let crossover = crossover("gpt", "qlstm", outcome, 0.31);
    view(&[("gpt", far(0.06), 0.01), ("qlstm", far(0.08), 0.012)], vec![crossover])
}

/// The fitted laws do not cross; some draws do.
pub(crate) fn no_crossover() -> ForecastView {
    let outcome = Outcome::None { lower: Some(0.5) };
    let slow = Law { value: 1.9, hours: CROSSING, alpha: 0.07 };
    view(
        &[("gpt", GPT, 0.004), ("qlstm", slow, 0.012)],
        vec![crossover("gpt", "qlstm", outcome, 0.93)],
    )
}

/// Too few classes so far: points and the reason.
pub(crate) fn undetermined() -> ForecastView {
    let reason = "qlstm has 2 compute classes with fit observations, a law needs 3".to_owned();
    let crossover = crossover("gpt", "qlstm", Outcome::Undetermined { reason }, 0.0);
    let mut view = view(&[("gpt", GPT, 0.004), ("qlstm", QLSTM, 0.006)], vec![crossover]);
    view.observations.retain(|o| o.arm == "gpt" || o.hours < 6.0 * SECOND);
    view.forecast.arms.truncate(1);
    view
}

/// Four arms; the last fit's band covers more than the frame, and a name needs escaping.
pub(crate) fn four_arms() -> ForecastView {
    let near = |value, alpha| Law { value, hours: CROSSING, alpha };
    let arms = [
        ("gpt", GPT, 0.004),
        ("qlstm", QLSTM, 0.006),
        ("gpt 2:4 sparse", near(1.6, 0.077), 0.005),
        ("moe <8 & more experts>", near(1.57, 0.09), 4.0),
    ];
    let at = Outcome::At { hours: CROSSING, lower: 0.07, upper: Bound::Hours(0.9) };
    let second = Outcome::None { lower: None };
    let crossovers =
        vec![crossover("gpt", "qlstm", at, 0.04), crossover("gpt", "gpt 2:4 sparse", second, 1.0)];
    view(&arms, crossovers)
}

/// The laws crossed within the measured range.
pub(crate) fn passed() -> ForecastView {
    let hours = 6.0 * SECOND;
    let near = |alpha| Law { value: 2.1, hours, alpha };
    let (lower, upper) = (3.5 * SECOND, Bound::Hours(11.0 * SECOND));
    let outcome = Outcome::Passed { hours, lower, upper };
    let crossover = crossover("qlstm", "gpt", outcome, 0.998);
    view(&[("gpt", near(0.07), 0.004), ("qlstm", near(0.12), 0.006)], vec![crossover])
}

pub(crate) fn one_arm() -> ForecastView {
    view(&[("gpt", GPT, 0.004)], Vec::new())
}

pub(crate) fn nothing() -> ForecastView {
    view(&[], Vec::new())
}

pub(crate) fn all() -> [(&'static str, ForecastView); 8] {
    [
        ("crossing", crossing()),
        ("open_interval", open_interval()),
        ("no_crossover", no_crossover()),
        ("undetermined", undetermined()),
        ("four_arms", four_arms()),
        ("passed", passed()),
        ("one_arm", one_arm()),
        ("nothing", nothing()),
    ]
}
