//! A whole language model made of the kernels: what a trainer does per step, and nothing else.

use sweep_kernels::{
    Adam, Embedding, GptBlock, GptSaved, Head, HeadSaved, Layout, Norm, QlstmBlock, QlstmSaved,
    Scratch, Shape,
};

/// Which baseline.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Family {
    Gpt,
    Qlstm,
}

/// A block and what it keeps.
enum Block {
    Gpt(GptBlock, GptSaved),
    Qlstm(QlstmBlock, QlstmSaved, Vec<f32>),
}

impl Block {
    fn new(family: Family, shape: Shape) -> Self {
        match family {
            Family::Gpt => Self::Gpt(GptBlock::plain(shape, true), GptSaved::default()),
            Family::Qlstm => {
                let state = vec![0.0; shape.batch * shape.inner()];
                Self::Qlstm(QlstmBlock::plain(shape), QlstmSaved::default(), state)
            }
        }
    }

    fn layout(&self) -> Layout {
        match self {
            Self::Gpt(block, _) => block.layout(),
            Self::Qlstm(block, ..) => block.layout(),
        }
    }

    fn forward(&mut self, params: &[f32], x: &[f32], y: &mut [f32], scratch: &mut Scratch) {
        match self {
            Self::Gpt(block, saved) => block.forward(params, x, y, saved, scratch),
            Self::Qlstm(block, saved, state) => block.forward(params, x, state, y, saved, scratch),
        }
    }

    fn backward(
        &mut self,
        weights: &mut Weights,
        x: &[f32],
        dy: &[f32],
        dx: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let (params, grads) = (&weights.params, &mut weights.grads);
        match self {
            Self::Gpt(block, saved) => block.backward(params, x, dy, dx, grads, saved, scratch),
            Self::Qlstm(block, saved, _) => {
                block.backward(params, x, dy, dx, grads, saved, scratch);
            }
        }
    }
}

/// One flat slice of parameters with gradient and moments.
struct Weights {
    params: Vec<f32>,
    grads: Vec<f32>,
    m: Vec<f32>,
    v: Vec<f32>,
}

impl Weights {
    /// Gains of 1, small uniform weights from a fixed linear congruential generator.
    fn new(layout: &Layout) -> Self {
        let zeros = vec![0.0; layout.len()];
        let mut params = zeros.clone();
        let mut seed = 1u32;
        for param in layout.params() {
            for value in &mut params[param.range()] {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let uniform = (seed >> 8) as f32 / (1 << 24) as f32 - 0.5;
                *value = if param.name.ends_with("gain") { 1.0 } else { 0.2 * uniform };
            }
        }
        Self { params, grads: zeros.clone(), m: zeros.clone(), v: zeros }
    }
}

/// A model with everything one training step touches.
pub(crate) struct Model {
    embedding: Embedding,
    blocks: Vec<Block>,
    head: Head,
    weights: Vec<Weights>,
    /// The residual stream before each block and after the last.
    stream: Vec<Vec<f32>>,
    dx: Vec<f32>,
    dy: Vec<f32>,
    head_saved: HeadSaved,
    scratch: Scratch,
    ids: Vec<u32>,
    targets: Vec<u32>,
    steps_n: u64,
}

impl Model {
    /// Byte vocabulary, fixed pseudo-random text.
    pub(crate) fn new(family: Family, layers_n: usize, shape: Shape) -> Self {
        let Shape { batch, sequence, width, .. } = shape;
        let (tokens_n, vocabulary_n) = (shape.tokens_n(), 256);
        let embedding =
            Embedding { batch, sequence, width, vocabulary_n, learned_positions: false };
        let norm = Norm::Layer;
        let head = Head { tokens_n, width, vocabulary_n, norm, z_loss: 0.0, streams: None };
        let blocks: Vec<_> = (0..layers_n).map(|_| Block::new(family, shape)).collect();
        let mut layouts = vec![embedding.layout()];
        layouts.extend(blocks.iter().map(Block::layout));
        layouts.push(head.layout());
        let zeros = vec![0.0; tokens_n * width];
        let text: Vec<u32> = (0..=tokens_n as u32).map(|i| i.wrapping_mul(97) % 251).collect();
        Self {
            embedding,
            blocks,
            head,
            weights: layouts.iter().map(Weights::new).collect(),
            stream: vec![zeros.clone(); layers_n + 1],
            dx: zeros.clone(),
            dy: zeros,
            head_saved: HeadSaved::default(),
            scratch: Scratch::default(),
            ids: text[..tokens_n].to_vec(),
            targets: text[1..].to_vec(),
            steps_n: 0,
        }
    }

    /// Tokens per step.
    pub(crate) fn tokens_n(&self) -> usize {
        self.ids.len()
    }

    /// Forward, backward and Adam; returns the loss in nats per token.
    pub(crate) fn step(&mut self) -> f32 {
        let last = self.blocks.len();
        self.embedding.forward(&self.weights[0].params, &self.ids, &mut self.stream[0]);
        for (l, block) in self.blocks.iter_mut().enumerate() {
            let (before, after) = self.stream.split_at_mut(l + 1);
            let params = &self.weights[l + 1].params;
            block.forward(params, &before[l], &mut after[0], &mut self.scratch);
        }
        let head = &mut self.weights[last + 1];
        let x = &self.stream[last];
        let loss = self.head.forward(&head.params, x, &self.targets, &mut self.head_saved);
        let (saved, scratch) = (&mut self.head_saved, &mut self.scratch);
        self.head.backward(&head.params, x, &mut self.dy, &mut head.grads, saved, scratch);
        for (l, block) in self.blocks.iter_mut().enumerate().rev() {
            let weights = &mut self.weights[l + 1];
            block.backward(weights, &self.stream[l], &self.dy, &mut self.dx, &mut self.scratch);
            std::mem::swap(&mut self.dx, &mut self.dy);
        }
        self.embedding.backward(&self.ids, &self.dy, &mut self.weights[0].grads);
        self.update();
        loss
    }

    fn update(&mut self) {
        self.steps_n += 1;
        let adam =
            Adam { learning_rate: 1e-3, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.0 };
        for Weights { params, grads, m, v } in &mut self.weights {
            adam.step(self.steps_n, 1.0, params, grads, m, v);
        }
    }
}

/// The 0.14M-parameter configuration: d64, two layers, four heads, 128 tokens.
pub(crate) fn small(family: Family, batch: usize) -> Model {
    let shape =
        Shape { batch, sequence: 128, width: 64, heads_n: 4, head_width: 16, mlp_width: 256 };
    Model::new(family, 2, shape)
}
