//! Weights of few bits that go back and forth between two levels (Nagel et al., arXiv 2203.11086), and
//! holding those that do not.
//!
//! A weight oscillates in a step that changes its level the other way than it changed last. How often it
//! does is a running mean with momentum 0.01, and one with more than 0.005 counts as oscillating: it did
//! within about the last 70 steps.

use candle_core::Tensor;

use crate::error::Error;
use crate::model::{Model, Part, Weights};

/// Share that the newest step has in how often a weight oscillates.
const MOMENTUM: f32 = 0.01;
/// Running mean from which on a weight counts as oscillating.
const OFTEN: f32 = 0.005;

/// What is known of the weights of one part, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct History {
    /// After the last step, in values of the format.
    pub(crate) levels: Vec<f32>,
    /// Where the last change of the level went: -1, 1, or 0 where there was none.
    pub(crate) directions: Vec<i8>,
    /// How often the weight oscillates.
    pub(crate) frequencies: Vec<f32>,
}

impl History {
    /// The levels after one more step; the first only tell where weights begin.
    fn observe(&mut self, levels: impl ExactSizeIterator<Item = f32>) {
        if self.levels.is_empty() {
            self.directions = vec![0; levels.len()];
            self.frequencies = vec![0.0; levels.len()];
            self.levels = levels.collect();
            return;
        }
        let known = self.levels.iter_mut().zip(&mut self.directions).zip(&mut self.frequencies);
        for (((level, direction), frequency), new) in known.zip(levels) {
            let went = i8::from(new > *level) - i8::from(new < *level);
            let is_back = went != 0 && went == -*direction;
            *frequency += MOMENTUM * (f32::from(u8::from(is_back)) - *frequency);
            if went != 0 {
                *direction = went;
            }
            *level = new;
        }
    }
}

/// The weights of few bits of a model, and what each of them did.
pub(crate) struct Oscillation {
    parts: Vec<Vec<Weights>>,
    histories: Vec<History>,
}

impl Oscillation {
    pub(crate) fn new(model: &Model) -> Self {
        let parts = model.quantized();
        Self { histories: vec![History::default(); parts.len()], parts }
    }

    /// After a step of the optimiser.
    pub(crate) fn observe(&mut self, model: &Model) -> Result<(), Error> {
        let parts = model.parts().iter().zip(&self.parts).zip(&mut self.histories);
        for ((part, weights), history) in parts.filter(|((_, weights), _)| !weights.is_empty()) {
            let levels = levels(part, weights)?;
            history.observe(levels.into_iter().map(|(_, level)| level));
        }
        Ok(())
    }

    /// Share of the weights that oscillate; none where no weights are held in few bits.
    pub(crate) fn share(&self) -> Option<f64> {
        let all = || self.histories.iter().flat_map(|history| &history.frequencies);
        let often = all().filter(|frequency| **frequency > OFTEN).count();
        (all().next().is_some()).then(|| often as f64 / all().count() as f64)
    }

    /// Those of each part, in the order of the model's; empty where a part has no such weights.
    pub(crate) fn histories(&self) -> &[History] {
        &self.histories
    }

    /// How many weights of each part are held in few bits.
    pub(crate) fn lens(&self) -> impl Iterator<Item = usize> {
        self.parts.iter().map(|weights| weights.iter().map(|w| w.range.len()).sum())
    }

    pub(crate) fn set_histories(&mut self, histories: Vec<History>) {
        self.histories = histories;
    }

    /// The weights that are further than `margin` steps of their grid from where they would round
    /// otherwise, as they are now.
    pub(crate) fn held(&self, model: &Model, margin: f64) -> Result<Held, Error> {
        let parts = model.parts().iter().zip(&self.parts);
        let parts = parts.map(|(part, weights)| {
            if weights.is_empty() {
                return Ok(Vec::new());
            }
            let flat: Vec<f32> = part.weights.to_vec1()?;
            let places = weights.iter().flat_map(|weights| weights.range.clone());
            let is_sure = |step: f32, level: f32| 0.5 - f64::from((step - level).abs()) > margin;
            let levels = levels(part, weights)?.into_iter();
            let sure = places.zip(levels).filter(|(_, (step, level))| is_sure(*step, *level));
            Ok(sure.map(|(place, _)| (place, flat[place])).collect())
        });
        Ok(Held { parts: parts.collect::<Result<_, Error>>()? })
    }
}

/// Weights that an optimiser's step is not to move.
pub(crate) struct Held {
    /// Of each part, their places and values.
    parts: Vec<Vec<(usize, f32)>>,
}

impl Held {
    /// Puts them back where they were.
    pub(crate) fn put_back(&self, model: &Model) -> Result<(), Error> {
        let parts = model.parts().iter().zip(&self.parts);
        for (part, held) in parts.filter(|(_, held)| !held.is_empty()) {
            let mut flat: Vec<f32> = part.weights.to_vec1()?;
            for (place, value) in held {
                flat[*place] = *value;
            }
            let flat = Tensor::from_vec(flat, part.layout.len(), part.weights.device())?;
            part.weights.set(&flat)?;
        }
        Ok(())
    }
}

/// Where the weights of a part lie on their grids before they are rounded, and after.
fn levels(part: &Part, weights: &[Weights]) -> Result<Vec<(f32, f32)>, Error> {
    let flat: Vec<f32> = part.weights.to_vec1()?;
    let mut levels = Vec::new();
    let mut steps = Vec::new();
    for weights in weights {
        steps.resize(weights.range.len(), 0.0);
        weights.steps(&flat, &mut steps);
        levels.extend(steps.iter().map(|step| (*step, weights.level(*step))));
    }
    Ok(levels)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;
    use sweep_core::variant::{
        Family, ModelSpec, NumberFormat, Quantization, ScaleGroup, ScaleRule, Variant,
    };

    use super::*;
    use crate::model::Path;

    fn watched(steps: &[[f32; 3]]) -> History {
        let mut history = History::default();
        for levels in steps {
            history.observe(levels.iter().copied());
        }
        history
    }

    #[test]
    fn to_go_back_is_to_oscillate_and_to_go_on_is_not() {
        let seen = watched(&[[0.0; 3], [1.0, 1.0, 0.0], [2.0, 0.0, 0.0], [3.0, 0.0, 0.0]]);
        assert_eq!(seen.directions, [1, -1, 0]);
        assert_eq!(seen.frequencies[0], 0.0);
        assert!((seen.frequencies[1] - 0.01 * 0.99).abs() < 1e-9, "{seen:?}");
        assert_eq!(seen.frequencies[2], 0.0);
        // Rests do not make a change of direction forgotten.
        let later = watched(&[[0.0; 3], [1.0; 3], [1.0; 3], [1.0, 0.0, 2.0]]);
        assert_eq!(later.frequencies, [0.0, 0.01, 0.0]);
    }

    fn model(scale: ScaleRule) -> Model {
        let quantization = Quantization {
            weights: Some(NumberFormat::Int4),
            group: ScaleGroup::Channel,
            scale,
            ..Quantization::default()
        };
        let spec = ModelSpec {
            family: Family::Qlstm,
            width: 16,
            layers_n: 2,
            heads_n: 1,
            head_width: 16,
            mlp_width: 32,
            position: None,
            vocabulary_n: 256,
            sequence: 8,
            variant: Variant { quantization: Some(quantization), ..Variant::BASELINE },
        };
        Model::new(&spec, 0.1, 3, &Device::Cpu, Path::Fused).unwrap()
    }

    #[test]
    fn held_weights_stay_and_others_move() {
        let flat = |model: &Model| -> Vec<Vec<f32>> {
            model.parts().iter().map(|part| part.weights.to_vec1().unwrap()).collect()
        };
        for scale in [ScaleRule::Absmax, ScaleRule::Statistics, ScaleRule::Learned] {
            let model = model(scale);
            let oscillation = Oscillation::new(&model);
            let before = flat(&model);
            let mut shares = Vec::new();
            for margin in [0.0, 0.1, 0.3, 0.49] {
                let held = oscillation.held(&model, margin).unwrap();
                let held_n = held.parts.iter().map(Vec::len).sum::<usize>();
                shares.push(held_n as f64 / oscillation.lens().sum::<usize>() as f64);
                for (part, values) in model.parts().iter().zip(&before) {
                    let moved: Vec<f32> = values.iter().map(|value| value + 1.0).collect();
                    let moved = Tensor::from_vec(moved, values.len(), &Device::Cpu).unwrap();
                    part.weights.set(&moved).unwrap();
                }
                held.put_back(&model).unwrap();
                let after = flat(&model);
                let pairs = before.iter().flatten().zip(after.iter().flatten());
                assert_eq!(pairs.filter(|(before, after)| before == after).count(), held_n);
                for (part, values) in model.parts().iter().zip(&before) {
                    let values =
                        Tensor::from_vec(values.clone(), values.len(), &Device::Cpu).unwrap();
                    part.weights.set(&values).unwrap();
                }
            }
            // Steps are spread evenly within one, but for those at the largest of their group.
            assert!(shares[0] > 0.99, "{scale:?}: {shares:?}");
            assert!((0.75..0.85).contains(&shares[1]), "{scale:?}: {shares:?}");
            assert!((0.35..0.5).contains(&shares[2]), "{scale:?}: {shares:?}");
            assert!((0.01..0.2).contains(&shares[3]), "{scale:?}: {shares:?}");
        }
    }
}
