//! Reads requests ahead on a thread of its own, so that reading and simulating cost the longer of
//! the two and not their sum.
//!
//! Chunks go through a bounded queue in the order in which they were read: what comes out is what
//! the source would have given, whatever the two threads do, and memory stays flat.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::diagnose::Problem;
use crate::model::Request;
use crate::workload::Source;

/// Chunks that wait between the threads, and the requests of each: enough to hide the queue's
/// locks, few enough for the second cache.
const WAITING: usize = 4;
const CHUNK: usize = 4096;

/// A source that is read ahead on a thread of its own; not for closed loops, whose next request
/// depends on the last answer.
pub struct Ahead {
    full: Option<Receiver<Result<Vec<Request>, Problem>>>,
    empty: SyncSender<Vec<Request>>,
    reader: Option<JoinHandle<Box<dyn Source>>>,
    source: Option<Box<dyn Source>>,
}

impl Ahead {
    /// Starts reading.
    pub fn new(mut source: Box<dyn Source>) -> Self {
        let (to_simulator, full) = sync_channel(WAITING);
        // Every chunk there is fits, so handing one back never waits.
        let (empty, from_simulator) = sync_channel::<Vec<Request>>(WAITING + 2);
        let reader = std::thread::spawn(move || {
            loop {
                let mut chunk = from_simulator.try_recv().unwrap_or_default();
                chunk.clear();
                let filled = fill(source.as_mut(), &mut chunk);
                let over = filled.is_err() || chunk.is_empty();
                // The simulator may have stopped before the source did.
                if to_simulator.send(filled.map(|()| chunk)).is_err() || over {
                    return source;
                }
            }
        });
        Self { full: Some(full), empty, reader: Some(reader), source: None }
    }

    fn join(&mut self) {
        self.full = None;
        if let Some(reader) = self.reader.take() {
            match reader.join() {
                Ok(source) => self.source = Some(source),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    }
}

/// Fills a chunk, unless the source is over before.
fn fill(source: &mut dyn Source, chunk: &mut Vec<Request>) -> Result<(), Problem> {
    while chunk.len() < CHUNK {
        let before = chunk.len();
        source.fill(chunk)?;
        if chunk.len() == before {
            break;
        }
    }
    Ok(())
}

impl Source for Ahead {
    fn fill(&mut self, out: &mut Vec<Request>) -> Result<(), Problem> {
        let Some(full) = &self.full else {
            return Ok(());
        };
        match full.recv() {
            Ok(Ok(chunk)) if !chunk.is_empty() => {
                out.extend_from_slice(&chunk);
                // A reader that is gone needs no more room.
                let _ = self.empty.try_send(chunk);
                Ok(())
            }
            Ok(Ok(_)) | Err(_) => {
                self.join();
                Ok(())
            }
            Ok(Err(problem)) => {
                self.join();
                Err(problem)
            }
        }
    }

    fn advice(&self) -> Vec<String> {
        self.source.as_ref().map_or_else(Vec::new, |source| source.advice())
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        // Without a receiver the reader's next chunk fails, and it ends.
        self.full = None;
        if let Some(reader) = self.reader.take() {
            // It has nothing to say that a source that is dropped could still pass on.
            let _ = reader.join();
        }
    }
}
