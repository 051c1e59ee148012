//! The nine learning-rate schedules of arXiv 2503.12811 and the curves trained under them.

use std::collections::BTreeMap;

use super::check::Trouble;
use super::rows::{Folder, number, text};

/// Steps of warm-up of all schedules: from zero at the first to the peak at the last.
pub(crate) const WARMUP: usize = 2160;

/// The learning rate of each step of a schedule, by its name.
pub(crate) fn schedule(name: &str) -> Vec<f64> {
    let (peak, floor) = (3e-4, 3e-5);
    let parts: Vec<&str> = name.split('_').collect();
    let last = parts.last().and_then(|part| part.parse::<f64>().ok()).unwrap_or_default();
    let total = if last >= 1e4 { last as usize } else { 16_000 };
    let after = |step: usize| match parts[0] {
        "cosine" => {
            let share = (step - WARMUP) as f64 / (total - WARMUP) as f64;
            floor + 0.5 * (peak - floor) * (1.0 + (std::f64::consts::PI * share).cos())
        }
        "wsd" if step >= 20_000 => peak * 0.1_f64.powf((step as f64 - 2e4) / 4e3),
        "wsdld" if step >= 20_000 => peak - (peak - floor) * (step as f64 - 2e4) / 4e3,
        "wsdcon" if step >= 8000 => 1e-5 * last,
        _ => peak,
    };
    let rate = |step: usize| {
        if step < WARMUP { peak * step as f64 / (WARMUP - 1) as f64 } else { after(step) }
    };
    (0..total).map(rate).collect()
}

/// A curve: its schedule, and the logged steps and losses.
pub(crate) struct Curve {
    pub(crate) schedule: String,
    pub(crate) steps: Vec<usize>,
    pub(crate) losses: Vec<f64>,
}

/// The curves of one size, those of `split`.
pub(crate) fn curves(folder: &Folder, size: &str, split: &str) -> Result<Vec<Curve>, Trouble> {
    let rows = folder.read("multi-power-law/data.csv")?;
    let mut curves: BTreeMap<String, Curve> = BTreeMap::new();
    for row in &rows.of("size_label", size).of("repo_split", split).0 {
        let name = text(row, "schedule")?.to_owned();
        let empty = Curve { schedule: name.clone(), steps: Vec::new(), losses: Vec::new() };
        let curve = curves.entry(name).or_insert(empty);
        curve.steps.push(number(row, "step")? as usize);
        curve.losses.push(number(row, "loss")?);
    }
    Ok(curves.into_values().collect())
}

/// Means over curves of R2, mean absolute, root mean square, mean relative and worst relative error.
pub(crate) fn scores(curves: &[Curve], predict: impl Fn(&Curve) -> Vec<f64>) -> [f64; 5] {
    let mut sums = [0.0; 5];
    for curve in curves {
        let n = curve.losses.len() as f64;
        let pairs = || curve.losses.iter().zip(predict(curve));
        let errors: Vec<f64> = pairs().map(|(loss, law)| law - loss).collect();
        let relative: Vec<f64> = pairs().map(|(loss, law)| (law / loss - 1.0).abs()).collect();
        let squares: f64 = errors.iter().map(|error| error * error).sum();
        let mean = curve.losses.iter().sum::<f64>() / n;
        let spread: f64 = curve.losses.iter().map(|loss| (loss - mean).powi(2)).sum();
        let of_curve = [
            1.0 - squares / spread,
            errors.iter().map(|error| error.abs()).sum::<f64>() / n,
            (squares / n).sqrt(),
            relative.iter().sum::<f64>() / n,
            relative.iter().copied().fold(0.0, f64::max),
        ];
        sums.iter_mut().zip(of_curve).for_each(|(sum, score)| *sum += score);
    }
    sums.map(|sum| sum / curves.len() as f64)
}
