//! Points of one metric as columns: steps and values, each in a few bytes.
//!
//! A row of a database costs about 150 bytes however little is in it, and an entry in its index. A
//! thousand points in a row of their own columns take eight bytes each, for steps mostly come at equal
//! distances and then are three numbers.
//!
//! The first byte of both columns says how the rest is written, so that old chunks stay readable.

use sweep_core::metric::{Metric, MetricPoint};

use crate::error::Error;

/// Steps at equal distances: the first and the distance.
const REGULAR: u8 = 1;
/// Steps by their distance from the one before, in groups of seven bits.
const DISTANCES: u8 = 2;
/// Values of eight bytes, little-endian: whatever is not finite reads back as it was.
const F64: u8 = 1;

/// Points of one metric, by step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) points_n: usize,
    pub(crate) steps: Vec<u8>,
    pub(crate) values: Vec<u8>,
}

impl Chunk {
    /// Of points whose steps increase.
    pub(crate) fn of(points: &[MetricPoint]) -> Self {
        debug_assert!(points.is_sorted_by(|a, b| a.step < b.step), "steps increase within a chunk");
        let mut values = Vec::with_capacity(1 + 8 * points.len());
        values.push(F64);
        values.extend(points.iter().flat_map(|point| point.value.to_le_bytes()));
        let steps: Vec<u64> = points.iter().map(|point| point.step).collect();
        Self { points_n: points.len(), steps: written(&steps), values }
    }

    /// The points again.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for bytes that [`Self::of`] does not make.
    pub(crate) fn points(&self, metric: Metric) -> Result<Vec<MetricPoint>, Error> {
        let corrupt =
            || Error::Corrupt { what: "metric chunk", source: "its bytes do not fit".into() };
        let steps = read(&self.steps, self.points_n).ok_or_else(corrupt)?;
        let Some((&F64, values)) = self.values.split_first() else { return Err(corrupt()) };
        let (values, rest) = values.as_chunks::<8>();
        if values.len() != self.points_n || !rest.is_empty() {
            return Err(corrupt());
        }
        let points = steps.into_iter().zip(values);
        let point = |(step, value): (u64, &[u8; 8])| MetricPoint {
            metric,
            step,
            value: f64::from_le_bytes(*value),
        };
        Ok(points.map(point).collect())
    }
}

fn written(steps: &[u64]) -> Vec<u8> {
    let distance = |pair: &[u64]| pair[1] - pair[0];
    let mut distances = steps.windows(2).map(distance);
    let first = steps.first().copied().unwrap_or_default();
    let stride = distances.next().unwrap_or_default();
    let mut bytes = Vec::new();
    if distances.all(|distance| distance == stride) {
        bytes.push(REGULAR);
        push(&mut bytes, first);
        push(&mut bytes, stride);
    } else {
        bytes.push(DISTANCES);
        push(&mut bytes, first);
        for pair in steps.windows(2) {
            push(&mut bytes, distance(pair));
        }
    }
    bytes
}

/// None for bytes that are no `points_n` steps.
fn read(bytes: &[u8], points_n: usize) -> Option<Vec<u64>> {
    let (form, mut rest) = bytes.split_first()?;
    let first = pull(&mut rest)?;
    let mut steps = Vec::with_capacity(points_n);
    let mut step = Some(first);
    let stride = if *form == REGULAR { Some(pull(&mut rest)?) } else { None };
    if !matches!(*form, REGULAR | DISTANCES) {
        return None;
    }
    for index in 0..points_n {
        steps.push(step?);
        let is_last = index + 1 == points_n;
        let distance = match stride {
            Some(stride) => stride,
            None if is_last => 0,
            None => pull(&mut rest)?,
        };
        step = step?.checked_add(distance);
    }
    rest.is_empty().then_some(steps)
}

/// Seven bits a byte, the lowest first; the eighth says that more follow.
fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

fn pull(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        number |= bits.checked_shl(shift).filter(|shifted| shifted >> shift == bits)?;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LOSS: Metric = Metric::TrainLoss;

    fn points(steps: &[u64]) -> Vec<MetricPoint> {
        let values = [1.5, -0.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE];
        let point = |(index, step): (usize, &u64)| MetricPoint {
            metric: LOSS,
            step: *step,
            value: values[index % values.len()],
        };
        steps.iter().enumerate().map(point).collect()
    }

    fn bits(points: &[MetricPoint]) -> Vec<(u64, u64)> {
        points.iter().map(|point| (point.step, point.value.to_bits())).collect()
    }

    #[test]
    fn steps_at_equal_distances_take_no_room() {
        let regular: Vec<u64> = (0..1000).map(|index| 7 + 50 * index).collect();
        assert_eq!(Chunk::of(&points(&regular)).steps.len(), 3);
        let irregular: Vec<u64> = (0..1000).map(|index| index * index).collect();
        assert!(Chunk::of(&points(&irregular)).steps.len() < 2000);
    }

    #[test]
    fn what_was_not_written_so_is_refused() {
        let chunk = Chunk::of(&points(&[1, 2, 4]));
        let points_n = chunk.points_n;
        let broken = [
            Chunk { points_n: points_n - 1, ..chunk.clone() },
            Chunk { points_n: points_n + 1, ..chunk.clone() },
            Chunk { steps: Vec::new(), ..chunk.clone() },
            Chunk { steps: vec![9, 1, 1, 2], ..chunk.clone() },
            Chunk { steps: vec![DISTANCES, 1, 1], ..chunk.clone() },
            Chunk { steps: [&[REGULAR][..], &[0xff; 11]].concat(), ..chunk.clone() },
            Chunk { values: vec![F64; 24], ..chunk.clone() },
            Chunk { values: vec![7; 25], ..chunk },
        ];
        for chunk in broken {
            assert!(matches!(chunk.points(LOSS), Err(Error::Corrupt { .. })), "{chunk:?}");
        }
    }

    proptest! {
        #[test]
        fn points_read_back_bit_for_bit(steps in prop::collection::btree_set(any::<u64>(), 0..40)) {
            let points = points(&steps.into_iter().collect::<Vec<_>>());
            let again = Chunk::of(&points).points(LOSS).unwrap();
            prop_assert_eq!(bits(&again), bits(&points));
        }

        #[test]
        fn no_bytes_panic(
            steps in prop::collection::vec(any::<u8>(), 0..40),
            values in prop::collection::vec(any::<u8>(), 0..40),
            points_n in 0usize..40,
        ) {
            let _ = Chunk { points_n, steps, values }.points(LOSS);
        }
    }
}
