//! What `data` may not ask for.

use super::Check;
use crate::spec::{MixEntry, SweepSpec, Tokenizer};

const SEQUENCE_MAX: u64 = 1 << 20;

pub(super) fn check(check: &mut Check, spec: &SweepSpec) {
    let data = &spec.data;
    check_corpora(check, spec);
    if let Tokenizer::Bpe(vocabulary_n) = data.tokenizer
        && !(Tokenizer::BPE_MIN..=Tokenizer::BPE_MAX).contains(&vocabulary_n)
    {
        let (least, most) = (Tokenizer::BPE_MIN, Tokenizer::BPE_MAX);
        let message =
            format!("a vocabulary of {vocabulary_n} is out of range, expected {least} to {most}");
        let hint = "256 of them are the bytes; `tokenizer: bytes` has no others";
        check.wrong_with_hint("data.tokenizer.bpe", message, hint);
    }
    if !(2..=SEQUENCE_MAX).contains(&data.sequence.0) {
        let message =
            format!("{} is out of range, expected 2 to {SEQUENCE_MAX} tokens", data.sequence);
        check.wrong("data.sequence", message);
    }
    if data.batch.0 == 0 {
        check.wrong("data.batch", "a batch of no sequences trains nothing");
    }
    if let Some(micro) = data.micro_batch
        && (micro.0 == 0 || !data.batch.0.is_multiple_of(micro.0))
    {
        let message = format!("{micro} at a time do not divide the batch of {}", data.batch);
        check.wrong("data.microBatch", message);
    }
    if let Some(last) = data.evaluate_last
        && !(1..=data.sequence.0).contains(&last.0)
    {
        let message = format!("{last} are out of range, expected 1 to {}", data.sequence);
        check.wrong("data.evaluateLast", message);
    }
    let built_in = [
        ("microBatch", data.micro_batch.is_some()),
        ("evaluateLast", data.evaluate_last.is_some()),
    ];
    if let Some(arm) = spec.arms.iter().find(|arm| arm.trainer.is_some()) {
        for (key, _) in built_in.into_iter().filter(|(_, given)| *given) {
            let message = format!("the command of arm `{}` is not told of it", arm.name);
            check.wrong(format!("data.{key}"), message);
        }
    }
}

fn check_corpora(check: &mut Check, spec: &SweepSpec) {
    let data = &spec.data;
    const UNNAMED: &str = "the corpus has no name, expected `docs`, `sotu` or a path";
    if data.corpus.as_ref().is_some_and(|name| name.trim().is_empty()) {
        check.wrong("data.corpus", UNNAMED);
    }
    if data.corpus.is_some() && !data.mix.is_empty() {
        let message = "there is a mix beside it, expected either `corpus` or `mix`";
        check.wrong("data.corpus", message);
    }
    for (index, entry) in data.mix.iter().enumerate() {
        let field = format!("data.mix[{index}]");
        let MixEntry { corpus, weight, epochs_max } = entry;
        if corpus.trim().is_empty() {
            check.wrong(format!("{field}.corpus"), UNNAMED);
        } else if data.mix[..index].iter().any(|before| before.corpus == *corpus) {
            check.wrong(format!("{field}.corpus"), format!("`{corpus}` is in the mix twice"));
        }
        let numbers = [("weight", Some(*weight)), ("epochsMax", *epochs_max)];
        for (key, value) in numbers.into_iter().filter_map(|(key, value)| Some((key, value?))) {
            if !value.is_finite() || value <= 0.0 {
                let message = format!("{value} is out of range, expected a positive number");
                check.wrong(format!("{field}.{key}"), message);
            }
        }
    }
    let told = |arm: &&crate::spec::ArmSpec| arm.trainer.is_some();
    if let Some(arm) = spec.arms.iter().find(told).filter(|_| !data.mix.is_empty()) {
        let message = format!("the command of arm `{}` is given one text, not a mix", arm.name);
        check.wrong_with_hint("data.mix", message, "expected `corpus`, or built-in trainers alone");
    }
}
