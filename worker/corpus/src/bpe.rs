//! Byte pair encoding over bytes: every text has tokens, and they give back every byte of it.
//!
//! Pairs of neighbours within words are merged, the most frequent first (Sennrich et al., arXiv
//! 1508.07909); bytes stand as the letters that GPT-2 gave them, and its expression cuts text into
//! words. Of equally frequent pairs the one of smaller ids is first, so that the same text always makes
//! the same tokenizer.

use std::fmt;

use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::{Model, PreTokenizedString, PreTokenizer, Trainer};

/// A pair that is met only once stands for nothing that will be met again.
const FREQUENCY_MIN: u64 = 2;

/// A trained byte pair encoding.
pub(crate) struct Bpe {
    tokenizer: tokenizers::Tokenizer,
    /// The bytes of every token.
    bytes: Vec<Vec<u8>>,
    /// The token of every byte.
    of_byte: [u32; 256],
}

/// A text without as many different pairs as a vocabulary needs.
pub(crate) struct TooFewPairs {
    pub(crate) found: u32,
}

impl Bpe {
    /// Trains one of exactly `vocabulary_n` ids: its file, in the format of Hugging Face's tokenizers.
    pub(crate) fn train<'a>(
        documents: impl Iterator<Item = &'a [u8]> + Send,
        vocabulary_n: u32,
    ) -> Result<String, TooFewPairs> {
        let mut trainer = BpeTrainer::builder()
            .vocab_size(vocabulary_n as usize)
            .min_frequency(FREQUENCY_MIN)
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .show_progress(false)
            .build();
        let level = level();
        let texts = documents.flat_map(|document| document.utf8_chunks().map(|c| c.valid()));
        let fed = trainer.feed(texts, |text| {
            let mut words = PreTokenizedString::from(text);
            level.pre_tokenize(&mut words)?;
            let words = words
                .get_splits(tokenizers::OffsetReferential::Original, tokenizers::OffsetType::Byte);
            Ok(words.into_iter().map(|(word, ..)| word.to_owned()).collect())
        });
        fed.expect("every text has words");
        let mut model = BPE::default();
        trainer.train(&mut model).expect("counted words can be merged");
        let found = model.get_vocab_size() as u32;
        if found != vocabulary_n {
            return Err(TooFewPairs { found });
        }
        let mut tokenizer = tokenizers::Tokenizer::new(model);
        tokenizer.with_pre_tokenizer(Some(level)).with_decoder(Some(level));
        Ok(tokenizer.to_string(false).expect("a tokenizer is plain data"))
    }

    /// Reads a file that [`Self::train`] made; none if it is not one.
    pub(crate) fn from_file(json: &[u8]) -> Option<Self> {
        let tokenizer = tokenizers::Tokenizer::from_bytes(json).ok()?;
        let letters = letters();
        let mut bytes = Vec::new();
        let mut of_byte = [u32::MAX; 256];
        for id in 0..tokenizer.get_vocab_size(true) as u32 {
            let token = tokenizer.id_to_token(id)?;
            let of =
                |letter: char| letters.iter().position(|l| *l == letter).map(|byte| byte as u8);
            let token: Vec<u8> = token.chars().map(of).collect::<Option<_>>()?;
            if let [byte] = token[..] {
                of_byte[usize::from(byte)] = id;
            }
            bytes.push(token);
        }
        (!of_byte.contains(&u32::MAX)).then_some(Self { tokenizer, bytes, of_byte })
    }

    /// The number of ids.
    pub(crate) fn vocabulary_n(&self) -> u32 {
        self.bytes.len() as u32
    }

    /// Appends the tokens of a text. What is not UTF-8 is taken byte by byte.
    pub(crate) fn encode(&self, text: &[u8], tokens: &mut Vec<u32>) {
        for chunk in text.utf8_chunks() {
            let encoded = self.tokenizer.encode_fast(chunk.valid(), false);
            let encoded = encoded.expect("every byte has a token");
            tokens.extend_from_slice(encoded.get_ids());
            tokens.extend(chunk.invalid().iter().map(|byte| self.byte(*byte)));
        }
    }

    /// The bytes of a token; none of an id that there is not.
    pub(crate) fn decode(&self, token: u32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// The token of a byte.
    pub(crate) fn byte(&self, byte: u8) -> u32 {
        self.of_byte[usize::from(byte)]
    }
}

impl fmt::Debug for Bpe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bpe").field("vocabulary_n", &self.vocabulary_n()).finish_non_exhaustive()
    }
}

/// Words by GPT-2's expression, without a space before the first.
fn level() -> ByteLevel {
    ByteLevel::new(false, true, true)
}

/// The letter that stands for each byte: itself where it can be printed and is no space, else the
/// next of those from U+0100 on, in the order of the bytes.
fn letters() -> [char; 256] {
    let mut next = 0x100;
    std::array::from_fn(|byte| {
        let byte = byte as u8;
        if matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff) {
            return char::from(byte);
        }
        next += 1;
        char::from_u32(next - 1).expect("these code points are letters")
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Comments and code of this crate.
    const TEXT: &str =
        concat!(include_str!("library.rs"), include_str!("cache.rs"), include_str!("error.rs"));

    fn documents() -> impl Iterator<Item = &'static [u8]> {
        TEXT.as_bytes().chunks(1000)
    }

    fn trained(vocabulary_n: u32) -> Bpe {
        let file = Bpe::train(documents(), vocabulary_n).ok().unwrap();
        Bpe::from_file(file.as_bytes()).unwrap()
    }

    fn encoded(bpe: &Bpe, text: &[u8]) -> Vec<u32> {
        let mut tokens = Vec::new();
        bpe.encode(text, &mut tokens);
        tokens
    }

    #[test]
    fn the_letters_are_those_of_the_library() {
        let ours: std::collections::HashSet<char> = letters().into();
        assert_eq!(ours, ByteLevel::alphabet().into_iter().collect());
        assert_eq!((letters()[0], letters()[32], letters()[255]), ('\u{100}', '\u{120}', '\u{ff}'));
    }

    /// Whatever the order in which its maps are walked, which differs between two of them.
    #[test]
    fn the_same_text_makes_the_same_tokenizer() {
        let files: Vec<String> =
            (0..4).map(|_| Bpe::train(documents(), 900).ok().unwrap()).collect();
        assert!(files.iter().all(|file| *file == files[0]));
    }

    #[test]
    fn frequent_words_are_one_token_and_text_becomes_shorter() {
        let bpe = trained(512);
        assert_eq!(bpe.vocabulary_n(), 512);
        let word = encoded(&bpe, b" the");
        assert_eq!(word.len(), 1, "{word:?}");
        assert_eq!(bpe.decode(word[0]), b" the");
        let share = encoded(&bpe, TEXT.as_bytes()).len() as f64 / TEXT.len() as f64;
        assert!((0.3..0.6).contains(&share), "{share}");
    }

    #[test]
    fn a_text_of_too_few_pairs_says_how_many_it_has() {
        let refused = Bpe::train([b"abababab".as_slice()].into_iter(), 300).err().unwrap();
        assert!((257..300).contains(&refused.found), "{}", refused.found);
    }

    #[test]
    fn a_file_that_is_none_is_refused() {
        for file in ["", "{}", "not JSON"] {
            assert!(Bpe::from_file(file.as_bytes()).is_none(), "{file}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn tokens_give_back_every_byte(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            gives_back(&text);
        }

        #[test]
        fn tokens_give_back_every_text(text in "\\PC{0,60}[ \n\t]{0,3}\\PC{0,60}") {
            gives_back(text.as_bytes());
        }
    }

    fn gives_back(text: &[u8]) {
        static BPE: std::sync::LazyLock<Bpe> = std::sync::LazyLock::new(|| trained(400));
        let tokens = encoded(&BPE, text);
        let decoded: Vec<u8> =
            tokens.iter().flat_map(|token| BPE.decode(*token)).copied().collect();
        assert_eq!(decoded, text);
    }
}
