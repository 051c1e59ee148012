//! The laws fitted to each arm.

use sweep_core::fit::{ArmFits, Coefficient, Convergence, LawFit};
use sweep_core::spec::LawChoice;
use sweep_core::units::{Share, human_hours};

use super::table::{Column, draw};
use super::{signed_percent, significant};

/// Coefficients in the order of the equations.
const LETTERS: [&str; 3] = ["E", "A", "alpha"];

/// Both families of every arm, the one that speaks for it marked, and what must be read beside.
pub(crate) fn render(arms: &[ArmFits], hours_unit: &str) -> String {
    let columns = [
        Column::Text("arm"),
        Column::Text("law"),
        Column::Text("E"),
        Column::Text("A"),
        Column::Text("alpha"),
        Column::Number("points (classes)"),
        Column::Number("held-out error"),
    ];
    let rows = arms.iter().flat_map(|arm| arm.fits.iter().map(|fit| cells(arm, fit)));
    let mut text = draw(&columns, rows.collect());
    text += &legend(arms, hours_unit);
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

fn legend(arms: &[ArmFits], hours_unit: &str) -> String {
    let Some((arm, fit)) = arms.iter().find_map(|arm| Some((arm, arm.chosen_fit()?))) else {
        return "no law could be fitted yet\n".to_owned();
    };
    let reason = match arm.choice {
        LawChoice::Auto => "it forecast the held-out class best",
        LawChoice::Power | LawChoice::PowerFloor => "budget.yaml asks for it",
    };
    let equation = fit.law.equation();
    let mut text = format!("* used: bits/byte = {equation}, h in {hours_unit}; {reason}\n");
    text += &format!("[ ] {} interval\n", Share(fit.level));
    if let Some(held_out) = &fit.held_out {
        let class = human_hours(held_out.hours);
        text += &format!("held-out error: of the forecast for class {class} from the others\n");
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
    use crate::fixtures;

    #[test]
    fn laws_show_intervals_the_other_family_and_caveats() {
        let view = fixtures::forecast();
        insta::assert_snapshot!(super::render(&view.forecast.arms, &view.hours_unit));
    }

    #[test]
    fn no_law_is_said() {
        assert!(super::render(&[], "CPU core hours").contains("no law could be fitted yet"));
    }
}
