//! What happened to a run, moment by moment: put together from the ledger's journal and from what
//! people asked. Pure.

use schemars::JsonSchema;
use serde::Serialize;
use sweep_core::clock::Timestamp;
use sweep_core::control::{Control, ControlEvent};
use sweep_core::ids::RunId;
use sweep_core::units::AcceleratorTime;
use sweep_store::{EntryKind, LedgerEntry};

/// Something that happened to a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    #[serde(flatten)]
    pub(super) what: Happening,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(super) enum Happening {
    /// A worker took it; so much was reserved.
    Leased { epoch: u32, amount: AcceleratorTime },
    /// The reservation proved too small and grew.
    Extended { epoch: u32, amount: AcceleratorTime },
    /// The attempt used so much.
    Charged { epoch: u32, amount: AcceleratorTime },
    /// So much was reserved and not used.
    GivenBack { epoch: u32, amount: AcceleratorTime },
    /// Somebody asked something of it, or of its whole sweep.
    Asked { control: Control, actor: String, reason: String, whole_sweep: bool },
}

/// The timeline of one run, oldest first.
pub(super) fn timeline(
    run: RunId,
    journal: &[LedgerEntry],
    events: &[ControlEvent],
) -> Vec<Moment> {
    let moved = journal.iter().filter(|entry| entry.run == Some(run)).filter_map(|entry| {
        let (epoch, amount) = (entry.epoch.unwrap_or_default(), entry.amount);
        let what = match entry.kind {
            EntryKind::Grant => return None,
            EntryKind::Reserve => Happening::Leased { epoch, amount },
            EntryKind::Extend => Happening::Extended { epoch, amount },
            EntryKind::Spend => Happening::Charged { epoch, amount },
            EntryKind::Refund => Happening::GivenBack { epoch, amount },
        };
        Some(Moment { at: entry.at, what })
    });
    let asked = events.iter().filter(|event| event.run.is_none_or(|named| named == run));
    let asked = asked.filter(|event| event.control != Control::Raise).map(|event| {
        let ControlEvent { control, actor, reason, .. } = event.clone();
        let whole_sweep = event.run.is_none();
        Moment { at: event.at, what: Happening::Asked { control, actor, reason, whole_sweep } }
    });
    let mut all: Vec<Moment> = moved.chain(asked).collect();
    // Stable, so that the entries of one moment stay in the order of the journal.
    all.sort_by_key(|moment| moment.at);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_concerns_the_run_is_told_in_order() {
        let (run, other) = (RunId::new(), RunId::new());
        let entry = |at, run, kind| LedgerEntry {
            at: Timestamp(at),
            run,
            epoch: Some(1),
            kind,
            amount: AcceleratorTime::from_ms(5),
        };
        let asked = |at, control, run| ControlEvent {
            number: 1,
            at: Timestamp(at),
            control,
            actor: "ann".to_owned(),
            reason: String::new(),
            run,
            raised: None,
        };
        let journal = [
            entry(0, None, EntryKind::Grant),
            entry(1, Some(run), EntryKind::Reserve),
            entry(1, Some(other), EntryKind::Reserve),
            entry(4, Some(run), EntryKind::Spend),
            entry(4, Some(run), EntryKind::Refund),
        ];
        let events = [
            asked(2, Control::Pause, None),
            asked(3, Control::Cancel, Some(other)),
            asked(3, Control::Raise, None),
        ];
        let told: Vec<_> = timeline(run, &journal, &events)
            .into_iter()
            .map(|moment| (moment.at.0, moment.what))
            .collect();
        let (epoch, amount) = (1, AcceleratorTime::from_ms(5));
        let (control, actor, reason) = (Control::Pause, "ann".to_owned(), String::new());
        assert_eq!(
            told,
            [
                (1, Happening::Leased { epoch, amount }),
                (2, Happening::Asked { control, actor, reason, whole_sweep: true }),
                (4, Happening::Charged { epoch, amount }),
                (4, Happening::GivenBack { epoch, amount }),
            ]
        );
    }
}
