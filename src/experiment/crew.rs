//! Threads that take up tasks in the order of their numbers.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::diagnose::Problem;

/// A number of threads that wait for work.
pub struct Crew {
    /// None where the caller's thread does all the work.
    pool: Option<rayon::ThreadPool>,
}

impl std::fmt::Debug for Crew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Crew").field("threads", &self.threads()).finish()
    }
}

impl Crew {
    /// As many threads as asked for, else one for each processor.
    pub fn new(threads: Option<u16>) -> Result<Self, Problem> {
        if threads == Some(1) {
            return Ok(Self { pool: None });
        }
        rayon::ThreadPoolBuilder::new()
            .num_threads(threads.map_or(0, usize::from))
            .build()
            .map(|pool| Self { pool: Some(pool) })
            .map_err(|error| {
                Problem::new(format!("cannot start threads: {error}"))
                    .help("ask for fewer with `--threads`")
            })
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.pool.as_ref().map_or(1, rayon::ThreadPool::current_num_threads)
    }

    /// Does the tasks `0..count`, each begun after all with lower numbers were begun, and gives
    /// their results in order, up to the first that gave none. That one, or a problem, ends the
    /// work.
    ///
    /// A shared counter hands out the tasks, because a split of the range in halves would leave a
    /// hole in the middle of what is done when the work is stopped.
    pub(super) fn run<T: Send>(
        &self,
        count: usize,
        task: impl Fn(usize) -> Result<Option<T>, Problem> + Sync,
    ) -> Result<Vec<T>, Problem> {
        let (next, over) = (AtomicUsize::new(0), AtomicBool::new(false));
        let results: Vec<Mutex<Option<Result<T, Problem>>>> =
            (0..count).map(|_| Mutex::new(None)).collect();
        let work = || {
            while !over.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(place) = results.get(number) else { break };
                let result = task(number).transpose();
                if !matches!(result, Some(Ok(_))) {
                    over.store(true, Ordering::Relaxed);
                }
                *place.lock().expect("no task panics while it holds its place") = result;
            }
        };
        match &self.pool {
            None => work(),
            Some(pool) => pool.scope(|scope| {
                for _ in 0..self.threads().min(count) {
                    scope.spawn(|_| work());
                }
            }),
        }
        let done = results.into_iter().map_while(|place| {
            place.into_inner().expect("no task panics while it holds its place")
        });
        done.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_the_number_of_threads() {
        let expected: Vec<usize> = (0..100).map(|i| i * i).collect();
        for threads in [1, 2, 7] {
            let crew = Crew::new(Some(threads)).unwrap();
            assert_eq!(crew.run(100, |i| Ok(Some(i * i))).unwrap(), expected);
        }
    }

    #[test]
    fn a_stop_keeps_the_complete_tasks_before_it() {
        let crew = Crew::new(Some(2)).unwrap();
        let done = crew.run(100, |i| Ok((i != 40).then_some(i))).unwrap();
        assert_eq!(done, (0..40).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_problem_by_number_is_told() {
        let crew = Crew::new(Some(2)).unwrap();
        let problem = |i: usize| {
            if i < 10 { Ok(Some(i)) } else { Err(Problem::new(format!("task {i}"))) }
        };
        assert_eq!(crew.run(100, problem).unwrap_err().message(), "task 10");
    }
}
