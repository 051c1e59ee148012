//! Chinchilla's runs, read off its figure 4: Besiroglu et al.'s replication.

use law_engine::catalogue::{Data, Options};
use law_engine::objective::Residual;

use super::check::{Case, Check, Outcome, Trouble};
use super::robust::{Problem, Units};
use super::rows::{Folder, Rows, Table, number};
use super::law;

const SOURCE: &str = "Besiroglu et al., arXiv 2404.10102; repository \
                      epoch-research/analyzing-chinchilla";

pub(crate) const OPTIMUM: Case = Case {
    name: "chinchilla-optimum",
    title: "Chinchilla's law on 240 runs",
    source: SOURCE,
    run: optimum,
};

pub(crate) const OUTLIERS: Case = Case {
    name: "chinchilla-outliers",
    title: "The same with the five runs of highest loss",
    source: SOURCE,
    run: outliers,
};

pub(crate) const OBJECTIVES: Case = Case {
    name: "chinchilla-least-squares",
    title: "The same law by least squares of losses below 1e21 FLOP",
    source: "repository Open-Athena/scaling-law-analysis, experiment 0; the same by Apple's scalefit",
    run: least_squares,
};

const VARIABLES: [(&str, &str); 2] = [("N", "params_n"), ("D", "tokens_d")];

/// Parameters and tokens in billions, loss in bits.
const UNITS: Units = Units {
    variables: &[1e9, 1e9],
    response: std::f64::consts::LN_2,
    coefficients: |fit| {
        let bits = std::f64::consts::LN_2.recip();
        let scale = |exponent: f64| bits * 1e9_f64.powf(-exponent);
        vec![bits * fit[0], scale(fit[3]) * fit[1], scale(fit[4]) * fit[2], fit[3], fit[4]]
    },
};

fn rows(folder: &Folder) -> Result<Rows, Trouble> {
    folder.read("chinchilla-epoch/data.csv")
}

fn replication(folder: &Folder) -> Result<Table, Trouble> {
    rows(folder)?.of("excluded_by_epoch", "0").table(&VARIABLES, "loss")
}

/// The 240 runs that the replication fits.
pub(crate) fn data(folder: &Folder) -> Result<Data, Trouble> {
    Ok(replication(folder)?.data()?)
}

fn problem(table: Table, options: Options) -> Result<Problem, Trouble> {
    Ok(Problem { law: law("chinchilla")?, table, options, units: UNITS })
}

fn optimum(folder: &Folder) -> Outcome {
    let problem = problem(replication(folder)?, Options::default())?;
    let fit = problem.fit()?;
    let mut checks = vec![
        Check::within("runs", 240.0, data(folder)?.rows_n() as f64, 0.0),
        Check::at_most(
            "objective, the best of 4,500 starts of three solvers",
            1.018_274_1e-3,
            fit.objective,
            0.0,
        ),
    ];
    // Printed by the replication's notebook after its own search.
    let printed = [1.81724, 477.84, 2143.86, 0.34731, 0.36718];
    let symbols = problem.law.card().parameters.iter().map(|p| p.symbol);
    for ((symbol, printed), found) in symbols.zip(printed).zip(&fit.coefficients) {
        checks.push(Check::relative(symbol, printed, *found, 5e-4));
    }
    // Coefficients of others, by what they score on these runs.
    for (whose, coefficients, objective) in [
        ("the paper's rounded", [1.69, 406.4, 410.7, 0.34, 0.28], 4.121_009_1e-3),
        (
            "the paper's unrounded",
            [
                0.526_722_8_f64.exp(),
                6.007_340_4_f64.exp(),
                6.017_918_6_f64.exp(),
                0.339_170_84,
                0.284_908_3,
            ],
            1.231_162_6e-3,
        ),
    ] {
        let found = problem.objective(&problem.table, &coefficients);
        checks.push(Check::relative(format!("objective of {whose}"), objective, found, 1e-6));
    }
    checks.extend(problem.checks("240 runs", &fit)?);
    Ok(checks)
}

fn outliers(folder: &Folder) -> Outcome {
    let problem = problem(rows(folder)?.table(&VARIABLES, "loss")?, Options::default())?;
    let fit = problem.fit()?;
    let mut checks = Vec::new();
    for (symbol, place, published, digit) in
        [("E", 0, 1.89, 0.005), ("alpha", 3, 0.345, 0.005), ("beta", 4, 0.452, 0.005)]
    {
        checks.push(Check::within(symbol, published, fit.coefficients[place], digit));
    }
    checks.extend(problem.checks("245 runs", &fit)?);
    Ok(checks)
}

fn least_squares(folder: &Folder) -> Outcome {
    let kept = rows(folder)?.of("excluded_by_epoch", "0");
    let small = kept.keep(|row| number(row, "flops_c").is_ok_and(|flops| flops < 1e21));
    let options = Options::least_squares(Residual::Raw);
    let problem = problem(small.table(&VARIABLES, "loss")?, options)?;
    let fit = problem.fit()?;
    let [e, a, b, alpha, beta] = [0, 1, 2, 3, 4].map(|place| fit.coefficients[place]);
    let mut checks = vec![
        Check::within("runs", 217.0, problem.table.response.len() as f64, 0.0),
        Check::within("sum of squares", 0.062_414, 2.0 * fit.objective, 5e-7),
        Check::within("E", 1.9051, e, 5e-5),
        Check::within("A, N in 1e6", 4.0005, a * 1e6_f64.powf(-alpha), 5e-5),
        Check::within("B, D in 1e9", 1.0509, b * 1e9_f64.powf(-beta), 5e-5),
        Check::within("alpha", 0.3511, alpha, 5e-5),
        Check::within("beta", 0.4587, beta, 5e-5),
    ];
    checks.extend(problem.checks("217 runs", &fit)?);
    Ok(checks)
}
