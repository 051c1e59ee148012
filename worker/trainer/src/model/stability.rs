//! Signs that training is about to become unstable, which small models show before large ones fail
//! (Wortsman et al., arXiv 2309.14322).

use candle_core::D;

use super::compose::Parameters;
use super::{Model, block_shape};
use crate::data::TokenBatch;
use crate::error::Error;

/// Of some sequences, read from the beginning.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stability {
    /// The largest attention logit of every layer, before positions and mask are added; none of a model
    /// without attention.
    pub(crate) max_attention_logits: Vec<f64>,
    /// Euclidean norm of a token's output logits, mean over all tokens.
    pub(crate) output_logit_norm: f64,
}

impl Model {
    /// Measures them in plain tensor operations, on any device and path.
    ///
    /// # Errors
    /// Those of the tensor library.
    pub(crate) fn stability(&self, tokens: &TokenBatch) -> Result<Stability, Error> {
        let parameters = self.parameters(Parameters::frozen)?;
        let shape = block_shape(&self.spec, tokens.batch, tokens.sequence);
        let mut x = self.composed_embedding(&parameters[0], tokens)?;
        let mut max_attention_logits = Vec::new();
        for (block, parameters) in self.blocks.iter().zip(&parameters[1..]) {
            max_attention_logits.extend(block.max_attention_logit(shape, parameters, &x)?);
            x = block.compose(shape, parameters, &x, &mut None, &mut None)?;
        }
        let logits = self.composed_logits(&parameters, &x)?;
        let norms = logits.sqr()?.sum(D::Minus1)?.sqrt()?;
        let output_logit_norm = f64::from(norms.mean_all()?.to_scalar::<f32>()?);
        Ok(Stability { max_attention_logits, output_logit_norm })
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{Device, Tensor};
    use sweep_core::variant::{Family, ModelSpec, Position, Variant};

    use super::*;
    use crate::model::{Path, compose, shape};

    fn model(family: Family, std: f64) -> Model {
        let spec = ModelSpec {
            family,
            width: 8,
            layers_n: 3,
            heads_n: 2,
            head_width: 4,
            mlp_width: 16,
            position: (family == Family::Gpt).then_some(Position::Alibi),
            vocabulary_n: 16,
            sequence: 6,
            variant: Variant::BASELINE,
        };
        Model::new(&spec, std, 1, &Device::Cpu, Path::Fused).unwrap()
    }

    fn tokens() -> TokenBatch {
        TokenBatch::from_windows([[3u32, 1, 4, 1, 5, 9, 2]], 6)
    }

    /// With keys that are the queries, the largest logit is that of a token with itself.
    #[test]
    fn the_largest_logit_is_that_of_the_longest_query() {
        let model = model(Family::Gpt, 0.3);
        let part = &model.parts()[1];
        let mut weights: Vec<f32> = part.weights.to_vec1().unwrap();
        let places = part.layout.get("qkv_w").unwrap().range();
        for row in weights[places].chunks_exact_mut(3 * 8) {
            row.copy_within(0..8, 8);
        }
        let weights = Tensor::from_vec(weights, part.layout.len(), &Device::Cpu).unwrap();
        part.weights.set(&weights).unwrap();
        let stability = model.stability(&tokens()).unwrap();
        assert_eq!(stability.max_attention_logits.len(), 3);

        let parameters = Parameters::frozen(part).unwrap();
        let spec = model.spec();
        let inputs = Tensor::from_slice(&tokens().inputs, 6, &Device::Cpu).unwrap();
        let embedding = Parameters::frozen(&model.parts()[0]).unwrap();
        let x = compose::embed(&embedding, &inputs, shape(spec, 1, 6)).unwrap();
        let normal = compose::norm(&parameters, "ln1", &x).unwrap().reshape((6, 8)).unwrap();
        let qkv: Vec<Vec<f32>> = normal.matmul(parameters.get("qkv_w")).unwrap().to_vec2().unwrap();
        let longest = qkv.iter().flat_map(|row| {
            [0, 4].map(|head| row[head..head + 4].iter().map(|q| q * q).sum::<f32>() / 2.0)
        });
        let longest = f64::from(longest.fold(0.0, f32::max));
        assert!((stability.max_attention_logits[0] / longest - 1.0).abs() < 1e-5);
    }

    #[test]
    fn logits_grow_with_the_head_and_a_recurrent_model_has_no_attention() {
        let model = model(Family::Qlstm, 0.3);
        let before = model.stability(&tokens()).unwrap();
        assert!(before.max_attention_logits.is_empty() && before.output_logit_norm > 0.0);
        let part = &model.parts()[4];
        let mut weights: Vec<f32> = part.weights.to_vec1().unwrap();
        weights[part.layout.get("head_w").unwrap().range()].iter_mut().for_each(|w| *w *= 3.0);
        let weights = Tensor::from_vec(weights, part.layout.len(), &Device::Cpu).unwrap();
        part.weights.set(&weights).unwrap();
        let after = model.stability(&tokens()).unwrap();
        assert!((after.output_logit_norm / before.output_logit_norm - 3.0).abs() < 1e-4);
    }
}
