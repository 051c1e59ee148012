//! Cutting lines and regions at the frame, and thinning what no eye can see.
//!
//! Done here rather than by an SVG clip path: a band may leave the frame by three hundred orders of
//! magnitude, and an inlined figure needs no ids that could collide with the page's.

use super::{Area, At};

/// A region cut to `frame` at top and bottom (Sutherland and Hodgman, 1974). Its places lie inside
/// the frame's left and right edges already.
pub(super) fn cut_region(places: &[At], frame: &Area) -> Vec<At> {
    let below_top = cut_side(places, frame.top, |y| y >= frame.top);
    cut_side(&below_top, frame.bottom, |y| y <= frame.bottom)
}

fn cut_side(places: &[At], edge: f64, is_inside: impl Fn(f64) -> bool) -> Vec<At> {
    let mut kept = Vec::with_capacity(places.len() + 4);
    for (i, &to) in places.iter().enumerate() {
        let from = places[(i + places.len() - 1) % places.len()];
        if is_inside(from.y) != is_inside(to.y) {
            let share = (edge - from.y) / (to.y - from.y);
            kept.push(At { x: from.x + share * (to.x - from.x), y: edge });
        }
        if is_inside(to.y) {
            kept.push(to);
        }
    }
    kept
}

/// Deviation that thinning may cause, pixels.
const TOLERANCE: f64 = 0.08;

/// Leaves out places that lie on the line between their neighbours (Douglas and Peucker, 1973).
pub(super) fn thin(places: &[At]) -> Vec<At> {
    let Some(last) = places.len().checked_sub(1).filter(|last| *last >= 2) else {
        return places.to_vec();
    };
    let mut is_kept = vec![false; places.len()];
    is_kept[0] = true;
    is_kept[last] = true;
    let mut stretches = vec![(0, last)];
    while let Some((from, to)) = stretches.pop() {
        let farthest = (from + 1..to)
            .map(|i| (i, distance(places[i], places[from], places[to])))
            .max_by(|a, b| a.1.total_cmp(&b.1));
        if let Some((i, _)) = farthest.filter(|(_, distance)| *distance > TOLERANCE) {
            is_kept[i] = true;
            stretches.extend([(from, i), (i, to)]);
        }
    }
    places.iter().zip(is_kept).filter_map(|(place, is_kept)| is_kept.then_some(*place)).collect()
}

/// Distance of `place` from the line through `a` and `b`.
fn distance(place: At, a: At, b: At) -> f64 {
    let (dx, dy) = (b.x - a.x, b.y - a.y);
    let length = dx.hypot(dy);
    if length == 0.0 {
        return (place.x - a.x).hypot(place.y - a.y);
    }
    ((place.x - a.x) * dy - (place.y - a.y) * dx).abs() / length
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(list: &[(f64, f64)]) -> Vec<At> {
        list.iter().map(|&(x, y)| At { x, y }).collect()
    }

    #[test]
    fn a_region_is_cut_at_the_frame() {
        let frame = Area { left: 0.0, top: 0.0, right: 10.0, bottom: 10.0 };
        let wedge = places(&[(0.0, 5.0), (10.0, -15.0), (10.0, 25.0)]);
        let cut = cut_region(&wedge, &frame);
        assert!(cut.iter().all(|at| frame.contains(*at)), "{cut:?}");
        // The wedge meets the top and the bottom edge a quarter of the way.
        assert!(cut.contains(&At { x: 2.5, y: 0.0 }) && cut.contains(&At { x: 2.5, y: 10.0 }));
        assert!(cut_region(&places(&[(0.0, 20.0), (9.0, 30.0), (9.0, 20.0)]), &frame).is_empty());
    }

    #[test]
    fn thinning_keeps_corners_only() {
        let bent = places(&[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 0.0), (4.0, -2.0)]);
        assert_eq!(thin(&bent), places(&[(0.0, 0.0), (2.0, 2.0), (4.0, -2.0)]));
    }
}
