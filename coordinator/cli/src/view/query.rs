//! Answers of a fitted law: a loss, the run that reaches one, the best run of a budget.

use law_engine::catalogue::{Data, Symbol};
use law_engine::query::allocation::{Allocation, Contrast};
use law_engine::query::approaches::Sizes;
use law_engine::query::{Answer, Fitted, Inversion, Prediction, Reach, Spread, Throughput};
use serde::Serialize;
use sweep_core::fit::Interval;
use sweep_core::units::Share;

use super::counted;
use super::fit::{bracket, digits, resampled, size};
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

#[derive(Debug, Serialize)]
pub(crate) struct PredictReport {
    #[serde(flatten)]
    pub(crate) about: About,
    /// Relative standard deviation of one run about the law.
    pub(crate) noise: Option<f64>,
    /// Laws that forecast nearly as well.
    pub(crate) others: Vec<&'static str>,
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
    /// What all laws say that forecast nearly as well, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    families: Option<Families>,
    /// Decades outside the fitted runs, by variable.
    beyond: Vec<f64>,
    reliance: String,
}

/// From the lowest to the highest of several laws.
#[derive(Debug, Serialize)]
struct Families {
    best: Interval,
    law_interval: Option<Interval>,
    run_interval: Option<Interval>,
}

impl From<Spread> for Families {
    fn from(Spread { best, law, run }: Spread) -> Self {
        Self { best, law_interval: law, run_interval: run }
    }
}

impl Predicted {
    pub(crate) fn new(
        variables: &[Symbol],
        x: &[f64],
        found: Prediction,
        families: Option<Spread>,
    ) -> Self {
        let Prediction { best, median, law, run, beyond } = found;
        let parts = variables.iter().zip(&beyond).filter_map(|(v, b)| distance(v.symbol, *b));
        let reliance = extrapolation(&parts.collect::<Vec<_>>());
        let (at, x) = (named(variables, x, &[]), x.to_vec());
        let (law_interval, run_interval) = (law, run);
        let families = families.map(Into::into);
        Self { at, x, best, median, law_interval, run_interval, families, beyond, reliance }
    }
}

impl PredictReport {
    pub(crate) fn render(&self) -> String {
        let has_families = self.predicted.iter().any(|p| p.families.is_some());
        let mut columns = vec![
            Column::Text("at"),
            Column::Number("best fit"),
            Column::Number("median"),
            Column::Text("the law"),
            Column::Text("one run"),
        ];
        columns.extend(has_families.then_some(Column::Text("one run, all laws")));
        columns.push(Column::Text("how far"));
        let row = |p: &Predicted| {
            let mut cells = vec![
                p.at.clone(),
                digits(p.best),
                digits(p.median),
                bracket(p.law_interval, digits),
                bracket(p.run_interval, digits),
            ];
            // Without refits there is only what the laws say at best.
            let all = p.families.as_ref().map(|all| all.run_interval.or(Some(all.best)));
            cells.extend(all.map(|interval| bracket(interval, digits)));
            cells.push(p.reliance.clone());
            cells
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
        let others = match &self.others[..] {
            _ if !has_families => String::new(),
            [] => "all laws: no other law forecasts the largest runs nearly as well\n".to_owned(),
            others => format!(
                "all laws: this one, and those that forecast the largest runs nearly as well ({})\n",
                others.join(", ")
            ),
        };
        self.about.head() + &table + &self.about.foot() + &noise + &others
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
    /// Best sizes without the law.
    pub(crate) checks: Vec<Check>,
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

/// A best size read off the runs themselves, beside the law's.
#[derive(Debug, Serialize)]
pub(crate) struct Check {
    approach: &'static str,
    /// Levels of compute with a best size, and without one among their sizes.
    levels_n: usize,
    left_out: usize,
    exponent: f64,
    exponent_interval: Option<Interval>,
    /// At the budget.
    params_n: f64,
    params_n_interval: Option<Interval>,
    /// Over the law's size there.
    over_law: Option<f64>,
    /// Root mean square of the difference of ln N at the levels themselves.
    apart: Option<f64>,
}

impl Check {
    /// `law` is the law's best size by FLOPs.
    pub(crate) fn new(
        approach: &'static str,
        sizes: &Sizes,
        flops_c: f64,
        level: f64,
        law: impl Fn(f64) -> Option<f64>,
    ) -> Self {
        let (exponent, params_n) = (sizes.exponent(level), sizes.params_n(flops_c, level));
        Self {
            approach,
            levels_n: sizes.places.len(),
            left_out: sizes.left_out,
            exponent: exponent.best,
            exponent_interval: exponent.interval,
            params_n: params_n.best,
            params_n_interval: params_n.interval,
            over_law: law(flops_c).map(|law| params_n.best / law),
            apart: sizes.apart(law),
        }
    }

    fn render(&self) -> String {
        let left_out = match self.left_out {
            0 => String::new(),
            n => format!(", {n} left out whose best is at an end"),
        };
        let over_law = self
            .over_law
            .map_or_else(String::new, |ratio| format!(", {} times the law's", digits(ratio)));
        let apart = self.apart.map_or_else(String::new, |apart| {
            format!("; {:.1} % from the law at the levels themselves", 100.0 * apart.exp_m1())
        });
        format!(
            "{} ({}{left_out}): N grows as C^{} {}, at this budget \
             N = {} {}{over_law}{apart}\n",
            self.approach,
            counted(self.levels_n, "level"),
            digits(self.exponent),
            bracket(self.exponent_interval, digits),
            size(self.params_n),
            bracket(self.params_n_interval, size),
        )
    }
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
        self.checks.iter().for_each(|check| text += &check.render());
        for note in &self.notes {
            text += &format!("{note}\n");
        }
        for remark in &self.remarks {
            text += &format!("note: {remark}\n");
        }
        text
    }
}
