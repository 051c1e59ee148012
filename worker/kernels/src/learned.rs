//! Scales that are trained: learned step size quantization (Esser et al., LSQ, arXiv:1902.08153).
//!
//! ```text
//! v = x / s,  x̂ = s round(clip(v, -Q, Q))
//! dx = dx̂ where |v| <= Q, else 0                                        (equation 5)
//! ds = g sum dx̂ (round(v) - v where |v| <= Q, else sign(v) Q)            (equation 3)
//! g = 1 / sqrt(N Q)                                                      (section 2.2)
//! ```
//!
//! Q is the largest value of the format and N how many weights, or features of a token, share the
//! scale. The parameter is `ln s`, whose gradient is `s ds`: a scale stays positive, and a step of Adam
//! changes it by a share of itself. A scale of zero leaves its group as it is.

use crate::dispatch::kernel;
use crate::number::{Format, known};
use crate::reduced::{Grid, Group, Scale, TILE};

impl Grid {
    /// Trained scales of `inputs` × `outputs` weights: one of the matrix, one of each column, or of each
    /// group and column, the groups one after the other.
    pub(crate) fn weight_scales_n(&self, inputs: usize, outputs: usize) -> usize {
        match (self.scale, self.group) {
            (Scale::Learned, Group::Tensor) => 1,
            (Scale::Learned, Group::Channel) => outputs,
            (Scale::Learned, Group::Size(len)) => inputs.div_ceil(len) * outputs,
            _ => 0,
        }
    }

    /// Trained scales of inputs of this width. Tokens are too many to have one each, so that they share
    /// those of their groups of features.
    pub(crate) fn input_scales_n(&self, width: usize) -> usize {
        match (self.scale, self.group) {
            (Scale::Learned, Group::Tensor | Group::Channel) => 1,
            (Scale::Learned, Group::Size(len)) => width.div_ceil(len),
            _ => 0,
        }
    }

    /// Features that share a scale.
    fn features_n(&self, width: usize) -> usize {
        match self.group {
            Group::Size(len) => len.min(width),
            Group::Tensor | Group::Channel => width,
        }
    }
}

/// Rounds weights of `outputs` columns on the scales of these logarithms; or, as `steps`, leaves what
/// would be rounded.
pub(crate) fn round_weights(grid: Grid, w: &mut [f32], outputs: usize, logs: &[f32], steps: bool) {
    let rows_n = grid.features_n(w.len() / outputs);
    for (group, rows) in w.chunks_mut(rows_n * outputs).enumerate() {
        round_columns(grid.format, rows, outputs, of_group(grid, logs, group, outputs), steps);
    }
}

/// Rounds inputs of this width on the scales of these logarithms.
pub(crate) fn round_inputs(grid: Grid, x: &mut [f32], width: usize, logs: &[f32]) {
    round_rows(grid.format, x, width, grid.features_n(width), logs);
}

/// Turns the gradient of rounded weights into that of the weights `w`, and writes that of the scales.
pub(crate) fn weights_backward(
    grid: Grid,
    w: &[f32],
    outputs: usize,
    logs: &[f32],
    dw: &mut [f32],
    dlogs: &mut [f32],
) {
    let rows_n = grid.features_n(w.len() / outputs);
    dlogs.fill(0.0);
    let groups = w.chunks(rows_n * outputs).zip(dw.chunks_mut(rows_n * outputs));
    for (group, (w, dw)) in groups.enumerate() {
        let logs = of_group(grid, logs, group, outputs);
        let dlogs = &mut dlogs[group * outputs..group * outputs + logs.len()];
        let sharing = match grid.group {
            Group::Tensor => w.len(),
            Group::Channel | Group::Size(_) => w.len() / outputs,
        };
        let weight = 1.0 / (sharing as f32 * grid.format.max()).sqrt();
        columns_backward(grid.format, w, outputs, logs, weight, dw, dlogs);
    }
}

/// Turns the gradient of rounded inputs into that of the inputs `x`, and writes that of the scales.
pub(crate) fn inputs_backward(
    grid: Grid,
    x: &[f32],
    width: usize,
    logs: &[f32],
    dx: &mut [f32],
    dlogs: &mut [f32],
) {
    rows_backward(grid.format, x, width, grid.features_n(width), logs, dx, dlogs);
}

/// The scales of a group of rows: one for all its columns, or one for each.
fn of_group(grid: Grid, logs: &[f32], group: usize, outputs: usize) -> &[f32] {
    match grid.group {
        Group::Tensor => logs,
        Group::Channel | Group::Size(_) => &logs[group * outputs..(group + 1) * outputs],
    }
}

kernel! {
    fn round_columns(format: Format, w: &mut [f32], outputs: usize, logs: &[f32], steps: bool) {
        known!(format, columns_of(w, outputs, logs, steps));
    }

    fn round_rows(format: Format, x: &mut [f32], width: usize, len: usize, logs: &[f32]) {
        known!(format, rows_of(x, width, len, logs));
    }

    fn columns_backward(
        format: Format,
        w: &[f32],
        outputs: usize,
        logs: &[f32],
        weight: f32,
        dw: &mut [f32],
        dlogs: &mut [f32],
    ) {
        known!(format, columns_of_backward(w, outputs, logs, weight, dw, dlogs));
    }

    fn rows_backward(
        format: Format,
        x: &[f32],
        width: usize,
        len: usize,
        logs: &[f32],
        dx: &mut [f32],
        dlogs: &mut [f32],
    ) {
        known!(format, rows_of_backward(x, width, len, logs, dx, dlogs));
    }
}

/// The scale of this logarithm: what values are multiplied with on the way to the grid and back.
#[inline(always)]
fn factors(log: f32) -> (f32, f32) {
    let scale = log.exp();
    (1.0 / scale, scale)
}

#[inline(always)]
fn columns_of(format: Format, w: &mut [f32], outputs: usize, logs: &[f32], steps: bool) {
    for tile in (0..outputs).step_by(TILE) {
        let n = TILE.min(outputs - tile);
        let (mut there, mut back) = ([0.0_f32; TILE], [0.0_f32; TILE]);
        for lane in 0..n {
            (there[lane], back[lane]) = factors(logs[(tile + lane).min(logs.len() - 1)]);
        }
        for row in w.chunks_exact_mut(outputs) {
            for ((value, there), back) in row[tile..tile + n].iter_mut().zip(&there).zip(&back) {
                let rounded = format.round(*value * there) * back;
                let rounded = if steps { format.clamp(*value * there) } else { rounded };
                *value = if *back > 0.0 { rounded } else { *value };
            }
        }
    }
}

#[inline(always)]
fn rows_of(format: Format, x: &mut [f32], width: usize, len: usize, logs: &[f32]) {
    for (group, log) in logs.iter().enumerate() {
        let (there, back) = factors(*log);
        if back == 0.0 {
            continue;
        }
        let columns = group * len..width.min((group + 1) * len);
        for row in x.chunks_exact_mut(width) {
            for value in &mut row[columns.clone()] {
                *value = format.round(*value * there) * back;
            }
        }
    }
}

/// What a gradient becomes, and what it adds to that of the scale but for constant factors.
#[inline(always)]
fn value_backward(format: Format, steps: f32, gradient: f32) -> (f32, f32) {
    let rounded = format.round(steps);
    if steps.abs() <= format.max() {
        (gradient, gradient * (rounded - steps))
    } else {
        (0.0, gradient * rounded)
    }
}

#[inline(always)]
fn columns_of_backward(
    format: Format,
    w: &[f32],
    outputs: usize,
    logs: &[f32],
    weight: f32,
    dw: &mut [f32],
    dlogs: &mut [f32],
) {
    for tile in (0..outputs).step_by(TILE) {
        let n = TILE.min(outputs - tile);
        let (mut there, mut sums) = ([0.0_f32; TILE], [0.0_f32; TILE]);
        let of_lane = |lane: usize| (tile + lane).min(logs.len() - 1);
        for (lane, there) in there.iter_mut().enumerate().take(n) {
            *there = factors(logs[of_lane(lane)]).0;
        }
        for (w, dw) in w.chunks_exact(outputs).zip(dw.chunks_exact_mut(outputs)) {
            let values = w[tile..tile + n].iter().zip(&mut dw[tile..tile + n]);
            for (((w, dw), there), sum) in values.zip(&there).zip(&mut sums) {
                let (gradient, more) = value_backward(format, w * there, *dw);
                *dw = gradient;
                *sum += more;
            }
        }
        for (lane, sum) in sums.iter().enumerate().take(n) {
            let scale = factors(logs[of_lane(lane)]).1;
            dlogs[of_lane(lane)] += sum * scale * weight;
        }
    }
}

#[inline(always)]
fn rows_of_backward(
    format: Format,
    x: &[f32],
    width: usize,
    len: usize,
    logs: &[f32],
    dx: &mut [f32],
    dlogs: &mut [f32],
) {
    for (group, (log, dlog)) in logs.iter().zip(dlogs).enumerate() {
        let (there, scale) = factors(*log);
        let columns = group * len..width.min((group + 1) * len);
        let weight = 1.0 / (columns.len() as f32 * format.max()).sqrt();
        let mut total = 0.0_f64;
        for (x, dx) in x.chunks_exact(width).zip(dx.chunks_exact_mut(width)) {
            let mut sum = 0.0;
            for (x, dx) in x[columns.clone()].iter().zip(&mut dx[columns.clone()]) {
                let (gradient, more) = value_backward(format, x * there, *dx);
                *dx = gradient;
                sum += more;
            }
            total += f64::from(sum);
        }
        *dlog = total as f32 * scale * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * 0.7).sin() * (1.0 + (i % 7) as f32)).collect()
    }

    fn grid(format: Format, group: Group) -> Grid {
        Grid { format, group, scale: Scale::Learned }
    }

    const GROUPS: [Group; 4] = [Group::Tensor, Group::Channel, Group::Size(16), Group::Size(100)];

    /// The group of an element of a matrix of these columns, counted as scales are.
    fn of(group: Group, (row, column): (usize, usize), columns: usize, weights: bool) -> usize {
        match (group, weights) {
            (Group::Tensor, _) | (Group::Channel, false) => 0,
            (Group::Channel, true) => column,
            (Group::Size(len), true) => row / len * columns + column,
            (Group::Size(len), false) => column / len,
        }
    }

    /// Forward, and the gradient of `sum dy ŷ` by its formula, element by element.
    #[test]
    fn values_and_gradients_are_the_formula() {
        let (rows, columns) = (37, 45);
        let values = wave(rows * columns);
        let dy: Vec<f32> = (0..values.len()).map(|i| (i as f32 * 0.31).cos()).collect();
        for format in [Format::Int(2), Format::Int(4), Format::E2m1, Format::E4m3] {
            for (group, weights) in GROUPS.into_iter().flat_map(|g| [(g, true), (g, false)]) {
                let grid = grid(format, group);
                let n = if weights {
                    grid.weight_scales_n(rows, columns)
                } else {
                    grid.input_scales_n(columns)
                };
                let logs: Vec<f32> =
                    (0..n).map(|i| 0.4 * (i as f32).sin() - format.max().ln() + 1.0).collect();
                let index = |i: usize| of(group, (i / columns, i % columns), columns, weights);
                let (mut rounded, mut dx) = (values.clone(), dy.clone());
                let mut dlogs = vec![f32::NAN; n];
                if weights {
                    round_weights(grid, &mut rounded, columns, &logs, false);
                    weights_backward(grid, &values, columns, &logs, &mut dx, &mut dlogs);
                } else {
                    round_inputs(grid, &mut rounded, columns, &logs);
                    inputs_backward(grid, &values, columns, &logs, &mut dx, &mut dlogs);
                }
                let (mut sums, mut members) = (vec![0.0_f64; n], vec![0_usize; n]);
                let mut clipped = 0;
                for (i, value) in values.iter().enumerate() {
                    let scale = logs[index(i)].exp();
                    let steps = value * (1.0 / scale);
                    assert_eq!(rounded[i], format.round(steps) * scale, "{grid:?} {i}");
                    let inside = steps.abs() <= format.max();
                    clipped += usize::from(!inside);
                    assert_eq!(dx[i], if inside { dy[i] } else { 0.0 }, "{grid:?} {i}");
                    let slope = format.round(steps) - if inside { steps } else { 0.0 };
                    sums[index(i)] += f64::from(dy[i] * slope * scale);
                    members[index(i)] += 1;
                }
                assert!(clipped > 0 && clipped < values.len(), "{grid:?} clips {clipped}");
                for (k, (sum, found)) in sums.iter().zip(&dlogs).enumerate() {
                    // Features, not values, share a scale of inputs.
                    let sharing = if weights { members[k] } else { members[k] / rows };
                    let weight = 1.0 / (sharing as f64 * f64::from(format.max())).sqrt();
                    let apart = (f64::from(*found) - sum * weight).abs();
                    assert!(apart < 1e-4 * (1.0 + sum.abs() * weight), "{grid:?} {k}: {apart}");
                }
            }
        }
    }

    /// Where rounding is left out, a difference of scales is the derivative: values beyond the largest.
    #[test]
    fn the_gradient_of_clipped_values_is_a_finite_difference() {
        let grid = grid(Format::Int(4), Group::Tensor);
        let values = vec![9.0, -20.0, 8.5, 70.0_f32];
        let dy = [0.5, 1.0, -2.0, 0.25_f32];
        let loss = |log: f32| -> f32 {
            let mut rounded = values.clone();
            round_weights(grid, &mut rounded, 2, &[log], false);
            rounded.iter().zip(dy).map(|(x, dy)| x * dy).sum()
        };
        let (mut dx, mut dlogs) = (dy.to_vec(), vec![f32::NAN]);
        weights_backward(grid, &values, 2, &[0.0], &mut dx, &mut dlogs);
        let slope = (loss(0.01) - loss(-0.01)) / 0.02;
        let expected = slope / (4.0_f32 * 7.0).sqrt();
        assert!((dlogs[0] - expected).abs() < 1e-3, "{} {expected}", dlogs[0]);
        assert_eq!(dx, [0.0; 4]);
    }

    #[test]
    fn a_scale_of_zero_leaves_values_as_they_are() {
        let grid = grid(Format::Int(4), Group::Size(4));
        let values = wave(24);
        let mut same = values.clone();
        round_inputs(grid, &mut same, 8, &[f32::NEG_INFINITY; 2]);
        assert_eq!(same, values);
        round_weights(grid, &mut same, 3, &[f32::NEG_INFINITY; 6], false);
        assert_eq!(same, values);
    }
}
