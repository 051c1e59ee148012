//! Fused CPU kernels that train the two Languini Kitchen baselines, GPT and quasi-LSTM, and a plain
//! LSTM, in f32, and their variants with other activations, operands of few bits and sparse weights.
//!
//! Each operation is a pair of pure functions over slices: a forward pass that leaves what it must
//! remember in a `Saved` of the caller's, and a backward pass that overwrites the gradients of its
//! input and of its parameters. The parameters of one operation lie in **one flat slice**, whose
//! [`Layout`] names the parts; the optimiser, the gradient norm and checkpoints need no more.
//! Activations have one axis order: batch, sequence, feature.
//!
//! Files are mapped here as well ([`MappedFile`]), because this is the one crate with `unsafe`.
//!
//! The crate deliberately knows no tensors, no autograd, no contents of files, no random numbers and no
//! threads: a step runs on the calling thread, allocates nothing of its own once its buffers have
//! grown (`gemm` has its packing buffers), and gives the same bits every time on one kind of
//! processor.
//!
//! Read first: [`GptBlock`], [`Layout`], [`Head`].
//!
//! ```
//! use sweep_kernels::{
//!     Adam, Embedding, GptBlock, GptSaved, Head, HeadSaved, Norm, Scratch, Shape,
//! };
//!
//! let shape =
//!     Shape { batch: 1, sequence: 4, width: 8, heads_n: 2, head_width: 4, mlp_width: 32 };
//! let block = GptBlock::plain(shape, true);
//! let embedding =
//!     Embedding { batch: 1, sequence: 4, width: 8, vocabulary_n: 3, learned_positions: false };
//! let head = Head {
//!     tokens_n: 4,
//!     width: 8,
//!     vocabulary_n: 3,
//!     norm: Norm::Layer,
//!     z_loss: 0.0,
//!     streams: None,
//! };
//!
//! // Toy parameters; a trainer draws them at random and sets gains to 1.
//! let wave = |len: usize| (0..len).map(|i| (i as f32).sin() * 0.5).collect::<Vec<_>>();
//! let mut params = [embedding.layout(), block.layout(), head.layout()].map(|l| wave(l.len()));
//! let mut grads = params.clone();
//! let mut moments = params.clone().map(|p| (vec![0.0; p.len()], vec![0.0; p.len()]));
//! let (ids, targets) = ([0, 1, 2, 0], [1, 2, 0, 1]);
//! let (mut x0, mut x1) = (vec![0.0; 4 * 8], vec![0.0; 4 * 8]);
//! let (mut dx0, mut dx1) = (x0.clone(), x1.clone());
//! let (mut saved, mut head_saved, mut scratch) =
//!     (GptSaved::default(), HeadSaved::default(), Scratch::default());
//! let adam =
//!     Adam { learning_rate: 0.05, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.0 };
//!
//! let mut losses = Vec::new();
//! for step in 1..=20 {
//!     embedding.forward(&params[0], &ids, &mut x0);
//!     block.forward(&params[1], &x0, &mut x1, &mut saved, &mut scratch);
//!     losses.push(head.forward(&params[2], &x1, &targets, &mut head_saved));
//!     head.backward(&params[2], &x1, &mut dx1, &mut grads[2], &mut head_saved, &mut scratch);
//!     block.backward(&params[1], &x0, &dx1, &mut dx0, &mut grads[1], &mut saved, &mut scratch);
//!     embedding.backward(&ids, &dx0, &mut grads[0]);
//!     for ((params, grads), (m, v)) in params.iter_mut().zip(&grads).zip(&mut moments) {
//!         adam.step(step, 1.0, params, grads, m, v);
//!     }
//! }
//! assert!(losses[19] < 0.1 * losses[0], "{losses:?}");
//! ```

mod adam;
mod attention;
mod dispatch;
mod embedding;
mod gpt;
mod groups;
mod head;
mod learned;
mod linear;
mod lstm;
mod mapped;
mod math;
mod matmul;
mod mlp;
mod moe;
mod moments;
mod norm;
mod number;
mod pieces;
mod qlstm;
mod queries;
mod recurrence;
mod reduced;
mod rounding;
mod scan;
mod scratch;
mod shape;
mod softmax;
mod streams;
mod units;

pub use adam::{Adam, sum_of_squares};
pub use embedding::Embedding;
pub use gpt::{GptBlock, GptSaved};
pub use groups::HiddenGroups;
pub use head::{Head, HeadSaved};
pub use lstm::{LstmBlock, LstmSaved};
pub use mapped::MappedFile;
pub use mlp::Mlp;
pub use moe::Experts;
pub use moments::{Fp8Moment, MOMENT_GROUP};
pub use norm::Norm;
pub use number::{Float, Format};
pub use qlstm::{QlstmBlock, QlstmSaved};
pub use queries::Queries;
pub use reduced::{Grid, Group, Keep, Reduced, Scale};
pub use scratch::Scratch;
pub use shape::{Dims, Layout, Param, Shape};
pub use streams::{Prefix, Streams};
pub use units::Activation;
