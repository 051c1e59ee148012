//! Laws beside each other on the same runs.

use law_engine::catalogue::rank::Ranked;
use serde::Serialize;

use super::fit::digits;
use super::table::{Column, draw};

/// One law of the comparison.
#[derive(Debug, Serialize)]
pub(crate) struct Family {
    law: &'static str,
    coefficients_n: usize,
    /// Mean absolute relative error on the held out rows.
    held_out_error: Option<f64>,
    /// Root mean square of the log residuals of the fit to all rows.
    rms: f64,
    aic: f64,
    bic: f64,
    /// What it says ten times beyond the largest value of each of its variables.
    beyond: f64,
    identified: bool,
}

/// All that were fitted, the best forecast first, and those that could not be.
#[derive(Debug, Serialize)]
pub(crate) struct Families {
    families: Vec<Family>,
    refused: Vec<(&'static str, String)>,
}

/// How far beyond the runs laws are asked what they say.
const BEYOND: f64 = 10.0;

impl Families {
    pub(crate) fn new(
        ranked: &[Ranked],
        refused: Vec<(&'static str, String)>,
        largest: impl Fn(&str) -> f64,
    ) -> Self {
        let family = |one: &Ranked| {
            let card = one.law.card();
            let x: Vec<f64> = card.variables.iter().map(|v| BEYOND * largest(v.symbol)).collect();
            Family {
                law: card.name,
                coefficients_n: one.estimate.free_n,
                held_out_error: one.held_out.as_ref().map(|held| held.mean_error),
                rms: one.rms,
                aic: one.aic,
                bic: one.bic,
                beyond: one.law.predict(&one.estimate.coefficients, &x),
                identified: one.estimate.is_identified(),
            }
        };
        Self { families: ranked.iter().map(family).collect(), refused }
    }

    pub(crate) fn render(&self) -> String {
        let columns = [
            Column::Text("law"),
            Column::Number("coefficients"),
            Column::Number("held-out error"),
            Column::Number("scatter"),
            Column::Number("AIC"),
            Column::Number("BIC"),
            Column::Number("10x beyond"),
        ];
        let least =
            |of: fn(&Family) -> f64| self.families.iter().map(of).fold(f64::INFINITY, f64::min);
        let (aic, bic) = (least(|family| family.aic), least(|family| family.bic));
        let percent = |share: f64| format!("{:.2} %", 100.0 * share);
        let row = |family: &Family| {
            let doubt = if family.identified { "" } else { " (not identified)" };
            vec![
                format!("{}{doubt}", family.law),
                family.coefficients_n.to_string(),
                family.held_out_error.map_or_else(|| "-".to_owned(), percent),
                percent(family.rms),
                format!("+{:.1}", family.aic - aic),
                format!("+{:.1}", family.bic - bic),
                digits(family.beyond),
            ]
        };
        let mut text = draw(&columns, self.families.iter().map(row).collect());
        text += "held-out error: of the largest scales forecast from the others, which ranks the laws \
                 within 10 of the least AIC, and the others behind them; AIC and BIC above the \
                 least\n";
        for (law, reason) in &self.refused {
            text += &format!("not fitted: {law}: {reason}\n");
        }
        text + "\n"
    }
}
