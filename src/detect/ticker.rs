//! A thread that ticks, for those who have none to spare.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::detector::Detector;

/// A running [`Detector::start`]; dropped, it ends the thread, and waits for the tick under way.
#[derive(Debug)]
#[must_use = "dropped, it ends the thread"]
pub struct Ticker {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

/// No thread ticks without a pause.
const SHORTEST: Duration = Duration::from_millis(1);

impl Detector {
    /// Starts a thread that calls [`tick`](Self::tick) every [`tick_interval`](Self::tick_interval), until what this
    /// gives is dropped.
    ///
    /// With a runtime of your own, a task does as well: its interval timer, and `detector.tick()` for each. Where a
    /// [callback](super::DetectorBuilder::on_notice) panics, that is logged, and the thread goes on.
    ///
    /// ```
    /// use plimsoll::{Detector, Ledger};
    ///
    /// let ticker = Detector::new(&Ledger::new()).start()?;
    /// drop(ticker); // the thread has ended
    /// # Ok::<_, std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where the system gives no thread.
    pub fn start(&self) -> std::io::Result<Ticker> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let (detector, stopped) = (self.clone(), Arc::clone(&stop));
        let run = move || {
            let (stop, wake) = &*stopped;
            loop {
                let asleep = stop.lock().unwrap_or_else(PoisonError::into_inner);
                let interval = detector.tick_interval().max(SHORTEST);
                let (now, _) =
                    wake.wait_timeout_while(asleep, interval, |stop| !*stop).unwrap_or_else(PoisonError::into_inner);
                if *now {
                    drop(now);
                    detector.keep(true);
                    return;
                }
                drop(now);
                // Nothing of the detector's is locked while it tells, so nothing is left half-done.
                if catch_unwind(AssertUnwindSafe(|| detector.tick())).is_err() {
                    tracing::error!("whoever is told of findings panicked: the detector's thread goes on");
                }
            }
        };
        let thread = std::thread::Builder::new().name("plimsoll-detector".into()).spawn(run)?;
        Ok(Ticker { stop, thread: Some(thread) })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        let (stop, wake) = &*self.stop;
        *stop.lock().unwrap_or_else(PoisonError::into_inner) = true;
        wake.notify_all();
        // A callback may drop it from within: a thread does not wait for itself.
        let own = |thread: &JoinHandle<()>| thread.thread().id() == std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(|thread| !own(thread)) {
            let _ = thread.join();
        }
    }
}
