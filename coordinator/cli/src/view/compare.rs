//! Arms of tables compared along an axis.

use serde::Serialize;
use sweep_core::crossover::{Axis, Crossover, Outcome, Standing};
use sweep_core::fit::ArmFits;
use sweep_core::units::Share;

use super::laws::{self, Quantities};
use super::{counted, forecast};

/// Everything that `sweepctl compare` finds; the JSON that it prints.
#[derive(Debug, Serialize)]
pub(crate) struct CompareReport {
    pub(crate) axis: Axis,
    pub(crate) unit: &'static str,
    pub(crate) loss: String,
    pub(crate) compared: Vec<Compared>,
    pub(crate) notes: Vec<String>,
    pub(crate) fits: Vec<ArmFits>,
    pub(crate) crossovers: Vec<Crossover>,
}

/// An arm's runs.
#[derive(Debug, Serialize)]
pub(crate) struct Compared {
    pub(crate) arm: String,
    pub(crate) rows_n: usize,
    /// Those that the laws are fitted to.
    pub(crate) used_n: usize,
}

/// Of the places at which it is known who is ahead, every so many are printed.
const STANDING_EVERY: usize = 6;

impl CompareReport {
    pub(crate) fn render(&self) -> String {
        let arm = |Compared { arm, rows_n, used_n }: &Compared| {
            format!("{arm} ({used_n} of {})", counted(*rows_n, "run"))
        };
        let arms: Vec<String> = self.compared.iter().map(arm).collect();
        let mut text = format!(
            "{} over {} ({}): {}\n\n",
            self.loss,
            self.axis.title(),
            self.unit,
            arms.join(", ")
        );
        text += &laws::render(
            &self.fits,
            Quantities { axis: self.axis, unit: self.unit, loss: &self.loss },
        );
        for note in &self.notes {
            text += &format!("note: {note}\n");
        }
        for crossover in &self.crossovers {
            text += &format!("\n{}", forecast::render(std::slice::from_ref(crossover)));
            text += &ahead(crossover);
        }
        text
    }
}

/// Who is ahead along the axis: `  P(lstm ahead): 2 % at 6 h, 40 % at 10 kh`.
fn ahead(crossover: &Crossover) -> String {
    if matches!(crossover.outcome, Outcome::Undetermined { .. }) {
        return String::new();
    }
    let place = |standing: &Standing| {
        let share = Share(standing.challenger_ahead);
        format!("{share} at {}", crossover.axis.quantity(standing.hours))
    };
    let places = crossover.standings.iter().step_by(STANDING_EVERY).map(place);
    format!("  P({} ahead): {}\n", crossover.challenger, places.collect::<Vec<_>>().join(", "))
}
