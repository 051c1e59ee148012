//! Where a condition begins to hold along an axis: looked for in steps, then halved.

/// The last place where a condition was seen to hold and the first where it was not, after
/// `halvings` of the way between such places.
pub(crate) fn halve(
    mut holds: f64,
    mut fails: f64,
    halvings: u32,
    mut condition: impl FnMut(f64) -> bool,
) -> (f64, f64) {
    for _ in 0..halvings {
        let middle = 0.5 * (holds + fails);
        if condition(middle) { holds = middle } else { fails = middle }
    }
    (holds, fails)
}

/// The first place on the way `from` one place, where the condition does not hold, `to` another, in
/// either direction, at which it does. What holds for less than one of `steps` may be missed.
pub(crate) fn first(
    from: f64,
    to: f64,
    steps: u32,
    halvings: u32,
    mut condition: impl FnMut(f64) -> bool,
) -> Option<f64> {
    let place = |i: u32| from + (to - from) * (f64::from(i) / f64::from(steps));
    let step = (1..=steps).find(|i| condition(place(*i)))?;
    Some(halve(place(step), place(step - 1), halvings, condition).0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_place_is_found_in_both_directions() {
        let found = first(0.0, 10.0, 16, 50, |x| x >= 3.3).expect("it is on the way");
        assert!((3.3..3.3 + 1e-12).contains(&found), "{found}");
        let found = first(10.0, 0.0, 16, 50, |x| x <= 3.3).expect("it is on the way");
        assert!((3.3 - 1e-12..=3.3).contains(&found), "{found}");
        assert_eq!(first(0.0, 3.0, 16, 50, |x| x >= 3.3), None);
    }
}
