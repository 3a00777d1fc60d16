//! Reads requests ahead on a thread of its own: reading and simulating take the longer of the two,
//! and not their sum.
//!
//! Chunks pass through a bounded queue in the order in which they were read, so what comes out is
//! what the source would have given, whatever the two threads do, and memory stays flat.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::Source;
use crate::diagnose::Problem;
use crate::model::Request;
use crate::time::Instant;

/// Chunks that wait between the threads: enough to even out their paces, few enough for the cache.
const WAITING: usize = 4;

/// A source that is read ahead. Not for closed loops, whose next request depends on an answer.
pub struct Ahead {
    read: Option<Receiver<Chunk>>,
    /// Where chunks go back to be filled again.
    used: SyncSender<Vec<Request>>,
    reader: Reader,
    impatient: bool,
    share: Option<f64>,
}

/// What was read, and how much of the source that is so far.
type Chunk = (Result<Vec<Request>, Problem>, Option<f64>);

enum Reader {
    Reading(JoinHandle<Box<dyn Source>>),
    Done(Box<dyn Source>),
    Gone,
}

impl Ahead {
    /// Starts to read.
    pub fn new(mut source: Box<dyn Source>) -> Self {
        debug_assert!(!source.is_closed_loop(), "a closed loop cannot be read ahead");
        let (impatient, share) = (source.is_impatient(), source.share());
        let (queue, read) = sync_channel(WAITING);
        // There are so many chunks at most, so handing one back never waits.
        let (used, again) = sync_channel(WAITING + 2);
        let reader = std::thread::spawn(move || {
            pass_on(source.as_mut(), &queue, &again);
            source
        });
        Self { read: Some(read), used, reader: Reader::Reading(reader), impatient, share }
    }

    /// Waits for the reader to stop, which it does when nobody takes what it reads.
    fn stop(&mut self) {
        self.read = None;
        self.reader = match std::mem::replace(&mut self.reader, Reader::Gone) {
            Reader::Reading(thread) => match thread.join() {
                Ok(source) => Reader::Done(source),
                Err(panic) => std::panic::resume_unwind(panic),
            },
            stopped => stopped,
        };
    }

    fn source(&mut self) -> Option<&mut Box<dyn Source>> {
        self.stop();
        match &mut self.reader {
            Reader::Done(source) => Some(source),
            Reader::Reading(_) | Reader::Gone => None,
        }
    }
}

/// Reads until the source is at its end, or cannot be read, or the run has ended.
fn pass_on(source: &mut dyn Source, queue: &SyncSender<Chunk>, again: &Receiver<Vec<Request>>) {
    loop {
        let mut chunk = again.try_recv().unwrap_or_default();
        chunk.clear();
        let filled = source.fill(&mut chunk);
        let over = filled.is_err() || chunk.is_empty();
        let chunk = (filled.map(|()| chunk), source.share());
        if queue.send(chunk).is_err() || over {
            return;
        }
    }
}

impl Source for Ahead {
    fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem> {
        let next = self.read.as_ref().and_then(|read| read.recv().ok());
        let Some((chunk, share)) = next else {
            self.stop();
            return Ok(());
        };
        let mut chunk = chunk?;
        self.share = share;
        if out.is_empty() {
            std::mem::swap(out, &mut chunk);
        } else {
            out.append(&mut chunk);
        }
        // A reader that has stopped fills no more.
        let _ = self.used.try_send(chunk);
        Ok(())
    }

    fn is_impatient(&self) -> bool {
        self.impatient
    }

    fn share(&self) -> Option<f64> {
        self.share
    }

    fn end(&mut self) -> Option<Instant> {
        self.source()?.end()
    }

    fn advice(&mut self) -> Vec<String> {
        self.source().map_or_else(Vec::new, |source| source.advice())
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.read = None;
        if let Reader::Reading(thread) = std::mem::replace(&mut self.reader, Reader::Gone) {
            // A run that has failed has its own problem to tell.
            drop(thread.join());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Chunks of three requests a nanosecond apart, `left` in all; then, where it is, a problem.
    struct Counter {
        next: u64,
        left: u64,
        problem: bool,
    }

    impl Source for Counter {
        fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem> {
            if self.left == 0 && self.problem {
                return Err(Problem::new("row 8 is damaged"));
            }
            let count = self.left.min(3);
            let at = |nanos| Request { arrival: Instant(nanos), ..Request::default() };
            out.extend((self.next..self.next + count).map(at));
            (self.next, self.left) = (self.next + count, self.left - count);
            Ok(())
        }

        fn end(&mut self) -> Option<Instant> {
            Some(Instant(self.next))
        }

        fn advice(&mut self) -> Vec<String> {
            vec![format!("{} read", self.next)]
        }
    }

    fn ahead(left: u64, problem: bool) -> Ahead {
        Ahead::new(Box::new(Counter { next: 0, left, problem }))
    }

    fn drain(source: &mut Ahead) -> Result<Vec<u64>, Problem> {
        let (mut all, mut chunk) = (Vec::new(), Vec::new());
        loop {
            chunk.clear();
            source.fill(&mut chunk)?;
            if chunk.is_empty() {
                return Ok(all);
            }
            all.extend(chunk.iter().map(|request| request.arrival.0));
        }
    }

    #[test]
    fn what_is_read_ahead_comes_in_order_and_ends_as_its_source_does() {
        let mut source = ahead(1000, false);
        assert_eq!(drain(&mut source).unwrap(), (0..1000).collect::<Vec<_>>());
        assert_eq!(source.end(), Some(Instant(1000)));
        assert_eq!(source.advice(), ["1000 read"]);
        assert_eq!(drain(&mut source).unwrap(), [0; 0], "what is over stays over");
    }

    #[test]
    fn a_problem_comes_after_what_was_read_before_it() {
        let mut source = ahead(7, true);
        let mut seen = Vec::new();
        let problem = loop {
            if let Err(problem) = source.fill(&mut seen) {
                break problem;
            }
        };
        assert_eq!(seen.len(), 7);
        assert!(problem.render(false).contains("row 8 is damaged"));
    }

    #[test]
    fn a_run_that_stops_early_stops_the_reader() {
        let mut source = ahead(u64::MAX, false);
        source.fill(&mut Vec::new()).unwrap();
        assert_ne!(source.advice(), ["0 read"]);
        drop(ahead(u64::MAX, false));
    }
}
