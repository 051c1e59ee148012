//! The models written down naively in double precision, straight from their formulas.

use sweep_kernels::{Embedding, GptBlock, Head, Layout, QlstmBlock, Shape};

/// Named parameters of a flat slice.
struct Params<'a> {
    layout: Layout,
    flat: &'a [f64],
}

impl Params<'_> {
    fn get(&self, name: &str) -> &[f64] {
        &self.flat[self.layout.get(name).unwrap().range()]
    }
}

pub(crate) fn gpt(block: &GptBlock, flat: &[f64], x: &[f64]) -> Vec<f64> {
    let params = Params { layout: block.layout(), flat };
    let normed = layer_norm(x, params.get("ln1_gain"), params.get("ln1_bias"));
    let qkv = affine(&normed, params.get("qkv_w"), params.get("qkv_b"));
    let mixed = attention(&block.shape, block.alibi, &qkv);
    let branch = affine(&mixed, params.get("proj_w"), params.get("proj_b"));
    mlp(&params, &add(x, &branch))
}

/// Output and last cell.
pub(crate) fn qlstm(
    block: &QlstmBlock,
    flat: &[f64],
    x: &[f64],
    state: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let params = Params { layout: block.layout(), flat };
    let normed = layer_norm(x, params.get("ln1_gain"), params.get("ln1_bias"));
    let gates = affine(&normed, params.get("gates_w"), params.get("gates_b"));
    let (inner, sequence) = (block.shape.inner(), block.shape.sequence);
    let mut cell = state.to_vec();
    let mut mixed = Vec::new();
    for (token, gates) in gates.chunks(4 * inner).enumerate() {
        for channel in 0..inner {
            let gate = |which: usize| gates[which * inner + channel];
            let c = &mut cell[token / sequence * inner + channel];
            *c = sigmoid(gate(0) + 1.0) * *c + sigmoid(gate(1)) * gate(2).tanh();
            mixed.push(sigmoid(gate(3)) * c.tanh());
        }
    }
    let branch = affine(&mixed, params.get("proj_w"), params.get("proj_b"));
    (mlp(&params, &add(x, &branch)), cell)
}

pub(crate) fn embedding(embedding: &Embedding, flat: &[f64], ids: &[u32]) -> Vec<f64> {
    let params = Params { layout: embedding.layout(), flat };
    let width = embedding.width;
    let mut y = Vec::new();
    for (token, &id) in ids.iter().enumerate() {
        for channel in 0..width {
            let mut value = params.get("token")[id as usize * width + channel];
            value *= (width as f64).sqrt();
            if embedding.learned_positions {
                value += params.get("position")[token % embedding.sequence * width + channel];
            }
            y.push(value);
        }
    }
    y
}

/// Negative log-likelihood of each target.
pub(crate) fn nll(head: &Head, flat: &[f64], x: &[f64], targets: &[u32]) -> Vec<f64> {
    let params = Params { layout: head.layout(), flat };
    let normed = layer_norm(x, params.get("lnf_gain"), params.get("lnf_bias"));
    let logits = affine(&normed, params.get("head_w"), &vec![0.0; head.vocabulary_n]);
    let rows = logits.chunks(head.vocabulary_n).zip(targets);
    rows.map(|(row, &target)| {
        row.iter().map(|logit| logit.exp()).sum::<f64>().ln() - row[target as usize]
    })
    .collect()
}

fn attention(shape: &Shape, alibi: bool, qkv: &[f64]) -> Vec<f64> {
    let (inner, width) = (shape.inner(), shape.head_width);
    let at =
        |token: usize, part: usize, channel: usize| qkv[token * 3 * inner + part * inner + channel];
    let mut mixed = vec![0.0; shape.tokens_n() * inner];
    for token in 0..shape.tokens_n() {
        let start = token / shape.sequence * shape.sequence;
        for head in 0..shape.heads_n {
            let channels = head * width..(head + 1) * width;
            let slope = 2f64.powf(-8.0 * head as f64 / shape.heads_n as f64);
            let weight = |key: usize| {
                let product: f64 = channels.clone().map(|c| at(token, 0, c) * at(key, 1, c)).sum();
                let bias = if alibi { slope * (token - key) as f64 } else { 0.0 };
                (product / (width as f64).sqrt() - bias).exp()
            };
            let total: f64 = (start..=token).map(weight).sum();
            for key in start..=token {
                let share = weight(key) / total;
                for c in channels.clone() {
                    mixed[token * inner + c] += share * at(key, 2, c);
                }
            }
        }
    }
    mixed
}

fn mlp(params: &Params<'_>, x: &[f64]) -> Vec<f64> {
    let normed = layer_norm(x, params.get("ln2_gain"), params.get("ln2_bias"));
    let hidden: Vec<f64> =
        affine(&normed, params.get("fc_w"), params.get("fc_b")).into_iter().map(gelu).collect();
    add(x, &affine(&hidden, params.get("out_w"), params.get("out_b")))
}

fn gelu(u: f64) -> f64 {
    let inner = (2.0 / std::f64::consts::PI).sqrt() * (u + 0.044715 * u.powi(3));
    0.5 * u * (1.0 + inner.tanh())
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn add(a: &[f64], b: &[f64]) -> Vec<f64> {
    a.iter().zip(b).map(|(a, b)| a + b).collect()
}

fn layer_norm(x: &[f64], gain: &[f64], bias: &[f64]) -> Vec<f64> {
    let width = gain.len() as f64;
    x.chunks(gain.len())
        .flat_map(|row| {
            let mean = row.iter().sum::<f64>() / width;
            let variance = row.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / width;
            let scale = (variance + 1e-5).sqrt();
            row.iter().zip(gain.iter().zip(bias)).map(move |(x, (g, b))| (x - mean) / scale * g + b)
        })
        .collect()
}

fn affine(x: &[f64], w: &[f64], b: &[f64]) -> Vec<f64> {
    let (outputs, inputs) = (b.len(), w.len() / b.len());
    x.chunks(inputs)
        .flat_map(|row| {
            (0..outputs).map(move |j| {
                b[j] + row.iter().enumerate().map(|(i, x)| x * w[i * outputs + j]).sum::<f64>()
            })
        })
        .collect()
}
