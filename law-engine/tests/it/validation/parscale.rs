//! ParScale: loss over parameters and parallel streams.

use law_engine::catalogue::Options;

use super::check::{Case, Check, Findings, Outcome};
use super::law;
use super::robust::{Problem, Units};
use super::rows::Folder;

pub(crate) const STREAMS: Case = Case {
    name: "parscale",
    numbers: &[7],
    title: "Loss over parameters and parallel streams, two corpora",
    source: "Chen et al., arXiv 2505.10475; repository QwenLM/ParScale, parametric_fit.py",
    run: streams,
};

/// Parameters in millions, loss in bits.
const UNITS: Units = Units {
    variables: &[1e6, 1.0],
    response: std::f64::consts::LN_2,
    coefficients: |fit| {
        let bits = std::f64::consts::LN_2.recip();
        vec![bits * fit[0], 1e-6 * fit[1] * bits.powf(fit[2].recip()), fit[2], fit[3]]
    },
};

fn streams(folder: &Folder) -> Outcome {
    let rows = folder.read("parscale/data.csv")?;
    let (mut checks, mut fits) = (Vec::new(), Vec::new());
    for (corpus, coefficients, objective, r2) in [
        ("stack_v2_python", [0.69124, 0.011_306, 0.18937, 0.39346], 3.6767e-5, 0.99783),
        ("pile", [1.28877, 0.19735, 0.19633, 0.33446], 1.8139e-5, 0.99868),
    ] {
        let variables = [("N", "params_n"), ("P", "streams_p")];
        let problem = Problem {
            law: law("parscale")?,
            table: rows.of("dataset", corpus).table(&variables, "loss")?,
            options: Options::default(),
            units: UNITS,
        };
        let fit = problem.fit()?;
        let what = format!("{corpus}: objective of the authors' script");
        checks.push(Check::at_most(what, objective, fit.objective, 5e-5));
        let symbols = problem.law.card().parameters.iter().map(|p| p.symbol);
        for ((symbol, printed), found) in symbols.zip(coefficients).zip(&fit.coefficients) {
            checks.push(Check::relative(format!("{corpus}: {symbol}"), printed, *found, 0.01));
        }
        let observed = &problem.table.response;
        let mean = observed.iter().sum::<f64>() / observed.len() as f64;
        let spread: f64 = observed.iter().map(|y| (y - mean).powi(2)).sum();
        let square =
            |(x, y): (&Vec<f64>, &f64)| (y - problem.law.predict(&fit.coefficients, x)).powi(2);
        let squares: f64 = problem.table.values.iter().zip(observed).map(square).sum();
        checks.push(Check::within(format!("{corpus}: R2"), r2, 1.0 - squares / spread, 1e-5));
        fits.push(problem.robust(corpus, &fit)?);
    }
    Ok(Findings { figures: checks, fits })
}
