//! Moments of an optimiser in eight bits, with range expansion (COAT, Xi et al., arXiv:2410.19313,
//! section 4).
//!
//! Values of a group are far closer to each other than E4M3 could tell apart, or far wider. So the
//! group is raised to the power `p` with which its range just fills that of E4M3, and then scaled to
//! the largest value. Scaling first by the group's geometric mean, as in the paper, cancels in the
//! quotient by the largest value: a code `q` stands for `max (q / 448)^(1 / p)`, and two numbers a
//! group are enough.

use std::sync::LazyLock;

use crate::adam::Adam;
use crate::number::Format;

/// Values that share one largest value and one power.
pub const MOMENT_GROUP: usize = 128;
/// Powers are kept in eighths, rounded down.
const EIGHTHS: f64 = 8.0;
/// The largest power, 16, for groups whose values are nearly equal.
const POWER_MAX: u8 = 128;
/// Base-2 logarithm of 448^2 / 2, the range that a group is spread over: its smallest value lands
/// above twice the smallest code.
const RANGE_LOG2: f64 = 16.614_709_844_115_208;
/// The code of 448.
const CODE_MAX: u8 = 126;
const SIGN: u8 = 0x80;

/// One moment of a part's parameters: `1 + 5/128` bytes a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Fp8Moment {
    codes: Vec<u8>,
    maxima: Vec<f32>,
    powers: Vec<u8>,
}

impl Fp8Moment {
    /// `len` zeros.
    #[must_use]
    pub fn zeros(len: usize) -> Self {
        let groups = len.div_ceil(MOMENT_GROUP);
        Self { codes: vec![0; len], maxima: vec![0.0; groups], powers: vec![POWER_MAX; groups] }
    }

    /// What [`Self::codes`], [`Self::maxima`] and [`Self::powers`] gave; none where they do not
    /// belong together.
    #[must_use]
    pub fn from_parts(codes: Vec<u8>, maxima: Vec<f32>, powers: Vec<u8>) -> Option<Self> {
        let groups = codes.len().div_ceil(MOMENT_GROUP);
        let fit = (maxima.len(), powers.len()) == (groups, groups)
            && codes.iter().all(|code| code & !SIGN <= CODE_MAX)
            && powers.iter().all(|power| (1..=POWER_MAX).contains(power));
        fit.then_some(Self { codes, maxima, powers })
    }

    /// Sign and E4M3 magnitude of every value.
    #[must_use]
    pub fn codes(&self) -> &[u8] {
        &self.codes
    }

    /// Largest magnitude of every group.
    #[must_use]
    pub fn maxima(&self) -> &[f32] {
        &self.maxima
    }

    /// Power of every group, in eighths.
    #[must_use]
    pub fn powers(&self) -> &[u8] {
        &self.powers
    }

    /// Keeps `values` as those of group `index`, each as the nearest the group can hold. No value
    /// but zero becomes zero: a second moment of zero would divide by nothing.
    fn encode(&mut self, index: usize, values: &[f32]) {
        let (mut min, mut max) = (f32::INFINITY, 0.0_f32);
        for magnitude in values.iter().map(|value| value.abs()).filter(|value| *value > 0.0) {
            (min, max) = (min.min(magnitude), max.max(magnitude));
        }
        let spread = (f64::from(max) / f64::from(min)).log2();
        // No value, or all the same, is no spread.
        let power = if max > min { EIGHTHS * RANGE_LOG2 / spread } else { f64::from(POWER_MAX) };
        let power = power.floor().clamp(1.0, f64::from(POWER_MAX)) as u8;
        (self.maxima[index], self.powers[index]) = (max, power);
        let edges = &TABLES[usize::from(power) - 1].edges;
        let start = index * MOMENT_GROUP;
        for (code, value) in self.codes[start..].iter_mut().zip(values) {
            let share = value.abs() / max;
            let magnitude = edges.partition_point(|edge| *edge <= share).max(1) as u8;
            let sign = if value.is_sign_negative() { SIGN } else { 0 };
            *code = if *value == 0.0 { 0 } else { sign | magnitude };
        }
    }

    fn decode(&self, index: usize, values: &mut [f32]) {
        let (max, table) = (self.maxima[index], &TABLES[usize::from(self.powers[index]) - 1]);
        let start = index * MOMENT_GROUP;
        for (value, code) in values.iter_mut().zip(&self.codes[start..]) {
            let magnitude = max * table.shares[usize::from(code & !SIGN)];
            *value = if code & SIGN == 0 { magnitude } else { -magnitude };
        }
    }
}

impl Adam {
    /// [`Self::step`] with moments of eight bits: each group is read, updated in f32 and kept anew.
    ///
    /// # Panics
    /// If `step` is 0 or the lengths differ.
    pub fn step_fp8(
        &self,
        step: u64,
        gradient_scale: f32,
        params: &mut [f32],
        gradients: &[f32],
        first: &mut Fp8Moment,
        second: &mut Fp8Moment,
    ) {
        let lengths = (gradients.len(), first.codes.len(), second.codes.len());
        assert_eq!(lengths, (params.len(), params.len(), params.len()));
        let (mut m, mut v) = ([0.0; MOMENT_GROUP], [0.0; MOMENT_GROUP]);
        let groups = params.chunks_mut(MOMENT_GROUP).zip(gradients.chunks(MOMENT_GROUP));
        for (index, (params, gradients)) in groups.enumerate() {
            let (m, v) = (&mut m[..params.len()], &mut v[..params.len()]);
            first.decode(index, m);
            second.decode(index, v);
            self.step(step, gradient_scale, params, gradients, m, v);
            first.encode(index, m);
            second.encode(index, v);
        }
    }
}

/// What the codes of one power stand for, as shares of the largest value.
struct Table {
    shares: [f32; CODE_MAX as usize + 1],
    /// Where one code ends and the next begins: halfway in the space of E4M3.
    edges: [f32; CODE_MAX as usize],
}

/// For every power in eighths from 1: 130 kB, made when first needed.
static TABLES: LazyLock<Vec<Table>> = LazyLock::new(|| {
    let of = |power: u8| {
        let root = EIGHTHS / f64::from(power);
        let share = |value: f64| (value / f64::from(Format::E4m3.max())).powf(root) as f32;
        Table {
            shares: std::array::from_fn(|code| share(e4m3(code))),
            edges: std::array::from_fn(|code| share(0.5 * (e4m3(code) + e4m3(code + 1)))),
        }
    };
    (1..=POWER_MAX).map(of).collect()
});

/// The magnitude of a code: four bits of exponent, three of mantissa.
fn e4m3(code: usize) -> f64 {
    let (exponent, mantissa) = (code >> 3, (code & 7) as f64 / 8.0);
    let scale = (exponent.max(1) as f64 - 7.0).exp2();
    scale * if exponent == 0 { mantissa } else { 1.0 + mantissa }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(values: &[f32]) -> (Fp8Moment, Vec<f32>) {
        let mut moment = Fp8Moment::zeros(values.len());
        let mut back = vec![0.0; values.len()];
        for (index, chunk) in values.chunks(MOMENT_GROUP).enumerate() {
            moment.encode(index, chunk);
            moment.decode(index, &mut back[index * MOMENT_GROUP..][..chunk.len()]);
        }
        (moment, back)
    }

    /// Geometric from `max` down over `decades`, with signs.
    fn spread(max: f32, decades: f32) -> Vec<f32> {
        let value = |i: usize| max * 10.0_f32.powf(-decades * i as f32 / 127.0);
        (0..128).map(|i| if i % 3 == 0 { -value(i) } else { value(i) }).collect()
    }

    #[test]
    fn the_codes_are_those_of_e4m3() {
        for code in 0..=CODE_MAX {
            let value = e4m3(usize::from(code));
            assert_eq!(f64::from(Format::E4m3.round(value as f32)), value);
        }
        assert_eq!((e4m3(1), e4m3(8), e4m3(126)), (1.0 / 512.0, 1.0 / 64.0, 448.0));
    }

    /// The definition, written as in the paper: sign(x) (|x| / sqrt(max min))^p, scaled so that the
    /// largest is 448, rounded to E4M3, and all of it undone.
    #[test]
    fn values_come_back_as_the_paper_defines() {
        for decades in [0.5, 3.0, 5.0, 9.0, 30.0] {
            let values = spread(3e-4, decades);
            let (moment, back) = kept(&values);
            let (max, min) = (3e-4_f64, f64::from(values[127].abs()));
            let power = (8.0 * (448.0_f64.powi(2) / 2.0).log2() / (max / min).log2()).floor() / 8.0;
            assert!((f64::from(moment.powers()[0]) / 8.0 - power.min(16.0)).abs() < 0.126);
            let power = f64::from(moment.powers()[0]) / 8.0;
            let mean = (max * min).sqrt();
            let scale = 448.0 / (max / mean).powf(power);
            for (value, back) in values.iter().zip(&back) {
                let expanded = scale * (f64::from(value.abs()) / mean).powf(power);
                let rounded = f64::from(Format::E4m3.round(expanded as f32));
                let expected = mean * (rounded / scale).powf(1.0 / power);
                // Halfway between two codes either may be taken.
                let step = (rounded / 8.0).max(1.0 / 512.0);
                let tie = ((expanded - rounded).abs() / step - 0.5).abs() < 1e-3;
                let near = (f64::from(back.abs()) / expected - 1.0).abs() < 1e-4;
                assert!(near || tie, "{decades}: {value} came back as {back}, not {expected}");
                assert_eq!(back.signum(), value.signum());
            }
        }
    }

    /// The root takes the error of three mantissa bits down where the power is above one, though
    /// more of the group then lies among the smallest codes.
    #[test]
    fn a_narrow_group_is_kept_finer_than_plain_e4m3() {
        let root_mean_square = |values: &[f32], back: &[f32]| {
            let squares = values.iter().zip(back).map(|(v, b)| (b / v - 1.0).powi(2));
            (squares.sum::<f32>() / values.len() as f32).sqrt()
        };
        for (decades, times) in [(0.2, 8.0), (1.0, 3.0), (2.0, 1.5)] {
            let values = spread(0.7, decades);
            let plain = |value: &f32| Format::E4m3.round(value * 640.0) / 640.0;
            let plain = root_mean_square(&values, &values.iter().map(plain).collect::<Vec<_>>());
            let expanded = root_mean_square(&values, &kept(&values).1);
            assert!(expanded * times < plain, "{decades} decades: {expanded} and {plain}");
        }
    }

    #[test]
    fn zeros_stay_zeros_and_nothing_else_becomes_one() {
        let mut values = spread(1.0, 37.0);
        values[5] = 0.0;
        values.extend([0.0; 128]);
        values.extend([-2.5; 3]);
        let (_, back) = kept(&values);
        for (value, back) in values.iter().zip(&back) {
            assert_eq!(*value == 0.0, *back == 0.0, "{value} came back as {back}");
        }
        assert_eq!(back[256..], [-2.5; 3]);
    }

    #[test]
    fn parts_that_do_not_belong_together_are_refused() {
        let moment = kept(&spread(1.0, 3.0)).0;
        let Fp8Moment { codes, maxima, powers } = moment.clone();
        let from = Fp8Moment::from_parts;
        assert_eq!(from(codes.clone(), maxima.clone(), powers.clone()), Some(moment));
        assert_eq!(from(codes.clone(), vec![], powers.clone()), None);
        assert_eq!(from(codes, maxima.clone(), vec![0]), None);
        assert_eq!(from(vec![127; 128], maxima, powers), None);
    }

    /// A bowl with slopes of many sizes: both kinds of moments come as near to its bottom.
    #[test]
    fn steps_go_where_those_of_full_moments_go() {
        let adam =
            Adam { learning_rate: 0.02, beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0.0 };
        let slopes: Vec<f32> = spread(1.0, 4.0).iter().map(|value| value.abs()).collect();
        let gradient = |x: &[f32]| -> Vec<f32> {
            x.iter().zip(&slopes).map(|(x, slope)| (x - 1.0) * slope).collect()
        };
        let (mut full, mut small) = (vec![0.0; 128], vec![0.0; 128]);
        let (mut m, mut v) = (vec![0.0; 128], vec![0.0; 128]);
        let (mut first, mut second) = (Fp8Moment::zeros(128), Fp8Moment::zeros(128));
        for step in 1..=40 {
            let (of_full, of_small) = (gradient(&full), gradient(&small));
            adam.step(step, 1.0, &mut full, &of_full, &mut m, &mut v);
            adam.step_fp8(step, 1.0, &mut small, &of_small, &mut first, &mut second);
        }
        for (full, small) in full.iter().zip(&small) {
            assert!((full - small).abs() < 0.1, "{full} and {small}");
        }
    }
}
