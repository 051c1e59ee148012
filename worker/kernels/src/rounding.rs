//! Rounding of whole matrices, group by group, on scales that follow from the values of a group.

use crate::dispatch::kernel;
use crate::number::{Format, known, whole};
use crate::reduced::{Grid, Group, Reduced, Scale, TILE};

/// What is done to a group besides finding its largest.
#[derive(Clone, Copy)]
struct Work {
    /// Whether a smaller maximum is searched for.
    searched: bool,
    /// Whether values are left as they are before they are rounded, in values of the format.
    steps: bool,
}

impl Work {
    #[cfg(test)]
    const VALUES: Self = Self { searched: false, steps: false };
}

/// Rounds what is along the rows of a matrix of `width` columns.
pub(crate) fn round_inputs(grid: Grid, values: &mut [f32], width: usize) {
    match grid.group {
        Group::Tensor => rows(grid, values, values.len(), values.len(), false),
        Group::Channel => rows(grid, values, width, width, false),
        Group::Size(len) => rows(grid, values, width, len, false),
    }
}

/// Rounds what is along the columns of a matrix of `outputs` columns; or, as `steps`, leaves what would
/// be rounded.
pub(crate) fn round_weights(grid: Grid, values: &mut [f32], outputs: usize, steps: bool) {
    let inputs = values.len() / outputs;
    match grid.group {
        Group::Tensor => rows(grid, values, values.len(), values.len(), steps),
        Group::Channel => columns(grid, values, outputs, inputs, steps),
        Group::Size(len) => columns(grid, values, outputs, len, steps),
    }
}

fn rows(grid: Grid, values: &mut [f32], width: usize, len: usize, steps: bool) {
    match (grid.scale, grid.format) {
        (Scale::Statistics, Format::Int(bits)) => {
            statistics_rows(bits, values, width, len, steps);
        }
        (scale, format) => {
            let searched = scale == Scale::Searched;
            round_rows(format, values, width, len, Work { searched, steps });
        }
    }
}

fn columns(grid: Grid, values: &mut [f32], outputs: usize, len: usize, steps: bool) {
    match (grid.scale, grid.format) {
        (Scale::Statistics, Format::Int(bits)) => {
            statistics_columns(bits, values, outputs, len, steps);
        }
        (scale, format) => {
            let searched = scale == Scale::Searched;
            round_columns(format, values, outputs, len, Work { searched, steps });
        }
    }
}

/// The scale that takes a group of this magnitude to the format, and the one back.
#[inline(always)]
fn scales(format: Format, magnitude: f32) -> (f32, f32) {
    let magnitude = larger(Reduced::MAGNITUDE_MIN, magnitude);
    ((1.0 / magnitude) * format.max(), magnitude * (1.0 / format.max()))
}

kernel! {
    /// Groups of `len` neighbours within each row of `width`.
    fn round_rows(format: Format, values: &mut [f32], width: usize, len: usize, work: Work) {
        known!(format, rows_of(values, width, len, work));
    }

    /// Groups of `len` rows within each of `outputs` columns.
    fn round_columns(format: Format, values: &mut [f32], outputs: usize, len: usize, work: Work) {
        known!(format, columns_of(values, outputs, len, work));
    }

    /// Groups of `len` neighbours within each row of `width`, by their mean magnitude.
    fn statistics_rows(bits: u8, values: &mut [f32], width: usize, len: usize, steps: bool) {
        for row in values.chunks_exact_mut(width) {
            for group in row.chunks_mut(len) {
                let sum = lanes_of(group, |lane, value| lane + value.abs(), |a, b| a + b);
                let (there, back) = halves(bits, sum, group.len());
                for value in group {
                    *value = half(bits, *value * there, back, steps);
                }
            }
        }
    }

    /// Groups of `len` rows within each of `outputs` columns, by their mean magnitude.
    fn statistics_columns(bits: u8, values: &mut [f32], outputs: usize, len: usize, steps: bool) {
        for group in values.chunks_mut(len * outputs) {
            let rows_n = group.len() / outputs;
            for tile in (0..outputs).step_by(TILE) {
                let n = TILE.min(outputs - tile);
                let mut sums = [0.0_f32; TILE];
                for row in group.chunks_exact(outputs) {
                    for (sum, value) in sums.iter_mut().zip(&row[tile..tile + n]) {
                        *sum += value.abs();
                    }
                }
                let (mut there, mut back) = ([0.0_f32; TILE], [0.0_f32; TILE]);
                for ((sum, there), back) in sums.iter().zip(&mut there).zip(&mut back) {
                    (*there, *back) = halves(bits, *sum, rows_n);
                }
                for row in group.chunks_exact_mut(outputs) {
                    let values = row[tile..tile + n].iter_mut().zip(&there).zip(&back);
                    for ((value, there), back) in values {
                        *value = half(bits, *value * there, *back, steps);
                    }
                }
            }
        }
    }
}

/// Folds the values of a group into 16 lanes, then those into one, always in the same order.
#[inline(always)]
fn lanes_of(group: &[f32], add: impl Fn(f32, f32) -> f32, join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [0.0_f32; 16];
    let (whole, rest) = group.as_chunks::<16>();
    for values in whole {
        for (lane, value) in lanes.iter_mut().zip(values) {
            *lane = add(*lane, *value);
        }
    }
    for (lane, value) in lanes.iter_mut().zip(rest) {
        *lane = add(*lane, *value);
    }
    lanes.into_iter().fold(0.0, join)
}

/// Maxima that a search tries, each 1/32 of the largest magnitude less than the one before.
pub(crate) const TRIED_N: usize = 17;

#[inline(always)]
fn tried(step: usize) -> f32 {
    1.0 - step as f32 / 32.0
}

#[inline(always)]
fn rows_of(format: Format, values: &mut [f32], width: usize, len: usize, work: Work) {
    for row in values.chunks_exact_mut(width) {
        for group in row.chunks_mut(len) {
            let mut magnitude = lanes_of(group, |lane, value| larger(lane, value.abs()), larger);
            if work.searched {
                let mut least = f32::INFINITY;
                let largest = magnitude;
                for step in 0..TRIED_N {
                    let (there, back) = scales(format, largest * tried(step));
                    let square = |sum: f32, value: f32| {
                        let error = format.round(value * there) * back - value;
                        sum + error * error
                    };
                    let error = lanes_of(group, square, |a, b| a + b);
                    if error < least {
                        (least, magnitude) = (error, largest * tried(step));
                    }
                }
            }
            let (there, back) = scales(format, magnitude);
            for value in group {
                *value = taken(format, *value * there, back, work.steps);
            }
        }
    }
}

#[inline(always)]
fn columns_of(format: Format, values: &mut [f32], outputs: usize, len: usize, work: Work) {
    for group in values.chunks_mut(len * outputs) {
        for tile in (0..outputs).step_by(TILE) {
            let n = TILE.min(outputs - tile);
            let mut magnitudes = [0.0_f32; TILE];
            for row in group.chunks_exact(outputs) {
                for (magnitude, value) in magnitudes.iter_mut().zip(&row[tile..tile + n]) {
                    *magnitude = larger(*magnitude, value.abs());
                }
            }
            if work.searched {
                search(format, group, outputs, tile, n, &mut magnitudes);
            }
            let (there, back) = scales_of(format, &magnitudes);
            for row in group.chunks_exact_mut(outputs) {
                let values = row[tile..tile + n].iter_mut().zip(&there).zip(&back);
                for ((value, there), back) in values {
                    *value = taken(format, *value * there, *back, work.steps);
                }
            }
        }
    }
}

/// Replaces the magnitudes of `n` columns by those of least squared error.
#[inline(always)]
fn search(
    format: Format,
    group: &[f32],
    outputs: usize,
    tile: usize,
    n: usize,
    magnitudes: &mut [f32; TILE],
) {
    let largest = *magnitudes;
    let mut least = [f32::INFINITY; TILE];
    for step in 0..TRIED_N {
        let candidates = largest.map(|magnitude| magnitude * tried(step));
        let (there, back) = scales_of(format, &candidates);
        let mut errors = [0.0_f32; TILE];
        for row in group.chunks_exact(outputs) {
            let values = row[tile..tile + n].iter().zip(&there).zip(&back).zip(&mut errors);
            for (((value, there), back), sum) in values {
                let error = format.round(value * there) * back - value;
                *sum += error * error;
            }
        }
        for lane in 0..TILE {
            if errors[lane] < least[lane] {
                (least[lane], magnitudes[lane]) = (errors[lane], candidates[lane]);
            }
        }
    }
}

#[inline(always)]
fn scales_of(format: Format, magnitudes: &[f32; TILE]) -> ([f32; TILE], [f32; TILE]) {
    let (mut there, mut back) = ([0.0_f32; TILE], [0.0_f32; TILE]);
    for ((magnitude, there), back) in magnitudes.iter().zip(&mut there).zip(&mut back) {
        (*there, *back) = scales(format, *magnitude);
    }
    (there, back)
}

#[inline(always)]
fn taken(format: Format, scaled: f32, back: f32, steps: bool) -> f32 {
    if steps { format.clamp(scaled) } else { format.round(scaled) * back }
}

/// For a group whose magnitudes have this sum: the factor that takes it to levels, and the one back.
#[inline(always)]
fn halves(bits: u8, sum: f32, len: usize) -> (f32, f32) {
    let levels = f32::from(1_u16 << (bits - 1));
    let scale = larger(Reduced::MAGNITUDE_MIN, 2.0 * (sum / len as f32));
    (1.0 / scale, scale * (1.0 / levels))
}

/// The nearest half of an odd number of levels to a value in units of the scale.
#[inline(always)]
fn half(bits: u8, scaled: f32, back: f32, steps: bool) -> f32 {
    /// Below one, so that the highest level is half a level below it.
    const UPPER: f32 = 1.0 - 1e-6;
    let levels = f32::from(1_u16 << (bits - 1));
    let clipped = if scaled > UPPER { UPPER } else { scaled };
    let clipped = if clipped < -1.0 { -1.0 } else { clipped };
    let step = clipped * levels - 0.5;
    // The lowest level is where minus one is, half a level up.
    let rounded = whole(step);
    let rounded = if rounded < -levels { -levels } else { rounded };
    if steps {
        let inside = if step > levels - 1.0 { levels - 1.0 } else { step };
        if inside < -levels { -levels } else { inside }
    } else {
        (rounded + 0.5) * back
    }
}

/// Written as a comparison to become one instruction.
#[inline(always)]
fn larger(a: f32, b: f32) -> f32 {
    if b > a { b } else { a }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(n: usize) -> Vec<f32> {
        (0..n).map(|i| (i as f32 * 0.7).sin() * (1.0 + (i % 7) as f32)).collect()
    }

    /// Places that share a scale with that of element i.
    fn groups(
        grid: Grid,
        len: usize,
        rows: usize,
        along_rows: bool,
    ) -> impl Fn(usize) -> Vec<usize> {
        let columns = len / rows;
        let contraction = if along_rows { columns } else { rows };
        let group_of = move |i: usize| {
            let (row, column) = (i / columns, i % columns);
            let (line, place) = if along_rows { (row, column) } else { (column, row) };
            match grid.group {
                Group::Tensor => (0, 0),
                Group::Channel => (line, 0),
                Group::Size(len) => (line, place / len.min(contraction)),
            }
        };
        move |i| (0..len).filter(|j| group_of(*j) == group_of(i)).collect()
    }

    /// By the definition, element by element.
    fn naive(grid: Grid, matrix: &[f32], rows: usize, along_rows: bool) -> Vec<f32> {
        let members = groups(grid, matrix.len(), rows, along_rows);
        let magnitude =
            |i: usize| members(i).into_iter().map(|j| matrix[j].abs()).fold(0.0, f32::max);
        let value = |i: usize| {
            let (there, back) = scales(grid.format, magnitude(i));
            grid.format.round(matrix[i] * there) * back
        };
        (0..matrix.len()).map(value).collect()
    }

    #[test]
    fn groups_are_scaled_by_their_largest() {
        let (rows, columns) = (37, 45);
        let matrix = wave(rows * columns);
        for format in [Format::Int(4), Format::E2m1, Format::E4m3, Format::E5m2] {
            for group in [Group::Tensor, Group::Channel, Group::Size(16), Group::Size(100)] {
                let grid = Grid { format, group, scale: Scale::Absmax };
                let mut inputs = matrix.clone();
                round_inputs(grid, &mut inputs, columns);
                assert_eq!(inputs, naive(grid, &matrix, rows, true), "{grid:?}");
                let mut weights = matrix.clone();
                round_weights(grid, &mut weights, columns, false);
                assert_eq!(weights, naive(grid, &matrix, rows, false), "{grid:?}");
            }
        }
    }

    #[test]
    fn the_largest_of_a_group_stays_and_zeros_stay() {
        let mut values = vec![0.0, 0.0, 0.0, 0.0, 0.3, -0.7, 0.1, 0.2];
        round_rows(Format::Int(4), &mut values, 8, 4, Work::VALUES);
        assert_eq!(values[..4], [0.0; 4]);
        let expected = [0.3, -0.7, 0.1, 0.2_f32];
        for (value, expected) in values[4..].iter().zip(expected) {
            assert!((value - expected).abs() < 1e-6, "{values:?}");
        }
    }

    #[test]
    fn steps_are_what_is_rounded() {
        let matrix = wave(37 * 45);
        for scale in [Scale::Absmax, Scale::Searched] {
            for group in [Group::Tensor, Group::Channel, Group::Size(16)] {
                let grid = Grid { format: Format::Int(4), group, scale };
                let (mut values, mut steps) = (matrix.clone(), matrix.clone());
                round_weights(grid, &mut values, 45, false);
                round_weights(grid, &mut steps, 45, true);
                for (value, step) in values.iter().zip(&steps) {
                    let level = Format::Int(4).round(*step);
                    assert!((step - level).abs() <= 0.5, "{grid:?}");
                    assert!(level == 0.0 && *value == 0.0 || value / level > 0.0, "{grid:?}");
                }
            }
        }
    }

    /// The mean of 1, 2, 3, 6 is 3, the scale so 6, and the levels of two bits its quarters 1 and 3.
    #[test]
    fn statistics_take_values_to_halves() {
        let mut values = vec![1.0, -2.0, 3.0, -6.0_f32];
        let grid = Grid { format: Format::Int(2), group: Group::Channel, scale: Scale::Statistics };
        round_weights(grid, &mut values, 1, false);
        for (value, expected) in values.iter().zip([1.5, -1.5, 1.5, -4.5]) {
            assert!((value - expected).abs() < 1e-5, "{values:?}");
        }
    }

    /// All 2^b levels, each an odd number of halves, and nearest but for saturation.
    #[test]
    fn statistics_are_the_formula() {
        let matrix = wave(37 * 45);
        for bits in [2, 3, 4, 6, 8] {
            let n = f32::from(1_u16 << (bits - 1));
            for group in [Group::Tensor, Group::Channel, Group::Size(16), Group::Size(100)] {
                let grid = Grid { format: Format::Int(bits), group, scale: Scale::Statistics };
                let members = groups(grid, matrix.len(), 37, false);
                let (mut values, mut steps) = (matrix.clone(), matrix.clone());
                round_weights(grid, &mut values, 45, false);
                round_weights(grid, &mut steps, 45, true);
                for (i, value) in values.iter().enumerate() {
                    let own = members(i);
                    let mean = own.iter().map(|j| matrix[*j].abs()).sum::<f32>() / own.len() as f32;
                    let level = value / (2.0 * mean) * n;
                    let odd = level - 0.5;
                    assert!((odd - odd.round()).abs() < 1e-3, "{grid:?}: {level}");
                    let unit = (matrix[i] / (2.0 * mean) * n).clamp(0.5 - n, n - 0.5);
                    assert!((level - unit).abs() < 0.501, "{grid:?}: {unit} became {level}");
                    assert!((steps[i] - level + 0.5).abs() < 0.51, "{grid:?}");
                }
            }
        }
    }

    #[test]
    fn a_search_finds_the_share_of_least_error() {
        let matrix = wave(37 * 45);
        for (format, along_rows) in [Format::Int(3), Format::E2m1, Format::E4m3]
            .into_iter()
            .flat_map(|f| [(f, true), (f, false)])
        {
            for group in [Group::Channel, Group::Size(16)] {
                let grid = Grid { format, group, scale: Scale::Searched };
                let members = groups(grid, matrix.len(), 37, along_rows);
                let mut values = matrix.clone();
                if along_rows {
                    round_inputs(grid, &mut values, 45);
                } else {
                    round_weights(grid, &mut values, 45, false);
                }
                for i in (0..matrix.len()).step_by(11) {
                    let own = members(i);
                    let largest = own.iter().map(|j| matrix[*j].abs()).fold(0.0, f32::max);
                    let error = |value: &dyn Fn(usize) -> f32| -> f64 {
                        own.iter().map(|j| f64::from(value(*j) - matrix[*j]).powi(2)).sum()
                    };
                    let found = error(&|j| values[j]);
                    let tried = (0..=16).map(|step| {
                        let (there, back) = scales(format, largest * (1.0 - step as f32 / 32.0));
                        error(&|j| format.round(matrix[j] * there) * back)
                    });
                    let least = tried.fold(f64::INFINITY, f64::min);
                    assert!(found <= least * (1.0 + 1e-5) + 1e-12, "{grid:?}: {found} {least}");
                }
            }
        }
    }

    /// What a search is for: one value far out leaves nothing of the others.
    #[test]
    fn a_search_gives_way_to_no_outlier() {
        let mut values: Vec<f32> = (0..64).map(|i| (i as f32 * 0.7).sin()).collect();
        values[0] = 1.9;
        let error = |scale| {
            let grid = Grid { format: Format::Int(2), group: Group::Channel, scale };
            let mut rounded = values.clone();
            round_inputs(grid, &mut rounded, 64);
            rounded.iter().zip(&values).map(|(a, b)| (a - b).powi(2)).sum::<f32>()
        };
        assert!(error(Scale::Searched) < 0.8 * error(Scale::Absmax));
    }
}
