//! The laws fitted to each arm.

use sweep_core::crossover::Axis;
use sweep_core::fit::{ArmFits, Coefficient, Convergence, LawFit};
use sweep_core::spec::LawChoice;
use sweep_core::units::Share;

use super::table::{Column, draw};
use super::{signed_percent, significant};

/// Coefficients in the order of the equations.
const LETTERS: [&str; 3] = ["E", "A", "alpha"];

/// What the laws are of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Quantities<'a> {
    pub(crate) axis: Axis,
    /// The axis's unit in words.
    pub(crate) unit: &'a str,
    pub(crate) loss: &'a str,
}

impl<'a> Quantities<'a> {
    /// Those of a sweep, whose accelerator hours are called so.
    pub(crate) const fn of_sweep(unit: &'a str) -> Self {
        Self { axis: Axis::Hours, unit, loss: "bits/byte" }
    }
}

/// Both families of every arm, the one that speaks for it marked, and what must be read beside.
pub(crate) fn render(arms: &[ArmFits], of: Quantities<'_>) -> String {
    let columns = [
        Column::Text("arm"),
        Column::Text("law"),
        Column::Text("E"),
        Column::Text("A"),
        Column::Text("alpha"),
        Column::Number(match of.axis {
            Axis::Hours => "points (classes)",
            _ => "points (scales)",
        }),
        Column::Number("held-out error"),
    ];
    let rows = arms.iter().flat_map(|arm| arm.fits.iter().map(|fit| cells(arm, fit)));
    let mut text = draw(&columns, rows.collect());
    text += &legend(arms, of);
    for line in arms.iter().flat_map(|arm| arm.fits.iter().flat_map(remarks)) {
        text += &format!("note: {line}\n");
    }
    text
}

fn cells(arm: &ArmFits, fit: &LawFit) -> Vec<String> {
    let used = if fit.law == arm.chosen { "* " } else { "  " };
    let mut cells = vec![arm.arm.clone(), format!("{used}{}", fit.law)];
    cells.extend(LETTERS.map(|letter| {
        let found = fit.coefficients.iter().find(|coefficient| coefficient.name == letter);
        found.map_or_else(|| "-".to_owned(), coefficient)
    }));
    cells.push(format!("{} ({})", fit.observations_n, fit.classes_n));
    let held_out = fit.held_out.as_ref();
    cells.push(
        held_out.map_or_else(|| "-".to_owned(), |held| signed_percent(held.relative_error())),
    );
    cells
}

fn coefficient(coefficient: &Coefficient) -> String {
    let Coefficient { value, interval, .. } = coefficient;
    let [value, lower, upper] = [*value, interval.lower, interval.upper].map(significant);
    format!("{value} [{lower}, {upper}]")
}

fn legend(arms: &[ArmFits], of: Quantities<'_>) -> String {
    let Some((arm, fit)) = arms.iter().find_map(|arm| Some((arm, arm.chosen_fit()?))) else {
        return "no law could be fitted yet\n".to_owned();
    };
    let reason = match arm.choice {
        LawChoice::Auto => format!("it forecast the held-out {} best", of.axis.class()),
        LawChoice::Power | LawChoice::PowerFloor => "it was asked for".to_owned(),
    };
    let Quantities { axis, unit, loss } = of;
    let (letter, equation) = (axis.letter(), fit.law.equation(axis.letter()));
    let mut text = format!("* used: {loss} = {equation}, {letter} in {unit}; {reason}\n");
    text += &format!("[ ] {} interval\n", Share(fit.level));
    if let Some(held_out) = &fit.held_out {
        let (class, place) = (axis.class(), axis.quantity(held_out.hours));
        text += &format!("held-out error: of the forecast for {class} {place} from the others\n");
    }
    text
}

fn remarks(fit: &LawFit) -> Vec<String> {
    let about = format!("{} {}", fit.arm, fit.law);
    let mut remarks: Vec<String> =
        fit.caveats.iter().map(|caveat| format!("{about}: {caveat}")).collect();
    if let Convergence::NotConverged { reason } = &fit.convergence {
        remarks.push(format!("{about}: the fit did not converge: {reason}"));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::Quantities;
    use crate::fixtures;

    #[test]
    fn laws_show_intervals_the_other_family_and_caveats() {
        let view = fixtures::forecast();
        insta::assert_snapshot!(super::render(
            &view.forecast.arms,
            Quantities::of_sweep(&view.hours_unit)
        ));
    }

    #[test]
    fn no_law_is_said() {
        assert!(
            super::render(&[], Quantities::of_sweep("CPU core hours"))
                .contains("no law could be fitted yet")
        );
    }
}
