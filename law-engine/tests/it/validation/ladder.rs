//! OLMo's ladder: task losses of a 13B model from sixteen runs of up to 1.3B.

use law_engine::catalogue::Options;

use super::check::{Case, Check, Outcome, Trouble};
use super::robust::{Problem, Units};
use super::rows::{Folder, Rows};
use super::law;

pub(crate) const FORECASTS: Case = Case {
    name: "ladder-forecasts",
    title: "Relative errors of forecasts of the 13B model, percent",
    source: "Bhagia et al., arXiv 2412.04403; repository allenai/OLMo-ladder",
    run: forecasts,
};

/// Parameters and tokens in billions, losses in other units.
const UNITS: Units = Units {
    variables: &[1e9, 1e9],
    response: std::f64::consts::LN_2,
    coefficients: |fit| {
        let bits = std::f64::consts::LN_2.recip();
        let scale = |exponent: f64| bits * 1e9_f64.powf(-exponent);
        vec![scale(fit[2]) * fit[0], scale(fit[3]) * fit[1], fit[2], fit[3], bits * fit[4]]
    },
};

const PUBLISHED: [(&str, f64); 9] = [
    ("loss_c4", -3.83),
    ("bpb_mmlu", 0.18),
    ("bpb_hellaswag", -1.17),
    ("bpb_arc_challenge", 9.44),
    ("bpb_arc_easy", 15.98),
    ("bpb_piqa", -2.67),
    ("bpb_csqa", -18.46),
    ("bpb_socialiqa", 3.63),
    ("bpb_openbookqa", 0.93),
];

const VARIABLES: [(&str, &str); 2] = [("N", "params_n"), ("D", "tokens_d")];

fn problem(rows: &Rows, metric: &str) -> Result<Problem, Trouble> {
    Ok(Problem {
        law: law("ladder-bpb")?,
        table: rows.of("mode", "train").table(&VARIABLES, metric)?,
        options: Options::default(),
        units: UNITS,
    })
}

fn forecasts(folder: &Folder) -> Outcome {
    let rows = folder.read("olmo-ladder/data.csv")?;
    let mut checks = Vec::new();
    for (metric, published) in PUBLISHED {
        let problem = problem(&rows, metric)?;
        let fit = problem.fit()?;
        let target = Rows(rows.0.last().cloned().into_iter().collect()).table(&VARIABLES, metric)?;
        let (place, measured) = (&target.values[0], target.response[0]);
        let error = 100.0 * (problem.law.predict(&fit.coefficients, place) / measured - 1.0);
        checks.push(Check::within(metric, published, error, 0.006));
        checks.extend(problem.checks(metric, &fit)?);
    }
    Ok(checks)
}
