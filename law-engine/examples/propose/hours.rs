//! Hours that one way of spending them needs for the error that another one reaches.

/// Where a rival never gets there, it is counted as needing so many times the hours.
pub(crate) const NEVER: f64 = 30.0;

/// Budgets from 10^`from` to 10^`to` hours, `per_decade` each.
pub(crate) fn budgets(from: f64, to: f64, per_decade: f64) -> Vec<f64> {
    let steps = ((to - from) * per_decade).round() as u32;
    (0..=steps).map(|i| 10_f64.powf(from + f64::from(i) / per_decade)).collect()
}

/// The error that 68 % of the replicates do not exceed.
pub(crate) fn error_68(mut errors: Vec<f64>) -> f64 {
    errors.sort_by(f64::total_cmp);
    errors[(0.68 * errors.len() as f64) as usize]
}

/// Errors made to fall with the budget: neighbours that do not are averaged, by their logarithms
/// (the pool adjacent violators algorithm).
pub(crate) fn falling(errors: &[f64]) -> Vec<f64> {
    // An error that is not finite is a large one.
    let ln = |error: &f64| error.min(1e6).ln();
    let mut blocks: Vec<(f64, usize)> = Vec::new();
    for error in errors {
        let mut block = (ln(error), 1);
        while let Some(last) = blocks.last().filter(|last| last.0 < block.0).copied() {
            blocks.pop();
            let n = last.1 + block.1;
            block = ((last.0 * last.1 as f64 + block.0 * block.1 as f64) / n as f64, n);
        }
        blocks.push(block);
    }
    blocks.iter().flat_map(|(ln, n)| std::iter::repeat_n(ln.exp(), *n)).collect()
}

/// The hours at which a falling curve of errors over budgets gets to `error`; None where it does
/// not. At the first budget already: that one.
pub(crate) fn hours_for(budgets: &[f64], errors: &[f64], error: f64) -> Option<f64> {
    let reached = errors.iter().position(|own| *own <= error)?;
    let Some(before) = reached.checked_sub(1) else { return Some(budgets[0]) };
    let share = (errors[before] / error).ln() / (errors[before] / errors[reached]).ln();
    Some(budgets[before] * (budgets[reached] / budgets[before]).powf(share))
}

/// How many times our hours a rival needs, by our budget.
pub(crate) fn ratios(ours: (&[f64], &[f64]), rival: (&[f64], &[f64])) -> Vec<f64> {
    let own = ours.0.iter().zip(falling(ours.1));
    let errors = falling(rival.1);
    own.map(|(budget, error)| {
        let hours = hours_for(rival.0, &errors, error);
        hours.map_or(NEVER, |hours| (hours / budget).min(NEVER))
    })
    .collect()
}

pub(crate) fn geometric_mean(ratios: impl IntoIterator<Item = f64>) -> f64 {
    let (mut sum, mut n) = (0.0_f64, 0.0);
    for ratio in ratios {
        sum += ratio.ln();
        n += 1.0;
    }
    (sum / n).exp()
}
