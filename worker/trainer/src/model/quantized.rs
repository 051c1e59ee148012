//! Which weights of a block are held in few bits, and what its trained scales begin with.

use std::ops::Range;

use sweep_kernels::{Dims, Format, Grid, Group, Layout, Reduced, Scale};

use super::reduce::Parts;

/// The weights of one linear layer, or of one expert's, within the flat slice of a block.
#[derive(Clone, Debug)]
pub(crate) struct Weights {
    /// Rows are inputs, columns outputs.
    pub(crate) range: Range<usize>,
    pub(crate) inputs: usize,
    /// How they are held; never in full precision.
    pub(crate) reduced: Reduced,
    pub(crate) grid: Grid,
    /// Logarithms of trained scales; empty where scales are not trained.
    pub(crate) scales: Range<usize>,
}

impl Weights {
    /// Where each weight lies on its grid before it is rounded: see [`Reduced::steps`].
    pub(crate) fn steps(&self, flat: &[f32], steps: &mut [f32]) {
        let scales = &flat[self.scales.clone()];
        self.reduced.steps(&flat[self.range.clone()], self.inputs, scales, steps);
    }

    /// The value of the format that such a step is rounded to. By statistics it is that of a level, which
    /// lies half of one above it.
    pub(crate) fn level(&self, step: f32) -> f32 {
        match self.grid.format {
            Format::Int(_) => step.round(),
            format => format.round(step),
        }
    }
}

/// The weights of few bits in a block of this layout.
pub(super) fn weights(layout: &Layout, parts: &Parts) -> Vec<Weights> {
    let mut found = Vec::new();
    for (name, reduced, copies) in layers(parts) {
        let (Some(matrix), Some(grid)) = (layout.get(&format!("{name}_w")), reduced.weights) else {
            continue;
        };
        let Dims::Matrix { inputs, .. } = matrix.dims else { continue };
        let scales = layout.get(&format!("{name}_w_scale")).map_or(0..0, |scales| scales.range());
        found.extend((0..copies).map(|copy| Weights {
            range: part(&matrix.range(), copy, copies),
            inputs: inputs / copies,
            reduced,
            grid,
            scales: part(&scales, copy, copies),
        }));
    }
    found
}

/// Sets trained scales to what LSQ begins with, twice the mean magnitude over the root of the largest
/// value: of inputs as if these were drawn from a standard normal.
pub(super) fn set_scales(layout: &Layout, parts: &Parts, flat: &mut [f32]) {
    for weights in weights(layout, parts).iter().filter(|w| w.grid.scale == Scale::Learned) {
        let logs = of_weights(weights, &flat[weights.range.clone()]);
        flat[weights.scales.clone()].copy_from_slice(&logs);
    }
    for (name, reduced, _) in layers(parts) {
        if let (Some(scales), Some(grid)) = (layout.get(&format!("{name}_x_scale")), reduced.inputs)
        {
            let mean = std::f32::consts::FRAC_2_PI.sqrt();
            flat[scales.range()].fill(first_log(grid, mean));
        }
    }
}

/// The same of inputs that are known, `[rows, features]` by the layer's name; of experts the scales are
/// those of all their inputs together.
pub(super) fn set_input_scales(
    layout: &Layout,
    parts: &Parts,
    inputs: &[(&'static str, Vec<f32>)],
    flat: &mut [f32],
) {
    for (name, reduced, copies) in layers(parts) {
        let known = inputs.iter().find(|(known, _)| *known == name);
        let (Some(scales), Some(grid), Some((_, x)), Some(matrix)) = (
            layout.get(&format!("{name}_x_scale")),
            reduced.inputs,
            known,
            layout.get(&format!("{name}_w")),
        ) else {
            continue;
        };
        let Dims::Matrix { inputs, .. } = matrix.dims else { continue };
        let width = inputs / copies;
        let len = match grid.group {
            Group::Size(len) => len.min(width),
            Group::Tensor | Group::Channel => width,
        };
        let groups_n = width.div_ceil(len);
        for (index, log) in flat[scales.range()].iter_mut().enumerate() {
            let start = index % groups_n * len;
            let columns = start..width.min(start + len);
            let values = x.chunks_exact(width).flat_map(|row| &row[columns.clone()]);
            *log = first_log(grid, mean_magnitude(values));
        }
    }
}

/// Every linear layer that a block may have: its name, how its operands are held, and how often it is
/// there.
fn layers(parts: &Parts) -> [(&'static str, Reduced, usize); 6] {
    let copies = parts.mlp.experts.map_or(1, |experts| experts.count);
    [
        ("qkv", parts.mixer, 1),
        ("gates", parts.mixer, 1),
        ("recurrent", parts.mixer, 1),
        ("proj", parts.mixer, 1),
        ("fc", parts.mlp.first, copies),
        ("out", parts.mlp.second, copies),
    ]
}

fn part(all: &Range<usize>, copy: usize, copies: usize) -> Range<usize> {
    let len = all.len() / copies;
    all.start + copy * len..all.start + (copy + 1) * len
}

fn of_weights(weights: &Weights, values: &[f32]) -> Vec<f32> {
    let outputs = values.len() / weights.inputs;
    let rows_n = match weights.grid.group {
        Group::Tensor => return vec![first_log(weights.grid, mean_magnitude(values.iter()))],
        Group::Channel => weights.inputs,
        Group::Size(len) => len,
    };
    let groups = values.chunks(rows_n * outputs).flat_map(|group| {
        (0..outputs).map(|column| {
            let values = group.iter().skip(column).step_by(outputs);
            first_log(weights.grid, mean_magnitude(values))
        })
    });
    groups.collect()
}

fn mean_magnitude<'a>(values: impl Iterator<Item = &'a f32>) -> f32 {
    let (mut sum, mut n) = (0.0, 0_u64);
    for value in values {
        sum += f64::from(value.abs());
        n += 1;
    }
    (sum / n.max(1) as f64) as f32
}

/// The logarithm of the first scale of values of this mean magnitude.
fn first_log(grid: Grid, mean: f32) -> f32 {
    let scale = 2.0 * mean / grid.format.max().sqrt();
    scale.max(Reduced::MAGNITUDE_MIN).ln()
}
