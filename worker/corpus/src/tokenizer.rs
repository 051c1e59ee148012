//! Text to token ids and back.

use crate::bpe::Bpe;

/// Byte 0 stands between documents; no document contains it.
const SEPARATOR: u8 = 0;

/// How the text of a run becomes tokens.
#[derive(Debug)]
pub struct Tokenizer(Kind);

#[derive(Debug)]
enum Kind {
    Bytes,
    Bpe(Box<Bpe>),
}

impl Tokenizer {
    /// A token is a byte.
    #[must_use]
    pub const fn bytes() -> Self {
        Self(Kind::Bytes)
    }

    pub(crate) fn bpe(bpe: Bpe) -> Self {
        Self(Kind::Bpe(Box::new(bpe)))
    }

    /// The number of token ids.
    #[must_use]
    pub fn vocabulary_n(&self) -> u32 {
        match &self.0 {
            Kind::Bytes => 256,
            Kind::Bpe(bpe) => bpe.vocabulary_n(),
        }
    }

    /// The token between documents: that of byte 0.
    #[must_use]
    pub fn separator(&self) -> u32 {
        match &self.0 {
            Kind::Bytes => u32::from(SEPARATOR),
            Kind::Bpe(bpe) => bpe.byte(SEPARATOR),
        }
    }

    /// The tokens of a text.
    #[must_use]
    pub fn encode(&self, text: &[u8]) -> Vec<u32> {
        match &self.0 {
            Kind::Bytes => text.iter().map(|byte| u32::from(*byte)).collect(),
            Kind::Bpe(bpe) => {
                let mut tokens = Vec::new();
                bpe.encode(text, &mut tokens);
                tokens
            }
        }
    }

    /// The text of tokens, byte for byte what was encoded.
    #[must_use]
    pub fn decode(&self, tokens: &[u32]) -> Vec<u8> {
        match &self.0 {
            Kind::Bytes => tokens.iter().map(|token| *token as u8).collect(),
            Kind::Bpe(bpe) => tokens.iter().flat_map(|token| bpe.decode(*token)).copied().collect(),
        }
    }

    /// Bytes of text that a token stands for.
    #[must_use]
    pub fn bytes_n(&self, token: u32) -> usize {
        match &self.0 {
            Kind::Bytes => 1,
            Kind::Bpe(bpe) => bpe.decode(token).len(),
        }
    }
}
