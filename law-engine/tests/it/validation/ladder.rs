//! OLMo's ladder: task losses of a 13B model from sixteen runs of up to 1.3B.

use law_engine::catalogue::Options;
use law_engine::query::{Fitted, predict};

use super::check::{Case, Check, Findings, Outcome, Trouble};
use super::law;
use super::robust::{Problem, Units};
use super::rows::{Folder, Rows};

const SOURCE: &str = "Bhagia et al., arXiv 2412.04403; repository allenai/OLMo-ladder";

pub(crate) const FORECASTS: Case = Case {
    name: "ladder-forecasts",
    numbers: &[],
    title: "OLMo's ladder: relative errors of forecasts of the 13B model, percent",
    source: SOURCE,
    run: forecasts,
};

pub(crate) const INTERVALS: Case = Case {
    name: "ladder-intervals",
    numbers: &[],
    title: "OLMo's ladder: intervals at 90 % of the 13B model's losses, against those measured",
    source: SOURCE,
    run: intervals,
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

/// Where the 13B model is, and what it reached.
fn target(rows: &Rows, metric: &str) -> Result<(Vec<f64>, f64), Trouble> {
    let table = rows.of("size_label", "13B-5T").table(&VARIABLES, metric)?;
    match (table.values.first(), table.response.first()) {
        (Some(place), Some(measured)) => Ok((place.clone(), *measured)),
        _ => Err(Trouble::Bad("no row of the 13B model".to_owned())),
    }
}

/// Why fits to some samples of fourteen rows are not the best that there are.
const NARROW_SEARCH: &str = "on fourteen rows the objective is rugged, and the default search of 8 \
                             starts ends at a neighbouring optimum that one of 80 passes";

fn forecasts(folder: &Folder) -> Outcome {
    let rows = folder.read("olmo-ladder/data.csv")?;
    let mut findings = Findings::default();
    for (metric, published) in PUBLISHED {
        let problem = problem(&rows, metric)?;
        let fit = problem.fit()?;
        let (place, measured) = target(&rows, metric)?;
        let error = 100.0 * (problem.law.predict(&fit.coefficients, &place) / measured - 1.0);
        findings.figures.push(Check::within(metric, published, error, 0.006));
        let robust = problem.robust(metric, &fit)?;
        findings.fits.push(match metric {
            "loss_c4" => robust.missed("90 %", NARROW_SEARCH, 0.01),
            "bpb_arc_challenge" => robust.missed("90 %", NARROW_SEARCH, 1e-5),
            _ => robust,
        });
    }
    Ok(findings)
}

const ONE_OF_NINE: &str = "eight of nine intervals cover, about as many as 90 % promise";

/// Refits behind an interval.
const DRAWS_N: u32 = 1_000;

/// The interval is that of one run: of the law, and of a run's noise about it.
fn intervals(folder: &Folder) -> Outcome {
    let rows = folder.read("olmo-ladder/data.csv")?;
    let mut checks = Vec::new();
    for (metric, _) in PUBLISHED {
        let Problem { law, table, options, .. } = problem(&rows, metric)?;
        let fitted = Fitted::new(law, &table.data()?, &options, DRAWS_N, 1)?;
        let (place, measured) = target(&rows, metric)?;
        let interval = predict(&fitted, &place, 0.9).run;
        let interval = interval.ok_or_else(|| Trouble::Bad(format!("no interval of {metric}")))?;
        let check = Check::covers(metric, measured, (interval.lower, interval.upper));
        checks.push(match metric {
            "bpb_arc_challenge" => check.missed(ONE_OF_NINE, 0.0105),
            _ => check,
        });
    }
    Ok(Findings::of(checks))
}
