//! A finished model with its linear layers held otherwise than it was trained.
//!
//! Every layer `x W + b` becomes `T(x) W' + b'`: T shifts and scales the channels of its input and rounds
//! them, W' and b' take that over. In plain tensor operations, on any device.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use candle_core::{DType, Tensor, Var};
use sweep_kernels::{Format, Grid};

use super::{Model, Part, Path, reduce};
use crate::data::TokenBatch;
use crate::error::Error;

/// Names of the linear layers that a block may have. Of `recurrent` inputs are not known and stay.
const LAYERS: [&str; 6] = ["qkv", "gates", "recurrent", "proj", "fc", "out"];

/// How the inputs of a layer are rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Rounding {
    #[default]
    None,
    /// Each group by its own largest.
    Grid(Grid),
    /// All by one: what is larger than one is clipped.
    Unit(Format),
}

/// What the inputs of a layer, `[rows, inputs]`, go through: `(x - shift) / scale`, rounded.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inputs {
    pub(crate) shift: Option<Tensor>,
    pub(crate) scale: Option<Tensor>,
    pub(crate) rounding: Rounding,
}

impl Inputs {
    pub(crate) fn of(&self, x: &Tensor) -> Result<Tensor, Error> {
        let mut x = x.clone();
        if let Some(shift) = &self.shift {
            x = x.broadcast_sub(shift)?;
        }
        if let Some(scale) = &self.scale {
            x = x.broadcast_div(scale)?;
        }
        match self.rounding {
            Rounding::None => Ok(x),
            Rounding::Grid(grid) => reduce::rounded(grid, &x),
            Rounding::Unit(format) => reduce::on_magnitude(format, &x.ones_like()?, &x),
        }
    }
}

/// A linear layer and what was seen to go into it, `[rows, inputs]`, where that is known.
pub(crate) struct Layer {
    /// `[inputs, outputs]`
    pub(crate) weights: Tensor,
    /// None of recurrent matrices, which share that of the gates.
    pub(crate) bias: Option<Tensor>,
    pub(crate) seen: Option<Tensor>,
}

/// The same layer held otherwise.
pub(crate) struct Held {
    pub(crate) weights: Tensor,
    pub(crate) bias: Option<Tensor>,
    pub(crate) inputs: Inputs,
}

/// What is done beside the layers of one part as they are computed.
#[derive(Debug, Default)]
pub(crate) struct After {
    inputs: BTreeMap<&'static str, Inputs>,
    /// What goes into every layer is kept here, where that is wanted.
    seen: Option<Mutex<BTreeMap<String, Tensor>>>,
}

impl After {
    /// The inputs of the layer of this name as its product sees them; none where nothing is done to them.
    pub(super) fn inputs(&self, name: &str, x: &Tensor) -> Result<Option<Tensor>, Error> {
        if let Some(seen) = &self.seen {
            let mut seen = seen.lock().expect("no thread panics while it holds this");
            seen.insert(name.to_owned(), x.detach());
        }
        self.inputs.get(name).map(|inputs| inputs.of(x)).transpose()
    }
}

/// What went into the layers of every block, by their names.
pub(crate) type Seen = Vec<BTreeMap<String, Tensor>>;

impl Model {
    /// What goes into every layer of the blocks on these tokens.
    ///
    /// # Errors
    /// Those of the tensor library.
    pub(crate) fn seen(&self, tokens: &TokenBatch) -> Result<Seen, Error> {
        let parts = self.parts.iter().map(|part| {
            let after = After { seen: Some(Mutex::default()), ..After::default() };
            Part { after: Some(Arc::new(after)), ..part.clone() }
        });
        let watched = self.composed_with(parts.collect())?;
        watched.nll(tokens, &mut watched.initial_state())?;
        let blocks = &watched.parts[1..=self.blocks.len()];
        let seen = blocks.iter().map(|part| {
            let seen = part.after.as_ref().and_then(|after| after.seen.as_ref());
            let seen = seen.map(|seen| seen.lock().expect("no thread panics while it holds this"));
            seen.map(|seen| seen.clone()).unwrap_or_default()
        });
        Ok(seen.collect())
    }

    /// The same model, with weights of its own, whose layers are held as `hold` says.
    ///
    /// # Errors
    /// Those of the tensor library.
    pub(crate) fn held(
        &self,
        seen: &Seen,
        hold: &dyn Fn(&Layer) -> Result<Held, Error>,
    ) -> Result<Self, Error> {
        let mut parts = self.parts.clone();
        for (part, seen) in parts[1..=self.blocks.len()].iter_mut().zip(seen) {
            let mut after = After::default();
            let mut flat = part.weights.as_detached_tensor().to_dtype(DType::F32)?.to_vec1()?;
            for name in LAYERS {
                let find = |ending: &str| part.layout.get(&format!("{name}_{ending}"));
                let Some(matrix) = find("w") else { continue };
                let bias = find("b");
                let cut = |parameter: sweep_kernels::Param| {
                    let view = part.weights.narrow(0, parameter.offset, parameter.dims.len())?;
                    view.detach().reshape(parameter.dims.to_vec())
                };
                let layer = Layer {
                    weights: cut(matrix)?,
                    bias: bias.map(cut).transpose()?,
                    seen: seen.get(name).cloned(),
                };
                let held = hold(&layer)?;
                let values = held.weights.flatten_all()?.to_vec1::<f32>()?;
                flat[matrix.range()].copy_from_slice(&values);
                if let (Some(place), Some(bias)) = (bias, held.bias) {
                    flat[place.range()].copy_from_slice(&bias.to_vec1::<f32>()?);
                }
                after.inputs.insert(name, held.inputs);
            }
            part.weights = Var::from_vec(flat, part.layout.len(), &self.device)?;
            part.after = Some(Arc::new(after));
        }
        self.composed_with(parts)
    }

    /// A model of these parts in plain tensor operations.
    fn composed_with(&self, parts: Vec<Part>) -> Result<Self, Error> {
        let mut model = self.sharing_weights()?;
        (model.parts, model.path) = (parts, Path::Composition);
        Ok(model)
    }
}
