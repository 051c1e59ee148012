//! What the geometry of a data set says of how hard it is to learn: its intrinsic dimension, and how
//! sharply labels change in it (Konz and Mazurowski, arXiv 2401.08865).
//!
//! Both compare all pairs of points: some thousand points are enough, and take a moment.

/// The intrinsic dimension of `points` by the likelihood of distances to the `neighbours` nearest,
/// averaged as one over the dimension (Levina and Bickel 2004; the averaging is MacKay and
/// Ghahramani's).
///
/// ```text
/// 1 / d = mean over points of  1/(k - 1) sum_{j < k} ln(T_k / T_j)
/// ```
///
/// with T_j the distance to the j-th neighbour. Points that repeat others are left out of their
/// neighbours. None where no point has `neighbours` others, or fewer than two are asked for.
#[must_use]
pub fn intrinsic_dimension(points: &[Vec<f64>], neighbours: usize) -> Option<f64> {
    if neighbours < 2 {
        return None;
    }
    let (mut sum, mut n) = (0.0, 0_u32);
    for (i, point) in points.iter().enumerate() {
        let others = points.iter().enumerate().filter(|(j, _)| *j != i);
        let mut far: Vec<f64> = others.map(|(_, other)| distance(point, other)).collect();
        far.retain(|distance| *distance > 0.0);
        if far.len() < neighbours {
            continue;
        }
        far.sort_by(f64::total_cmp);
        let last = far[neighbours - 1];
        let inverse: f64 = far[..neighbours - 1].iter().map(|near| (last / near).ln()).sum();
        sum += inverse / (neighbours - 1) as f64;
        n += 1;
    }
    (n > 0 && sum > 0.0).then(|| f64::from(n) / sum)
}

/// The label sharpness K of `points`: the largest difference of labels over the distance of two
/// points. Labels of classes differ by one or not at all. None where no two points are apart.
///
/// # Panics
/// With another number of labels than of points.
#[must_use]
pub fn label_sharpness(points: &[Vec<f64>], labels: &[Label]) -> Option<f64> {
    assert_eq!(points.len(), labels.len(), "every point has a label");
    let mut most: Option<f64> = None;
    for (i, (point, label)) in points.iter().zip(labels).enumerate() {
        for (other, other_label) in points[..i].iter().zip(labels) {
            let apart = distance(point, other);
            if apart > 0.0 {
                most = Some(most.unwrap_or(0.0).max(label.apart(*other_label) / apart));
            }
        }
    }
    most
}

/// What a point is labelled with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Label {
    Class(u64),
    Number(f64),
}

impl Label {
    fn apart(self, other: Self) -> f64 {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => (a - b).abs(),
            (a, b) => f64::from(u8::from(a != b)),
        }
    }
}

fn distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Stream;

    /// Points that fill `dimension` directions of ten.
    fn cloud(dimension: usize) -> Vec<Vec<f64>> {
        let mut stream = Stream::keyed(4, [dimension as u64, 0, 0]);
        let directions: Vec<Vec<f64>> =
            (0..dimension).map(|_| (0..10).map(|_| stream.normal()).collect()).collect();
        let point = |_| {
            let along: Vec<f64> = (0..dimension).map(|_| stream.normal()).collect();
            let at = |i: usize| along.iter().zip(&directions).map(|(a, d)| a * d[i]).sum();
            (0..10).map(at).collect()
        };
        (0..800).map(point).collect()
    }

    #[test]
    fn a_cloud_has_the_dimension_that_it_fills() {
        for dimension in [1, 2, 4] {
            let found = intrinsic_dimension(&cloud(dimension), 20).expect("many points");
            let expected = dimension as f64;
            assert!((found / expected - 1.0).abs() < 0.12, "{found} {expected}");
        }
        assert_eq!(intrinsic_dimension(&cloud(2)[..20], 20), None);
        assert_eq!(intrinsic_dimension(&vec![vec![1.0]; 50], 5), None);
    }

    #[test]
    fn the_sharpest_pair_counts() {
        let points = [vec![0.0, 0.0], vec![3.0, 4.0], vec![0.0, 0.5], vec![0.0, 0.0]];
        let classes = [1, 2, 1, 2].map(Label::Class);
        // The first and the last are one point, which says nothing; the third and the last are near.
        assert_eq!(label_sharpness(&points, &classes), Some(2.0));
        let numbers = [0.0, 10.0, 0.1, 0.0].map(Label::Number);
        let sharpness = label_sharpness(&points, &numbers).expect("points that are apart");
        assert!((sharpness - 9.9 / 21.25_f64.sqrt()).abs() < 1e-12, "{sharpness}");
        assert_eq!(label_sharpness(&points[..1], &classes[..1]), None);
    }
}
