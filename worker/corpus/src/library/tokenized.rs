//! Corpora as tokens: trained, encoded and kept once per vocabulary.

use std::fs;
use std::path::PathBuf;

use sweep_core::corpus::{CorpusPart, CorpusRef, TokenizerRef};
use sweep_core::spec;

use super::Library;
use crate::bpe::{Bpe, TooFewPairs};
use crate::corpus::{Corpus, sha256};
use crate::shard::{self, Shard};
use crate::{Error, Part, Share, Text, Tokenizer};

/// Changes when the same text would make another tokenizer or other shards.
const VERSION: &str = "bpe 1";
/// Hexadecimal digits of a hash in a key of two.
const KEY_DIGITS: usize = 32;

impl Library {
    /// The reference of one corpus or a mix of them under a tokenizer: trains and encodes what is not
    /// there yet.
    ///
    /// # Errors
    /// [`Error::VocabularyTooLarge`] where the text has too few pairs; [`Error::Io`].
    pub fn reference(
        &self,
        shares: &[Share],
        tokenizer: spec::Tokenizer,
    ) -> Result<CorpusRef, Error> {
        let mut references: Vec<CorpusRef> =
            shares.iter().map(|share| share.corpus.reference.clone()).collect();
        if let spec::Tokenizer::Bpe(vocabulary_n) = tokenizer {
            let (hash, bpe) = self.tokenizer(shares, vocabulary_n)?;
            for (share, reference) in shares.iter().zip(&mut references) {
                let shards = self.shards(&share.corpus, &hash, &bpe)?;
                let documents = shards.iter().flat_map(Shard::documents);
                let train_tokens_n = documents.map(|document| document.len() as u64 + 1).sum();
                let hash = hash.clone();
                reference.tokenizer = Some(TokenizerRef { vocabulary_n, hash, train_tokens_n });
            }
        }
        let mixed = shares.len() > 1 || shares.iter().any(|share| share.epochs_max.is_some());
        match <[CorpusRef; 1]>::try_from(references) {
            Ok([reference]) if !mixed => Ok(reference),
            Ok(references) => Ok(mix(shares, references.into())),
            Err(references) => Ok(mix(shares, references)),
        }
    }

    /// [`Self::reference`] of one corpus cut into tokens of `vocabulary_n` ids.
    ///
    /// # Errors
    /// As [`Self::reference`].
    pub fn tokenize(&self, corpus: &Corpus, vocabulary_n: u32) -> Result<CorpusRef, Error> {
        self.reference(&[corpus.clone().into()], spec::Tokenizer::Bpe(vocabulary_n))
    }

    /// Opens exactly what a run was planned with. What was derived from the text is made again where it
    /// is gone or damaged.
    ///
    /// # Errors
    /// As [`Library::load`], and [`Error::OtherTokenizer`] where the text does not make the tokenizer
    /// that it made when the run was planned.
    pub fn open(&self, reference: &CorpusRef) -> Result<Text, Error> {
        let mut shares = Vec::new();
        for CorpusPart { corpus, weight, epochs_max } in &reference.parts {
            let (weight, epochs_max) = (*weight, *epochs_max);
            shares.push(Share { corpus: self.load(corpus)?, weight, epochs_max });
        }
        if shares.is_empty() {
            shares.push(self.load(reference)?.into());
        }
        let mut parts = Vec::new();
        let Some(TokenizerRef { vocabulary_n, hash, .. }) = &reference.tokenizer else {
            parts.extend(shares.into_iter().map(|share| Part::new(share, None)));
            return Ok(Text { reference: reference.clone(), tokenizer: Tokenizer::bytes(), parts });
        };
        let bpe = match self.kept_tokenizer(hash) {
            Some(bpe) => bpe,
            None => {
                let (found, bpe) = self.train(&shares, *vocabulary_n)?;
                if found != *hash {
                    let (name, expected) = (reference.name.clone(), hash.clone());
                    return Err(Error::OtherTokenizer { name, expected, found });
                }
                bpe
            }
        };
        for share in shares {
            let shards = self.shards(&share.corpus, hash, &bpe)?;
            parts.push(Part::new(share, Some(shards)));
        }
        Ok(Text { reference: reference.clone(), tokenizer: Tokenizer::bpe(bpe), parts })
    }

    /// The file of a corpus's tokenizer, in the format of Hugging Face's tokenizers; none where tokens
    /// are bytes.
    ///
    /// # Errors
    /// As [`Library::open`].
    pub fn tokenizer_file(&self, reference: &CorpusRef) -> Result<Option<PathBuf>, Error> {
        let Some(TokenizerRef { hash, .. }) = &reference.tokenizer else { return Ok(None) };
        self.open(reference)?;
        Ok(Some(self.tokenizer_path(hash)))
    }

    fn tokenizer(&self, shares: &[Share], vocabulary_n: u32) -> Result<(String, Bpe), Error> {
        let known = fs::read_to_string(self.tokenizer_key(shares, vocabulary_n));
        if let Ok(hash) = known
            && let Some(bpe) = self.kept_tokenizer(&hash)
        {
            return Ok((hash, bpe));
        }
        self.train(shares, vocabulary_n)
    }

    /// On the training documents of all corpora, whatever their weights.
    fn train(&self, shares: &[Share], vocabulary_n: u32) -> Result<(String, Bpe), Error> {
        let documents = shares.iter().flat_map(|share| share.corpus.train());
        let file = Bpe::train(documents, vocabulary_n).map_err(|TooFewPairs { found }| {
            let name = name(shares);
            Error::VocabularyTooLarge { name, asked: vocabulary_n, found }
        })?;
        let hash = sha256(file.as_bytes());
        self.cache.write(&self.tokenizer_path(&hash), file.as_bytes())?;
        self.cache.write(&self.tokenizer_key(shares, vocabulary_n), hash.as_bytes())?;
        let bpe = Bpe::from_file(file.as_bytes()).expect("the file was made by the lines above");
        Ok((hash, bpe))
    }

    /// None where it is gone or damaged.
    fn kept_tokenizer(&self, hash: &str) -> Option<Bpe> {
        let file = self.cache.checked(&self.tokenizer_path(hash), hash).ok()?;
        Bpe::from_file((*file).as_ref())
    }

    fn tokenizer_path(&self, hash: &str) -> PathBuf {
        self.cache.path("tokenizer", &format!("{hash}.json"))
    }

    fn tokenizer_key(&self, shares: &[Share], vocabulary_n: u32) -> PathBuf {
        let hashes: Vec<&str> =
            shares.iter().map(|share| share.corpus.reference.hash.as_str()).collect();
        let key = sha256(format!("{VERSION} {vocabulary_n} {}", hashes.join(" ")).as_bytes());
        self.cache.path("tokenizer", &key[..KEY_DIGITS])
    }

    /// The training documents as tokens.
    fn shards(&self, corpus: &Corpus, tokenizer: &str, bpe: &Bpe) -> Result<Vec<Shard>, Error> {
        let key = sha256(format!("{VERSION} {tokenizer} {}", corpus.reference.hash).as_bytes());
        let list = self.cache.path("tokens", &format!("{}.json", &key[..KEY_DIGITS]));
        if let Some(shards) = self.kept_shards(&list) {
            return Ok(shards);
        }
        let documents = corpus.train().map(|document| {
            let mut tokens = Vec::new();
            bpe.encode(document, &mut tokens);
            tokens
        });
        let mut hashes = Vec::new();
        for file in shard::files(documents, bpe.vocabulary_n()) {
            let hash = sha256(&file);
            self.cache.write(&self.cache.path("tokens", &hash), &file)?;
            hashes.push(hash);
        }
        let json = serde_json::to_vec(&hashes).expect("strings can be written");
        self.cache.write(&list, &json)?;
        let read = |hash: &String| {
            let path = self.cache.path("tokens", hash);
            let file = self.cache.checked(&path, hash)?;
            Ok(Shard::from_file(file).expect("the file was laid out by the lines above"))
        };
        hashes.iter().map(read).collect()
    }

    /// None where any of it is gone or damaged.
    fn kept_shards(&self, list: &PathBuf) -> Option<Vec<Shard>> {
        let hashes: Vec<String> = serde_json::from_slice(&fs::read(list).ok()?).ok()?;
        let read = |hash: &String| {
            let file = self.cache.checked(&self.cache.path("tokens", hash), hash).ok()?;
            Shard::from_file(file)
        };
        hashes.iter().map(read).collect()
    }
}

/// The names of corpora as one.
fn name(shares: &[Share]) -> String {
    let names: Vec<String> = shares
        .iter()
        .map(|share| match share.weight {
            1.0 => share.corpus.reference.name.clone(),
            weight => format!("{} x {weight}", share.corpus.reference.name),
        })
        .collect();
    names.join(" + ")
}

/// Several corpora as one, named by their hashes, weights and limits.
fn mix(shares: &[Share], references: Vec<CorpusRef>) -> CorpusRef {
    let mut identity = "mix 1".to_owned();
    let mut parts = Vec::new();
    let mut mixed = CorpusRef { name: name(shares), ..CorpusRef::default() };
    for (Share { weight, epochs_max, .. }, corpus) in shares.iter().zip(references) {
        let (weight, epochs_max) = (*weight, *epochs_max);
        identity += &format!("\n{} {weight:?} {epochs_max:?}", corpus.hash);
        mixed.documents_n += corpus.documents_n;
        mixed.train_bytes += corpus.train_bytes;
        mixed.validation_bytes += corpus.validation_bytes;
        if let Some(own) = &corpus.tokenizer {
            let tokens_n = mixed.tokenizer.map_or(0, |tokenizer| tokenizer.train_tokens_n);
            let train_tokens_n = tokens_n + own.train_tokens_n;
            mixed.tokenizer = Some(TokenizerRef { train_tokens_n, ..own.clone() });
        }
        parts.push(CorpusPart { corpus, weight, epochs_max });
    }
    CorpusRef { hash: sha256(identity.as_bytes()), parts, ..mixed }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The sources of this crate as a corpus, and the folder below which all is kept.
    fn prepared() -> (tempfile::TempDir, Library, Corpus) {
        let dir = tempfile::tempdir().unwrap();
        let library = Library::new(dir.path());
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let corpus = library.add_path(&sources).unwrap();
        (dir, library, corpus)
    }

    fn files(dir: &Path, folder: &str) -> Vec<PathBuf> {
        let entries = fs::read_dir(dir.join(folder)).unwrap();
        let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    fn decoded(text: &Text) -> Vec<Vec<u8>> {
        let tokens = |document: crate::Tokens<'_>| document.iter().collect::<Vec<u32>>();
        let documents = text.parts[0].train().into_iter().map(tokens);
        documents.map(|tokens| text.tokenizer.decode(&tokens)).collect()
    }

    #[test]
    fn tokens_are_those_of_the_training_documents_and_are_made_once() {
        let (dir, library, corpus) = prepared();
        let reference = library.tokenize(&corpus, 600).unwrap();
        let text = library.open(&reference).unwrap();
        assert!(decoded(&text).iter().map(Vec::as_slice).eq(corpus.train()));
        assert_eq!(text.tokenizer.vocabulary_n(), 600);
        assert_eq!(text.tokenizer.decode(&[text.tokenizer.separator()]), [0]);
        let tokenizer = reference.tokenizer.as_ref().unwrap();
        let tokens: usize = text.parts[0].train().iter().map(|document| document.len() + 1).sum();
        assert_eq!(tokenizer.train_tokens_n, tokens as u64);
        assert!(tokenizer.train_tokens_n < corpus.reference.train_bytes / 2);

        let before = [files(dir.path(), "tokenizer"), files(dir.path(), "tokens")];
        assert_eq!(library.tokenize(&corpus, 600).unwrap(), reference);
        assert_eq!([files(dir.path(), "tokenizer"), files(dir.path(), "tokens")], before);
        let other = library.tokenize(&corpus, 500).unwrap().tokenizer.unwrap();
        assert!(other.hash != tokenizer.hash && other.train_tokens_n > tokenizer.train_tokens_n);
    }

    #[test]
    fn bytes_are_their_own_tokens() {
        let (_dir, library, corpus) = prepared();
        let text = library.open(&corpus.reference).unwrap();
        assert!(decoded(&text).iter().map(Vec::as_slice).eq(corpus.train()));
        assert_eq!((text.tokenizer.vocabulary_n(), text.tokenizer.separator()), (256, 0));
    }

    /// Cut short, changed in one bit, gone: each of tokenizer, shards and the lists of them.
    #[test]
    fn what_is_damaged_is_made_again() {
        let (dir, library, corpus) = prepared();
        let reference = library.tokenize(&corpus, 400).unwrap();
        let derived = [files(dir.path(), "tokenizer"), files(dir.path(), "tokens")].concat();
        assert_eq!(derived.len(), 4, "{derived:?}");
        let contents: Vec<Vec<u8>> = derived.iter().map(|file| fs::read(file).unwrap()).collect();
        for (file, content) in derived.iter().zip(&contents) {
            let mut changed = content.clone();
            changed[content.len() / 2] ^= 1;
            for damage in [Some(content[..content.len() / 2].to_vec()), Some(changed), None] {
                match damage {
                    Some(bytes) => fs::write(file, bytes).unwrap(),
                    None => fs::remove_file(file).unwrap(),
                }
                let text = library.open(&reference).unwrap();
                assert!(decoded(&text).iter().map(Vec::as_slice).eq(corpus.train()));
                assert_eq!(library.tokenize(&corpus, 400).unwrap(), reference);
            }
        }
        for (file, content) in derived.iter().zip(&contents) {
            assert!(fs::read(file).unwrap() == *content, "{}", file.display());
        }
    }

    #[test]
    fn a_tokenizer_of_another_text_is_refused() {
        let (dir, library, corpus) = prepared();
        let mut reference = library.tokenize(&corpus, 400).unwrap();
        fs::remove_dir_all(dir.path().join("tokenizer")).unwrap();
        reference.tokenizer.as_mut().unwrap().hash = "0".repeat(64);
        let refused = library.open(&reference).unwrap_err();
        assert!(matches!(refused, Error::OtherTokenizer { .. }), "{refused}");
    }

    #[test]
    fn a_vocabulary_that_the_text_cannot_fill_is_refused_with_what_it_can() {
        let (_dir, library, corpus) = prepared();
        let refused = library.tokenize(&corpus, 100_000).unwrap_err();
        let Error::VocabularyTooLarge { asked: 100_000, found, .. } = refused else {
            panic!("{refused}")
        };
        assert!((1_000..100_000).contains(&found), "{found}");
    }

    /// One tokenizer for all, each corpus with its own shards.
    #[test]
    fn a_mix_opens_as_its_corpora_under_one_tokenizer() {
        let (dir, library, corpus) = prepared();
        let other = dir.path().join("numbers.txt");
        fs::write(&other, "one two three four five six\n\n".repeat(2_000)).unwrap();
        let other = library.add_path(&other).unwrap();
        let shares = |weight, epochs_max| {
            [
                Share { weight, ..corpus.clone().into() },
                Share { epochs_max, ..other.clone().into() },
            ]
        };
        let tokenizer = spec::Tokenizer::Bpe(400);
        let reference = library.reference(&shares(3.0, Some(4.0)), tokenizer).unwrap();
        assert!(reference.name.contains(" x 3 + "), "{}", reference.name);
        let bytes = corpus.reference.train_bytes + other.reference.train_bytes;
        assert_eq!(reference.train_bytes, bytes);
        let parts: u64 = reference.parts.iter().map(|part| part.corpus.train_tokens_n()).sum();
        assert_eq!(reference.train_tokens_n(), parts);
        let text = library.open(&reference).unwrap();
        for (part, corpus) in text.parts.iter().zip([&corpus, &other]) {
            let decoded: Vec<Vec<u8>> = part
                .train()
                .iter()
                .map(|tokens| text.tokenizer.decode(&tokens.iter().collect::<Vec<_>>()))
                .collect();
            assert!(decoded.iter().map(Vec::as_slice).eq(corpus.train()), "{}", part.name());
        }
        assert_eq!((text.parts[0].weight(), text.parts[1].epochs_max()), (3.0, Some(4.0)));
        // Weights and limits are part of what is trained on, and of its name.
        let others = [(2.0, Some(4.0)), (3.0, Some(5.0)), (3.0, None)];
        let hashes = others.map(|(weight, epochs_max)| {
            let shares = shares(weight, epochs_max);
            library.reference(&shares, spec::Tokenizer::Bytes).unwrap().hash
        });
        assert!(!hashes.contains(&reference.hash) && hashes[0] != hashes[1], "{hashes:?}");
    }
}
