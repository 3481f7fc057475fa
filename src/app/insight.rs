//! Starts the analyst: the thread that takes what the workers tell, the thread that reads texts, and its clock.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::config::Observe;
use crate::observe::analyst::Analyst;
use crate::observe::insight::Insight;
use crate::observe::observer::Observatory;
use crate::observe::snapshot::Snapshot;
use crate::pool::Pool;

/// The analyst while pgweir runs. Dropped, it reads no more texts.
pub(super) struct Insights {
    analyst: Arc<Analyst>,
    observatory: Arc<Observatory>,
}

impl Insights {
    /// # Errors
    /// When the system gives no thread.
    pub(super) fn start(observatory: Arc<Observatory>, observe: &Observe, epoch: Instant) -> std::io::Result<Insights> {
        let since = SignedDuration::try_from(epoch.elapsed()).unwrap_or_default();
        let began = Timestamp::now().checked_sub(since).unwrap_or(Timestamp::UNIX_EPOCH);
        let analyst = Arc::new(Analyst::new(observatory.whos.clone(), observe, began));
        let reading = analyst.clone();
        std::thread::Builder::new().name("pgweir-texts".to_owned()).spawn(move || reading.read_texts())?;
        let (taking, from) = (analyst.clone(), observatory.clone());
        std::thread::Builder::new().name("pgweir-analyst".to_owned()).spawn(move || take_all(&taking, &from, epoch))?;
        Ok(Insights { analyst, observatory })
    }

    /// For those who show what is known.
    pub(super) fn insight(&self) -> Insight {
        self.analyst.insight()
    }

    /// A second has passed, and a picture was taken.
    pub(super) fn second(&self, snapshot: &Snapshot) {
        self.analyst.second(snapshot);
    }

    /// Has those pools ask for foreign keys whose databases' are wanted.
    pub(super) fn ask(&self, pools: &[Arc<Pool>], now: Instant) {
        for who in self.analyst.take_questions() {
            let asked = |pool: &&Arc<Pool>| pool.database == who.database && pool.user == who.user;
            let Some(pool) = pools.iter().find(asked) else { continue };
            let (analyst, database) = (self.analyst.clone(), who.database.clone());
            pool.ask_references(now, move |references| analyst.declare(&database, references));
        }
    }

    /// Takes new thresholds.
    pub(super) fn reload(&self, observe: &Observe) {
        self.insight().reload(observe);
    }
}

/// Reads batches until there will be none any more.
fn take_all(analyst: &Analyst, from: &Observatory, epoch: Instant) {
    let (insight, mut batches) = (analyst.insight(), Vec::new());
    let (mut forgotten, mut told_again, mut looked) = (0, Instant::now(), Instant::now());
    let look = || {
        let now = epoch.elapsed().into();
        analyst.look_at_clock(now, Timestamp::now());
        analyst.tick(now).into_iter().for_each(|digest| from.known.arm(digest));
    };
    while from.take(&mut batches, PATIENCE) {
        batches.iter().for_each(|batch| analyst.take(batch));
        from.give_back(batches.drain(..));
        if looked.elapsed() < PAUSE {
            continue;
        }
        looked = Instant::now();
        look();
        if forgotten != insight.forgotten() && told_again.elapsed() >= AGAIN {
            (forgotten, told_again) = (insight.forgotten(), Instant::now());
            from.known.forget();
        }
    }
    look();
}

/// Where shapes are forgotten all the time, their texts are told again this often.
const AGAIN: Duration = Duration::from_secs(1);

/// Between two looks at what is over by now, at least.
const PAUSE: Duration = Duration::from_millis(50);

/// Between two looks at the clock, where nothing comes.
const PATIENCE: Duration = Duration::from_millis(250);

impl Drop for Insights {
    fn drop(&mut self) {
        self.observatory.close();
        self.analyst.close();
    }
}
