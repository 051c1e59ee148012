//! Clark et al.: routed models of three routers, with dense models as those of one expert.

use law_engine::catalogue::Options;
use law_engine::objective::Residual;

use super::check::{Case, Check, Findings, Outcome};
use super::robust::{Problem, Units};
use super::rows::{Folder, text};
use super::{law, published};

pub(crate) const ROUTERS: Case = Case {
    name: "clark-routers",
    numbers: &[11],
    title: "Loss over active parameters and experts, three routers",
    source: "Clark et al., arXiv 2202.01169, table 3; repository \
             google-deepmind/scaling_laws_for_routing",
    run: routers,
};

/// Parameters in millions, loss in bits.
const UNITS: Units = Units {
    variables: &[1e6, 1.0],
    response: std::f64::consts::LN_2,
    coefficients: |fit| {
        let [a, b, c, d] = [fit[0], fit[1], fit[2], fit[3]];
        let bits = std::f64::consts::LN_2.log10();
        vec![a, b + 6.0 * c, c, d + 6.0 * a - bits, fit[4], fit[5]]
    },
};

fn routers(folder: &Folder) -> Outcome {
    let rows = folder.read("clark-routed/data.csv")?.of("paper_fit_subset", "1");
    let (mut checks, mut fits) = (Vec::new(), Vec::new());
    // Mean squares of log10 residuals of the best of 500 starts of the authors' script.
    for (router, runs_n, best) in
        [("S-Base", 58, 1.0417e-5), ("RL-R", 59, 1.0428e-5), ("Hash", 56, 8.890e-6)]
    {
        let of_router = |row: &_| text(row, "variant").is_ok_and(|v| v == "Dense" || v == router);
        let variables = [("N", "params_active_n"), ("E", "experts_e")];
        let problem = Problem {
            law: law("moe-clark")?,
            table: rows.keep(of_router).table(&variables, "loss")?,
            options: Options::least_squares(Residual::Log),
            units: UNITS,
        };
        let fit = problem.fit()?;
        let found_n = problem.table.response.len() as f64;
        // The objective halves the squares of natural logarithms.
        let mean_square =
            |objective: f64| objective * 2.0 / (std::f64::consts::LN_10.powi(2) * found_n);
        let published = published("moe-clark", router)?;
        let printed = problem.objective(&problem.table, published.coefficients);
        let found = mean_square(fit.objective);
        checks.push(Check::within(format!("{router}: runs"), f64::from(runs_n), found_n, 0.0));
        checks.push(Check::at_most(
            format!("{router}: mean square, at the published point"),
            mean_square(printed),
            found,
            0.0,
        ));
        let what = format!("{router}: mean square, the best of 500 starts");
        checks.push(Check::at_most(what, best, found, 1e-4));
        for (symbol, place) in [("a", 0), ("c", 2), ("d", 3)] {
            let (printed, found) = (published.coefficients[place], fit.coefficients[place]);
            checks.push(Check::within(format!("{router}: {symbol}"), printed, found, 0.01));
        }
        fits.push(problem.robust(router, &fit)?);
    }
    Ok(Findings { figures: checks, fits })
}
