//! Sizes of a block, and where each parameter lies in the flat slice of its block.

use std::ops::Range;

/// The sizes of one residual block and of the batch it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Sequences per batch.
    pub batch: usize,
    /// Tokens per sequence.
    pub sequence: usize,
    /// Width of the residual stream, d.
    pub width: usize,
    /// Attention heads (recurrent blocks only multiply it with `head_width`).
    pub heads_n: usize,
    /// Channels per head.
    pub head_width: usize,
    /// Hidden units of the MLP.
    pub mlp_width: usize,
}

impl Shape {
    /// Rows of every activation matrix: `batch * sequence`.
    pub fn tokens_n(&self) -> usize {
        self.batch * self.sequence
    }

    /// Channels of the mixing layer, all heads together; need not equal `width`.
    pub fn inner(&self) -> usize {
        self.heads_n * self.head_width
    }
}

/// The dimensions of one parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dims {
    /// A gain or a bias of this many elements.
    Vector(usize),
    /// A row-major matrix W used as `y = x·W`.
    Matrix {
        /// Rows.
        inputs: usize,
        /// Columns.
        outputs: usize,
    },
}

impl Dims {
    /// Elements in all.
    #[expect(clippy::len_without_is_empty, reason = "no parameter is empty")]
    pub fn len(&self) -> usize {
        match *self {
            Self::Vector(len) => len,
            Self::Matrix { inputs, outputs } => inputs * outputs,
        }
    }

    /// One number per axis, slowest first, as tensor libraries want it.
    pub fn to_vec(&self) -> Vec<usize> {
        match *self {
            Self::Vector(len) => vec![len],
            Self::Matrix { inputs, outputs } => vec![inputs, outputs],
        }
    }
}

/// One named parameter within a flat slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// Name within its block, such as `qkv_w`.
    pub name: &'static str,
    /// Index of its first element in the flat slice.
    pub offset: usize,
    /// Its dimensions.
    pub dims: Dims,
}

impl Param {
    /// Its place in the flat slice.
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.dims.len()
    }
}

/// The parameters of one block in the order in which they fill its flat slice, without gaps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    params: Vec<Param>,
}

impl Layout {
    /// Those of no elements are left out: a variant does not have them.
    pub(crate) fn new(named: &[Named]) -> Self {
        let mut offset = 0;
        let place = |&(name, dims): &Named| {
            let param = Param { name, offset, dims };
            offset += dims.len();
            param
        };
        let params = named.iter().filter(|(_, dims)| dims.len() > 0).map(place).collect();
        Self { params }
    }

    /// All parameters, in order of their offsets.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// Elements of the flat slice.
    #[expect(clippy::len_without_is_empty, reason = "no layout is empty")]
    pub fn len(&self) -> usize {
        self.params.last().map_or(0, |last| last.range().end)
    }

    /// The parameter of this name, if there is one.
    pub fn get(&self, name: &str) -> Option<Param> {
        self.params.iter().copied().find(|param| param.name == name)
    }
}

/// A parameter before it has a place.
pub(crate) type Named = (&'static str, Dims);

pub(crate) const fn vector(name: &'static str, len: usize) -> Named {
    (name, Dims::Vector(len))
}

pub(crate) const fn matrix(name: &'static str, inputs: usize, outputs: usize) -> Named {
    (name, Dims::Matrix { inputs, outputs })
}

/// The parameters of a block's first half, then those of its second.
pub(crate) fn joined<const A: usize, const B: usize, const N: usize>(
    first: [Named; A],
    second: [Named; B],
) -> [Named; N] {
    const { assert!(A + B == N, "all parameters of both halves") };
    let mut all = first.into_iter().chain(second);
    std::array::from_fn(|_| all.next().expect("both halves have as many"))
}

/// Cuts a flat slice into its parameters.
pub(crate) fn split<'a, const N: usize>(mut flat: &'a [f32], named: &[Named; N]) -> [&'a [f32]; N] {
    let parts = named.map(|(_, dims)| {
        let (part, rest) = flat.split_at(dims.len());
        flat = rest;
        part
    });
    assert!(flat.is_empty(), "the flat slice is longer than its layout");
    parts
}

/// Cuts a flat slice into its parameters, for writing.
pub(crate) fn split_mut<'a, const N: usize>(
    mut flat: &'a mut [f32],
    named: &[Named; N],
) -> [&'a mut [f32]; N] {
    let parts = named.map(|(_, dims)| {
        let (part, rest) = std::mem::take(&mut flat).split_at_mut(dims.len());
        flat = rest;
        part
    });
    assert!(flat.is_empty(), "the flat slice is longer than its layout");
    parts
}
