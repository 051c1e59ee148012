//! What is drawn of a fitted law: slices of the runs along the variable that varies most.

use charts::figure::fit::{FittedLaw, Quantity, Run, Slice};
use charts::figure::{Unit, Vertex};
use law_engine::catalogue::{Data, Estimate, Law};
use law_engine::forecast::around;
use sweep_core::units::three_digits;

use super::fit::size;

/// More slices than these are not told apart.
const SLICES_MAX: usize = 5;
/// Places of a curve.
const STEPS: u32 = 40;
/// Decades of the variable that the curves go on beyond the runs.
const DECADES_AHEAD: f64 = 0.5;

/// The law with its runs, drawn along the variable with the most decades; of the others, the one
/// with the most decades makes the slices. The bands are those of `draws`, if there are any.
pub(crate) fn fitted_law(
    law: &dyn Law,
    data: &Data,
    estimate: &Estimate,
    draws: &[Vec<f64>],
    level: f64,
) -> FittedLaw {
    let card = law.card();
    let columns: Vec<Vec<f64>> = card
        .variables
        .iter()
        .map(|variable| data.column(variable.symbol).unwrap_or_default())
        .collect();
    let mut by_span: Vec<usize> = (0..columns.len()).collect();
    by_span.sort_by(|a, b| decades(&columns[*b]).total_cmp(&decades(&columns[*a])));
    let (along, across) = (by_span[0], by_span.get(1).copied());
    let row = |row: usize| -> Vec<f64> { columns.iter().map(|column| column[row]).collect() };
    let run = |i: usize| {
        let (x, observed) = (row(i), data.response()[i]);
        let predicted = law.predict(&estimate.coefficients, &x);
        let label = format!(
            "row {}: {} {}, by the law {}",
            i + 1,
            card.response.symbol,
            three_digits(observed),
            three_digits(predicted)
        );
        Run { x: x[along], observed, predicted, label }
    };
    let end = columns[along].iter().copied().fold(0.0, f64::max) * 10_f64.powf(DECADES_AHEAD);
    let slice = |rows: &[usize]| {
        let mut place: Vec<f64> = columns.iter().map(|column| mean(rows, column)).collect();
        let first = rows.iter().map(|i| columns[along][*i]).fold(f64::INFINITY, f64::min);
        let vertex = |step: u32| {
            place[along] = first * (end / first).powf(f64::from(step) / f64::from(STEPS));
            let y = law.predict(&estimate.coefficients, &place);
            let mut values: Vec<f64> = draws.iter().map(|draw| law.predict(draw, &place)).collect();
            let band = (!values.is_empty()).then(|| around(y, &mut values, level));
            Vertex { x: place[along], y, band }
        };
        // There is no way from zero on a logarithmic axis.
        let curve = if first > 0.0 { (0..=STEPS).map(vertex).collect() } else { Vec::new() };
        let name = across.map_or_else(
            || card.name.to_owned(),
            |across| {
                let symbol = card.variables[across].symbol;
                format!("{symbol} \u{2248} {}", size(mean(rows, &columns[across])))
            },
        );
        Slice { name, runs: rows.iter().map(|i| run(*i)).collect(), curve }
    };
    let slices = slices(across.map(|across| columns[across].as_slice()), data.rows_n());
    let variable = &card.variables[along];
    let is_count = matches!(variable.unit, "parameters" | "tokens" | "FLOP" | "FLOPs");
    let notes = if across.is_some() {
        vec!["Each curve stands at the geometric mean of its runs in the other variables.".into()]
    } else {
        Vec::new()
    };
    FittedLaw {
        law: card.name.to_owned(),
        equation: card.equation.to_owned(),
        variable: Quantity {
            title: format!("{}: {}", variable.symbol, variable.meaning),
            unit: if is_count { Unit::Count } else { Unit::Number },
        },
        response: Quantity {
            title: format!("{}: {}", card.response.symbol, card.response.meaning),
            unit: Unit::Number,
        },
        slices: slices.iter().map(|rows| slice(rows)).collect(),
        notes,
    }
}

fn decades(values: &[f64]) -> f64 {
    let positive = || values.iter().copied().filter(|value| *value > 0.0);
    let (lower, upper) = (positive().fold(f64::INFINITY, f64::min), positive().fold(0.0, f64::max));
    if upper > lower { (upper / lower).log10() } else { 0.0 }
}

/// The geometric mean, or zero where one of the values is.
fn mean(rows: &[usize], column: &[f64]) -> f64 {
    (rows.iter().map(|i| column[*i].ln()).sum::<f64>() / rows.len() as f64).exp()
}

/// The rows of each slice: one per value where there are few values, else about equally many rows
/// in each, in order of the value.
fn slices(across: Option<&[f64]>, rows_n: usize) -> Vec<Vec<usize>> {
    let mut rows: Vec<usize> = (0..rows_n).collect();
    let Some(values) = across else { return vec![rows] };
    rows.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let by_value: Vec<Vec<usize>> =
        rows.chunk_by(|a, b| values[*a] == values[*b]).map(<[usize]>::to_vec).collect();
    if by_value.len() <= SLICES_MAX {
        return by_value;
    }
    let mut slices: Vec<Vec<usize>> = Vec::new();
    for group in by_value {
        let taken: usize = slices.iter().map(Vec::len).sum();
        let is_full = taken * SLICES_MAX >= slices.len() * rows_n;
        match slices.last_mut().filter(|_| !is_full) {
            Some(slice) => slice.extend(group),
            None => slices.push(group),
        }
    }
    slices
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_a_slice_each_and_many_are_shared_out() {
        assert_eq!(slices(None, 3), vec![vec![0, 1, 2]]);
        assert_eq!(slices(Some(&[2.0, 1.0, 2.0]), 3), vec![vec![1], vec![0, 2]]);
        let values: Vec<f64> = (0..23).map(f64::from).collect();
        let shared = slices(Some(&values), 23);
        assert_eq!(shared.iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 4, 5, 4]);
    }
}
