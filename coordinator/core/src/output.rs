//! The end of what a training command prints, with the place of every byte: it can be sent in pieces,
//! twice, or with a hole, and is put together right.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Bytes that are kept of an attempt's output.
pub const TAIL_BYTES_MAX: usize = 64 << 10;

/// The last bytes of an output that may be far longer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    bytes: Vec<u8>,
    /// Bytes before those that are kept.
    skipped_n: u64,
}

impl Tail {
    /// Where the output ends so far, counted from its beginning.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.skipped_n + self.bytes.len() as u64
    }

    /// Adds what was printed next.
    pub fn push(&mut self, bytes: &[u8]) {
        let kept = bytes.len().min(TAIL_BYTES_MAX);
        let surplus = (self.bytes.len() + kept).saturating_sub(TAIL_BYTES_MAX);
        self.bytes.drain(..surplus);
        self.bytes.extend_from_slice(&bytes[bytes.len() - kept..]);
        self.skipped_n += (surplus + bytes.len() - kept) as u64;
    }

    /// Adds bytes that begin at a place: those that are known are passed over, and where some are
    /// missing in between, only what follows them is kept.
    pub fn put(&mut self, at: u64, bytes: &[u8]) {
        let end = self.end();
        if at > end {
            *self = Self { bytes: Vec::new(), skipped_n: at };
            self.push(bytes);
        } else if let Ok(known) = usize::try_from(end - at)
            && known < bytes.len()
        {
            self.push(&bytes[known..]);
        }
    }

    /// What was printed from a place on, and the place where that begins: later, where it is not kept
    /// any more.
    #[must_use]
    pub fn since(&self, at: u64) -> (u64, &[u8]) {
        let begin = at.clamp(self.skipped_n, self.end());
        let index = usize::try_from(begin - self.skipped_n).unwrap_or(self.bytes.len());
        (begin, &self.bytes[index..])
    }

    /// All that is kept as text. What is no UTF-8, and the NUL that no database keeps, are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        text(&self.bytes)
    }
}

/// Bytes as text, without what cannot be stored or shown.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).replace('\0', "\u{fffd}")
}

/// A piece of what an attempt printed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OutputPart {
    /// The attempt.
    pub epoch: u32,
    pub text: String,
    /// Bytes of the attempt before it that are not shown; zero where nothing is missing.
    pub skipped_n: u64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_flood_leaves_its_end() {
        let mut tail = Tail::default();
        for _ in 0..10 {
            tail.push(&[b'x'; TAIL_BYTES_MAX - 1]);
        }
        tail.push(b"the end");
        assert_eq!(tail.end(), 10 * (TAIL_BYTES_MAX as u64 - 1) + 7);
        assert_eq!(tail.text().len(), TAIL_BYTES_MAX);
        assert!(tail.text().ends_with("xthe end"));
        tail.push(&[b'y'; 3 * TAIL_BYTES_MAX]);
        assert_eq!(tail.since(0).1, [b'y'; TAIL_BYTES_MAX]);
    }

    #[test]
    fn what_no_database_keeps_is_replaced() {
        assert_eq!(text(b"a\0b\xff"), "a\u{fffd}b\u{fffd}");
    }

    proptest! {
        /// Pieces that overlap and come again make the output; after a hole only what follows it is
        /// there.
        #[test]
        fn pieces_are_put_together(
            cuts in prop::collection::vec((0usize..200, 0usize..60), 1..40),
        ) {
            let output: Vec<u8> = (0..=255).cycle().take(300).collect();
            let (mut tail, mut end, mut begin) = (Tail::default(), 0, 0);
            for (at, length) in cuts {
                tail.put(at as u64, &output[at..at + length]);
                if at > end {
                    (begin, end) = (at, at + length);
                } else {
                    end = end.max(at + length);
                }
                prop_assert_eq!(tail.end(), end as u64);
                prop_assert_eq!(tail.since(0), (begin as u64, &output[begin..end]));
            }
        }
    }
}
