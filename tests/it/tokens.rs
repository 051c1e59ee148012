//! Sweeps on tokens of more than one byte, from budget.yaml to results.

use anyhow::{Context as _, Result};
use sweep_core::run::RunState;

use crate::sandbox::{Sandbox, small_budget};

fn with_vocabulary(vocabulary: &str) -> String {
    let yaml = small_budget("small").replace("[250 ms, 500 ms, 1 s, 2 s]", "[500 ms]");
    yaml.replace("  sequence:", &format!("  tokenizer: {{ bpe: {vocabulary} }}\n  sequence:"))
}

#[tokio::test]
async fn a_sweep_on_byte_pairs_trains_its_tokenizer_and_is_judged_by_bytes() -> Result<()> {
    let sandbox = Sandbox::new(&with_vocabulary("400"));
    sandbox.succeed(&["submit", "budget.yaml"]);
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    assert_eq!(stored.runs.len(), 4);
    for run in &stored.runs {
        assert_eq!(run.state, RunState::Succeeded, "{:?}", run.failure);
        assert_eq!(run.spec.model.vocabulary_n, 400);
        let tokenizer = run.spec.corpus.tokenizer.as_ref().context("no tokenizer")?;
        assert_eq!(tokenizer.vocabulary_n, 400);
        let file = sandbox.data_dir().join("corpora/tokenizer");
        assert!(file.join(format!("{}.json", tokenizer.hash)).is_file());
        let result = run.result.as_ref().context("no result")?;
        let bytes_per_token = result.loss / std::f64::consts::LN_2 / result.bits_per_byte;
        assert!((1.2..4.0).contains(&bytes_per_token), "{result:?}");
        assert!(result.bits_per_byte < 8.0);
    }
    // The same text again is the same tokenizer, and so the same sweep.
    sandbox.succeed(&["submit", "budget.yaml"]);
    Ok(())
}

#[tokio::test]
async fn a_vocabulary_beyond_the_text_is_refused_with_what_it_can_fill() -> Result<()> {
    let sandbox = Sandbox::new(&with_vocabulary("131072"));
    let output = sandbox.run(&["submit", "budget.yaml"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    for needle in ["131072", "a vocabulary of", "hint:", "tokenizer: { bpe:"] {
        assert!(stderr.contains(needle), "{needle}: {stderr}");
    }
    assert!(sandbox.stored().await?.is_none());
    Ok(())
}

/// Sources and numbers, of which only a tenth may be read.
#[tokio::test]
async fn a_sweep_on_a_mix_reports_what_it_read_of_each_corpus() -> Result<()> {
    let yaml = small_budget("small").replace("[250 ms, 500 ms, 1 s, 2 s]", "[1 s]");
    let corpus = yaml.lines().find(|line| line.contains("corpus:")).context("no corpus line")?;
    let path = corpus.trim().trim_start_matches("corpus: ");
    let mix = format!(
        "  mix: [{{ corpus: {path}, weight: 3 }}, {{ corpus: numbers.txt, epochsMax: 0.1 }}]"
    );
    let sandbox = Sandbox::new(&yaml.replace(corpus, &mix));
    let numbers: String = (0..2_000).map(|n| format!("{n} and {n} are {}\n\n", 2 * n)).collect();
    std::fs::write(sandbox.path("numbers.txt"), numbers)?;
    sandbox.succeed(&["submit", "budget.yaml"]);
    let stored = sandbox.stored().await?.context("nothing is stored")?;
    for run in &stored.runs {
        assert_eq!(run.state, RunState::Succeeded, "{:?}", run.failure);
        let result = run.result.as_ref().context("no result")?;
        let [sources, numbers] = &result.corpora[..] else { panic!("{result:?}") };
        assert_eq!(sources.tokens + numbers.tokens, run.spec.tokens_d());
        assert!(numbers.name.ends_with("numbers.txt") && numbers.epochs <= 0.1, "{numbers:?}");
        assert!(numbers.epochs > 0.08, "{numbers:?}");
    }
    let limited = mix.replace("weight: 3", "weight: 3, epochsMax: 0.001");
    sandbox.write_budget(&yaml.replace(corpus, &limited).replace("name: small", "name: other"));
    let output = sandbox.run(&["submit", "budget.yaml"]);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains("epochsMax") && stderr.contains("tokens"), "{stderr}");
    Ok(())
}
