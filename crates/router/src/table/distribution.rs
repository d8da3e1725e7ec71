//! How requests are spread over the targets of a group.

use std::time::Duration;

/// How requests are spread over the targets of a group: in turn, without slow start and stickiness
/// by default, as in Elastic Load Balancing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    /// Who is next.
    pub algorithm: Algorithm,
    /// For how long the share of a target grows after it became healthy; zero for no slow start.
    /// Only with [`Algorithm::RoundRobin`].
    pub slow_start: Duration,
    /// How long a client stays at the target that answered it, by the cookie `AWSALB`; not at all
    /// when absent.
    pub stickiness: Option<Duration>,
}

/// Which target gets the next request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Algorithm {
    /// The next in turn.
    #[default]
    RoundRobin,
    /// The one with the fewest requests in flight; of several, the next in turn.
    LeastOutstandingRequests,
}
