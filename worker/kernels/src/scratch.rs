//! Reusable memory: nothing is allocated per step once every buffer has grown to its size.

/// Temporaries that live within one call; one per model is enough, shared by blocks and head.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Gradient of a normalised input, tokens × width.
    pub(crate) dnormed: Vec<f32>,
    /// Gradient of the widest activation: MLP hidden, mixer input, gates or queries-keys-values; of what
    /// the head reads where it merges streams.
    pub(crate) dwide: Vec<f32>,
    /// Gradient of a gated MLP's first layer, tokens × 2 mlp_width.
    pub(crate) dgated: Vec<f32>,
    /// Gradients of experts' outputs and inputs, choices × width, and of affinities, tokens × experts, or
    /// shares, tokens × streams.
    pub(crate) doutputs: Vec<f32>,
    pub(crate) dinputs: Vec<f32>,
    pub(crate) dprobs: Vec<f32>,
    /// Gradients of what experts say together in their latent space, and of what they read there.
    pub(crate) dsaid: Vec<f32>,
    pub(crate) dlatents: Vec<f32>,
    /// Gradient of the mixing layer's output, tokens × inner, or of the hidden units that weigh streams,
    /// tokens × width.
    pub(crate) dmixed: Vec<f32>,
    /// Gradient of the cell: inner of the qLSTM; of the LSTM batch × inner, and on the way forward its
    /// hidden states.
    pub(crate) dcell: Vec<f32>,
    /// Tiles and transposed heads of the attention.
    pub(crate) tiles: Tiles,
}

/// Per-head temporaries of the attention.
#[derive(Debug, Default)]
pub(crate) struct Tiles {
    pub(crate) scores: Vec<f32>,
    pub(crate) dscores: Vec<f32>,
    pub(crate) keys_t: Vec<f32>,
    pub(crate) values_t: Vec<f32>,
    pub(crate) delta: Vec<f32>,
}

/// The first `len` elements of a buffer that grows when needed and never shrinks.
///
/// The contents are whatever the last use left there.
pub(crate) fn fit<T: Clone + Default>(buffer: &mut Vec<T>, len: usize) -> &mut [T] {
    if buffer.len() < len {
        buffer.resize(len, T::default());
    }
    &mut buffer[..len]
}
