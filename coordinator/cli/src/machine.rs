//! What this machine has.

/// Its cores, or one where it does not say.
pub(crate) fn cores_n() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
