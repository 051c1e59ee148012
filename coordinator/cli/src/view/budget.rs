//! What became of a sweep's budget.

use serde::Serialize;
use sweep_core::control::ControlEvent;
use sweep_core::sweep::SweepStatus;
use sweep_core::units::{AcceleratorTime, Share};

use super::control::event_line;

/// The balance of a sweep, and how the budget came to be what it is.
#[derive(Debug, Serialize)]
pub(crate) struct BudgetReport {
    sweep_name: String,
    granted: AcceleratorTime,
    reserved: AcceleratorTime,
    spent: AcceleratorTime,
    free: AcceleratorTime,
    /// What was granted when the sweep was submitted.
    submitted: AcceleratorTime,
    /// Each time that it was raised, oldest first.
    raises: Vec<ControlEvent>,
}

impl BudgetReport {
    pub(crate) fn of(status: &SweepStatus) -> Self {
        let balance = status.record.balance;
        let raises: Vec<ControlEvent> =
            status.events.iter().filter(|event| event.raised.is_some()).cloned().collect();
        let first = raises.first().and_then(|event| event.raised);
        Self {
            sweep_name: status.record.name.clone(),
            granted: balance.granted,
            reserved: balance.reserved,
            spent: balance.spent,
            free: balance.free(),
            submitted: first.map_or(balance.granted, |raised| raised.from),
            raises,
        }
    }

    pub(crate) fn render(&self) -> String {
        let share = |time: AcceleratorTime| {
            Share(time.ms() as f64 / (self.granted.ms() as f64).max(1.0)).to_string()
        };
        let mut text = format!("{}\ngranted    {}\n", self.sweep_name, self.granted);
        for (name, time) in
            [("reserved", self.reserved), ("spent", self.spent), ("free", self.free)]
        {
            text += &format!("{name:<10} {time} ({})\n", share(time));
        }
        text += &format!("submitted with {}\n", self.submitted);
        for event in &self.raises {
            text += &format!("{}\n", event_line(event));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use sweep_core::control::Control;

    use super::*;
    use crate::fixtures;

    #[test]
    fn a_raised_budget_tells_who_and_why() {
        let mut status = fixtures::running();
        status.events = vec![
            fixtures::controlled(Control::Pause).event.unwrap(),
            fixtures::controlled(Control::Raise).event.unwrap(),
        ];
        status.record.balance.granted = AcceleratorTime::from_hours(40);
        insta::assert_snapshot!(BudgetReport::of(&status).render());
    }
}
