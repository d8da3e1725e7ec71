//! Which targets get requests now, and which one the next.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::ramp::Ramp;
use super::{Endpoint, InFlight};
use crate::stickiness::Token;
use crate::table::{Algorithm, Distribution};

/// The targets in rotation; replaced as a whole whenever health or registration changes.
#[derive(Debug, Default)]
pub(crate) struct Rotation {
    seats: Vec<Seat>,
    distribution: Distribution,
}

/// A target in rotation.
#[derive(Clone, Debug)]
pub(super) struct Seat {
    pub(super) endpoint: Arc<Endpoint>,
    pub(super) ramp: Option<Ramp>,
}

impl Rotation {
    /// Chooses who gets requests: the usable ones or, when there is none, everyone registered
    /// (fail-open).
    pub(super) fn choose(
        usable: Vec<Seat>,
        registered: Vec<Seat>,
        distribution: Distribution,
    ) -> Self {
        Self {
            seats: if usable.is_empty() {
                registered
            } else {
                usable
            },
            distribution,
        }
    }

    /// How long clients stay where they are.
    pub(crate) fn stickiness(&self) -> Option<Duration> {
        self.distribution.stickiness
    }

    /// The target that a cookie names, if it takes requests.
    pub(crate) fn named(&self, token: Token) -> Option<InFlight> {
        let endpoints = self.seats.iter().map(|seat| &seat.endpoint);
        let mut named = endpoints.filter(|endpoint| endpoint.token == token);
        named.find_map(Endpoint::enter)
    }

    /// The target of the request number `turn`: one that takes requests and was not tried yet.
    pub(crate) fn pick(&self, turn: usize, tried: &[Arc<Endpoint>]) -> Option<InFlight> {
        let count = self.seats.len();
        if count == 0 {
            return None;
        }
        let first = self.first(turn);
        let in_turn = (0..count).map(|step| &self.seats[(first + step) % count].endpoint);
        let mut untried =
            in_turn.filter(|endpoint| !tried.iter().any(|other| Arc::ptr_eq(other, endpoint)));
        match self.distribution.algorithm {
            Algorithm::RoundRobin => untried.find_map(Endpoint::enter),
            Algorithm::LeastOutstandingRequests => untried
                .filter(|endpoint| !endpoint.is_closed())
                .min_by_key(|endpoint| endpoint.outstanding())
                .and_then(Endpoint::enter),
        }
    }

    /// The place whose turn it is. A target in slow start passes some of its turns on, each to
    /// another target.
    fn first(&self, turn: usize) -> usize {
        let count = self.seats.len();
        let (round, place) = (turn / count, turn % count);
        if self.seats[place].takes(round) {
            return place;
        }
        let others = (count - 1).max(1);
        let next = place + 1 + round % others;
        (0..count)
            .map(|step| (next + step) % count)
            .find(|place| self.seats[*place].takes(round))
            .unwrap_or(place)
    }
}

impl Seat {
    fn takes(&self, round: usize) -> bool {
        self.ramp
            .is_none_or(|ramp| ramp.takes(round, Instant::now()))
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::*;
    use crate::upstream::Pool;

    fn seat(port: u16, ramp: Option<Ramp>) -> Seat {
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let pool = Pool::new(1, Duration::ZERO);
        let endpoint = Endpoint::new(port.to_string().into(), address, None, pool);
        Seat {
            endpoint: Arc::new(endpoint),
            ramp,
        }
    }

    fn rotation(seats: Vec<Seat>, algorithm: Algorithm) -> Rotation {
        let distribution = Distribution {
            algorithm,
            ..Distribution::default()
        };
        Rotation::choose(seats, vec![], distribution)
    }

    /// How many of 400 requests each of three targets gets.
    fn counts(rotation: &Rotation) -> [usize; 3] {
        let mut counts = [0; 3];
        for turn in 0..400 {
            let picked = rotation.pick(turn, &[]).unwrap();
            let port = picked.endpoint().address.port();
            counts[usize::from(port)] += 1;
        }
        counts
    }

    #[test]
    fn a_target_in_slow_start_gets_less_and_the_others_share_the_rest() {
        let halfway = Ramp {
            since: Instant::now() - Duration::from_secs(500),
            lasts: Duration::from_secs(1_000),
        };
        let seats = vec![seat(0, None), seat(1, Some(halfway)), seat(2, None)];
        let [one, slow, two] = counts(&rotation(seats, Algorithm::RoundRobin));
        assert!(slow.abs_diff(67) <= 3, "{slow}");
        assert!(one.abs_diff(two) <= 6, "{one} {two}");
    }

    #[test]
    fn slow_targets_get_everything_when_they_are_alone() {
        let fresh = Ramp {
            since: Instant::now(),
            lasts: Duration::from_secs(1_000),
        };
        let seats = vec![seat(0, Some(fresh)), seat(1, Some(fresh))];
        let [one, two, _] = counts(&rotation(seats, Algorithm::RoundRobin));
        assert_eq!((one, two), (200, 200));
    }

    #[test]
    fn the_least_busy_target_is_next_and_of_equals_the_one_in_turn() {
        let seats = vec![seat(0, None), seat(1, None), seat(2, None)];
        let rotation = rotation(seats, Algorithm::LeastOutstandingRequests);
        let ports = |requests: &[InFlight]| -> Vec<u16> {
            let addresses = requests.iter().map(|one| one.endpoint().address);
            addresses.map(|address| address.port()).collect()
        };
        let first: Vec<_> = (0..4).filter_map(|turn| rotation.pick(turn, &[])).collect();
        assert_eq!(ports(&first), [0, 1, 2, 0]);
        let next: Vec<_> = (0..2).filter_map(|_| rotation.pick(0, &[])).collect();
        assert_eq!(ports(&next), [1, 2]);
        let tried = [rotation.seats[0].endpoint.clone()];
        rotation.seats[1].endpoint.close();
        let left = rotation.pick(0, &tried).unwrap();
        assert_eq!(left.endpoint().address.port(), 2);
    }

    #[test]
    fn a_cookie_finds_its_target_while_it_takes_requests() {
        let rotation = rotation(vec![seat(0, None), seat(1, None)], Algorithm::RoundRobin);
        let wanted = rotation.seats[1].endpoint.clone();
        let found = rotation.named(wanted.token).unwrap();
        assert!(Arc::ptr_eq(found.endpoint(), &wanted));
        wanted.close();
        assert!(rotation.named(wanted.token).is_none());
        assert!(rotation.named(Token::of("nobody")).is_none());
    }
}
