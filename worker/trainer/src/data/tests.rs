use super::*;

/// Documents of distinct bytes, so that a token tells its document.
fn documents() -> Vec<Vec<u8>> {
    (1..=40u8).map(|i| vec![i; 20 + usize::from(i) * 3]).collect()
}

fn alone(documents: &[Vec<u8>]) -> Vec<Source<'_>> {
    Source::alone(documents.iter().map(|document| Tokens::U8(document)))
}

fn data(documents: &[Vec<u8>], seed: u64) -> TrainingData<'_> {
    TrainingData::new(alone(documents), 0, seed, 4, 16).unwrap()
}

#[test]
fn targets_follow_inputs_and_steps_follow_each_other() {
    let documents = documents();
    let mut data = data(&documents, 1);
    let (first, second) = (data.step(1), data.step(2));
    for row in 0..4 {
        let inputs = |b: &TokenBatch| b.inputs[row * 16..(row + 1) * 16].to_vec();
        let targets = |b: &TokenBatch| b.targets[row * 16..(row + 1) * 16].to_vec();
        assert_eq!(inputs(&first)[1..], targets(&first)[..15]);
        assert_eq!(targets(&first)[15], inputs(&second)[0], "row {row} breaks");
    }
}

/// The width of a token in a file changes nothing about the order.
#[test]
fn tokens_of_two_bytes_are_dealt_like_those_of_one() {
    let documents = documents();
    let wide: Vec<Vec<[u8; 2]>> = documents
        .iter()
        .map(|d| d.iter().map(|byte| u16::from(*byte).to_le_bytes()).collect())
        .collect();
    let mut narrow = data(&documents, 5);
    let wide = wide.iter().map(|d| Tokens::U16(d));
    let mut wide = TrainingData::new(Source::alone(wide), 0, 5, 4, 16).unwrap();
    for step in [1, 2, 90] {
        assert_eq!(wide.step(step), narrow.step(step));
    }
}

#[test]
fn a_step_depends_on_seed_and_number_only() {
    let documents = documents();
    let mut forward = data(&documents, 1);
    let steps: Vec<TokenBatch> = (1..=200).map(|step| forward.step(step)).collect();
    let mut jumping = data(&documents, 1);
    for step in [200, 3, 77, 150, 1] {
        assert_eq!(jumping.step(step), steps[step as usize - 1], "step {step}");
    }
    assert_ne!(data(&documents, 2).step(1), steps[0]);
}

#[test]
fn an_epoch_reads_nearly_every_byte_once_and_the_next_is_shuffled_anew() {
    let documents = documents();
    let mut data = data(&documents, 1);
    let bytes: usize = documents.iter().map(|document| document.len() + 1).sum();
    let steps = data.pass.steps;
    let mut seen = [0usize; 256];
    for step in 1..=steps {
        data.step(step).inputs.iter().for_each(|token| seen[*token as usize] += 1);
    }
    let read: usize = seen.iter().sum();
    assert!(read > bytes * 3 / 4, "{read} of {bytes}");
    for document in &documents {
        assert!(seen[usize::from(document[0])] <= document.len(), "read twice");
    }
    let (first, next) = (data.step(1), data.step(steps + 1));
    assert_ne!(first, next);
}

#[test]
fn one_long_document_fills_all_streams() {
    let document: Vec<u8> = (0..4000).map(|i| b'a' + (i % 26) as u8).collect();
    let data = TrainingData::new(Source::alone([Tokens::U8(&document)]), 0, 0, 8, 32).unwrap();
    assert!(data.pass.steps * 8 * 32 > 3000, "{} steps", data.pass.steps);
}

#[test]
fn a_corpus_that_does_not_fill_a_step_is_refused() {
    let refused =
        TrainingData::new(Source::alone([Tokens::U8(b"hello")]), 0, 0, 4, 16).err().unwrap();
    let text = refused.to_string();
    assert!(text.contains("6 tokens") && text.contains("136"), "{text}");
    // The least that is accepted works, whatever the documents.
    for len in [1, 7, 67, 135] {
        let documents = vec![vec![b'x'; len]; 136_usize.div_ceil(len + 1)];
        assert!(TrainingData::new(alone(&documents), 0, 0, 4, 16).is_ok(), "documents of {len}");
    }
}

/// A large corpus of `a`, one of `b` and a small one of `c`; their tokens tell them apart.
fn mixed(documents: &[Vec<u8>; 3], weights: [f64; 3], most: [Option<f64>; 3]) -> TrainingData<'_> {
    let source = |index: usize| Source {
        documents: documents[index].chunks(50).map(Tokens::U8).collect(),
        weight: weights[index],
        epochs_max: most[index],
    };
    TrainingData::new((0..3).map(source).collect(), 0, 9, 4, 16).unwrap()
}

fn three() -> [Vec<u8>; 3] {
    [vec![b'a'; 60_000], vec![b'b'; 9_000], vec![b'c'; 700]]
}

/// Shares of a, b and c in these steps.
fn shares(data: &mut TrainingData<'_>, steps: Range<u64>) -> [f64; 3] {
    let mut seen = [0usize; 256];
    let tokens_n = (steps.end - steps.start) as f64 * 64.0 * 50.0 / 51.0;
    for step in steps {
        data.step(step).inputs.iter().for_each(|token| seen[*token as usize] += 1);
    }
    [b'a', b'b', b'c'].map(|letter| seen[usize::from(letter)] as f64 / tokens_n)
}

#[test]
fn a_mix_is_read_by_its_weights_and_counted() {
    let documents = three();
    let mut data = mixed(&documents, [3.0, 2.0, 1.0], [None; 3]);
    let found = shares(&mut data, 1..1001);
    for (found, expected) in found.into_iter().zip([0.5, 1.0 / 3.0, 1.0 / 6.0]) {
        assert!((found / expected - 1.0).abs() < 0.05, "{found} for {expected}");
    }
    let read = data.read(1000);
    assert_eq!(read.iter().map(|read| read.tokens).sum::<u64>(), 64_000);
    for (read, share) in read.iter().zip(found) {
        assert!((read.tokens as f64 / 64_000.0 / share - 1.0).abs() < 0.05, "{read:?}");
    }
    let unique: Vec<u64> = read.iter().map(|read| read.unique_tokens).collect();
    assert!(unique[0] == read[0].tokens && unique[1..] == [9_360, 728], "{unique:?}");
    assert!((read[2].epochs - 64_000.0 / 6.0 / 728.0).abs() < 1.0, "{read:?}");
}

#[test]
fn a_mix_depends_on_seed_and_step_only() {
    let documents = three();
    let mix = || mixed(&documents, [3.0, 2.0, 1.0], [None, None, Some(4.0)]);
    let mut forward = mix();
    let steps: Vec<TokenBatch> = (1..=300).map(|step| forward.step(step)).collect();
    let mut jumping = mix();
    for step in [300, 3, 177, 1] {
        assert_eq!(jumping.step(step), steps[step as usize - 1], "step {step}");
    }
    forward.step(300);
    jumping.step(300);
    assert_eq!(forward.read(300), jumping.read(300));
}

#[test]
fn a_corpus_that_was_read_as_often_as_it_may_be_leaves_its_share_to_the_others() {
    let documents = three();
    let mut data = mixed(&documents, [1.0, 1.0, 2.0], [None, None, Some(3.0)]);
    let early = shares(&mut data, 1..41);
    assert!(early[2] > 0.4, "{early:?}");
    let late = shares(&mut data, 501..701);
    assert_eq!(late[2], 0.0);
    assert!((late[0] - 0.5).abs() < 0.05 && (late[1] - 0.5).abs() < 0.05, "{late:?}");
    let read = data.read(700);
    assert!(read[2].epochs <= 3.0 && read[2].epochs > 2.5, "{read:?}");
    // All limits met: what is left of a run is a matter of the ends of streams.
    let mut short = mixed(&documents, [1.0; 3], [Some(0.1), Some(0.1), Some(1.0)]);
    short.step(400);
}

/// What a mix of one corpus reads is what that corpus alone does.
#[test]
fn one_corpus_without_end_is_read_as_before_there_were_mixes() {
    let documents = documents();
    let mut alone = data(&documents, 3);
    let mut half = Source::alone(documents.iter().map(|d| Tokens::U8(d)));
    half[0].weight = 0.5;
    let mut half = TrainingData::new(half, 0, 3, 4, 16).unwrap();
    for step in [1, 50, 120] {
        assert_eq!(half.step(step), alone.step(step));
    }
}
