//! The laws that a budget.yaml asks for, fitted to all runs of each arm.

use std::collections::BTreeMap;

use coordinator::budget;
use law_engine::catalogue::{Data, Law, Options};
use law_engine::query::{Answer, Fitted};
use sweep_core::observation::Observation;
use sweep_core::sweep::SweepRecord;

use crate::failure::Failure;
use crate::fitting::refused;
use crate::machine::cores_n;
use crate::runs_file::RunsFile;
use crate::source::tabulated;
use crate::view::own_laws::{Coefficient, OfArm, OwnLaw};

/// Refits behind the intervals, as many as `sweepctl fit` makes.
const DRAWS_N: u32 = 400;
const SEED: u64 = 1;

/// Fits the laws of a sweep's budget.yaml. What they cannot be fitted to is said arm by arm.
pub(crate) fn fit(
    sweep: &SweepRecord,
    observations: Vec<Observation>,
) -> Result<Vec<OwnLaw>, Failure> {
    // It was read when it was submitted, perhaps by a newer version: then its laws are not ours.
    let Ok(spec) = budget::read(&sweep.yaml) else { return Ok(Vec::new()) };
    if spec.forecast.laws.is_empty() {
        return Ok(Vec::new());
    }
    // A sweep without a run to fit says so elsewhere.
    let Ok((runs, _)) = tabulated(&sweep.name, observations) else { return Ok(Vec::new()) };
    let mut laws = Vec::new();
    for text in &spec.forecast.laws {
        let Ok(law) = budget::law(text) else { continue };
        let mut arms = Vec::new();
        for arm in &spec.arms {
            arms.push(of_arm(law, &runs, &arm.name, spec.forecast.level.0));
        }
        let card = law.card();
        laws.push(OwnLaw { law: text.clone(), equation: card.equation.to_owned(), arms });
    }
    Ok(laws)
}

fn of_arm(law: &'static dyn Law, runs: &RunsFile, arm: &str, level: f64) -> OfArm {
    let fitted = fitted(law, runs, arm);
    let mut of_arm = OfArm { arm: arm.to_owned(), ..OfArm::default() };
    match fitted {
        Ok(fitted) => {
            let coefficient = |(i, symbol): (usize, &str)| {
                let answer = Answer::new(&fitted, level, |coefficients| coefficients[i]);
                let (value, interval) = (answer.best, answer.interval);
                Coefficient { symbol: symbol.to_owned(), value, interval }
            };
            let symbols = law.card().parameters.iter().map(|parameter| parameter.symbol);
            of_arm.runs_n = fitted.residuals.len();
            of_arm.coefficients = symbols.enumerate().map(coefficient).collect();
            of_arm.noise = Some(fitted.noise()).filter(|noise| noise.is_finite());
        }
        Err(failure) => of_arm.refusal = Some(failure.message().to_owned()),
    }
    of_arm
}

fn fitted(law: &'static dyn Law, runs: &RunsFile, arm: &str) -> Result<Fitted<'static>, Failure> {
    let mut runs = runs.clone();
    runs.keep("arm", arm)?;
    let symbols = law.card().letters();
    let named = BTreeMap::new();
    let (rows, losses) = (runs.places(&symbols, &named)?, runs.losses(&named)?);
    let data = Data::new(&symbols, rows, losses, None).map_err(refused)?;
    let options = Options { threads_n: cores_n(), ..Options::default() };
    Fitted::new(law, &data, &options, DRAWS_N, SEED).map_err(refused)
}
