//! The parts of the run, one file each.

mod budget;
mod faults;
mod outage;
mod unreachable;

pub(crate) use budget::run as budget;
pub(crate) use faults::run as faults;
pub(crate) use outage::run as outage;
pub(crate) use unreachable::run as unreachable;

use std::sync::Arc;

use crate::report::Report;
use crate::server::Server;

/// What every part is given.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Run<'a> {
    pub(crate) seed: u64,
    pub(crate) calls: u64,
    pub(crate) server: &'a Server,
    pub(crate) report: &'a Arc<Report>,
}
