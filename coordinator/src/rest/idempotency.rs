//! `Idempotency-Key`: a request that is repeated with the key of one before is answered as that was.
//! Pure. Kept in memory: after a restart the name and the text of a sweep still make it one sweep.

use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hasher as _};

/// Keys that are remembered; the oldest is forgotten first.
const KEYS_MAX: usize = 1024;
/// Letters of a key at most: a UUID has 36.
const KEY_LENGTH_MAX: usize = 255;

/// The keys that were used lately, each with a digest of its request and the answer.
#[derive(Debug)]
pub(super) struct Keys<T> {
    known: VecDeque<(String, u64, T)>,
}

impl<T> Default for Keys<T> {
    fn default() -> Self {
        Self { known: VecDeque::new() }
    }
}

/// What is known of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Seen<T> {
    Never,
    /// With the same request, which was answered so.
    Same(T),
    /// With another request.
    Other,
}

impl<T: Clone + PartialEq> Keys<T> {
    pub(super) fn seen(&self, key: &str, request: &str) -> Seen<T> {
        match self.known.iter().find(|(known, ..)| known == key) {
            None => Seen::Never,
            Some((_, known, answer)) if *known == digest(request) => Seen::Same(answer.clone()),
            Some(_) => Seen::Other,
        }
    }

    pub(super) fn remember(&mut self, key: &str, request: &str, answer: T) {
        if self.seen(key, request) != Seen::Never {
            return;
        }
        if self.known.len() == KEYS_MAX {
            self.known.pop_front();
        }
        self.known.push_back((key.to_owned(), digest(request), answer));
    }
}

/// Whether a key is one.
pub(super) fn is_key(key: &str) -> bool {
    (1..=KEY_LENGTH_MAX).contains(&key.len())
}

fn digest(request: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(request.as_bytes());
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_one_request_and_memory_is_bounded() {
        let mut keys = Keys::default();
        keys.remember("a", "text", 1);
        assert_eq!(keys.seen("a", "text"), Seen::Same(1));
        assert_eq!(keys.seen("a", "other"), Seen::Other);
        keys.remember("a", "other", 2);
        assert_eq!(keys.seen("a", "text"), Seen::Same(1));
        for n in 0..KEYS_MAX {
            keys.remember(&n.to_string(), "text", 3);
        }
        assert_eq!(keys.seen("a", "text"), Seen::Never);
        assert_eq!(keys.known.len(), KEYS_MAX);
    }

    #[test]
    fn a_key_has_letters_and_not_too_many() {
        assert!(is_key("2c0d1e") && !is_key("") && !is_key(&"k".repeat(256)));
    }
}
