//! Event files of TensorBoard: the last value of every scalar, and hyper-parameters.
//!
//! A file is a sequence of records: length (8 bytes), its checksum, data, their checksum; checksums are
//! CRC-32C, masked (tensorflow/core/lib/io/record_writer.h). Numbers are little-endian.

use std::collections::BTreeMap;
use std::path::Path;

use crc::{CRC_32_ISCSI, Crc};
use sweep_proto::foreign;
use sweep_proto::foreign::tensorboard::h_param::Kind;
use sweep_proto::foreign::tensorboard::{Event, HParams, Tensor, Value};

use super::folder::Tracked;
use crate::failure::Failure;

const CHECKSUM: Crc<u32> = Crc::<u32>::new(&CRC_32_ISCSI);
/// Bytes before the data of a record: their length and its checksum.
const HEAD: usize = 12;
/// Bytes of the first record: a time and the version of the format. No text begins so.
const FIRST_MAX: u64 = 256;
/// Values of `Tensor::dtype`.
const FLOAT: i32 = 1;
const DOUBLE: i32 = 2;

/// Whether a file begins with a short record whose length is checked.
pub(super) fn is_event_file(bytes: &[u8]) -> bool {
    let first = bytes.first_chunk::<HEAD>();
    first.is_some_and(|head| length(head).is_some_and(|length| length < FIRST_MAX))
}

/// A file that is a run of its own.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Tracked, Failure> {
    let mut run = Run::default();
    run.add(path, bytes)?;
    let name = path.parent().and_then(Path::file_name).unwrap_or_default();
    Ok(run.tracked(name.to_string_lossy().into_owned()))
}

/// What is read of a run, from as many files as it has.
#[derive(Default)]
pub(super) struct Run {
    /// By tag, the last value with its step.
    scalars: BTreeMap<String, (i64, f64)>,
    hparams: BTreeMap<String, String>,
    /// Seconds since 1970 of the first and of the last scalar.
    span: Option<(f64, f64)>,
}

impl Run {
    pub(super) fn add(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        let broken = |at: usize, cause: &str| {
            Failure::refused(format!("{} is a damaged event file", path.display()))
                .with_cause(format!("at byte {at}: {cause}"))
        };
        let mut at = 0;
        while let Some(head) = bytes[at..].first_chunk::<HEAD>() {
            let length = length(head).ok_or_else(|| broken(at, "the checksum does not fit"))?;
            let begin = at + HEAD;
            let Some(end) = usize::try_from(length).ok().and_then(|n| begin.checked_add(n)) else {
                return Err(broken(at, "a record is longer than any file"));
            };
            // A writer that was killed leaves an unfinished record behind.
            let Some(tail) = bytes.get(end..).and_then(|rest| rest.first_chunk::<4>()) else {
                break;
            };
            let data = &bytes[begin..end];
            if masked(CHECKSUM.checksum(data)) != u32::from_le_bytes(*tail) {
                return Err(broken(begin, "the checksum does not fit"));
            }
            let event: Event =
                foreign::read(data).map_err(|error| broken(begin, &error.to_string()))?;
            self.take(event);
            at = end + tail.len();
        }
        Ok(())
    }

    fn take(&mut self, event: Event) {
        for value in event.summary.into_iter().flat_map(|summary| summary.value) {
            if let Some(number) = scalar(&value) {
                let last = self.scalars.entry(value.tag).or_insert((event.step, number));
                if last.0 <= event.step {
                    *last = (event.step, number);
                }
                let (first, last) = self.span.unwrap_or((event.wall_time, event.wall_time));
                self.span = Some((first.min(event.wall_time), last.max(event.wall_time)));
            } else {
                self.hparams.extend(hparams(&value));
            }
        }
    }

    /// Whether this is the folder in which hyper-parameters are written beside a run.
    pub(super) fn is_session(&self) -> bool {
        !self.hparams.is_empty()
    }

    pub(super) fn merge(&mut self, other: Self) {
        self.hparams.extend(other.hparams);
        for (tag, value) in other.scalars {
            self.scalars.entry(tag).or_insert(value);
        }
    }

    pub(super) fn tracked(self, name: String) -> Tracked {
        let mut cells = vec![("run".to_owned(), name)];
        let step = self.scalars.values().map(|(step, _)| *step).max().unwrap_or_default();
        cells.push(("step".to_owned(), step.to_string()));
        if let Some((first, last)) = self.span {
            cells.push(("wall_seconds".to_owned(), (last - first).to_string()));
        }
        cells.extend(self.hparams);
        cells.extend(self.scalars.into_iter().map(|(tag, (_, value))| (tag, value.to_string())));
        cells
    }
}

/// The length that a record begins with, where its checksum fits.
fn length(head: &[u8; HEAD]) -> Option<u64> {
    let (length, checksum) = head.split_first_chunk::<8>()?;
    let expected = masked(CHECKSUM.checksum(length)).to_le_bytes();
    (checksum == expected).then(|| u64::from_le_bytes(*length))
}

/// Checksums of data that hold checksums are turned and shifted.
const fn masked(checksum: u32) -> u32 {
    checksum.rotate_right(15).wrapping_add(0xa282_ead8)
}

fn scalar(value: &Value) -> Option<f64> {
    // A float as its shortest text: 0.1 and not 0.10000000149.
    let exact = |number: f32| number.to_string().parse().ok();
    match (value.simple_value, &value.tensor) {
        (Some(number), _) => exact(number),
        (None, Some(tensor)) => match tensor {
            Tensor { dtype: FLOAT, tensor_content, float_val, .. } => {
                let content = <[u8; 4]>::try_from(tensor_content.as_slice()).ok();
                let number = content.map(f32::from_le_bytes);
                number.or_else(|| only(float_val)).and_then(exact)
            }
            Tensor { dtype: DOUBLE, tensor_content, double_val, .. } => {
                let content = <[u8; 8]>::try_from(tensor_content.as_slice()).ok();
                content.map(f64::from_le_bytes).or_else(|| only(double_val))
            }
            _ => None,
        },
        (None, None) => None,
    }
}

fn only<T: Copy>(values: &[T]) -> Option<T> {
    if let [value] = values { Some(*value) } else { None }
}

/// The hyper-parameters that a summary of the HParams plugin holds.
fn hparams(value: &Value) -> Vec<(String, String)> {
    let plugin = value.metadata.as_ref().and_then(|metadata| metadata.plugin_data.as_ref());
    let Some(plugin) = plugin.filter(|plugin| plugin.plugin_name == "hparams") else {
        return Vec::new();
    };
    let Ok(HParams { session_start_info: Some(start) }) = foreign::read(&plugin.content) else {
        return Vec::new();
    };
    let text = |kind: Kind| match kind {
        Kind::Number(number) => number.to_string(),
        Kind::Text(text) => text,
        Kind::Flag(flag) => flag.to_string(),
    };
    let named = start.hparams.into_iter();
    named.filter_map(|(name, value)| Some((name, text(value.kind?)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by tensorboardX 2.6.5: `recorded/record_tensorboard.py`.
    const RUN: &[u8] = include_bytes!("recorded/run.tfevents");
    const SESSION: &[u8] = include_bytes!("recorded/session.tfevents");
    /// The same scalars as tensors, by the writer of TensorBoard 2.21.0.
    const TENSORS: &[u8] = include_bytes!("recorded/tensors.tfevents");

    fn cells(bytes: &[u8]) -> Result<BTreeMap<String, String>, Failure> {
        let path = Path::new("logs/gpt-0/run.tfevents");
        Ok(read(path, bytes)?.into_iter().collect())
    }

    #[test]
    fn the_last_value_of_each_scalar_is_read() {
        for bytes in [RUN, TENSORS] {
            assert!(is_event_file(bytes));
            let cells = cells(bytes).unwrap();
            let expected = [
                ("eval/bits_per_byte", "2.25"),
                ("run", "gpt-0"),
                ("step", "300"),
                ("train/loss", "1.5"),
                ("wall_seconds", "10800"),
            ];
            assert_eq!(cells.iter().map(|(k, v)| (&**k, &**v)).collect::<Vec<_>>(), expected,);
        }
    }

    #[test]
    fn hyper_parameters_are_read() {
        let cells = cells(SESSION).unwrap();
        for (name, text) in [("params_n", "1000000"), ("arm", "gpt"), ("tied", "true")] {
            assert_eq!(cells[name], text, "{cells:?}");
        }
    }

    #[test]
    fn an_unfinished_end_is_left_out_and_damage_is_named() {
        let whole = cells(RUN).unwrap();
        let cut = cells(&RUN[..RUN.len() - 9]).unwrap();
        assert_ne!(cut["eval/bits_per_byte"], whole["eval/bits_per_byte"]);
        let mut damaged = RUN.to_vec();
        damaged[RUN.len() / 2] ^= 1;
        let said = cells(&damaged).unwrap_err().render(false);
        assert!(said.contains("run.tfevents is a damaged event file"), "{said}");
        assert!(said.contains("at byte"), "{said}");
    }
}
