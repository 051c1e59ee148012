//! Normalisation over the last axis.

use crate::dispatch::kernel;
use crate::math::{dot, sum, sum_map2};

/// Added to the variance (as in Languini and PyTorch).
const EPS: f32 = 1e-5;

/// Mean and reciprocal standard deviation of one row; of [`Norm::Rms`] the mean is zero.
pub(crate) type Stats = [f32; 2];

/// How the residual stream is normalised before a layer reads it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Norm {
    /// `(x - mean) / √(variance + eps) · gain + bias`.
    #[default]
    Layer,
    /// `x / √(mean(x²) + eps) · gain` (Zhang and Sennrich, arXiv:1910.07467, equation 4).
    Rms,
}

impl Norm {
    /// Elements of the bias.
    pub(crate) const fn bias_len(self, width: usize) -> usize {
        match self {
            Self::Layer => width,
            Self::Rms => 0,
        }
    }

    pub(crate) fn forward(
        self,
        x: &[f32],
        gain: &[f32],
        bias: &[f32],
        y: &mut [f32],
        stats: &mut [Stats],
    ) {
        match self {
            Self::Layer => layer_norm(x, gain, bias, y, stats),
            Self::Rms => rms_norm(x, gain, y, stats),
        }
    }

    /// Adds the gradient of the input to `dx` and writes those of gain and bias.
    #[expect(clippy::too_many_arguments, reason = "operands of one fused operation")]
    pub(crate) fn backward(
        self,
        x: &[f32],
        gain: &[f32],
        stats: &[Stats],
        dy: &[f32],
        dx: &mut [f32],
        dgain: &mut [f32],
        dbias: &mut [f32],
    ) {
        match self {
            Self::Layer => layer_norm_backward(x, gain, stats, dy, dx, dgain, dbias),
            Self::Rms => rms_norm_backward(x, gain, stats, dy, dx, dgain),
        }
    }
}

kernel! {
    /// `y = (x - mean) / √(variance + eps) · gain + bias`, row by row of `gain.len()` elements.
    fn layer_norm(
        x: &[f32],
        gain: &[f32],
        bias: &[f32],
        y: &mut [f32],
        stats: &mut [Stats],
    ) {
        let width = gain.len();
        assert_eq!(x.len(), y.len());
        assert_eq!(x.len(), stats.len() * width);
        let bias = &bias[..width];
        let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(stats);
        for ((x, y), stats) in rows {
            let mean = sum(x) / width as f32;
            let variance = sum_map2(x, x, |x, _| (x - mean) * (x - mean)) / width as f32;
            let rstd = 1.0 / (variance + EPS).sqrt();
            for i in 0..width {
                y[i] = (x[i] - mean) * rstd * gain[i] + bias[i];
            }
            *stats = [mean, rstd];
        }
    }

    /// Adds the gradient of the layer's input to `dx` and writes those of gain and bias.
    ///
    /// With x̂ the normalised row and g = dy·gain: `dx += rstd (g - mean(g) - x̂ mean(g x̂))`.
    fn layer_norm_backward(
        x: &[f32],
        gain: &[f32],
        stats: &[Stats],
        dy: &[f32],
        dx: &mut [f32],
        dgain: &mut [f32],
        dbias: &mut [f32],
    ) {
        backward_rows::<true>(x, gain, stats, dy, dx, dgain, dbias);
    }
}

kernel! {
    fn rms_norm(x: &[f32], gain: &[f32], y: &mut [f32], stats: &mut [Stats]) {
        let width = gain.len();
        assert_eq!(x.len(), y.len());
        assert_eq!(x.len(), stats.len() * width);
        let rows = x.chunks_exact(width).zip(y.chunks_exact_mut(width)).zip(stats);
        for ((x, y), stats) in rows {
            let rstd = 1.0 / (dot(x, x) / width as f32 + EPS).sqrt();
            for i in 0..width {
                y[i] = x[i] * rstd * gain[i];
            }
            *stats = [0.0, rstd];
        }
    }

    /// As [`layer_norm_backward`] without what the mean takes away.
    fn rms_norm_backward(
        x: &[f32],
        gain: &[f32],
        stats: &[Stats],
        dy: &[f32],
        dx: &mut [f32],
        dgain: &mut [f32],
    ) {
        backward_rows::<false>(x, gain, stats, dy, dx, dgain, &mut []);
    }
}

/// What both norms' backward passes are; only a `CENTRED` one has a mean and a bias.
#[inline(always)]
fn backward_rows<const CENTRED: bool>(
    x: &[f32],
    gain: &[f32],
    stats: &[Stats],
    dy: &[f32],
    dx: &mut [f32],
    dgain: &mut [f32],
    dbias: &mut [f32],
) {
    let width = gain.len();
    assert_eq!((x.len(), x.len()), (dy.len(), dx.len()));
    assert_eq!(x.len(), stats.len() * width);
    let dgain = &mut dgain[..width];
    let dbias = &mut dbias[..if CENTRED { width } else { 0 }];
    dgain.fill(0.0);
    dbias.fill(0.0);
    let inputs = x.chunks_exact(width).zip(dy.chunks_exact(width));
    let rows = inputs.zip(dx.chunks_exact_mut(width));
    for (((x, dy), dx), &[mean, rstd]) in rows.zip(stats) {
        let mean = if CENTRED { mean } else { 0.0 };
        for i in 0..width {
            dgain[i] += dy[i] * ((x[i] - mean) * rstd);
        }
        let mut mean_g = 0.0;
        if CENTRED {
            for i in 0..width {
                dbias[i] += dy[i];
            }
            mean_g = sum_map2(dy, gain, |dy, gain| dy * gain) / width as f32;
        }
        let mean_gx = normalised_dot(x, dy, gain, mean) * rstd / width as f32;
        for i in 0..width {
            dx[i] += rstd * (dy[i] * gain[i] - mean_g - (x[i] - mean) * rstd * mean_gx);
        }
    }
}

/// Sum of `dy gain (x - mean)`, in 16 lanes like the reductions of `math`.
#[inline(always)]
fn normalised_dot(x: &[f32], dy: &[f32], gain: &[f32], mean: f32) -> f32 {
    let mut lanes = [0.0f32; 16];
    let (xs, x_rest) = x.as_chunks::<16>();
    let (dys, dy_rest) = dy.as_chunks::<16>();
    let (gains, gain_rest) = gain.as_chunks::<16>();
    for ((x, dy), gain) in xs.iter().zip(dys).zip(gains) {
        for lane in 0..16 {
            lanes[lane] += dy[lane] * gain[lane] * (x[lane] - mean);
        }
    }
    for lane in 0..x_rest.len() {
        lanes[lane] += dy_rest[lane] * gain_rest[lane] * (x_rest[lane] - mean);
    }
    sum(&lanes)
}
