//! Messages in the files of other tools, as far as they are read.

use crate::message::Malformed;

/// Of TensorBoard's event files.
#[allow(clippy::all, unreachable_pub, reason = "generated code")]
pub mod tensorboard {
    tonic::include_proto!("foreign.tensorboard");
}

/// Of the logs of W&B runs.
#[allow(clippy::all, unreachable_pub, reason = "generated code")]
pub mod wandb {
    tonic::include_proto!("foreign.wandb");
}

/// Reads one message.
///
/// # Errors
/// [`Malformed`] when the bytes are none.
pub fn read<M: prost::Message + Default>(bytes: &[u8]) -> Result<M, Malformed> {
    M::decode(bytes).map_err(|error| Malformed::new("record", &error))
}
