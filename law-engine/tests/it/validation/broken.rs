//! Broken neural scaling laws: four-digit addition.

use law_engine::catalogue::Options;
use law_engine::objective::Residual;

use super::check::{Case, Check, Findings, Outcome};
use super::{law, published};

use super::robust::{Problem, Units};
use super::rows::{Folder, Table};

pub(crate) const ADDITION: Case = Case {
    name: "bnsl-addition",
    numbers: &[10],
    title: "Three points of four-digit addition from fourteen, one break",
    source: "Caballero et al., arXiv 2210.14891; repository \
             ethancaballero/broken_neural_scaling_laws",
    run: addition,
};

/// Size of the training set and loss, as the repository's example lists them.
const POINTS: [(f64, f64); 17] = [
    (160.0, 2.138_090_46),
    (192.0, 2.118_134_18),
    (256.0, 2.089_555_08),
    (320.0, 2.069_883_98),
    (384.0, 2.054_049_87),
    (448.0, 2.038_370_89),
    (480.0, 2.028_142_81),
    (512.0, 2.004_968_72),
    (544.0, 1.955_761_49),
    (576.0, 1.863_138_41),
    (608.0, 1.708_915_37),
    (640.0, 1.506_376_64),
    (672.0, 1.297_547_21),
    (736.0, 0.965_596_84),
    (800.0, 0.758_564_77),
    (864.0, 0.647_683_38),
    (928.0, 0.556_954_45),
];

/// Points that the fit sees.
const SEEN_N: usize = 14;

/// Examples in hundreds. The objective is not free of the loss's unit.
const UNITS: Units = Units {
    variables: &[1e2],
    response: 1.0,
    coefficients: |fit| {
        vec![fit[0], fit[1] * 1e2_f64.powf(-fit[2]), fit[2], fit[3], fit[4] / 1e2, fit[5]]
    },
};

fn addition(_: &Folder) -> Outcome {
    let (seen, ahead) = POINTS.split_at(SEEN_N);
    let problem = Problem {
        law: law("bnsl-1")?,
        table: Table {
            columns: vec!["x"],
            values: seen.iter().map(|(x, _)| vec![*x]).collect(),
            response: seen.iter().map(|(_, y)| *y).collect(),
            groups: (0..SEEN_N as u64).collect(),
        },
        options: Options::least_squares(Residual::Log1p),
        units: UNITS,
    };
    let fit = problem.fit()?;
    let error = |coefficients: &[f64], points: &[(f64, f64)]| {
        let square =
            |(x, y): &(f64, f64)| (problem.law.predict(coefficients, &[*x]) / y).ln().powi(2);
        (points.iter().map(square).sum::<f64>() / points.len() as f64).sqrt()
    };
    let authors =
        published("bnsl-1", "example of four-digit addition, first 14 points")?.coefficients;
    let checks = vec![
        // The figures are printed with three digits.
        Check::at_most(
            "root mean square log error, seen",
            0.000_598,
            error(&fit.coefficients, seen),
            1e-3,
        ),
        Check::relative(
            "the same, three points ahead",
            0.0109,
            error(&fit.coefficients, ahead),
            0.2,
        ),
        Check::within(
            "seen, by the coefficients of the repository",
            0.000_598,
            error(authors, seen),
            2e-6,
        ),
        Check::within(
            "ahead, by the coefficients of the repository",
            0.0109,
            error(authors, ahead),
            5e-5,
        ),
    ];
    Ok(Findings { figures: checks, fits: vec![problem.robust("14 points", &fit)?] })
}
