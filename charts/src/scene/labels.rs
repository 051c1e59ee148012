//! Finding places for words.

use super::{Area, At};

/// Moves places apart along a line until neighbours are `gap` apart, as little as possible and
/// within `from..=to`. Answers in the order asked. The caller asks for no more than fit.
pub(crate) fn spread(wanted: &[f64], gap: f64, from: f64, to: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by(|a, b| wanted[*a].total_cmp(&wanted[*b]));
    // Clusters of labels that touch share one displacement: the mean of what they want.
    let mut clusters: Vec<(f64, usize)> = Vec::new();
    for &index in &order {
        clusters.push((wanted[index], 1));
        while let [.., (before, n), (after, m)] = clusters[..] {
            let clearance = gap * (n + m) as f64 / 2.0;
            if after - before >= clearance {
                break;
            }
            let count = n + m;
            let centre = (before * n as f64 + after * m as f64) / count as f64;
            clusters.truncate(clusters.len() - 2);
            clusters.push((held(centre, count, gap, from, to), count));
        }
        if let Some((centre, count)) = clusters.last_mut() {
            *centre = held(*centre, *count, gap, from, to);
        }
    }
    let mut placed = vec![0.0; wanted.len()];
    let mut order = order.into_iter();
    for (centre, count) in clusters {
        let first = centre - gap * (count as f64 - 1.0) / 2.0;
        for (i, index) in order.by_ref().take(count).enumerate() {
            placed[index] = first + gap * i as f64;
        }
    }
    // Holding a cluster inside may push it into the one before: settle from the end.
    let mut limit = to;
    let mut by_place: Vec<usize> = (0..placed.len()).collect();
    by_place.sort_by(|a, b| placed[*a].total_cmp(&placed[*b]));
    for index in by_place.into_iter().rev() {
        placed[index] = placed[index].min(limit);
        limit = placed[index] - gap;
    }
    placed
}

fn held(centre: f64, count: usize, gap: f64, from: f64, to: f64) -> f64 {
    let half = gap * (count as f64 - 1.0) / 2.0;
    centre.min(to - half).max(from + half)
}

/// The first of the candidate areas that covers the fewest obstacles and lies inside `frame`.
pub(super) fn least_covered(candidates: &[Area], obstacles: &[At], frame: &Area) -> Option<usize> {
    let cost = |area: &Area| {
        let padded = area.grown(5.0);
        let covered = obstacles.iter().filter(|at| padded.contains(**at)).count();
        let is_outside = area.left < frame.left
            || area.right > frame.right
            || area.top < frame.top
            || area.bottom > frame.bottom;
        covered + if is_outside { 10_000 } else { 0 }
    };
    (0..candidates.len()).min_by_key(|i| cost(&candidates[*i]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn labels_move_as_little_as_they_must() {
        assert_eq!(spread(&[10.0, 90.0], 20.0, 0.0, 100.0), [10.0, 90.0]);
        assert_eq!(spread(&[50.0, 50.0], 20.0, 0.0, 100.0), [40.0, 60.0]);
        assert_eq!(spread(&[99.0, 98.0, 10.0], 20.0, 0.0, 100.0), [100.0, 80.0, 10.0]);
    }

    proptest! {
        #[test]
        fn labels_keep_apart_and_inside(
            wanted in prop::collection::vec(-50.0..350.0f64, 1..16),
        ) {
            let placed = spread(&wanted, 18.0, 0.0, 300.0);
            let mut sorted = placed.clone();
            sorted.sort_by(f64::total_cmp);
            prop_assert!(sorted[0] >= -1e-9 && sorted[sorted.len() - 1] <= 300.0 + 1e-9);
            for pair in sorted.windows(2) {
                prop_assert!(pair[1] - pair[0] >= 18.0 - 1e-9, "{:?}", placed);
            }
        }
    }
}
