//! A plain thread that ticks a detector, for those who have no runtime to do it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, JoinHandle};

use super::detector::Detector;

/// Ticks a detector on a thread of its own until it is dropped; made by [`Detector::start`].
#[derive(Debug)]
#[must_use = "the detector is ticked until this is dropped"]
pub struct Ticker {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Detector {
    /// Ticks this detector on a thread of its own, until what this gives is dropped.
    ///
    /// Within a runtime of your own, tick it there: `tick` takes well under a millisecond for a hundred endpoints, and
    /// blocks on nothing but other callers of the detector.
    ///
    /// # Errors
    ///
    /// Where the system gives no thread.
    pub fn start(&self) -> io::Result<Ticker> {
        let stopped = Arc::new(AtomicBool::new(false));
        let (detector, stop) = (self.clone(), Arc::clone(&stopped));
        let tick = move || {
            while !stop.load(Relaxed) {
                detector.tick();
                thread::park_timeout(detector.tick_interval());
            }
        };
        let thread = thread::Builder::new().name("plimsoll-detector".into()).spawn(tick)?;
        Ok(Ticker { stopped, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stopped.store(true, Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // From within its own thread, a closure of `on_finding`, there is nothing to wait for.
            if thread.thread().id() != thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}
