//! Conversions between wire messages and core types.

use std::fmt::Display;
use std::str::FromStr;

use sweep_core::control::Control;
use sweep_core::ids::RunId;
use sweep_core::metric::MetricPoint;
use sweep_core::run::Checkpoint;

use crate::v1;

/// A message that does not mean anything here.
#[derive(Debug, thiserror::Error)]
#[error("the field `{field}` of a message cannot be read: {cause}")]
pub struct Malformed {
    field: &'static str,
    cause: String,
}

impl Malformed {
    pub(crate) fn new(field: &'static str, cause: &dyn Display) -> Self {
        Self { field, cause: cause.to_string() }
    }
}

/// Reads a value that travels as text, such as an id.
///
/// # Errors
/// [`Malformed`], naming `field`.
pub(crate) fn parse<T: FromStr<Err: Display>>(
    field: &'static str,
    text: &str,
) -> Result<T, Malformed> {
    text.parse().map_err(|error: T::Err| Malformed::new(field, &error))
}

/// One attempt of one run: what every write of a worker names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RunKey {
    pub run: RunId,
    pub epoch: u32,
}

impl From<RunKey> for v1::RunRef {
    fn from(key: RunKey) -> Self {
        Self { run_id: key.run.to_string(), epoch: key.epoch }
    }
}

impl TryFrom<&v1::RunRef> for RunKey {
    type Error = Malformed;

    fn try_from(wire: &v1::RunRef) -> Result<Self, Malformed> {
        Ok(Self { run: parse("run_id", &wire.run_id)?, epoch: wire.epoch })
    }
}

impl TryFrom<&Option<v1::RunRef>> for RunKey {
    type Error = Malformed;

    fn try_from(wire: &Option<v1::RunRef>) -> Result<Self, Malformed> {
        wire.as_ref().ok_or_else(|| Malformed::new("run", &"it is missing"))?.try_into()
    }
}

impl From<&MetricPoint> for v1::MetricPoint {
    fn from(point: &MetricPoint) -> Self {
        Self { metric: point.metric.to_string(), step: point.step, value: point.value }
    }
}

impl TryFrom<&v1::MetricPoint> for MetricPoint {
    type Error = Malformed;

    fn try_from(wire: &v1::MetricPoint) -> Result<Self, Malformed> {
        let metric = parse("metric", &wire.metric)?;
        Ok(Self { metric, step: wire.step, value: wire.value })
    }
}

impl From<&Checkpoint> for v1::Checkpoint {
    fn from(checkpoint: &Checkpoint) -> Self {
        let Checkpoint { step, path, hash } = checkpoint.clone();
        Self { step, path, hash }
    }
}

impl From<v1::Checkpoint> for Checkpoint {
    fn from(wire: v1::Checkpoint) -> Self {
        Self { step: wire.step, path: wire.path, hash: wire.hash }
    }
}

impl From<Control> for v1::Control {
    fn from(control: Control) -> Self {
        match control {
            Control::Pause => Self::Pause,
            Control::Resume => Self::Resume,
            Control::Cancel => Self::Cancel,
            Control::Retry => Self::Retry,
            Control::Raise => Self::Raise,
        }
    }
}

impl v1::ControlRequest {
    /// What is asked.
    ///
    /// # Errors
    /// [`Malformed`] when this version does not know it.
    pub fn asked(&self) -> Result<Control, Malformed> {
        let wire = v1::Control::try_from(self.control).unwrap_or_default();
        let found = Control::ALL.into_iter().find(|control| v1::Control::from(*control) == wire);
        found.ok_or_else(|| Malformed::new("control", &format!("{} is unknown", self.control)))
    }
}

impl v1::WithdrawImportRequest {
    /// The id of the import.
    ///
    /// # Errors
    /// [`Malformed`] when it is not a UUID.
    pub fn import(&self) -> Result<sweep_core::ids::ImportId, Malformed> {
        parse("import_id", &self.import_id)
    }
}

impl v1::LeaseRequest {
    /// The worker's id.
    ///
    /// # Errors
    /// [`Malformed`] when it is not a UUID.
    pub fn worker(&self) -> Result<sweep_core::ids::WorkerId, Malformed> {
        parse("worker_id", &self.worker_id)
    }
}
