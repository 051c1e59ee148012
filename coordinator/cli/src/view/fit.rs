//! A law fitted to a file of runs.

use law_engine::catalogue::{HoldOut, Profile, Published, Scheme};
use serde::Serialize;
use sweep_core::fit::Interval;
use sweep_core::units::{Share, human_count};

use super::families::Families;
use super::table::{Column, draw};
use super::{counted, percent, signed_percent};

/// Everything that `sweepctl fit` finds; the JSON that it prints.
#[derive(Debug, Serialize)]
pub(crate) struct FitReport {
    /// The laws that this one was chosen from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) families: Option<Families>,
    pub(crate) law: &'static str,
    pub(crate) equation: &'static str,
    pub(crate) file: String,
    pub(crate) rows_n: usize,
    pub(crate) objective_name: String,
    pub(crate) objective: f64,
    pub(crate) converged: bool,
    pub(crate) condition: f64,
    pub(crate) optima_n: usize,
    /// Level of the intervals.
    pub(crate) level: f64,
    pub(crate) draws_n: u32,
    /// What the refits were to.
    pub(crate) resampled: &'static str,
    pub(crate) coefficients: Vec<Found>,
    #[serde(skip)]
    pub(crate) shows_profiles: bool,
    pub(crate) spans: Vec<Span>,
    /// What the letters count, as far as it is known.
    pub(crate) conventions: Vec<&'static str>,
    pub(crate) held_out: Option<HeldOut>,
    pub(crate) published: Vec<PublishedFit>,
    pub(crate) remarks: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Found {
    pub(crate) symbol: &'static str,
    pub(crate) meaning: &'static str,
    pub(crate) value: f64,
    pub(crate) interval: Option<Interval>,
    /// None for a coefficient that was given or tied, or where there are too many rows.
    pub(crate) profile: Option<Profiled>,
}

/// What the objective says of a coefficient without refits.
#[derive(Debug, Serialize)]
pub(crate) struct Profiled {
    interval: Interval,
    /// Whether the lower and the upper end are those of the coefficient's range.
    is_open: [bool; 2],
    /// By the delta method.
    delta: Interval,
}

impl From<Profile> for Profiled {
    fn from(Profile { interval, is_open, delta }: Profile) -> Self {
        Self { interval, is_open, delta }
    }
}

impl Profiled {
    /// The interval, with dots at an end that the data do not set.
    fn render(&self) -> String {
        let [lower, upper] = [self.interval.lower, self.interval.upper].map(digits);
        let [below, above] = self.is_open;
        let lower = if below { ".." } else { &lower };
        let upper = if above { ".." } else { &upper };
        format!("[{lower}, {upper}]")
    }
}

/// The range of a variable.
#[derive(Debug, Serialize)]
pub(crate) struct Span {
    pub(crate) symbol: &'static str,
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

#[derive(Debug, Serialize)]
pub(crate) struct HeldOut {
    pub(crate) rows_n: usize,
    pub(crate) mean_error: f64,
    pub(crate) worst_error: f64,
    pub(crate) bias: f64,
}

impl From<HoldOut> for HeldOut {
    fn from(HoldOut { rows_n, mean_error, worst_error, bias, .. }: HoldOut) -> Self {
        Self { rows_n, mean_error, worst_error, bias }
    }
}

/// A fit of the literature, to compare with.
#[derive(Debug, Serialize)]
pub(crate) struct PublishedFit {
    pub(crate) label: &'static str,
    pub(crate) source: &'static str,
    pub(crate) convention: &'static str,
    pub(crate) coefficients: &'static [f64],
}

impl From<&Published> for PublishedFit {
    fn from(published: &Published) -> Self {
        let Published { label, source, convention, coefficients } = *published;
        Self { label, source, convention, coefficients }
    }
}

/// What is fitted again and again for intervals.
pub(crate) const fn resampled(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Residuals => "the law with residuals of resampled runs",
        Scheme::Wild => "the law with each run's residuals under random factors",
        Scheme::Runs => "resampled runs",
    }
}

impl FitReport {
    pub(crate) fn render(&self) -> String {
        let spans: Vec<String> = self
            .spans
            .iter()
            .map(|Span { symbol, lower, upper }| {
                let decades = (upper / lower).log10();
                format!("{symbol} {} to {} ({decades:.1} decades)", size(*lower), size(*upper))
            })
            .collect();
        let mut text = self.families.as_ref().map_or_else(String::new, Families::render);
        text += &format!(
            "{}: {}\n{} of {}: {}\n",
            self.law,
            self.equation,
            counted(self.rows_n, "row"),
            self.file,
            spans.join(", ")
        );
        if !self.conventions.is_empty() {
            text += &format!("counted: {}\n", self.conventions.join(", "));
        }
        text += "\n";
        text += &self.coefficients();
        let ending = if self.converged { "converged" } else { "not converged" };
        text += &format!(
            "\nobjective {:.6e} ({}); {ending}; {} found; condition number {:.1e}\n",
            self.objective,
            self.objective_name,
            if self.optima_n == 1 {
                "1 optimum".to_owned()
            } else {
                format!("{} optima", self.optima_n)
            },
            self.condition
        );
        if let Some(HeldOut { rows_n, mean_error, worst_error, bias }) = &self.held_out {
            text += &format!(
                "held out: the largest {} forecast from the others within {} on average, \
                 {} at worst, {} in the mean\n",
                counted(*rows_n, "row"),
                percent(*mean_error),
                percent(*worst_error),
                signed_percent(*bias)
            );
        }
        for remark in &self.remarks {
            text += &format!("note: {remark}\n");
        }
        text
    }

    /// Coefficients with their intervals, beside those of the literature.
    fn coefficients(&self) -> String {
        let mut columns = vec![Column::Text("coefficient"), Column::Number("value")];
        if self.draws_n > 0 {
            columns.push(Column::Text("interval"));
        }
        if self.shows_profiles {
            columns.extend([Column::Text("profile"), Column::Text("delta method")]);
        }
        columns.push(Column::Text("meaning"));
        columns.extend(self.published.iter().map(|published| Column::Number(published.label)));
        let row = |(i, found): (usize, &Found)| {
            let mut cells = vec![found.symbol.to_owned(), digits(found.value)];
            cells.extend(found.interval.map(|interval| bracket(Some(interval), digits)));
            if self.shows_profiles {
                let profile = found.profile.as_ref();
                cells.push(profile.map_or_else(|| "-".to_owned(), Profiled::render));
                cells.push(bracket(profile.map(|p| p.delta), digits));
            }
            cells.push(found.meaning.to_owned());
            cells.extend(self.published.iter().map(|p| as_given(p.coefficients[i])));
            cells
        };
        let mut text = draw(&columns, self.coefficients.iter().enumerate().map(row).collect());
        if self.draws_n > 0 {
            let level = Share(self.level);
            text +=
                &format!("[ ] {level} interval of {} refits to {}\n", self.draws_n, self.resampled);
        }
        if self.shows_profiles {
            let level = Share(self.level);
            text += &format!(
                "profile: what the objective does not reject at {level}, whatever the other \
                 coefficients are\n"
            );
        }
        text
    }
}

/// An interval, its ends as `number` writes them; a dash for none.
pub(crate) fn bracket(interval: Option<Interval>, number: impl Fn(f64) -> String) -> String {
    interval.map_or_else(
        || "-".to_owned(),
        |Interval { lower, upper }| format!("[{}, {}]", number(lower), number(upper)),
    )
}

/// Five significant digits: what published tables have.
pub(crate) fn digits(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 {
        "0".to_owned()
    } else if (1e-3..1e5).contains(&magnitude) {
        let before = magnitude.log10().floor() as i32 + 1;
        format!("{value:.*}", usize::try_from(5 - before).unwrap_or(0))
    } else {
        format!("{value:.4e}")
    }
}

/// A variable's value: a count as people say it, 70M, as long as there is a suffix for it.
pub(crate) fn size(value: f64) -> String {
    if (1.0..1e15).contains(&value) { human_count(value) } else { digits(value) }
}

/// A published figure with the digits that it was published with.
pub(crate) fn as_given(value: f64) -> String {
    if value == 0.0 || (1e-4..1e7).contains(&value.abs()) {
        format!("{value}")
    } else {
        format!("{value:e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_five_digits() {
        for (value, text) in [
            (0.347_311, "0.34731"),
            (477.825_9, "477.83"),
            (12_345.6, "12346"),
            (1.4e9, "1.4000e9"),
            (4.2e-5, "4.2000e-5"),
            (0.0, "0"),
        ] {
            assert_eq!(digits(value), text);
        }
    }
}
