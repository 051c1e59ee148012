//! The models written down naively in double precision, straight from their formulas.

use sweep_kernels::{Embedding, GptBlock, Head, Layout, LstmBlock, QlstmBlock};

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
    let normed = norm(&params, "ln1", x);
    let mut qkv = affine(&normed, params.get("qkv_w"), params.get("qkv_b"));
    queries(block, &params, &mut qkv);
    let mixed = attention(block, &params, &qkv);
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
    let normed = norm(&params, "ln1", x);
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

/// Output, and last cell and hidden state of every sequence.
pub(crate) fn lstm(
    block: &LstmBlock,
    flat: &[f64],
    x: &[f64],
    state: &[f64],
) -> (Vec<f64>, Vec<f64>) {
    let params = Params { layout: block.layout(), flat };
    let normed = norm(&params, "ln1", x);
    let gates = affine(&normed, params.get("gates_w"), params.get("gates_b"));
    let (inner, sequence) = (block.shape.inner(), block.shape.sequence);
    let recurrent = params.get("recurrent_w");
    let mut state = state.to_vec();
    let mut mixed = Vec::new();
    for (token, gates) in gates.chunks(4 * inner).enumerate() {
        let own = &mut state[token / sequence * 2 * inner..][..2 * inner];
        let (cell, hidden) = own.split_at_mut(inner);
        let before = hidden.to_vec();
        for channel in 0..inner {
            let gate = |which: usize| {
                let column = which * inner + channel;
                let products = before.iter().enumerate();
                gates[column]
                    + products.map(|(k, h)| h * recurrent[k * 4 * inner + column]).sum::<f64>()
            };
            let c = &mut cell[channel];
            *c = sigmoid(gate(0) + 1.0) * *c + sigmoid(gate(1)) * gate(2).tanh();
            hidden[channel] = sigmoid(gate(3)) * c.tanh();
        }
        mixed.extend_from_slice(hidden);
    }
    let branch = affine(&mixed, params.get("proj_w"), params.get("proj_b"));
    (mlp(&params, &add(x, &branch)), state)
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

fn logits(head: &Head, flat: &[f64], x: &[f64]) -> Vec<f64> {
    let params = Params { layout: head.layout(), flat };
    let normed = norm(&params, "lnf", x);
    let read = if head.streams.is_some() { merged(head, &params, &normed) } else { normed };
    affine(&read, params.get("head_w"), &vec![0.0; head.vocabulary_n])
}

/// The weighed sum of a token's streams.
fn merged(head: &Head, params: &Params<'_>, normed: &[f64]) -> Vec<f64> {
    let (width, streams) = (head.width, head.streams.unwrap());
    let smoothing = f64::from(streams.smoothing);
    let of =
        |stream: usize, token: usize| &normed[(stream * head.tokens_n + token) * width..][..width];
    let mut merged = Vec::new();
    for token in 0..head.tokens_n {
        let all: Vec<f64> =
            (0..streams.count).flat_map(|stream| of(stream, token).to_vec()).collect();
        let hidden = affine(&all, params.get("streams_fc_w"), params.get("streams_fc_b"));
        let hidden: Vec<f64> = hidden.into_iter().map(|u| u * sigmoid(u)).collect();
        let logits = affine(&hidden, params.get("streams_out_w"), params.get("streams_out_b"));
        let total: f64 = logits.iter().map(|logit| logit.exp()).sum();
        for channel in 0..width {
            let weighed = logits.iter().enumerate().map(|(stream, logit)| {
                let share = (1.0 - smoothing) * logit.exp() / total;
                (share + smoothing / streams.count as f64) * of(stream, token)[channel]
            });
            merged.push(weighed.sum());
        }
    }
    merged
}

/// Logarithm of the sum of exponentials of each token's logits.
pub(crate) fn log_sums(head: &Head, flat: &[f64], x: &[f64]) -> Vec<f64> {
    let log_sum = |row: &[f64]| row.iter().map(|logit| logit.exp()).sum::<f64>().ln();
    logits(head, flat, x).chunks(head.vocabulary_n).map(log_sum).collect()
}

/// Negative log-likelihood of each target.
pub(crate) fn nll(head: &Head, flat: &[f64], x: &[f64], targets: &[u32]) -> Vec<f64> {
    let logits = logits(head, flat, x);
    let rows = logits.chunks(head.vocabulary_n).zip(targets);
    let log_sums = log_sums(head, flat, x);
    rows.zip(log_sums).map(|((row, &target), log_sum)| log_sum - row[target as usize]).collect()
}

/// What `Queries` does, one head after the other.
fn queries(block: &GptBlock, params: &Params<'_>, qkv: &mut [f64]) {
    let (inner, width) = (block.shape.inner(), block.shape.head_width);
    for (token, row) in qkv.chunks_mut(3 * inner).enumerate() {
        let position = (token % block.shape.sequence) as f64;
        for (index, head) in row[..2 * inner].chunks_mut(width).enumerate() {
            if block.queries.normed {
                let mean = head.iter().map(|x| x * x).sum::<f64>() / width as f64;
                let name = if index < block.shape.heads_n { "q_gain" } else { "k_gain" };
                for (x, gain) in head.iter_mut().zip(params.get(name)) {
                    *x *= gain / (mean + 1e-5).sqrt();
                }
            }
            if block.queries.rotary {
                for pair in 0..width / 2 {
                    let angle = position * 10_000f64.powf(-2.0 * pair as f64 / width as f64);
                    let (a, b) = (head[pair], head[pair + width / 2]);
                    head[pair] = a * angle.cos() - b * angle.sin();
                    head[pair + width / 2] = a * angle.sin() + b * angle.cos();
                }
            }
        }
    }
}

fn attention(block: &GptBlock, params: &Params<'_>, qkv: &[f64]) -> Vec<f64> {
    let (shape, alibi) = (&block.shape, block.alibi);
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
            let mut total: f64 = (start..=token).map(weight).sum();
            // Rows of the stream's prefix that all its tokens see.
            let before = block.prefix.map_or(0..0, |prefix| {
                let sequences_n = shape.batch / prefix.streams_n;
                let stream = token / shape.sequence / sequences_n;
                stream * prefix.len..(stream + 1) * prefix.len
            });
            let of_prefix = |row: usize| {
                let keys = params.get("prefix_k");
                let product = channels.clone().map(|c| at(token, 0, c) * keys[row * inner + c]);
                (product.sum::<f64>() / (width as f64).sqrt()).exp()
            };
            total += before.clone().map(of_prefix).sum::<f64>();
            for row in before {
                let share = of_prefix(row) / total;
                for c in channels.clone() {
                    mixed[token * inner + c] += share * params.get("prefix_v")[row * inner + c];
                }
            }
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
    let normed = norm(params, "ln2", x);
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

/// A layer norm, or without a bias the root mean square's.
fn norm(params: &Params<'_>, name: &str, x: &[f64]) -> Vec<f64> {
    let gain = params.get(&format!("{name}_gain"));
    if params.layout.get(&format!("{name}_bias")).is_some() {
        return layer_norm(x, gain, params.get(&format!("{name}_bias")));
    }
    x.chunks(gain.len())
        .flat_map(|row| {
            let square = row.iter().map(|x| x * x).sum::<f64>() / row.len() as f64;
            row.iter().zip(gain).map(move |(x, gain)| x * gain / (square + 1e-5).sqrt())
        })
        .collect()
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
