//! What waits, and who shares the workers.

use sweep_core::project::{ProjectUse, QueueView, Waiting};
use sweep_core::units::three_digits;

use super::counted;
use super::table::{Column, draw};

/// Everything that waits, in the order in which it is started.
pub(crate) fn render(queue: &QueueView) -> String {
    let QueueView { workers_n, running_n, waiting, .. } = queue;
    let summary = format!(
        "{} in progress, {} waiting, {}\n",
        counted(*running_n as usize, "run"),
        waiting.len(),
        counted(*workers_n as usize, "worker"),
    );
    if waiting.is_empty() {
        return summary;
    }
    let columns = [
        Column::Number("#"),
        Column::Text("project"),
        Column::Number("priority"),
        Column::Text("sweep"),
        Column::Text("run"),
        Column::Text("waits for"),
        Column::Number("starts in"),
    ];
    draw(&columns, waiting.iter().map(cells).collect()) + &summary
}

fn cells(waiting: &Waiting) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        or_dash(waiting.position.map(|position| position.to_string())),
        waiting.project.clone(),
        waiting.priority.to_string(),
        waiting.sweep_name.clone(),
        or_dash(waiting.run.map(|_| waiting.label.clone())),
        waiting.wait.to_string(),
        or_dash(waiting.starts_in.map(|wait| wait.to_string())),
    ]
}

/// A line per project.
pub(crate) fn projects(projects: &[ProjectUse]) -> String {
    let columns = [
        Column::Text("project"),
        Column::Number("weight"),
        Column::Number("sweeps"),
        Column::Number("running"),
        Column::Number("quota"),
        Column::Number("last 7 days"),
        Column::Number("spent"),
        Column::Number("reserved"),
        Column::Number("hours"),
    ];
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
    let row = |known: &ProjectUse| {
        vec![
            known.project.name.clone(),
            three_digits(known.project.weight),
            known.sweeps_n.to_string(),
            known.running_n.to_string(),
            or_none(known.project.running_max.map(|max| max.to_string())),
            known.used_lately.to_string(),
            known.spent.to_string(),
            known.reserved.to_string(),
            or_none(known.project.granted.map(|granted| granted.to_string())),
        ]
    };
    draw(&columns, projects.iter().map(row).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures;

    #[test]
    fn a_queue_says_why_each_run_waits() {
        insta::assert_snapshot!(render(&fixtures::queue()));
        let empty = QueueView { waiting: Vec::new(), ..fixtures::queue() };
        assert_eq!(render(&empty), "1 run in progress, 0 waiting, 2 workers\n");
    }

    #[test]
    fn projects_show_limits_and_use() {
        insta::assert_snapshot!(projects(&fixtures::projects()));
    }
}
