//! Gadre et al.: loss of over-trained models and error of downstream tasks, from five and six runs.

use law_engine::catalogue::Options;
use law_engine::objective::Residual;

use super::check::{Case, Check, Findings, Outcome, Trouble};
use super::law;
use super::robust::{Problem, Units};
use super::rows::{Folder, Rows, number, text};

const SOURCE: &str = "Gadre et al., arXiv 2403.08540; repository mlfoundations/scaling";

pub(crate) const FORECASTS: Case = Case {
    name: "gadre-forecasts",
    numbers: &[2, 3],
    title: "Over-training: four forecast errors of models trained on RedPajama, percent",
    source: SOURCE,
    run: |folder| {
        let published = Corpus {
            name: "rpj",
            loss: [1.83665, 212.24, 366.69, 0.136_426],
            error: [0.856_992, 2.20649, 0.714_591],
            runs: &[
                ("1439795200", "640", Some(0.7103), Some(3.6365)),
                ("6889410560", "20", Some(0.7320), Some(0.0464)),
            ],
            digit: 0.5e-4,
        };
        published.findings(folder)
    },
};

pub(crate) const CORPORA: Case = Case {
    name: "gadre-corpora",
    numbers: &[],
    title: "The laws of over-training of models trained on C4 and RefinedWeb",
    source: SOURCE,
    run: |folder| {
        let c4 = Corpus {
            name: "c4_original",
            loss: [1.50826, 141.28, 189.52, 0.121_236],
            error: [0.849_742, 2.07891, 0.756_121],
            runs: &[("6889410560", "20", Some(4.295), None)],
            digit: 0.5e-3,
        };
        let refined = Corpus {
            name: "rw_original",
            loss: [1.73446, 157.12, 246.21, 0.127_198],
            error: [0.865_280, 2.21481, 0.707_049],
            runs: &[
                ("6889410560", "20", Some(1.619), None),
                ("1439795200", "320", Some(0.0052), None),
            ],
            digit: 0.5e-3,
        };
        let mut findings = c4.findings(folder)?;
        findings.extend(refined.findings(folder)?);
        Ok(findings)
    },
};

/// What was published of the models of one training set.
struct Corpus {
    name: &'static str,
    /// E, a, b, eta.
    loss: [f64; 4],
    /// eps, k, gamma.
    error: [f64; 3],
    /// Parameters, tokens per parameter, and the errors of the loss's and the error's forecasts.
    runs: &'static [(&'static str, &'static str, Option<f64>, Option<f64>)],
    digit: f64,
}

/// Compute in 1e18 FLOP, loss in bits.
const LOSS_UNITS: Units = Units {
    variables: &[1e18, 1.0],
    response: std::f64::consts::LN_2,
    coefficients: |fit| {
        let bits = std::f64::consts::LN_2.recip();
        let scale = bits * 1e18_f64.powf(-fit[3]);
        vec![bits * fit[0], scale * fit[1], scale * fit[2], fit[3]]
    },
};

/// Loss in bits.
const ERROR_UNITS: Units = Units {
    variables: &[std::f64::consts::LN_2],
    response: 1.0,
    coefficients: |fit| vec![fit[0], fit[1], std::f64::consts::LN_2 * fit[2]],
};

impl Corpus {
    fn problems(&self, rows: &Rows) -> Result<[Problem; 2], Trouble> {
        let options = Options::least_squares(Residual::Raw);
        let (five, six) = (rows.of("paper_fit_loss", "1"), rows.of("paper_fit_err", "1"));
        let cm = [("C", "flops_c"), ("M", "token_mult_m")];
        Ok([
            Problem {
                law: law("overtrain-cm")?,
                table: five.table(&cm, "loss_c4_val")?,
                options: options.clone(),
                units: LOSS_UNITS,
            },
            Problem {
                law: law("err-exp-loss")?,
                table: six.table(&[("L", "loss_c4_val")], "err_avg17")?,
                options,
                units: ERROR_UNITS,
            },
        ])
    }

    fn findings(&self, folder: &Folder) -> Outcome {
        let rows = folder.read("gadre-overtraining/data.csv")?.of("dataset", self.name);
        let [loss, error] = self.problems(&rows)?;
        let (loss_fit, error_fit) = (loss.fit()?, error.fit()?);
        let mut checks = Vec::new();
        for (problem, fit, published) in
            [(&loss, &loss_fit, &self.loss[..]), (&error, &error_fit, &self.error[..])]
        {
            let parameters = problem.law.card().parameters;
            for ((parameter, published), found) in
                parameters.iter().zip(published).zip(&fit.coefficients)
            {
                let what = format!("{}: {}", self.name, parameter.symbol);
                checks.push(Check::relative(what, *published, *found, 5e-5));
            }
        }
        for (n, m, loss_error, error_error) in self.runs {
            let run = rows.of("params_n", n).of("token_mult_m", m);
            let [row] = run.0.as_slice() else {
                return Err(Trouble::Bad(format!("{} runs of {n} at {m}", run.0.len())));
            };
            let x = [number(row, "flops_c")?, number(row, "token_mult_m")?];
            let forecast = loss.law.predict(&loss_fit.coefficients, &x);
            let of_error = error.law.predict(&error_fit.coefficients, &[forecast]);
            for (published, what, forecast, column) in [
                (loss_error, "loss", forecast, "loss_c4_val"),
                (error_error, "17-task error", of_error, "err_avg17"),
            ] {
                let Some(published) = published else { continue };
                let percent = 100.0 * (forecast / number(row, column)? - 1.0).abs();
                let what = format!("{}: {what} of {} at M = {m}, %", self.name, text(row, "arch")?);
                checks.push(Check::within(what, *published, percent, self.digit));
            }
        }
        // Five rows to four coefficients: there is none to leave out.
        let fits = vec![
            loss.robust_of_few(&format!("{}, loss", self.name), &loss_fit)?,
            error.robust(&format!("{}, error", self.name), &error_fit)?,
        ];
        Ok(Findings { figures: checks, fits })
    }
}
