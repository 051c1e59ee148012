use super::*;
use crate::spec::Tokenizer;
use crate::variant::{Activation, NofM, NumberFormat, ScaleGroup};

const GOOD: &str = "\
apiVersion: sweepctl/v1
name: gpt-vs-qlstm
budget: 20 min
classes: [5s, 10s]
seeds: [1, 2]
arms:
  - name: gpt
    family: gpt
    sizes:
      - { width: 32, layers: 2 }
      - mini
  - name: qlstm
    family: qlstm
    sizes:
      - { width: 32, layers: 2, heads: 4, throughput: 12k tokens/s }
";

#[test]
fn a_good_spec_reads() {
    let spec = parse(GOOD).unwrap();
    assert_eq!(spec.classes.len(), 2);
    let sizes = spec.arms[0].resolved_sizes(&spec.data);
    assert_eq!(sizes[0].model.heads_n, 2);
    assert_eq!(sizes[1].name, "mini");
    let declared = spec.arms[1].resolved_sizes(&spec.data)[0].throughput;
    assert_eq!(declared, Some(12_000.0));
}

#[test]
fn sizes_that_differ_in_heads_have_different_names() {
    let both =
        "      - { width: 64, layers: 2, heads: 4 }\n      - { width: 64, layers: 2, heads: 8 }";
    let spec = parse(&GOOD.replace("      - mini", both)).unwrap();
    let sizes = spec.arms[0].resolved_sizes(&spec.data);
    let names: Vec<_> = sizes.iter().map(|size| size.name.as_str()).collect();
    assert_eq!(names, ["d32x2", "d64x2h4", "d64x2h8"]);
}

#[test]
fn a_written_spec_reads_back() {
    let spec = parse(GOOD).unwrap();
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<SweepSpec>(&json).unwrap(), spec);
}

#[test]
fn a_tokenizer_reads_and_gives_models_their_vocabulary() {
    for (written, vocabulary_n) in
        [("bytes", 256), ("{ bpe: 4096 }", 4096), ("\n    bpe: 300", 300)]
    {
        let with = format!("seeds: [1, 2]\ndata:\n  tokenizer: {written}");
        let spec = parse(&GOOD.replace("seeds: [1, 2]", &with)).unwrap();
        let model = &spec.arms[0].resolved_sizes(&spec.data)[0].model;
        assert_eq!(model.vocabulary_n, vocabulary_n, "{written}");
        let json = serde_json::to_string(&spec).unwrap();
        assert_eq!(serde_json::from_str::<SweepSpec>(&json).unwrap(), spec);
        assert_eq!(Tokenizer::of_vocabulary(vocabulary_n), spec.data.tokenizer);
    }
}

#[test]
fn a_mix_reads_and_one_corpus_is_a_mix_of_one() {
    let mix = "data: { mix: [{ corpus: docs, weight: 3 }, { corpus: ./mine, epochsMax: 4 }] }";
    let spec = parse(&GOOD.replace("seeds: [1, 2]", mix)).unwrap();
    let of = |entry: &crate::spec::MixEntry| (entry.corpus.clone(), entry.weight, entry.epochs_max);
    let read: Vec<_> = spec.data.corpora().iter().map(of).collect();
    assert_eq!(read, [("docs".to_owned(), 3.0, None), ("./mine".to_owned(), 1.0, Some(4.0))]);
    assert_eq!(spec.data.corpora_name(), "docs x 3 + ./mine");
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<SweepSpec>(&json).unwrap(), spec);
    let alone = parse(GOOD).unwrap().data.corpora();
    assert_eq!(alone.iter().map(of).collect::<Vec<_>>(), [("docs".to_owned(), 1.0, None)]);
}

#[test]
fn variants_read() {
    let arm = "    family: gpt\n    activation: relu\n    sparsity: \"2:4\"\n    quantization: { weights: \
               int4, activations: fp8-e4m3, group: channel }";
    let spec = parse(&GOOD.replacen("    family: gpt", arm, 1)).unwrap();
    let variant = &spec.arms[0].resolved_sizes(&spec.data)[0].model.variant;
    assert_eq!(variant.activation, Activation::Relu);
    assert_eq!(variant.sparsity, Some(NofM { keep: 2, of: 4 }));
    let quantization = variant.quantization.as_ref().unwrap();
    assert_eq!(quantization.activations, Some(NumberFormat::Fp8E4m3));
    assert_eq!(quantization.group, ScaleGroup::Channel);
    let json = serde_json::to_string(&spec).unwrap();
    assert_eq!(serde_json::from_str::<SweepSpec>(&json).unwrap(), spec);
}

/// Replaces one line of the good spec and returns the report.
fn report(line: &str, with: &str) -> String {
    assert!(GOOD.contains(line), "{line}");
    parse(&GOOD.replacen(line, with, 1)).unwrap_err().to_string()
}

#[test]
fn mistakes_name_their_place_and_what_would_be_right() {
    let cases = [
        ("budget: 20 min", "budgett: 20 min"),
        ("budget: 20 min", "budget: 20"),
        ("budget: 20 min", "budget: 0 s"),
        ("budget: 20 min", "budget: -3 h"),
        ("budget: 20 min", "budget: [20 min]"),
        ("name: gpt-vs-qlstm", "name: GPT vs qLSTM"),
        ("apiVersion: sweepctl/v1", "apiVersion: sweepctl/v2"),
        ("apiVersion: sweepctl/v1\n", ""),
        ("classes: [5s, 10s]", "classes: [5s, 5 s]"),
        ("classes: [5s, 10s]", "classes: [5s, 6h]"),
        ("classes: [5s, 10s]", "classes: []"),
        ("seeds: [1, 2]", "seeds: [1, 1]"),
        ("seeds: [1, 2]", "seeds: [one]"),
        ("    family: gpt", "    family: gtp"),
        ("    family: gpt", "    family: gpt\n    positions: alibi"),
        ("  - name: qlstm", "  - name: gpt"),
        ("      - mini", "      - huge"),
        ("      - mini", "      - { width: 48 }"),
        ("      - mini", "      - { width: 48, layers: 2, heads: 5 }"),
        ("      - mini", "      - { width: 48, layers: 2, depth: 5 }"),
        ("      - mini", "      - { width: 32, layers: 2 }"),
        ("    family: gpt", "    family: gpt\n    activation: swish"),
        ("    family: gpt", "    family: gpt\n    quantization: { weights: int5 }"),
        ("    family: gpt", "    family: gpt\n    quantization: { group: 32 }"),
        ("    family: gpt", "    family: gpt\n    quantization: { weights: int4, group: 0 }"),
        ("    family: gpt", "    family: gpt\n    quantization: { weights: int4, group: row }"),
        ("    family: gpt", "    family: gpt\n    quantization: { weights: int4, scale: mean }"),
        (
            "    family: gpt",
            "    family: gpt\n    quantization: { activations: int4, scale: statistics }",
        ),
        (
            "    family: gpt",
            "    family: gpt\n    sparsity: \"2:4\"\n    quantization: { weights: int4, scale: statistics }",
        ),
        (
            "    family: gpt",
            "    family: gpt\n    quantization: { weights: fp4-e2m1, freeze: { last: 10 % } }",
        ),
        (
            "    family: gpt",
            "    family: gpt\n    quantization: { weights: int4, freeze: { last: 0 % } }",
        ),
        (
            "    family: gpt",
            "    family: gpt\n    quantization: { weights: int4, freeze: { last: 10 %, margin: 0.5 } }",
        ),
        ("    family: gpt", "    family: gpt\n    sparsity: 4:2"),
        ("    family: gpt", "    family: gpt\n    sparsity: \"2:5\""),
        ("    family: gpt", "    family: gpt\n    experts: { count: 0 }"),
        ("    family: gpt", "    family: gpt\n    experts: { count: 4, topK: 5 }"),
        ("    family: gpt", "    family: gpt\n    experts: { count: 4, granularity: 3 }"),
        ("    family: gpt", "    family: gpt\n    experts: { count: 4, balance: -1 }"),
        ("    family: gpt", "    family: gpt\n    experts: { count: 4, latent: 0 }"),
        ("    family: gpt", "    family: gpt\n    experts: { count: 4, latent: 48 }"),
        ("    family: gpt", "    family: gpt\n    hiddenGroups: { count: 4, active: 5 }"),
        (
            "    family: gpt",
            "    family: gpt\n    hiddenGroups: { count: 4, active: 2, shared: 2 }",
        ),
        ("    family: gpt", "    family: gpt\n    hiddenGroups: { count: 5, active: 2 }"),
        (
            "    family: gpt",
            "    family: gpt\n    experts: { count: 2 }\n    hiddenGroups: { count: 4, active: 2 }",
        ),
        ("    family: gpt", "    family: gpt\n    postTraining: { weights: [] }"),
        ("    family: gpt", "    family: gpt\n    postTraining: { weights: [int4, int4] }"),
        (
            "    family: gpt",
            "    family: gpt\n    postTraining: { weights: [int4], methods: [gptq] }",
        ),
        (
            "    family: gpt",
            "    family: gpt\n    postTraining: { weights: [int4], methods: [outlier-tune] }",
        ),
        (
            "    family: gpt",
            "    family: gpt\n    postTraining: { weights: [int4], activations: fp4-e2m1, methods: [llm-fp4] }",
        ),
        (
            "    family: gpt",
            "    family: gpt\n    sparsity: \"2:4\"\n    postTraining: { weights: [int4] }",
        ),
        ("    family: gpt", "    family: gpt\n    streams: { count: 0 }"),
        ("    family: gpt", "    family: gpt\n    streams: { count: 2, prefix: 0 }"),
        ("    family: gpt", "    family: gpt\n    streams: { count: 2, smoothing: 1 }"),
        ("    family: qlstm", "    family: qlstm\n    streams: { count: 2 }"),
        ("    family: gpt", "    family: gpt\n    norm: batch"),
        ("    family: gpt", "    family: gpt\n    zLoss: -1"),
        ("    family: gpt", "    family: gpt\n    zLoss: .nan"),
        ("    family: gpt", "    family: gpt\n    activationRatio: 1 %"),
        ("    family: gpt", "    family: gpt\n    activation: relu\n    activationRatio: 0 %"),
        ("    family: gpt", "    family: gpt\n    activation: relu\n    activationRatio: 0.01"),
        (
            "    family: gpt",
            "    family: gpt\n    activation: relu\n    experts: { count: 2 }\n    activationRatio: 1 %",
        ),
        ("    family: qlstm", "    family: qlstm\n    qkNorm: true"),
        ("    family: qlstm", "    family: qlstm\n    position: rotary"),
        ("    family: qlstm", "    family: lstm\n    position: alibi"),
        ("    family: qlstm", "    family: lstm\n    qkNorm: true"),
        (
            "    family: gpt\n    sizes:\n      - { width: 32, layers: 2 }",
            "    family: gpt\n    position: rotary\n    sizes:\n      - { width: 9, layers: 2 }",
        ),
        ("    family: gpt", "    family: gpt\n    optimiser: { schedule: linear }"),
        ("    family: gpt", "    family: gpt\n    optimiser: { decay: 10 % }"),
        (
            "    family: gpt",
            "    family: gpt\n    optimiser: { schedule: constant, finalRate: 10 % }",
        ),
        (
            "    family: gpt",
            "    family: gpt\n    optimiser: { schedule: wsd, warmup: 40 %, decay: 70 % }",
        ),
        ("    family: gpt", "    family: gpt\n    optimiser: { moments: fp4 }"),
        (
            "arms:\n  - name: gpt\n    family: gpt",
            "accelerator: { kind: cuda }\narms:\n  - name: gpt\n    family: gpt\n    optimiser: { moments: fp8 }",
        ),
        ("    family: gpt", "    trainer: { command: [] }"),
        ("    family: gpt", "    trainer: { command: [python, \"--w={witdh}\"] }"),
        ("    family: gpt", "    trainer: { command: [python, \"{width\"] }"),
        ("    family: gpt", "    trainer: python train.py"),
        ("    family: gpt", "    trainer: { command: [python] }\n    sparsity: \"2:4\""),
        ("    family: gpt", "    family: gpt\n    trainer: { command: [python] }"),
        ("    family: gpt\n", ""),
        ("    family: gpt", "    family: external"),
        ("seeds: [1, 2]", "forecast: { level: 120 % }"),
        ("seeds: [1, 2]", "forecast: { horizon: 1 s }"),
        ("seeds: [1, 2]", "project: Vision!"),
        ("seeds: [1, 2]", "priority: 101"),
        ("seeds: [1, 2]", "retries: { workerLost: 101 }"),
        ("seeds: [1, 2]", "retries: { diverged: 1 }"),
        ("seeds: [1, 2]", "retries: { backoff: { first: 10 } }"),
        ("seeds: [1, 2]", "retries: { backoff: { first: 20 min } }"),
        ("seeds: [1, 2]", "propose: { for: size }"),
        ("seeds: [1, 2]", "propose: { at: 10h }\nforecast: { horizon: 3s }"),
        ("seeds: [1, 2]", "propose: { for: crossover, at: 10h }"),
        ("seeds: [1, 2]", "propose: { budget: 0 s, autoApprove: 30 min }"),
        ("seeds: [1, 2]", "schedule: { workers: 0 }"),
        ("seeds: [1, 2]", "schedule: { threads: 0 }"),
        ("seeds: [1, 2]", "schedule: { threads: 2 }"),
        (
            "arms:\n  - name: gpt",
            "accelerator: { kind: cuda }\nschedule: { threads: 2 }\narms:\n  - name: gpt",
        ),
        ("seeds: [1, 2]", "data: { sequence: 128 }"),
        ("seeds: [1, 2]", "data: { corpus: docs, mix: [{ corpus: sotu }] }"),
        ("seeds: [1, 2]", "data: { mix: [{ corpus: docs }, { corpus: docs, weight: 2 }] }"),
        ("seeds: [1, 2]", "data: { mix: [{ corpus: docs, weight: 0 }] }"),
        ("seeds: [1, 2]", "data: { mix: [{ corpus: docs, epochsMax: -1 }] }"),
        ("seeds: [1, 2]", "data: { mix: [{ corpus: docs, epochs: 4 }] }"),
        ("seeds: [1, 2]", "data: { mix: [docs, sotu] }"),
        (
            "arms:\n  - name: gpt\n    family: gpt",
            "data: { mix: [{ corpus: docs }] }\narms:\n  - name: gpt\n    trainer: { command: [python] }",
        ),
        ("seeds: [1, 2]", "data: { batch: 16 sequences, microBatch: 5 sequences }"),
        ("seeds: [1, 2]", "data: { microBatch: 0 sequences }"),
        ("seeds: [1, 2]", "data: { sequence: 64 tokens, evaluateLast: 65 tokens }"),
        (
            "arms:\n  - name: gpt\n    family: gpt",
            "data: { microBatch: 2 sequences }\narms:\n  - name: gpt\n    trainer: { command: [python] }",
        ),
        ("    family: gpt", "    family: gpt\n    tied: true\n    optimiser: { muP: true }"),
        ("    family: gpt", "    family: gpt\n    optimiser: { muP: yes please }"),
        ("seeds: [1, 2]", "data: { tokenizer: words }"),
        ("seeds: [1, 2]", "data: { tokenizer: bpe }"),
        ("seeds: [1, 2]", "data: { tokenizer: {} }"),
        ("seeds: [1, 2]", "data: { tokenizer: { words: 300 } }"),
        ("seeds: [1, 2]", "data: { tokenizer: { bpe: 300, bytes: 1 } }"),
        ("seeds: [1, 2]", "data: { tokenizer: { bpe: 256 } }"),
        ("seeds: [1, 2]", "data: { tokenizer: { bpe: many } }"),
        ("seeds: [1, 2]", "seeds: [1, 2"),
    ];
    let mut transcript = String::new();
    for (line, with) in cases {
        transcript +=
            &format!("{}\n    {}\n", with.trim(), report(line, with).replace('\n', "\n    "));
    }
    insta::assert_snapshot!(transcript);
}

#[test]
fn all_mistakes_of_one_text_are_reported_together() {
    let text = GOOD.replace("20 min", "0 s").replace("[1, 2]", "[]");
    assert_eq!(parse(&text).unwrap_err().0.len(), 2);
}
