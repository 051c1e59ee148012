//! Work shared among threads, with a result that does not depend on how many there are.

use std::thread;

/// The results of `work` on the numbers below `count`, in their order. Each thread works off every
/// n-th number with a state of its own, which `begin` makes.
pub(crate) fn share<S, T: Send>(
    threads_n: usize,
    count: usize,
    begin: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> Vec<T> {
    let threads_n = threads_n.clamp(1, count.max(1));
    let own = |first: usize| {
        let mut state = begin();
        let numbers = (first..count).step_by(threads_n);
        numbers.map(|number| work(&mut state, number)).collect::<Vec<T>>()
    };
    let mut by_thread: Vec<_> = thread::scope(|scope| {
        let own = &own;
        let handles: Vec<_> = (1..threads_n).map(|first| scope.spawn(move || own(first))).collect();
        let first = own(0);
        let others = handles.into_iter().map(|handle| handle.join().expect("work does not panic"));
        std::iter::once(first).chain(others).map(Vec::into_iter).collect()
    });
    (0..count).filter_map(|number| by_thread[number % threads_n].next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_for_any_number_of_threads() {
        let expected: Vec<usize> = (0..10).map(|n| n * n).collect();
        for threads_n in [0, 1, 2, 3, 20] {
            assert_eq!(share(threads_n, 10, || (), |(), n| n * n), expected);
        }
        assert!(share(4, 0, || (), |(), n| n).is_empty());
    }
}
