//! Starts the analyst: the thread that reads texts, and its clock. Who hands it batches is not decided here.

use std::sync::Arc;
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::config::Observe;
use crate::observe::analyst::Analyst;
use crate::observe::insight::Insight;
use crate::observe::snapshot::Snapshot;
use crate::observe::who::Whos;

/// The analyst while pgweir runs. Dropped, it reads no more texts.
pub(super) struct Insights {
    pub(super) analyst: Arc<Analyst>,
    epoch: Instant,
}

impl Insights {
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(whos: Arc<Whos>, observe: &Observe, epoch: Instant) -> std::io::Result<Insights> {
        let since = SignedDuration::try_from(epoch.elapsed()).unwrap_or_default();
        let began = Timestamp::now().checked_sub(since).unwrap_or(Timestamp::UNIX_EPOCH);
        let analyst = Arc::new(Analyst::new(whos, observe, began));
        let reading = analyst.clone();
        std::thread::Builder::new().name("pgweir-texts".to_owned()).spawn(move || reading.read_texts())?;
        Ok(Insights { analyst, epoch })
    }

    /// For those who show what is known.
    pub(super) fn insight(&self) -> Insight {
        self.analyst.insight()
    }

    /// A second has passed, and a picture was taken.
    pub(super) fn second(&self, now: Instant, snapshot: &Snapshot) {
        self.analyst.second(snapshot);
        let _ = self.analyst.tick(now.saturating_duration_since(self.epoch));
    }

    /// Takes new thresholds.
    pub(super) fn reload(&self, observe: &Observe) {
        self.insight().reload(observe);
    }
}

impl Drop for Insights {
    fn drop(&mut self) {
        self.analyst.close();
    }
}
