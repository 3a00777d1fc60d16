//! What is to be done next: work that became known comes before points that are not begun.
//!
//! Whoever is free takes the next task, whichever point it belongs to, so that no thread waits for
//! a long point. A new point is begun only when nothing else is ready: few points are open at a
//! time, and memory does not grow with the grid.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard};

/// Tasks for any number of threads.
pub(super) struct Agenda<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    ready: VecDeque<T>,
    next: u64,
    end: u64,
    /// Threads that have a task, and may add more.
    busy: usize,
    over: bool,
}

/// Something to do.
pub(super) enum Task<T> {
    /// Begin the point at this place.
    Begin(u64),
    /// Go on with a point.
    GoOn(T),
}

impl<T> Agenda<T> {
    /// An agenda of the points `0..end`.
    pub(super) fn new(end: u64) -> Self {
        let state = State { ready: VecDeque::new(), next: 0, end, busy: 0, over: false };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// The next task, once there is one; `None` when all is done. Each is to be followed by `done`.
    pub(super) fn take(&self) -> Option<Task<T>> {
        let mut state = self.lock();
        loop {
            if state.over {
                return None;
            }
            if let Some(task) = state.ready.pop_front() {
                state.busy += 1;
                return Some(Task::GoOn(task));
            }
            if state.next < state.end {
                state.busy += 1;
                state.next += 1;
                return Some(Task::Begin(state.next - 1));
            }
            if state.busy == 0 {
                return None;
            }
            state = self.changed.wait(state).expect("no thread panics while it holds the agenda");
        }
    }

    /// Adds tasks, from within a task.
    pub(super) fn add(&self, tasks: impl Iterator<Item = T>) {
        self.lock().ready.extend(tasks);
        self.changed.notify_all();
    }

    /// The task taken last is done.
    pub(super) fn done(&self) {
        self.lock().busy -= 1;
        self.changed.notify_all();
    }

    /// Nothing more is to be taken up.
    pub(super) fn stop(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().expect("no thread panics while it holds the agenda")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_becomes_known_comes_before_what_is_not_begun() {
        let agenda = Agenda::new(2);
        assert!(matches!(agenda.take(), Some(Task::Begin(0))));
        agenda.add(["a", "b"].into_iter());
        assert!(matches!(agenda.take(), Some(Task::GoOn("a"))));
        assert!(matches!(agenda.take(), Some(Task::GoOn("b"))));
        assert!(matches!(agenda.take(), Some(Task::Begin(1))));
        (0..4).for_each(|_| agenda.done());
        assert!(agenda.take().is_none());
    }

    #[test]
    fn a_thread_waits_for_what_others_may_add() {
        let agenda = Agenda::new(1);
        let count = Mutex::new(0);
        let work = || {
            while let Some(task) = agenda.take() {
                if matches!(task, Task::Begin(_)) {
                    std::thread::yield_now();
                    agenda.add(0..100);
                } else {
                    *count.lock().unwrap() += 1;
                }
                agenda.done();
            }
        };
        std::thread::scope(|scope| {
            (0..3).for_each(|_| drop(scope.spawn(work)));
        });
        assert_eq!(*count.lock().unwrap(), 100);
    }
}
