//! Chinchilla's runs, read off its figure 4: Besiroglu et al.'s replication.

use law_engine::catalogue::{Options, Scheme};
use law_engine::forecast::central;
use law_engine::objective::Residual;

use super::check::{Case, Check, Findings, Outcome, Trouble};
use super::law;
use super::robust::{Problem, Units};
use super::rows::{Folder, Rows, Table, number};

const SOURCE: &str = "Besiroglu et al., arXiv 2404.10102; repository \
                      epoch-research/analyzing-chinchilla";

pub(crate) const OPTIMUM: Case = Case {
    name: "chinchilla-optimum",
    numbers: &[4],
    title: "Chinchilla's law on 240 runs",
    source: SOURCE,
    run: optimum,
};

pub(crate) const INTERVALS: Case = Case {
    name: "chinchilla-intervals",
    numbers: &[5],
    title: "Intervals at 95 % of Chinchilla's coefficients, by refits to resampled runs",
    source: SOURCE,
    run: intervals,
};

pub(crate) const OUTLIERS: Case = Case {
    name: "chinchilla-outliers",
    numbers: &[],
    title: "Chinchilla's law with the five runs of highest loss as well",
    source: SOURCE,
    run: outliers,
};

pub(crate) const OBJECTIVES: Case = Case {
    name: "chinchilla-least-squares",
    numbers: &[],
    title: "Chinchilla's law by least squares of losses below 1e21 FLOP",
    source: "repository Open-Athena/scaling-law-analysis, experiment 0; the same by Apple's scalefit",
    run: least_squares,
};

const VARIABLES: [(&str, &str); 2] = [("N", "params_n"), ("D", "tokens_d")];

/// Parameters and tokens in billions, loss in bits.
pub(super) const UNITS: Units = Units {
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

fn problem(table: Table, options: Options) -> Result<Problem, Trouble> {
    Ok(Problem { law: law("chinchilla")?, table, options, units: UNITS })
}

fn optimum(folder: &Folder) -> Outcome {
    let problem = problem(replication(folder)?, Options::default())?;
    let fit = problem.fit()?;
    let mut checks = vec![
        Check::within("runs", 240.0, problem.table.response.len() as f64, 0.0),
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
    Ok(Findings { figures: checks, fits: vec![problem.robust("240 runs", &fit)?] })
}

/// Refits behind the intervals, as many as the replication makes.
const DRAWS_N: u32 = 4_000;

fn intervals(folder: &Folder) -> Outcome {
    let problem = problem(replication(folder)?, Options::default())?;
    let fit = problem.fit()?;
    let data = problem.table.data()?;
    // As they resampled: rows.
    let options = Options { scheme: Scheme::Runs, ..problem.options.clone() };
    let draws = problem.law.draws(&data, &options, &fit, DRAWS_N, 1)?;
    let mut checks = Vec::new();
    for (symbol, place, [lower, upper]) in
        [("E", 0, [1.769, 1.871]), ("alpha", 3, [0.317, 0.373]), ("beta", 4, [0.331, 0.415])]
    {
        let mut values: Vec<f64> = draws.iter().map(|draw| draw[place]).collect();
        let found = central(&mut values, 0.95);
        checks.push(Check::within(format!("{symbol}, lower end"), lower, found.lower, 0.01));
        checks.push(Check::within(format!("{symbol}, upper end"), upper, found.upper, 0.01));
    }
    // The share of compute that goes into parameters, with the printed standard error.
    let shares: Vec<f64> = draws.iter().map(|draw| draw[4] / (draw[3] + draw[4])).collect();
    let mean = shares.iter().sum::<f64>() / f64::from(DRAWS_N);
    let square = |share: &f64| (share - mean).powi(2);
    let error = (shares.iter().map(square).sum::<f64>() / f64::from(DRAWS_N - 1)).sqrt();
    let best = fit.coefficients[4] / (fit.coefficients[3] + fit.coefficients[4]);
    checks.push(Check::within("beta / (alpha + beta)", 0.513, best, 0.002));
    checks.push(Check::within("beta / (alpha + beta), standard error", 0.020, error, 0.002));
    Ok(Findings::of(checks))
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
    Ok(Findings { figures: checks, fits: vec![problem.robust("245 runs", &fit)?] })
}

fn least_squares(folder: &Folder) -> Outcome {
    let kept = rows(folder)?.of("excluded_by_epoch", "0");
    let small = kept.keep(|row| number(row, "flops_c").is_ok_and(|flops| flops < 1e21));
    let options = Options::least_squares(Residual::Raw);
    let problem = problem(small.table(&VARIABLES, "loss")?, options)?;
    let fit = problem.fit()?;
    let [e, a, b, alpha, beta] = [0, 1, 2, 3, 4].map(|place| fit.coefficients[place]);
    let checks = vec![
        Check::within("runs", 217.0, problem.table.response.len() as f64, 0.0),
        Check::within("sum of squares", 0.062_414, 2.0 * fit.objective, 5e-7),
        Check::within("E", 1.9051, e, 5e-5),
        Check::within("A, N in 1e6", 4.0005, a * 1e6_f64.powf(-alpha), 5e-5),
        Check::within("B, D in 1e9", 1.0509, b * 1e9_f64.powf(-beta), 5e-5),
        Check::within("alpha", 0.3511, alpha, 5e-5),
        Check::within("beta", 0.4587, beta, 5e-5),
    ];
    Ok(Findings { figures: checks, fits: vec![problem.robust("217 runs", &fit)?] })
}
