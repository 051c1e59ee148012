//! Whole loss curves under learning-rate schedules that the fit has not seen.

use law_engine::catalogue::Options;
use law_engine::catalogue::multi_power::{self, Trained};
use law_engine::catalogue::schedule::{MultiPower, annealing_area, forward_area};

use super::check::{Case, Check, Findings, Outcome, Trouble};
use super::robust::{Problem, Units};
use super::rows::{Folder, Table};
use super::schedules::{Curve, WARMUP, curves, schedule, scores};
use super::{law, published};

pub(crate) const MULTI_POWER: Case = Case {
    name: "multi-power-law",
    numbers: &[8],
    title: "The multi-power law's published fits on six unseen schedules, 25M and 100M",
    source: "Luo et al., arXiv 2503.12811; repository thu-yao-01-luo/MultiPowerLaw",
    run: multi_power,
};

pub(crate) const ANNEALING: Case = Case {
    name: "lr-annealing",
    numbers: &[9],
    title: "The annealing law, fitted to three schedules, on six others, 25M and 100M",
    source: "Tissue et al., arXiv 2408.11029, on the curves of arXiv 2503.12811; its own \
             coefficients were not found, so the bounds are errors",
    run: annealing,
};

pub(crate) const MULTI_POWER_FIT: Case = Case {
    name: "multi-power-fit",
    numbers: &[],
    title: "The multi-power law, fitted to three schedules, on six others, 25M and 100M",
    source: "Luo et al., arXiv 2503.12811; repository thu-yao-01-luo/MultiPowerLaw",
    run: multi_power_fit,
};

/// Units of the last printed digit.
const SCORES: [(&str, f64); 5] =
    [("R2", 5e-5), ("MAE", 5e-6), ("RMSE", 5e-6), ("PredE", 5e-6), ("WorstE", 5e-6)];

fn multi_power(folder: &Folder) -> Outcome {
    let mut checks = Vec::new();
    for (size, published) in [
        ("25M", [0.9988, 0.003_76, 0.004_65, 0.001_10, 0.004_09]),
        ("100M", [0.9983, 0.004_35, 0.005_92, 0.001_42, 0.005_83]),
    ] {
        let law = of_size(size)?;
        let unseen = curves(folder, size, "test")?;
        checks.push(Check::within(format!("{size}: curves"), 6.0, unseen.len() as f64, 0.0));
        let predict = |curve: &Curve| law.predict(&schedule(&curve.schedule), &curve.steps);
        let found = scores(&unseen, predict);
        for (((score, digit), published), found) in SCORES.into_iter().zip(published).zip(found) {
            // The last digit of the table is rounded from more than are printed.
            checks.push(Check::within(format!("{size}: {score}"), published, found, 1.1 * digit));
        }
        if size == "100M" {
            // More digits of the scores of these very rows, by the authors' code.
            for (score, place, published) in
                [("R2", 0, 0.998_301), ("PredE", 3, 0.001_425), ("WorstE", 4, 0.005_829)]
            {
                let what = format!("{size}: {score}, six decimals");
                checks.push(Check::within(what, published, found[place], 5.5e-7));
            }
        }
    }
    let law = of_size("400M")?;
    for (name, step, published) in
        [("cosine_72000", 71_936, 2.6185), ("constant_24000", 23_936, 2.8172)]
    {
        let found = law.predict(&schedule(name), &[step])[0];
        checks.push(Check::within(format!("400M: {name} at {step}"), published, found, 5e-5));
    }
    Ok(Findings::of(checks))
}

/// Why the optimum forecasts other schedules a little worse than where the authors stopped.
const TRADED: &str = "B, C, beta and gamma make up for each other on three schedules: the optimum is \
                      far from where the authors' descent stopped, at an objective of a half and of a \
                      thirteenth, and a little worse on average where it is better at worst";

fn multi_power_fit(folder: &Folder) -> Outcome {
    let huber = Options::default().huber;
    let mut checks = Vec::new();
    for size in ["25M", "100M"] {
        let published = of_size(size)?;
        let (seen, unseen) = (curves(folder, size, "train")?, curves(folder, size, "test")?);
        let rates: Vec<Vec<f64>> = seen.iter().map(|curve| schedule(&curve.schedule)).collect();
        let trained: Vec<Trained<'_>> = seen
            .iter()
            .zip(&rates)
            .map(|(curve, rates)| Trained { rates, steps: &curve.steps, losses: &curve.losses })
            .collect();
        let found = multi_power::fit(&trained, huber)?;
        let theirs = multi_power::objective_of(&published, &trained, huber);
        let what = format!("{size}: objective on the three, of the published coefficients");
        checks.push(Check::at_most(what, theirs, found.objective, 0.0));
        let of = |law: MultiPower| {
            scores(&unseen, |curve| law.predict(&schedule(&curve.schedule), &curve.steps))
        };
        let (ours, theirs) = (of(found.law), of(published));
        for (score, place) in [("PredE", 3), ("WorstE", 4)] {
            let what = format!("{size}: {score} on the six, by the published coefficients");
            let check = Check::at_most(what, theirs[place], ours[place], 0.0);
            checks.push(if score == "PredE" { check.missed(TRADED, 0.25) } else { check });
        }
        for (name, theirs, ours) in [
            ("L0", published.l0, found.law.l0),
            ("A", published.a, found.law.a),
            ("alpha", published.alpha, found.law.alpha),
        ] {
            checks.push(Check::relative(format!("{size}: {name}"), theirs, ours, 0.1));
        }
    }
    Ok(Findings::of(checks))
}

fn of_size(size: &str) -> Result<MultiPower, Trouble> {
    let fit = MultiPower::PUBLISHED.iter().find(|(of, _)| *of == size).map(|(_, fit)| *fit);
    fit.ok_or_else(|| Trouble::Bad(format!("no fit of {size}")))
}

/// By how much a step's fall of the learning rate fades at the next.
const LAMBDA: f64 = 0.999;

/// Learning rates in thousandths.
const UNITS: Units = Units {
    variables: &[1e-3, 1e-3],
    response: std::f64::consts::LN_2,
    coefficients: |fit| {
        let bits = std::f64::consts::LN_2.recip();
        vec![bits * fit[0], bits * fit[1] * 1e3_f64.powf(fit[3]), bits * fit[2] * 1e-3, fit[3]]
    },
};

/// S1 and S2 at each logged step of a curve.
fn areas(curve: &Curve) -> Vec<Vec<f64>> {
    let rates = schedule(&curve.schedule);
    let (forward, annealed) = (forward_area(&rates), annealing_area(&rates, WARMUP, LAMBDA));
    curve.steps.iter().map(|step| vec![forward[*step], annealed[*step]]).collect()
}

fn annealing(folder: &Folder) -> Outcome {
    let law = law("lr-anneal")?;
    let (mut checks, mut fits) = (Vec::new(), Vec::new());
    for size in ["25M", "100M"] {
        let (seen, unseen) = (curves(folder, size, "train")?, curves(folder, size, "test")?);
        let values: Vec<Vec<f64>> = seen.iter().flat_map(areas).collect();
        let table = Table {
            columns: vec!["S1", "S2"],
            groups: (0..values.len() as u64).collect(),
            values,
            response: seen.iter().flat_map(|curve| curve.losses.clone()).collect(),
        };
        let problem = Problem { law, table, options: Options::default(), units: UNITS };
        let fit = problem.fit()?;
        let predict = |curve: &Curve| {
            areas(curve).iter().map(|x| law.predict(&fit.coefficients, x)).collect::<Vec<f64>>()
        };
        let found = scores(&unseen, predict);
        checks.push(Check::at_most(format!("{size}: mean relative error"), 0.0025, found[3], 0.0));
        checks.push(Check::at_most(format!("{size}: worst relative error"), 0.009, found[4], 0.0));
        let printed = published("lr-anneal", size)?.coefficients;
        for ((parameter, printed), found) in
            law.card().parameters.iter().zip(printed).zip(&fit.coefficients)
        {
            let what = format!("{size}: {}, of another fit to these curves", parameter.symbol);
            checks.push(Check::relative(what, *printed, *found, 0.02));
        }
        fits.push(problem.robust(size, &fit)?);
    }
    Ok(Findings { figures: checks, fits })
}
