//! Gemstones: checkpoints of few runs, whose rows err together.

use std::collections::BTreeMap;

use law_engine::catalogue::Options;

use super::check::{Case, Check, Findings, Outcome};
use super::chinchilla::UNITS;
use super::law;
use super::robust::Problem;
use super::rows::{Folder, Table, text};

pub(crate) const CHECKPOINTS: Case = Case {
    name: "gemstones",
    numbers: &[],
    title: "Chinchilla's law on 220 checkpoints of the Gemstones",
    source: "McLeish et al., arXiv 2502.06857; repository mcleish7/gemstone-scaling-laws",
    run: checkpoints,
};

fn checkpoints(folder: &Folder) -> Outcome {
    let rows = folder.read("gemstones/data.csv")?;
    let table = rows.table(&[("N", "params_n"), ("D", "tokens_d")], "loss")?;
    let mut names: BTreeMap<&str, u64> = BTreeMap::new();
    let mut groups = Vec::new();
    for row in &rows.0 {
        let next = names.len() as u64;
        groups.push(*names.entry(text(row, "run")?).or_insert(next));
    }
    let problem = Problem {
        law: law("chinchilla")?,
        table: Table { groups, ..table },
        options: Options::default(),
        units: UNITS,
    };
    let fit = problem.fit()?;
    let [e, a, b, alpha, beta] = [0, 1, 2, 3, 4].map(|place| fit.coefficients[place]);
    let figures = vec![
        Check::within("checkpoints", 220.0, problem.table.response.len() as f64, 0.0),
        // The last printed digit.
        Check::at_most("objective", 1.981_612_9e-3, fit.objective, 3e-8),
        Check::within("ln E", 0.7623, e.ln(), 1e-3),
        Check::within("ln A", 5.3613, a.ln(), 1e-2),
        Check::within("ln B", 15.4160, b.ln(), 1e-2),
        Check::within("alpha", 0.2929, alpha, 1e-3),
        Check::within("beta", 0.7129, beta, 1e-3),
    ];
    Ok(Findings { figures, fits: vec![problem.robust("220 checkpoints", &fit)?] })
}
