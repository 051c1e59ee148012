//! Where arms are expected to change places.

use sweep_core::crossover::Crossover;
use sweep_core::forecast::Forecast;
use sweep_core::units::Share;

/// Every crossover: its sentence, the shares of the draws behind it, the other family's answer.
pub(crate) fn render(crossovers: &[Crossover]) -> String {
    if crossovers.is_empty() {
        return "there is one arm, so there is no crossover to forecast\n".to_owned();
    }
    crossovers.iter().map(one).collect()
}

fn one(crossover: &Crossover) -> String {
    let mut text = format!("{}\n", crossover.headline());
    if crossover.draws_n > 0 {
        let Crossover { leader, challenger, law, draws_n, probability, .. } = crossover;
        let [ahead, passed, never] =
            [probability.ahead, probability.passed, probability.never].map(Share);
        text += &format!(
            "  {draws_n} draws of the {law} law: {challenger} overtakes {leader} beyond the \
             measured range in {ahead}, within it in {passed}, never before the horizon in \
             {never}\n"
        );
    }
    // The headline's interval is the hull: parts are worth a line where there are several.
    if crossover.set.intervals.len() > 1 {
        let words = crossover.set.words(crossover.axis, crossover.horizon_hours);
        text += &format!("  not rejected at {}: {words}\n", Share(crossover.level));
    }
    if let Some(other) = &crossover.other_law {
        text += &format!("  {other}\n");
    }
    for remark in &crossover.remarks {
        text += &format!("  {remark}\n");
    }
    text
}

/// How the forecasts changed as runs finished, oldest first.
pub(crate) fn history(forecasts: &[Forecast]) -> String {
    let line = |forecast: &Forecast| {
        let headlines: Vec<String> = forecast.crossovers.iter().map(Crossover::headline).collect();
        format!("after {:>4} runs: {}\n", forecast.observations_n, headlines.join("; "))
    };
    forecasts.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_forecast_is_never_a_bare_number() {
        let view = fixtures::forecast();
        insta::assert_snapshot!(render(&view.forecast.crossovers));
        insta::assert_snapshot!(history(&[view.forecast]));
    }

    #[test]
    fn one_arm_has_no_crossover() {
        assert!(render(&[]).starts_with("there is one arm"));
    }
}
