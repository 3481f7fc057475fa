//! What a database or a user sets of a pool's settings, and how it comes over what is below. Pure.

use std::time::Duration;

use super::{PoolMode, PoolSettings};

/// The keys of [`PoolSettings`] that a database or a user sets; `None` leaves what is below.
#[derive(Debug, Clone, PartialEq, Default)]
#[allow(missing_docs)] // each stands in PoolSettings
pub struct Overrides {
    pub pool_mode: Option<PoolMode>,
    pub pool_size: Option<usize>,
    pub min_pool_size: Option<usize>,
    pub reserve_pool_size: Option<usize>,
    pub reserve_pool_timeout: Option<Duration>,
    pub query_wait_timeout: Option<Duration>,
    pub server_connect_timeout: Option<Duration>,
    pub server_idle_timeout: Option<Duration>,
    pub server_lifetime: Option<Duration>,
    pub server_check_delay: Option<Duration>,
    pub client_idle_timeout: Option<Duration>,
    pub idle_transaction_timeout: Option<Duration>,
    pub pinned_idle_timeout: Option<Duration>,
    pub max_pinned: Option<usize>,
    pub query_timeout: Option<Duration>,
    pub transaction_timeout: Option<Duration>,
    pub max_prepared_statements: Option<usize>,
}

impl Overrides {
    pub(super) fn apply(&self, settings: &mut PoolSettings) {
        fn over<T: Clone>(own: &Option<T>, below: &mut T) {
            own.iter().for_each(|value| *below = value.clone());
        }
        over(&self.pool_mode, &mut settings.pool_mode);
        over(&self.pool_size, &mut settings.pool_size);
        over(&self.min_pool_size, &mut settings.min_pool_size);
        over(&self.reserve_pool_size, &mut settings.reserve_pool_size);
        over(&self.reserve_pool_timeout, &mut settings.reserve_pool_timeout);
        over(&self.query_wait_timeout, &mut settings.query_wait_timeout);
        over(&self.server_connect_timeout, &mut settings.server_connect_timeout);
        over(&self.server_idle_timeout, &mut settings.server_idle_timeout);
        over(&self.server_lifetime, &mut settings.server_lifetime);
        over(&self.server_check_delay, &mut settings.server_check_delay);
        over(&self.client_idle_timeout, &mut settings.client_idle_timeout);
        over(&self.idle_transaction_timeout, &mut settings.idle_transaction_timeout);
        over(&self.pinned_idle_timeout, &mut settings.pinned_idle_timeout);
        over(&self.max_pinned, &mut settings.max_pinned);
        over(&self.query_timeout, &mut settings.query_timeout);
        over(&self.transaction_timeout, &mut settings.transaction_timeout);
        over(&self.max_prepared_statements, &mut settings.max_prepared_statements);
    }
}
