//! Runs on tokens of more than one byte.

use sweep_corpus::Library;

use super::*;

/// The sources of the nouns as a library has them, and the folder below which all is kept.
fn library() -> (tempfile::TempDir, Library, Corpus) {
    let dir = tempfile::tempdir().unwrap();
    let library = Library::new(dir.path()).mapping(sweep_trainer::map);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../coordinator/core/src");
    let corpus = library.add_path(&folder).unwrap();
    (dir, library, corpus)
}

fn tokenized(vocabulary_n: u32) -> (tempfile::TempDir, Text) {
    let (dir, library, corpus) = library();
    let reference = library.tokenize(&corpus, vocabulary_n).unwrap();
    (dir, library.open(&reference).unwrap())
}

fn run_of(family: Family, steps: u64, text: &Text) -> RunSpec {
    let mut run = run(family, steps, text);
    run.model.vocabulary_n = text.tokenizer.vocabulary_n();
    run
}

/// The same text in fewer and larger pieces: a model that sees as many of them reads more text and
/// ends with fewer bits per byte than one of bytes.
#[test]
fn tokens_of_several_bytes_are_learned_and_judged_by_bytes() {
    let (_dir, text) = tokenized(512);
    let (_bytes_dir, library, corpus) = library();
    let bytes = library.open(&corpus.reference).unwrap();
    for family in [Family::Gpt, Family::Qlstm] {
        let (of_bytes, _) = uninterrupted(&run(family, 800, &bytes), &bytes);
        let (result, _) = uninterrupted(&run_of(family, 800, &text), &text);
        let bits = result.bits_per_byte;
        let bigram = result.bigram_bits_per_byte.unwrap();
        assert!(bits < 0.95 * bigram, "{family}: {bits} against {bigram}");
        assert!(bits < of_bytes.bits_per_byte, "{family}: {bits} against {of_bytes:?}");
        // More than one byte a token, and so fewer bits a byte than a token.
        let bytes_per_token = result.loss / std::f64::consts::LN_2 / bits;
        assert!((1.5..4.0).contains(&bytes_per_token), "{family}: {bytes_per_token}");
        assert!((result.normalised_perplexity.log2() - bits).abs() < 1e-9);
    }
}

/// Mapped or in memory, interrupted or not.
#[test]
fn a_run_on_tokens_is_taken_up_again_and_ends_the_same() {
    let (_dir, library, corpus) = library();
    let reference = library.tokenize(&corpus, 400).unwrap();
    let mapped = library.open(&reference).unwrap();
    let read = library.mapping(|file| {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut &*file, &mut bytes)?;
        Ok(std::sync::Arc::new(bytes))
    });
    let read = read.open(&reference).unwrap();
    let run = run_of(Family::Qlstm, 60, &mapped);
    let (expected, _) = uninterrupted(&run, &mapped);
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Recorder { stop_at: Some(31), ..Recorder::default() };
    let outcome = train(&job(&run, &mapped, dir.path()), &mut recorder).unwrap();
    let Outcome::Stopped { checkpoint, .. } = outcome else { panic!("{outcome:?}") };
    let resumed = TrainJob { resume_from: checkpoint.as_ref(), ..job(&run, &read, dir.path()) };
    let result = finished(train(&resumed, &mut Recorder::default()).unwrap());
    assert_eq!(result.weights_hash, expected.weights_hash);
    assert_eq!(result.bits_per_byte, expected.bits_per_byte);
}

#[test]
fn a_checkpoint_and_a_text_of_another_vocabulary_are_refused() {
    let (_dir, library, corpus) = library();
    let open =
        |vocabulary_n| library.open(&library.tokenize(&corpus, vocabulary_n).unwrap()).unwrap();
    let (small, large) = (open(400), open(500));
    let run = run_of(Family::Gpt, 20, &small);
    let dir = tempfile::tempdir().unwrap();
    let mut recorder = Recorder { stop_at: Some(7), ..Recorder::default() };
    let outcome = train(&job(&run, &small, dir.path()), &mut recorder).unwrap();
    let Outcome::Stopped { checkpoint, .. } = outcome else { panic!("{outcome:?}") };

    let mut other = run.clone();
    (other.corpus, other.model.vocabulary_n) = (large.reference.clone(), 500);
    let job_of =
        |run, text| TrainJob { resume_from: checkpoint.as_ref(), ..job(run, text, dir.path()) };
    let refused = train(&job_of(&other, &large), &mut Recorder::default()).unwrap_err();
    let said = refused.to_string();
    assert!(matches!(refused, Error::OtherVocabulary { .. }), "{said}");
    assert!(said.contains("a vocabulary of 400") && said.contains("a vocabulary of 500"), "{said}");

    let refused = train(&job_of(&run, &large), &mut Recorder::default()).unwrap_err();
    assert!(matches!(refused, Error::WrongCorpus { .. }), "{refused}");
    let mut narrow = run.clone();
    narrow.model.vocabulary_n = 256;
    let refused = train(&job(&narrow, &small, dir.path()), &mut Recorder::default()).unwrap_err();
    let said = refused.to_string();
    assert!(said.contains("400 ids") && said.contains("vocabulary of 256"), "{said}");
}

/// Comments of this workspace and numbers: half of the tokens each, the numbers again and again.
#[test]
fn a_mix_is_learned_counted_and_judged_corpus_by_corpus() {
    let (dir, library, corpus) = library();
    let numbers = dir.path().join("numbers.txt");
    let lines = (0..2_000).map(|n| format!("{n} and {n} are {}\n\n", 2 * n));
    std::fs::write(&numbers, lines.collect::<String>()).unwrap();
    let numbers = library.add_path(&numbers).unwrap();
    let shares = [corpus, numbers].map(sweep_corpus::Share::from);
    let reference = library.reference(&shares, sweep_core::spec::Tokenizer::Bytes).unwrap();
    let mix = library.open(&reference).unwrap();
    let run = run(Family::Qlstm, 600, &mix);
    let (result, points) = uninterrupted(&run, &mix);
    let [sources, numbers] = &result.corpora[..] else { panic!("{:?}", result.corpora) };
    assert_eq!(sources.tokens + numbers.tokens, run.tokens_d());
    let share = sources.tokens as f64 / run.tokens_d() as f64;
    assert!((share - 0.5).abs() < 0.02, "{share}");
    assert!(numbers.epochs > 1.5 && sources.epochs < 1.0, "{:?}", result.corpora);
    assert_eq!(result.unique_tokens(), Some(sources.tokens + numbers.unique_tokens));
    assert!(numbers.bits_per_byte < 0.8 * sources.bits_per_byte, "{:?}", result.corpora);
    let mean = f64::midpoint(numbers.bits_per_byte, sources.bits_per_byte);
    assert!((result.bits_per_byte - mean).abs() < 1e-9);
    assert!(result.bits_per_byte < 0.9 * result.bigram_bits_per_byte.unwrap(), "{result:?}");

    // Taken up in the middle it is the same run.
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = Recorder { stop_at: Some(377), ..Recorder::default() };
    let outcome = train(&job(&run, &mix, folder.path()), &mut recorder).unwrap();
    let Outcome::Stopped { checkpoint, .. } = outcome else { panic!("{outcome:?}") };
    let resumed = TrainJob { resume_from: checkpoint.as_ref(), ..job(&run, &mix, folder.path()) };
    let mut again = Recorder::default();
    let result = RunResult { tokens_per_second: 0.0, ..result };
    let ended = finished(train(&resumed, &mut again).unwrap());
    assert_eq!(RunResult { tokens_per_second: 0.0, ..ended }, result);
    assert_eq!([recorder.points, again.points].concat(), points);
}
