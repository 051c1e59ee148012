//! Corpora as tokens: trained, encoded and kept once per vocabulary.

use std::fs;
use std::path::PathBuf;

use sweep_core::corpus::{CorpusRef, TokenizerRef};
use sweep_core::spec;

use super::Library;
use crate::bpe::{Bpe, TooFewPairs};
use crate::corpus::{Corpus, sha256};
use crate::shard::{self, Shard};
use crate::{Error, Text, Tokenizer};

/// Changes when the same text would make another tokenizer or other shards.
const VERSION: &str = "bpe 1";
/// Hexadecimal digits of a hash in a key of two.
const KEY_DIGITS: usize = 32;

impl Library {
    /// The reference of a corpus under a tokenizer, as [`Self::tokenize`].
    ///
    /// # Errors
    /// As [`Self::tokenize`].
    pub fn reference(
        &self,
        corpus: &Corpus,
        tokenizer: spec::Tokenizer,
    ) -> Result<CorpusRef, Error> {
        match tokenizer {
            spec::Tokenizer::Bytes => Ok(corpus.reference.clone()),
            spec::Tokenizer::Bpe(vocabulary_n) => self.tokenize(corpus, vocabulary_n),
        }
    }

    /// The reference of a corpus whose text is cut into tokens of `vocabulary_n` ids: trains and encodes
    /// what is not there yet.
    ///
    /// # Errors
    /// [`Error::VocabularyTooLarge`] where the text has too few pairs; [`Error::Io`].
    pub fn tokenize(&self, corpus: &Corpus, vocabulary_n: u32) -> Result<CorpusRef, Error> {
        let (hash, bpe) = self.tokenizer(corpus, vocabulary_n)?;
        let shards = self.shards(corpus, &hash, &bpe)?;
        let documents = shards.iter().flat_map(Shard::documents);
        let train_tokens_n = documents.map(|document| document.len() as u64 + 1).sum();
        let tokenizer = Some(TokenizerRef { vocabulary_n, hash, train_tokens_n });
        Ok(CorpusRef { tokenizer, ..corpus.reference.clone() })
    }

    /// Opens exactly what a run was planned with. What was derived from the text is made again where it
    /// is gone or damaged.
    ///
    /// # Errors
    /// As [`Library::load`], and [`Error::OtherTokenizer`] where the text does not make the tokenizer
    /// that it made when the run was planned.
    pub fn open(&self, reference: &CorpusRef) -> Result<Text, Error> {
        let corpus = self.load(reference)?;
        let Some(TokenizerRef { vocabulary_n, hash, .. }) = &reference.tokenizer else {
            return Ok(corpus.into());
        };
        let bpe = match self.kept_tokenizer(hash) {
            Some(bpe) => bpe,
            None => {
                let (found, bpe) = self.train(&corpus, *vocabulary_n)?;
                if found != *hash {
                    let (name, expected) = (reference.name.clone(), hash.clone());
                    return Err(Error::OtherTokenizer { name, expected, found });
                }
                bpe
            }
        };
        let shards = self.shards(&corpus, hash, &bpe)?;
        Ok(Text::tokenized(reference.clone(), Tokenizer::bpe(bpe), corpus, shards))
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

    fn tokenizer(&self, corpus: &Corpus, vocabulary_n: u32) -> Result<(String, Bpe), Error> {
        let known = fs::read_to_string(self.tokenizer_key(corpus, vocabulary_n));
        if let Ok(hash) = known
            && let Some(bpe) = self.kept_tokenizer(&hash)
        {
            return Ok((hash, bpe));
        }
        self.train(corpus, vocabulary_n)
    }

    fn train(&self, corpus: &Corpus, vocabulary_n: u32) -> Result<(String, Bpe), Error> {
        let file = Bpe::train(corpus.train(), vocabulary_n).map_err(|TooFewPairs { found }| {
            let name = corpus.reference.name.clone();
            Error::VocabularyTooLarge { name, asked: vocabulary_n, found }
        })?;
        let hash = sha256(file.as_bytes());
        self.cache.write(&self.tokenizer_path(&hash), file.as_bytes())?;
        self.cache.write(&self.tokenizer_key(corpus, vocabulary_n), hash.as_bytes())?;
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

    fn tokenizer_key(&self, corpus: &Corpus, vocabulary_n: u32) -> PathBuf {
        let key = sha256(format!("{VERSION} {vocabulary_n} {}", corpus.reference.hash).as_bytes());
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
        let documents = text.part.train().into_iter().map(tokens);
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
        let tokens: usize = text.part.train().iter().map(|document| document.len() + 1).sum();
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
}
