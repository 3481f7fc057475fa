//! `/metrics`: the snapshot in Prometheus' text format, written when it is scraped. Which numbers there are, their names
//! and labels; how they are counted is `observe`'s.
//!
//! prometheus-client writes OpenMetrics, where a counter's family lacks the `_total` of its samples; scrapers of the plain
//! text format would take such a counter for untyped. So a counter's family is declared here under its full name and its
//! samples are written the way gauges are: valid plain text.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NoLabelSet, text::encode_registry,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Registry;

use crate::observe::histogram::Distribution;
use crate::observe::insight::Totals;
use crate::observe::pins::Pin;
use crate::observe::process::Process;
use crate::observe::snapshot::{PoolView, Snapshot};

mod insight;

/// Prometheus' own text format.
pub(super) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The whole answer.
pub(super) fn text(snapshot: Arc<Snapshot>, process: Process, insight: Totals) -> String {
    let mut registry = Registry::with_prefix("pgweir");
    registry.register_collector(Box::new(Picture { snapshot, process, insight }));
    let mut text = String::new();
    encode_registry(&mut text, &registry).expect("writing to a String does not fail");
    text
}

#[derive(Debug)]
struct Picture {
    snapshot: Arc<Snapshot>,
    process: Process,
    insight: Totals,
}

impl Collector for Picture {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut page = Page(encoder);
        self.gauges(&mut page)?;
        self.histograms(&mut page)?;
        self.counters(&mut page)?;
        insight::write(&self.insight, &mut page)?;
        self.process(&mut page)
    }
}

impl Picture {
    fn gauges(&self, page: &mut Page<'_>) -> fmt::Result {
        let mut clients = page.gauge("clients", "Clients by state.")?;
        for pool in &self.snapshot.pools {
            clients.sample(&labels(pool, [("state", "idle")]), pool.clients.idle as u64)?;
            clients.sample(&labels(pool, [("state", "active")]), pool.clients.active as u64)?;
            clients.sample(&labels(pool, [("state", "waiting")]), pool.clients.waiting as u64)?;
        }
        let mut servers = page.gauge("servers", "Server connections by state.")?;
        for pool in &self.snapshot.pools {
            servers.sample(&labels(pool, [("state", "idle")]), pool.servers.idle as u64)?;
            servers.sample(&labels(pool, [("state", "active")]), pool.servers.active as u64)?;
            servers.sample(&labels(pool, [("state", "login")]), pool.servers.login as u64)?;
        }
        let mut pinned = page.gauge("pinned", "Clients that are tied to a server of their own, by reason.")?;
        for pool in &self.snapshot.pools {
            for (count, pin) in pool.clients.pinned.iter().zip(Pin::ALL) {
                pinned.sample(&labels(pool, [("reason", pin.as_str())]), *count as u64)?;
            }
        }
        self.each_pool(page.gauge("pool_size", "Server connections that the pool may have.")?, |pool| {
            pool.pool_size as u64
        })?;
        self.each_pool(page.gauge("pool_waiting", "Clients that wait for a server.")?, |pool| {
            pool.clients.waiting as u64
        })?;
        self.each_pool(
            page.gauge("pool_max_wait_seconds", "How long the client at the head of the queue has waited.")?,
            |pool| pool.max_wait.as_secs_f64(),
        )
    }

    fn histograms(&self, page: &mut Page<'_>) -> fmt::Result {
        let mut each = |name, help, of: fn(&PoolView) -> &Distribution| {
            let mut family = page.histogram(name, help)?;
            self.snapshot.pools.iter().try_for_each(|pool| family.distribution(&labels(pool, []), of(pool)))
        };
        each(
            "pool_wait_seconds",
            "From asking for a server to having one, or to being told that there is none.",
            |pool| &pool.numbers.wait,
        )?;
        each("query_seconds", "Statements, without the wait for a server.", |pool| &pool.numbers.query)?;
        each("transaction_seconds", "Transactions, without the wait for a server.", |pool| &pool.numbers.transaction)?;
        each("server_connect_seconds", "Opening a server connection, login included.", |pool| {
            &pool.numbers.server_connect
        })?;
        each("client_login_seconds", "From accepting a client to its first ReadyForQuery.", |pool| {
            &pool.numbers.client_login
        })
    }

    fn counters(&self, page: &mut Page<'_>) -> fmt::Result {
        self.each_pool(page.counter("queries_total", "Statements that are over.")?, |pool| pool.numbers.queries())?;
        self.each_pool(page.counter("transactions_total", "Transactions that are over.")?, |pool| {
            pool.numbers.transactions()
        })?;
        self.each_pool(
            page.counter("server_connect_failures_total", "Server connections that could not be opened.")?,
            |pool| pool.numbers.connect_failures,
        )?;
        let mut bytes = page.counter("client_bytes_total", "Bytes from clients (in) and to clients (out).")?;
        for pool in &self.snapshot.pools {
            bytes.sample(&labels(pool, [("direction", "in")]), pool.numbers.client_received)?;
            bytes.sample(&labels(pool, [("direction", "out")]), pool.numbers.client_sent)?;
        }
        let mut bytes = page.counter("server_bytes_total", "Bytes from servers (in) and to servers (out).")?;
        for pool in &self.snapshot.pools {
            bytes.sample(&labels(pool, [("direction", "in")]), pool.numbers.server_received)?;
            bytes.sample(&labels(pool, [("direction", "out")]), pool.numbers.server_sent)?;
        }
        let mut errors = page.counter("errors_total", "Errors that clients were sent, by SQLSTATE.")?;
        for pool in &self.snapshot.pools {
            for (sqlstate, count) in pool.numbers.errors.iter() {
                errors.sample(&labels(pool, [("sqlstate", sqlstate)]), count)?;
            }
        }
        let mut rejected = page.counter("rejected_total", "Clients that were turned away, by reason.")?;
        self.snapshot
            .rejections
            .iter()
            .try_for_each(|(reason, count)| rejected.sample(&[("reason", reason.as_str())], *count))
    }

    fn process(&self, page: &mut Page<'_>) -> fmt::Result {
        let Process { resident_bytes, open_fds, max_fds, cpu_seconds } = self.process;
        page.gauge("process_resident_memory_bytes", "Memory in use.")?.known(resident_bytes)?;
        page.gauge("process_open_fds", "Descriptors open.")?.known(open_fds)?;
        page.gauge("process_max_fds", "Descriptors that may be open.")?.known(max_fds)?;
        page.counter("process_cpu_seconds_total", "User and system time.")?.known(cpu_seconds)?;
        page.gauge("build_info", "Always 1; the version is the label.")?
            .sample(&[("version", self.snapshot.version)], 1u64)
    }

    fn each_pool<V: EncodeGaugeValue>(&self, mut family: Family<'_>, value: impl Fn(&PoolView) -> V) -> fmt::Result {
        self.snapshot.pools.iter().try_for_each(|pool| family.sample(&labels(pool, []), value(pool)))
    }
}

/// What every family of pools has, and what this one has besides.
fn labels<'a, const N: usize>(pool: &'a PoolView, more: [(&'static str, &'a str); N]) -> Vec<(&'static str, &'a str)> {
    [("database", &*pool.database), ("user", &*pool.user)].into_iter().chain(more).collect()
}

/// Begins families.
struct Page<'a>(DescriptorEncoder<'a>);

impl Page<'_> {
    fn gauge(&mut self, name: &'static str, help: &'static str) -> Result<Family<'_>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Gauge).map(Family)
    }

    /// `name` with its `_total`: see the top of this file.
    fn counter(&mut self, name: &'static str, help: &'static str) -> Result<Family<'_>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Counter).map(Family)
    }

    fn histogram(&mut self, name: &'static str, help: &'static str) -> Result<Family<'_>, fmt::Error> {
        self.0.encode_descriptor(name, help, None, MetricType::Histogram).map(Family)
    }
}

/// Writes the samples of one family.
struct Family<'a>(MetricEncoder<'a>);

impl Family<'_> {
    fn sample(&mut self, labels: &[(&str, &str)], value: impl EncodeGaugeValue) -> fmt::Result {
        self.0.encode_family(&labels)?.encode_gauge(&value)
    }

    /// A sample without labels, where there is one.
    fn known(&mut self, value: Option<impl EncodeGaugeValue>) -> fmt::Result {
        value.map_or(Ok(()), |value| self.0.encode_gauge(&value))
    }

    fn distribution(&mut self, labels: &[(&str, &str)], distribution: &Distribution) -> fmt::Result {
        let counts = distribution.split(&BOUNDS);
        let bounds = BOUNDS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(counts).collect();
        let count = buckets.iter().map(|(_, n)| n).sum();
        self.0.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
            distribution.sum().as_secs_f64(),
            count,
            &buckets,
            None,
        )
    }
}

/// The `le` of every histogram, 50 µs to 60 s in steps of about two. Not one a fine bucket: each costs a time series for
/// every pool and histogram.
const BOUNDS: [Duration; 19] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2_500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
];

#[cfg(test)]
mod tests;
