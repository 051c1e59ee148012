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
