//! How few hidden units a trained model can do with (Luo et al., Sparsing Law, arXiv 2411.02335, section
//! 4.1).
//!
//! A hidden unit of an MLP adds the vector `n_i = h_i w_i` to the residual stream, w_i its row of the second
//! layer's matrix. Left out are the units of `|n_i| < epsilon`; CETT, the cumulative errors of tail
//! truncation, is the length of the sum of these over that of the sum of all, the mean over tokens. One
//! CETT for all layers gives each its epsilon. The largest CETT by which the perplexity of the validation
//! text rises by no more than a given share is found by bisection; what is told is the share of hidden
//! units that are left.

use candle_core::{D, Device, Tensor};

use crate::error::Error;
use crate::eval::Validation;
use crate::model::Model;

/// Tokens that limits are found on.
const TOKENS_N: usize = 512;
/// Limits of a layer whose CETT is computed; between them it is interpolated.
const LIMITS_N: usize = 64;
/// Halvings of the interval of CETTs, from 0 to 1.
const HALVINGS: usize = 12;

/// What was found.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sparsity {
    pub(crate) cett: f64,
    /// Share of the hidden units that are left, over layers and tokens.
    pub(crate) activation_ratio: f64,
}

/// The sparsity at which the perplexity of `text` is `rise` higher than that of `nats` per token, which
/// the model has when it uses all units; none where a model does not tell of its units.
pub(crate) fn search(
    text: &Validation,
    model: &Model,
    nats: f64,
    rise: f64,
) -> Result<Option<Sparsity>, Error> {
    let mut layers: Vec<Layer> = Vec::new();
    let mut failed = None;
    let dense = measured(text, model, &mut |model, batch, sequence| {
        if failed.is_none() {
            failed = gather(model, batch, sequence, &mut layers).err();
        }
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    let Some((_, ratio)) = dense else { return Ok(None) };
    let tables = layers.iter().map(Layer::table).collect::<Result<Vec<_>, _>>()?;
    let mut found = Sparsity { cett: 0.0, activation_ratio: ratio };
    let mut above = 1.0;
    for _ in 0..HALVINGS {
        let cett = f64::midpoint(found.cett, above);
        let limits: Vec<f32> = tables.iter().map(|table| table.limit(cett)).collect();
        let cut = model.cut(&limits)?;
        match measured(text, &cut, &mut |_, _, _| {})? {
            Some((loss, activation_ratio)) if loss - nats <= rise.ln_1p() => {
                found = Sparsity { cett, activation_ratio };
            }
            _ => above = cett,
        }
    }
    Ok(Some(found))
}

/// Loss in nats per token, and the share of hidden units that are not zero.
fn measured(
    text: &Validation,
    model: &Model,
    watch: &mut dyn FnMut(&Model, usize, usize),
) -> Result<Option<(f64, f64)>, Error> {
    let (mut active, mut tokens_n) = (0.0, 0);
    let (evaluation, _) = text.evaluate_watched(model, &mut |tokens| {
        let share = model.nonzero_share(tokens.batch, tokens.sequence).unwrap_or(f64::NAN);
        active += share * tokens.tokens_n() as f64;
        tokens_n += tokens.tokens_n();
        watch(model, tokens.batch, tokens.sequence);
    })?;
    let ratio = active / tokens_n as f64;
    Ok(ratio.is_finite().then_some((evaluation.nats_per_token, ratio)))
}

/// The hidden units of an MLP, rows of tokens, and the matrix that they meet, `[units, width]`.
struct Layer {
    hidden: Vec<f32>,
    matrix: Tensor,
}

/// Adds the hidden units of the batch that the model has just read, as far as more are needed.
fn gather(
    model: &Model,
    batch: usize,
    sequence: usize,
    layers: &mut Vec<Layer>,
) -> Result<(), Error> {
    let units_n = model.spec().hidden_width() as usize;
    if layers.first().is_some_and(|layer| layer.hidden.len() >= TOKENS_N * units_n) {
        return Ok(());
    }
    let inputs = model.inputs(batch, sequence).into_iter();
    let hidden = inputs.filter(|(name, _)| name.ends_with(".out")).map(|(_, x)| x);
    for (index, hidden) in hidden.enumerate() {
        if layers.len() == index {
            let part = &model.parts()[1 + index];
            let matrix = part.layout.get("out_w").expect("every MLP has a second layer");
            let flat = part.weights.narrow(0, matrix.offset, matrix.dims.len())?;
            let matrix = flat.detach().reshape(matrix.dims.to_vec())?;
            layers.push(Layer { hidden: Vec::new(), matrix });
        }
        let known = &mut layers[index].hidden;
        let missing = TOKENS_N * units_n - known.len();
        known.extend_from_slice(&hidden[..hidden.len().min(missing)]);
    }
    Ok(())
}

impl Layer {
    /// CETTs at limits that leave out 0, 1/64 and so on of the units.
    fn table(&self) -> Result<Table, Error> {
        let units_n = self.matrix.dim(0)?;
        let tokens_n = self.hidden.len() / units_n;
        let hidden = Tensor::from_slice(&self.hidden, (tokens_n, units_n), &Device::Cpu)?;
        let norms = self.matrix.sqr()?.sum(D::Minus1)?.sqrt()?;
        let lengths = hidden.abs()?.broadcast_mul(&norms)?;
        let length = |x: &Tensor| x.sqr()?.sum(D::Minus1)?.sqrt();
        let whole = (length(&hidden.matmul(&self.matrix)?)? + f64::from(f32::MIN_POSITIVE))?;
        let mut sorted: Vec<f32> = lengths.flatten_all()?.to_vec1()?;
        sorted.sort_by(f32::total_cmp);
        let (mut limits, mut cetts) = (vec![0.0], vec![0.0_f64]);
        for index in 1..=LIMITS_N {
            // The last leaves out all.
            let limit = match sorted.get(index * sorted.len() / LIMITS_N) {
                Some(limit) => *limit,
                None => sorted.last().map_or(0.0, |largest| largest.next_up()),
            };
            let is_out = lengths.lt(limit)?;
            let out = is_out.where_cond(&hidden, &hidden.zeros_like()?)?;
            let error = (length(&out.matmul(&self.matrix)?)? / &whole)?;
            let cett = f64::from(error.mean_all()?.to_scalar::<f32>()?);
            // The sum of more units may be shorter; CETT is read as if it never fell.
            let before = cetts.last().copied().unwrap_or_default();
            limits.push(limit);
            cetts.push(cett.max(before));
        }
        Ok(Table { limits, cetts })
    }
}

/// A layer's CETT by its limit, both ascending.
struct Table {
    limits: Vec<f32>,
    cetts: Vec<f64>,
}

impl Table {
    /// The limit of this CETT.
    fn limit(&self, cett: f64) -> f32 {
        let above = self.cetts.partition_point(|known| *known <= cett);
        let Some(high) = self.cetts.get(above) else {
            return self.limits.last().copied().unwrap_or_default();
        };
        let low = self.cetts[above - 1];
        let share = ((cett - low) / (high - low)) as f32;
        self.limits[above - 1] + share * (self.limits[above] - self.limits[above - 1])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two tokens, two units of rows (3, 4) and (0, 1): vectors of lengths 5 and 2, and of 10 and 1.
    fn layer() -> Layer {
        let matrix = Tensor::new(&[[3.0_f32, 4.0], [0.0, 1.0]], &Device::Cpu).unwrap();
        Layer { hidden: vec![1.0, 2.0, -2.0, 1.0], matrix }
    }

    #[test]
    fn cett_is_the_mean_share_of_what_is_left_out() {
        let table = layer().table().unwrap();
        let at = |limit: f32| {
            let index = table.limits.iter().rposition(|known| *known <= limit).unwrap();
            table.cetts[index]
        };
        // The sums are (3, 6) and (-6, -7); below 2 is one vector of one token, below 5 both small ones.
        let lengths = [45.0_f64.sqrt(), 85.0_f64.sqrt()];
        assert_eq!(at(1.0), 0.0);
        assert!((at(2.0) - 0.5 / lengths[1]).abs() < 1e-6);
        let both = (2.0 / lengths[0] + 1.0 / lengths[1]) / 2.0;
        assert!((at(5.0) - both).abs() < 1e-6);
        assert!((table.cetts[LIMITS_N] - 1.0).abs() < 1e-6, "all of it");
        assert!(table.limits[LIMITS_N] > 10.0);
    }

    #[test]
    fn limits_rise_with_cett() {
        let table = layer().table().unwrap();
        let limits: Vec<f32> = (0..=20).map(|i| table.limit(f64::from(i) / 20.0)).collect();
        assert!(limits.is_sorted(), "{limits:?}");
        assert!(limits[1] > 0.0);
    }
}
