//! Threads that share a training step.
//!
//! What each of them does is cut by the run and never by their number, and what they found is put
//! together in the order of the pieces: any number of threads makes the same bits.

use std::thread;
use std::time::Duration;

use crate::clock::thread_cpu_time;
use crate::error::Error;

/// What threads found, in the order of the jobs, and the CPU time of those that are not the caller's.
pub(crate) struct Shared<R> {
    pub(crate) found: Vec<R>,
    pub(crate) elsewhere: Duration,
}

/// Works off `jobs` on as many threads, the caller's among them: each takes every `threads_n`th.
pub(crate) fn share<J, R, F>(jobs: Vec<J>, threads_n: usize, work: F) -> Result<Shared<R>, Error>
where
    J: Send,
    R: Send,
    F: Fn(J) -> Result<R, Error> + Sync,
{
    let threads_n = threads_n.min(jobs.len()).max(1);
    let jobs_n = jobs.len();
    let mut hands: Vec<Vec<J>> = (0..threads_n).map(|_| Vec::new()).collect();
    for (number, job) in jobs.into_iter().enumerate() {
        hands[number % threads_n].push(job);
    }
    let mut hands = hands.into_iter();
    let own = hands.next().unwrap_or_default();
    let work = &work;
    let all = |jobs: Vec<J>| jobs.into_iter().map(work).collect::<Result<Vec<R>, Error>>();
    let mut elsewhere = Duration::ZERO;
    let mut columns = thread::scope(|scope| {
        let others: Vec<_> =
            hands.map(|jobs| scope.spawn(move || (all(jobs), thread_cpu_time()))).collect();
        let mut columns = vec![all(own)?.into_iter()];
        for other in others {
            // A panic goes on where it would without threads.
            let (found, used) =
                other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            elsewhere += used;
            columns.push(found?.into_iter());
        }
        Ok::<_, Error>(columns)
    })?;
    let found = (0..jobs_n).filter_map(|number| columns[number % threads_n].next()).collect();
    Ok(Shared { found, elsewhere })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_threads_finds_the_same_in_the_same_order() {
        let squares: Vec<u64> = (0..23).map(|n| n * n).collect();
        for threads_n in [1, 2, 3, 8, 40] {
            let shared = share((0..23).collect(), threads_n, |n: u64| Ok(n * n)).unwrap();
            assert_eq!(shared.found, squares);
            assert_eq!(shared.elsewhere > Duration::ZERO, threads_n > 1);
        }
        assert!(share(Vec::<u64>::new(), 2, Ok).unwrap().found.is_empty());
    }

    #[test]
    fn the_first_refusal_of_any_thread_is_told() {
        let refuse = |n: u64| if n == 5 { Err(Error::NotOurs) } else { Ok(n) };
        for threads_n in [1, 2, 3] {
            let refused = share((0..9).collect(), threads_n, refuse).err();
            assert!(matches!(refused, Some(Error::NotOurs)));
        }
    }
}
