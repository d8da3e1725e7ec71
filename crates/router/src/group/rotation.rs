//! Which targets get requests now, in turn.

use std::sync::Arc;

use super::{Endpoint, InFlight};

/// The targets in rotation; replaced as a whole whenever health or registration changes.
#[derive(Debug, Default)]
pub(crate) struct Rotation {
    endpoints: Vec<Arc<Endpoint>>,
}

impl Rotation {
    /// Chooses who gets requests: the usable ones or, when there is none, everyone registered
    /// (fail-open).
    pub(crate) fn choose(usable: Vec<Arc<Endpoint>>, registered: Vec<Arc<Endpoint>>) -> Self {
        Self {
            endpoints: if usable.is_empty() {
                registered
            } else {
                usable
            },
        }
    }

    /// The next target after `turn` that takes requests and was not tried yet.
    pub(crate) fn pick(&self, turn: usize, tried: &[Arc<Endpoint>]) -> Option<InFlight> {
        let count = self.endpoints.len();
        (0..count).find_map(|step| {
            let endpoint = &self.endpoints[turn.wrapping_add(step) % count];
            if tried.iter().any(|other| Arc::ptr_eq(other, endpoint)) {
                return None;
            }
            endpoint.enter()
        })
    }
}
