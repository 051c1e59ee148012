//! Past forecasts beside what came.

use sweep_core::scoreboard::{CrossingScore, LeadScore, LossScore, Reach, Scoreboard};
use sweep_core::units::{Share, human_hours};

use super::table::{Column, draw};
use super::{counted, signed_percent};

pub(crate) fn render(board: &Scoreboard) -> String {
    let Scoreboard { sweep_name, forecasts_n, losses, leads, crossings, reach } = board;
    let forecasts = counted(*forecasts_n as usize, "forecast");
    if losses.is_empty() && leads.is_empty() && crossings.is_empty() {
        return format!(
            "{sweep_name}: of {forecasts} none looked at a class that has been run since\n"
        );
    }
    let mut text = format!("{sweep_name}: {forecasts}\n");
    for part in [
        section("loss of classes that had not been run", losses, loss_table),
        section("who is ahead", leads, lead_table),
        section("crossings that have been passed", crossings, crossing_table),
    ] {
        text += &part;
    }
    if !reach.is_empty() {
        text += "\n";
    }
    text + &reach.iter().map(|reach| reach_line(reach, losses)).collect::<String>()
}

fn section<T>(title: &str, scores: &[T], table: impl Fn(&[T]) -> String) -> String {
    if scores.is_empty() { String::new() } else { format!("\n{title}\n{}", table(scores)) }
}

fn loss_table(losses: &[LossScore]) -> String {
    let columns = [
        Column::Text("arm"),
        Column::Number("class"),
        Column::Number("known up to"),
        Column::Text("law"),
        Column::Number("forecast"),
        Column::Number("from"),
        Column::Number("to"),
        Column::Number("came"),
        Column::Number("off by"),
        Column::Text(""),
    ];
    let row = |score: &LossScore| {
        let bits = |value: f64| format!("{value:.4}");
        vec![
            score.arm.clone(),
            score.class.to_string(),
            human_hours(score.basis.hours_known),
            score.law.to_string(),
            bits(score.predicted),
            bits(score.interval.lower),
            bits(score.interval.upper),
            bits(score.observed),
            format!("{:+.2} %", 100.0 * score.ln_error().exp_m1()),
            if score.is_inside() { "inside" } else { "outside" }.to_owned(),
        ]
    };
    draw(&columns, losses.iter().map(row).collect())
}

fn lead_table(leads: &[LeadScore]) -> String {
    let columns = [
        Column::Number("class"),
        Column::Number("known up to"),
        Column::Text("forecast"),
        Column::Text("came"),
        Column::Number("Brier score"),
    ];
    let row = |score: &LeadScore| {
        let LeadScore { leader, challenger, probability, .. } = score;
        let ahead = if score.challenger_ahead { challenger } else { leader };
        vec![
            score.class.to_string(),
            human_hours(score.basis.hours_known),
            format!("{challenger} ahead of {leader}: {}", Share(*probability)),
            format!("{ahead} is ahead"),
            format!("{:.3}", score.brier()),
        ]
    };
    draw(&columns, leads.iter().map(row).collect())
}

fn crossing_table(crossings: &[CrossingScore]) -> String {
    let columns = [
        Column::Text("pair"),
        Column::Number("known up to"),
        Column::Number("forecast"),
        Column::Number("from"),
        Column::Number("to"),
        Column::Number("came"),
        Column::Text(""),
    ];
    let row = |score: &CrossingScore| {
        let or_never = |hours: Option<f64>| hours.map_or_else(|| "never".to_owned(), human_hours);
        vec![
            format!("{} over {}", score.challenger, score.leader),
            human_hours(score.basis.hours_known),
            or_never(score.predicted),
            or_never(score.lower),
            or_never(score.upper),
            human_hours(score.observed),
            if score.is_inside() { "inside" } else { "outside" }.to_owned(),
        ]
    };
    draw(&columns, crossings.iter().map(row).collect())
}

/// `up to half a decade ahead: 5 of 6 inside their 90 % intervals, off by 0.4 % in the median`.
fn reach_line(reach: &Reach, losses: &[LossScore]) -> String {
    let range = match (reach.from, reach.to) {
        (from, Some(to)) if from <= 0.0 => format!("up to {to} decades ahead"),
        (from, Some(to)) => format!("{from} to {to} decades ahead"),
        (from, None) => format!("more than {from} decades ahead"),
    };
    let level = losses.first().map_or(0.9, |score| score.level);
    let error = signed_percent(reach.error_median.exp_m1());
    format!(
        "{range}: {} of {} inside their {} intervals, off by {} in the median\n",
        reach.inside_n,
        reach.scores_n,
        Share(level),
        error.trim_start_matches('+'),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::proposals as fixtures;

    #[test]
    fn forecasts_stand_beside_what_came() {
        insta::assert_snapshot!(render(&fixtures::scoreboard()));
    }

    #[test]
    fn without_larger_runs_nothing_is_scored() {
        let board = fixtures::scoreboard();
        let nothing = Scoreboard {
            losses: Vec::new(),
            leads: Vec::new(),
            crossings: Vec::new(),
            reach: Vec::new(),
            ..board
        };
        let told = "demo: of 12 forecasts none looked at a class that has been run since\n";
        assert_eq!(render(&nothing), told);
    }
}
