//! Tokens where they lie: in the text itself, or in a shard of two or four bytes a token.

use std::ops::Range;

/// A run of tokens, little-endian where a token has several bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens<'a> {
    /// A token is a byte of text.
    U8(&'a [u8]),
    U16(&'a [[u8; 2]]),
    U32(&'a [[u8; 4]]),
}

impl<'a> Tokens<'a> {
    #[must_use]
    pub const fn len(self) -> usize {
        match self {
            Self::U8(tokens) => tokens.len(),
            Self::U16(tokens) => tokens.len(),
            Self::U32(tokens) => tokens.len(),
        }
    }

    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The tokens of these places.
    ///
    /// # Panics
    /// If there are not as many.
    #[must_use]
    pub fn slice(self, places: Range<usize>) -> Self {
        match self {
            Self::U8(tokens) => Self::U8(&tokens[places]),
            Self::U16(tokens) => Self::U16(&tokens[places]),
            Self::U32(tokens) => Self::U32(&tokens[places]),
        }
    }

    /// Runs of `len` tokens one after the other; the last may be shorter.
    pub fn chunks(self, len: usize) -> impl Iterator<Item = Self> {
        let starts = (0..self.len()).step_by(len);
        starts.map(move |start| self.slice(start..self.len().min(start + len)))
    }

    /// The ids.
    pub fn iter(self) -> impl Iterator<Item = u32> + 'a {
        (0..self.len()).map(move |place| match self {
            Self::U8(tokens) => u32::from(tokens[place]),
            Self::U16(tokens) => u32::from(u16::from_le_bytes(tokens[place])),
            Self::U32(tokens) => u32::from_le_bytes(tokens[place]),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_widths_hold_the_same_tokens() {
        let wide: Vec<[u8; 4]> = (1u32..8).map(u32::to_le_bytes).collect();
        let half: Vec<[u8; 2]> = (1u16..8).map(u16::to_le_bytes).collect();
        for tokens in [Tokens::U8(&[1, 2, 3, 4, 5, 6, 7]), Tokens::U16(&half), Tokens::U32(&wide)] {
            assert_eq!(tokens.iter().collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6, 7]);
            assert_eq!(tokens.slice(2..4).iter().collect::<Vec<_>>(), [3, 4]);
            let lengths: Vec<usize> = tokens.chunks(3).map(Tokens::len).collect();
            assert_eq!(lengths, [3, 3, 1]);
        }
    }
}
