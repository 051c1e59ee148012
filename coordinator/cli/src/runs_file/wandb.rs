//! The log of a W&B run (`run-ID.wandb`): its name, configuration, summary and end.
//!
//! Records lie in blocks of 32 KiB as in the logs of LevelDB (doc/log_format.md there): checksum (4
//! bytes), length (2), kind (1), data; a record that does not fit its block goes on in the next. Before
//! the first stand seven bytes of W&B's; checksums are CRC-32, of kind and data.

use std::collections::BTreeMap;
use std::path::Path;

use crc::{CRC_32_ISO_HDLC, Crc};
use serde_json::Value;
use sweep_proto::foreign;
use sweep_proto::foreign::wandb::{Exit, Item, Items, Record, Run};

use super::folder::Tracked;
use super::table::{cell, flatten};
use crate::failure::Failure;

const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISO_HDLC);
const IDENT: &[u8] = b":W&B";
const FILE_HEAD: usize = 7;
const BLOCK: usize = 32 << 10;
const RECORD_HEAD: usize = 7;
/// Kinds of a piece of a record.
const FULL: u8 = 1;
const FIRST: u8 = 2;
const LAST: u8 = 4;

pub(super) fn is_log(bytes: &[u8]) -> bool {
    bytes.starts_with(IDENT)
}

/// The run of a log. Its state is `finished`, `failed`, or `unfinished` where the log just ends.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Tracked, Failure> {
    let broken = |at: usize, cause: &str| {
        Failure::refused(format!("{} is a damaged log of W&B", path.display()))
            .with_cause(format!("at byte {at}: {cause}"))
    };
    if !is_log(bytes) {
        return Err(broken(0, "it does not begin as such a log does"));
    }
    let mut run = Log::default();
    let mut at = FILE_HEAD;
    let mut data = Vec::new();
    loop {
        let left = BLOCK - at % BLOCK;
        if left < RECORD_HEAD {
            at += left;
        }
        let head = bytes.get(at..).and_then(|rest| rest.first_chunk::<RECORD_HEAD>());
        // A writer that was killed leaves an unfinished record behind.
        let Some([c0, c1, c2, c3, l0, l1, kind]) = head.copied() else { break };
        let end = at + RECORD_HEAD + usize::from(u16::from_le_bytes([l0, l1]));
        let Some(checked) = bytes.get(at + RECORD_HEAD - 1..end) else { break };
        if CHECKSUM.checksum(checked) != u32::from_le_bytes([c0, c1, c2, c3]) {
            return Err(broken(at, "the checksum does not fit"));
        }
        if matches!(kind, FULL | FIRST) {
            data.clear();
        }
        data.extend_from_slice(&checked[1..]);
        if matches!(kind, FULL | LAST) {
            run.take(foreign::read(&data).map_err(|error| broken(at, &error.to_string()))?);
        }
        at = end;
    }
    Ok(run.tracked())
}

#[derive(Default)]
struct Log {
    run: Run,
    config: BTreeMap<String, String>,
    summary: BTreeMap<String, String>,
    exit: Option<Exit>,
}

impl Log {
    fn take(&mut self, record: Record) {
        if let Some(mut run) = record.run {
            update(&mut self.config, run.config.take());
            self.run = run;
        }
        update(&mut self.config, record.config);
        update(&mut self.summary, record.summary);
        self.exit = record.exit.or_else(|| self.exit.take());
    }

    fn tracked(self) -> Tracked {
        let Self { run, config, summary, exit } = self;
        let state = match exit {
            Some(Exit { exit_code: 0 }) => "finished",
            Some(_) => "failed",
            None => "unfinished",
        };
        let mut cells = vec![
            ("run_id".to_owned(), run.run_id),
            ("name".to_owned(), run.display_name),
            ("project".to_owned(), run.project),
            ("state".to_owned(), state.to_owned()),
        ];
        for (group, values) in [("config", config), ("summary", summary)] {
            for (name, value) in values {
                // Of a name that both have, each is told apart.
                let is_taken = cells.iter().any(|(known, _)| *known == name);
                let name = if is_taken { format!("{group}.{name}") } else { name };
                cells.push((name, value));
            }
        }
        cells
    }
}

/// Values of W&B itself, not of the run's.
const OWN: &str = "_wandb";

fn update(values: &mut BTreeMap<String, String>, items: Option<Items>) {
    let Some(Items { update, remove }) = items else { return };
    for item in remove {
        let name = name(&item);
        let within = format!("{name}.");
        values.retain(|known, _| *known != name && !known.starts_with(&within));
    }
    for item in update {
        let name = name(&item);
        if name.split('.').next() == Some(OWN) {
            continue;
        }
        let mut cells = Vec::new();
        match serde_json::from_str(&item.value_json) {
            Ok(Value::Object(object)) => flatten(&name, &object, &mut cells),
            Ok(value) => cells.push((name, cell(&value))),
            // Python writes NaN and Infinity, which JSON does not have.
            Err(_) => cells.push((name, item.value_json)),
        }
        values.extend(cells);
    }
}

fn name(item: &Item) -> String {
    if item.nested_key.is_empty() { item.key.clone() } else { item.nested_key.join(".") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by W&B 0.31.0 itself, without what it notes of the machine: `recorded/record_wandb.py`.
    const LOG: &[u8] = include_bytes!("recorded/run.wandb");

    fn cells(bytes: &[u8]) -> Result<BTreeMap<String, String>, Failure> {
        Ok(read(Path::new("run.wandb"), bytes)?.into_iter().collect())
    }

    #[test]
    fn name_configuration_summary_and_state_are_read() {
        assert!(is_log(LOG));
        let cells = cells(LOG).unwrap();
        for (name, text) in [
            ("name", "gpt-1"),
            ("project", "p"),
            ("state", "finished"),
            ("arm", "gpt"),
            ("params_n", "4000000"),
            ("model.width", "128"),
            ("bits_per_byte", "1.9949999999999999"),
            ("_step", "1900"),
            ("final", "1.5"),
            ("note", "long"),
        ] {
            let found = cells[name].get(..text.len());
            assert_eq!(found, Some(text), "{name} {cells:?}");
        }
        assert!(cells["note"].len() > BLOCK, "a record that lies in several blocks");
        assert!(cells.keys().all(|name| !name.starts_with(OWN)), "{cells:?}");
    }

    #[test]
    fn a_log_that_just_ends_is_unfinished_and_damage_is_named() {
        let cut = cells(&LOG[..LOG.len() - 3]).unwrap();
        assert_eq!(cut["state"], "unfinished");
        let mut damaged = LOG.to_vec();
        damaged[LOG.len() / 2] ^= 1;
        let said = cells(&damaged).unwrap_err().render(false);
        assert!(said.contains("run.wandb is a damaged log of W&B"), "{said}");
        assert!(read(Path::new("x"), b"nonsense").is_err());
    }
}
