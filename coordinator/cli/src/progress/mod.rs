//! Shows a sweep while it is worked off: bars on a terminal, a line per event elsewhere.

mod bars;

use sweep_core::sweep::SweepStatus;

use crate::printer::Printer;
use crate::view::event::events;
use bars::Bars;

/// Tells one watched sweep. Dropping it removes the bars.
pub(crate) struct Progress {
    printer: Printer,
    bars: Option<Bars>,
    seen: Option<SweepStatus>,
}

impl Progress {
    pub(crate) fn new(printer: &Printer) -> Self {
        let bars = printer.bars().map(Bars::new);
        Self { printer: printer.clone(), bars, seen: None }
    }

    /// Shows the sweep as it is now.
    pub(crate) fn update(&mut self, status: &SweepStatus) {
        for event in events(self.seen.as_ref(), status) {
            if self.bars.is_none() || event.lasts() {
                self.printer.note(&event.to_string());
            }
        }
        if let Some(bars) = &mut self.bars {
            bars.update(status);
        }
        self.seen = Some(status.clone());
    }
}
