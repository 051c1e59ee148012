//! The laws that a budget.yaml asks for, arm by arm.

use serde::Serialize;
use sweep_core::fit::Interval;

use super::fit::{bracket, digits};
use super::table::{Column, draw};

/// One law, fitted to all runs of each arm.
#[derive(Debug, Serialize)]
pub(crate) struct OwnLaw {
    /// As budget.yaml has it.
    pub(crate) law: String,
    pub(crate) equation: String,
    pub(crate) arms: Vec<OfArm>,
}

/// An arm's fit, or why there is none.
#[derive(Debug, Default, Serialize)]
pub(crate) struct OfArm {
    pub(crate) arm: String,
    pub(crate) runs_n: usize,
    pub(crate) coefficients: Vec<Coefficient>,
    /// Relative standard deviation of one run about the law.
    pub(crate) noise: Option<f64>,
    pub(crate) refusal: Option<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Coefficient {
    pub(crate) symbol: String,
    pub(crate) value: f64,
    pub(crate) interval: Option<Interval>,
}

/// Every law with a table of its coefficients.
pub(crate) fn render(laws: &[OwnLaw]) -> String {
    let laws: Vec<String> = laws.iter().map(of_law).collect();
    format!("laws fitted to all runs\n\n{}", laws.join("\n"))
}

fn of_law(law: &OwnLaw) -> String {
    let columns = [
        Column::Text("arm"),
        Column::Text("coefficient"),
        Column::Number("value"),
        Column::Text("interval"),
        Column::Number("runs"),
        Column::Number("noise of one run"),
    ];
    let mut rows = Vec::new();
    let mut refusals = String::new();
    for arm in &law.arms {
        if let Some(refusal) = &arm.refusal {
            refusals += &format!("note: {}: {refusal}\n", arm.arm);
        }
        for (i, Coefficient { symbol, value, interval }) in arm.coefficients.iter().enumerate() {
            // What is the arm's stands on its first line.
            let once = |text: String| if i == 0 { text } else { String::new() };
            let noise = arm.noise.map_or_else(|| "-".to_owned(), |n| format!("{:.2} %", 100.0 * n));
            rows.push(vec![
                once(arm.arm.clone()),
                symbol.clone(),
                digits(*value),
                bracket(*interval, digits),
                once(arm.runs_n.to_string()),
                once(noise),
            ]);
        }
    }
    let table = if rows.is_empty() { String::new() } else { draw(&columns, rows) };
    // One's own is its equation.
    let name = if law.law == law.equation { String::new() } else { format!("{}: ", law.law) };
    format!("{name}{}\n{table}{refusals}", law.equation)
}
