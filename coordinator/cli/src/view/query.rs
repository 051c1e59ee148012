//! Answers of a fitted law: a loss, the run that reaches one, the best run of a budget.

use law_engine::catalogue::{Data, Symbol};
use law_engine::query::allocation::{Allocation, Contrast};
use law_engine::query::{Answer, Fitted, Inversion, Prediction, Reach, Throughput};
use serde::Serialize;
use sweep_core::fit::Interval;
use sweep_core::units::Share;

use super::counted;
use super::fit::{digits, resampled, size};
use super::table::{Column, draw};
use crate::fitting::Fitting;
use crate::place::named;

/// What is asked: the law, its runs, and the level of all intervals.
#[derive(Debug, Serialize)]
pub(crate) struct About {
    law: &'static str,
    equation: &'static str,
    file: String,
    rows_n: usize,
    converged: bool,
    draws_n: usize,
    resampled: &'static str,
    level: f64,
}

impl About {
    pub(crate) fn new(fitted: &Fitted<'_>, data: &Data, fitting: &Fitting) -> Self {
        let card = fitted.law.card();
        let (file, rows_n, level) = (fitting.runs.to_string(), data.rows_n(), fitting.level());
        let converged = fitted.estimate.convergence == sweep_core::fit::Convergence::Converged;
        let draws_n = fitted.draws.len();
        let resampled = resampled(fitting.scheme());
        let (law, equation) = (card.name, card.equation);
        Self { law, equation, file, rows_n, converged, draws_n, resampled, level }
    }

    fn head(&self) -> String {
        let rows = counted(self.rows_n, "row");
        let doubt = if self.converged { "" } else { "; the fit did not converge" };
        format!("{}: {}\nfitted to {rows} of {}{doubt}\n\n", self.law, self.equation, self.file)
    }

    fn foot(&self) -> String {
        if self.draws_n == 0 {
            return "no intervals: no refits were asked for\n".to_owned();
        }
        let level = Share(self.level);
        format!("[ ] {level} interval of {} refits to {}\n", self.draws_n, self.resampled)
    }
}

/// How far a place lies outside the fitted runs: `N 1.2 decades above`.
fn distance(symbol: &str, decades: f64) -> Option<String> {
    let side = if decades > 0.0 { "above" } else { "below" };
    (decades.abs() >= 5e-3).then(|| format!("{symbol} {:.2} decades {side}", decades.abs()))
}

fn extrapolation(parts: &[String]) -> String {
    if parts.is_empty() {
        "within the fitted runs".to_owned()
    } else {
        format!("extrapolation: {}", parts.join(", "))
    }
}

fn bracket(interval: Option<Interval>, number: impl Fn(f64) -> String) -> String {
    interval.map_or_else(
        || "-".to_owned(),
        |Interval { lower, upper }| format!("[{}, {}]", number(lower), number(upper)),
    )
}

#[derive(Debug, Serialize)]
pub(crate) struct PredictReport {
    #[serde(flatten)]
    pub(crate) about: About,
    /// Relative standard deviation of one run about the law.
    pub(crate) noise: Option<f64>,
    pub(crate) predicted: Vec<Predicted>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Predicted {
    at: String,
    x: Vec<f64>,
    best: f64,
    median: f64,
    law_interval: Option<Interval>,
    run_interval: Option<Interval>,
    /// Decades outside the fitted runs, by variable.
    beyond: Vec<f64>,
    reliance: String,
}

impl Predicted {
    pub(crate) fn new(variables: &[Symbol], x: &[f64], found: Prediction) -> Self {
        let Prediction { best, median, law, run, beyond } = found;
        let parts = variables.iter().zip(&beyond).filter_map(|(v, b)| distance(v.symbol, *b));
        let reliance = extrapolation(&parts.collect::<Vec<_>>());
        let (at, x) = (named(variables, x, &[]), x.to_vec());
        Self { at, x, best, median, law_interval: law, run_interval: run, beyond, reliance }
    }
}

impl PredictReport {
    pub(crate) fn render(&self) -> String {
        let columns = [
            Column::Text("at"),
            Column::Number("best fit"),
            Column::Number("median"),
            Column::Text("the law"),
            Column::Text("one run"),
            Column::Text("how far"),
        ];
        let row = |p: &Predicted| {
            vec![
                p.at.clone(),
                digits(p.best),
                digits(p.median),
                bracket(p.law_interval, digits),
                bracket(p.run_interval, digits),
                p.reliance.clone(),
            ]
        };
        let noise = self.noise.map_or_else(
            || {
                "nothing is known of the noise of a run: there are no more runs than coefficients\n"
                    .to_owned()
            },
            |noise| {
                format!("noise of one run: {:.2} %, by the residuals of the fit\n", noise * 100.0)
            },
        );
        let table = draw(&columns, self.predicted.iter().map(row).collect());
        self.about.head() + &table + &self.about.foot() + &noise
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct InvertReport {
    #[serde(flatten)]
    pub(crate) about: About,
    pub(crate) variable: &'static str,
    pub(crate) response: &'static str,
    pub(crate) loss: f64,
    pub(crate) inverted: Vec<Inverted>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Inverted {
    at: String,
    /// None where the loss is never reached.
    value: Option<f64>,
    /// Open above where its upper end is null, which stands for never.
    interval: Option<Interval>,
    /// Share of the draws that never reach the loss.
    never: f64,
    searched: (f64, f64),
    /// The least response in the search, by the best fit.
    least: f64,
    beyond: Option<f64>,
    reliance: String,
}

impl Inverted {
    pub(crate) fn new(
        variables: &[Symbol],
        symbol: &'static str,
        x: &[f64],
        found: &Inversion,
    ) -> Self {
        let Inversion { best, interval, never, searched, least, beyond } = *found;
        let reliance = match best {
            Reach::At(_) => extrapolation(distance(symbol, beyond).as_slice()),
            Reach::Before(_) => "already reached where the search begins".to_owned(),
            Reach::Never => format!("never: the law comes down to {} here", digits(least)),
        };
        let value = Some(best.value()).filter(|value| value.is_finite());
        let beyond = Some(beyond).filter(|beyond| beyond.is_finite());
        let at = named(variables, x, &[symbol]);
        Self { at, value, interval, never, searched, least, beyond, reliance }
    }
}

impl InvertReport {
    pub(crate) fn render(&self) -> String {
        let columns = [
            Column::Text("at"),
            Column::Number(self.variable),
            Column::Text("interval"),
            Column::Number("P(never)"),
            Column::Text("how far"),
        ];
        let row = |i: &Inverted| {
            let value = |value: f64| {
                if value.is_infinite() { "never".to_owned() } else { size(value) }
            };
            let at = if i.at.is_empty() { "-" } else { i.at.as_str() };
            vec![
                at.to_owned(),
                value(i.value.unwrap_or(f64::INFINITY)),
                bracket(i.interval, value),
                format!("{:.2}", i.never),
                i.reliance.clone(),
            ]
        };
        let head = format!("{} for {} = {}\n", self.variable, self.response, digits(self.loss));
        let table = draw(&columns, self.inverted.iter().map(row).collect());
        self.about.head() + &head + &table + &self.about.foot()
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct AllocateReport {
    #[serde(flatten)]
    pub(crate) about: About,
    pub(crate) budget: String,
    pub(crate) quantities: Vec<Quantity>,
    /// Share of the draws without an optimum.
    pub(crate) without: f64,
    pub(crate) reliance: String,
    pub(crate) notes: Vec<String>,
    pub(crate) remarks: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Quantity {
    symbol: &'static str,
    meaning: &'static str,
    best: f64,
    interval: Option<Interval>,
}

/// The figures of an allocation.
pub(crate) fn quantities(found: &Allocation) -> Vec<Quantity> {
    let quantity = |symbol, meaning, Answer { best, interval }: Answer| Quantity {
        symbol,
        meaning,
        best,
        interval,
    };
    vec![
        quantity("N", "parameters", found.params_n),
        quantity("D", "tokens", found.tokens_d),
        quantity("D/N", "tokens per parameter", found.ratio),
        quantity("L", "loss there", found.loss),
        quantity("a", "exponent of N over the budget", found.size_exponent),
        quantity("b", "exponent of D over the budget", found.data_exponent),
    ]
}

/// How far an allocation lies outside the fitted runs.
pub(crate) fn reliance(found: &Allocation) -> String {
    let [n, d] = found.beyond;
    let parts = [distance("N", n), distance("D", d)];
    extrapolation(&parts.into_iter().flatten().collect::<Vec<_>>())
}

/// What the FLOP-optimal run of the same hours is beside the best one.
pub(crate) fn contrast_note(contrast: &Contrast) -> String {
    let run = contrast.flop_optimal;
    format!(
        "the FLOP-optimal run of as many hours is N={}, D={}: its loss of {} is {:.3} % above the \
         best of these hours, which has {:.2} times the parameters",
        size(run.params_n),
        size(run.tokens_d),
        digits(run.loss),
        contrast.loss_excess * 100.0,
        contrast.size_ratio
    )
}

/// The throughput that hours were turned into tokens by.
pub(crate) fn throughput_note(throughput: &Throughput) -> String {
    let Throughput { amplitude, exponent, residual_sd } = *throughput;
    let power = format!("{} N^-{}", digits(amplitude), digits(exponent));
    let law = format!("throughput: {power} tokens per accelerator second");
    if residual_sd > 0.0 {
        format!("{law}, fitted to the runs within {:.1} %, taken as exact", residual_sd * 100.0)
    } else {
        format!("{law}, taken as exact")
    }
}

impl AllocateReport {
    pub(crate) fn render(&self) -> String {
        let columns = [
            Column::Text(""),
            Column::Number("best fit"),
            Column::Text("interval"),
            Column::Text("meaning"),
        ];
        let row = |q: &Quantity| {
            let number = if matches!(q.symbol, "N" | "D") { size } else { digits };
            let (best, interval) = (number(q.best), bracket(q.interval, number));
            vec![q.symbol.to_owned(), best, interval, q.meaning.to_owned()]
        };
        let table = draw(&columns, self.quantities.iter().map(row).collect());
        let mut text = self.about.head() + &format!("best division of {}\n", self.budget) + &table;
        text += &self.about.foot();
        text += &format!("{}\n", self.reliance);
        if self.without > 0.0 {
            let share = self.without * 100.0;
            text += &format!("note: {share:.1} % of the refits have no optimum and are left out\n");
        }
        for note in &self.notes {
            text += &format!("{note}\n");
        }
        for remark in &self.remarks {
            text += &format!("note: {remark}\n");
        }
        text
    }
}
