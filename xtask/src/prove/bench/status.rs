//! What `seaway status` and `seaway local status` tell, as far as proofs look at it.

use std::net::SocketAddr;

use serde::Deserialize;

use super::{During as _, ProofError};

/// `seaway status ENV --output json`.
#[derive(Debug, Deserialize)]
pub(crate) struct Status {
    pub(crate) services: Vec<Service>,
    addresses: Vec<Address>,
}

/// One service.
#[derive(Debug, Deserialize)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) revision: String,
    pub(crate) counts: Counts,
    /// Id, state and reason, newest first.
    pub(crate) rollouts: Vec<(String, String, Option<String>)>,
    /// Healthy targets and all targets.
    pub(crate) targets: Option<(u32, u32)>,
}

/// Numbers of tasks.
#[derive(Debug, Deserialize)]
pub(crate) struct Counts {
    pub(crate) desired: u32,
    pub(crate) running: u32,
    pub(crate) pending: u32,
}

#[derive(Debug, Deserialize)]
struct Address {
    scheme: String,
    url: String,
}

/// `seaway local status --output json`.
#[derive(Debug, Deserialize)]
pub(crate) struct PlatformStatus {
    pub(crate) pid: i32,
    pub(crate) supervisor_pid: i32,
    pub(crate) memory: String,
    listeners: Vec<Listener>,
}

#[derive(Debug, Deserialize)]
struct Listener {
    url: String,
}

impl PlatformStatus {
    /// Where the only listener of the only load balancer is reached.
    pub(crate) fn listener(&self) -> Result<SocketAddr, ProofError> {
        let [listener] = self.listeners.as_slice() else {
            return Err(ProofError::Refuted(format!(
                "there are {} listeners instead of one",
                self.listeners.len()
            )));
        };
        let address = listener.url.trim_start_matches("http://");
        address
            .parse()
            .during(format!("understand the listener's address {address}"))
    }
}

impl Status {
    /// Where the public load balancer listens.
    pub(crate) fn public(&self) -> Result<SocketAddr, ProofError> {
        let found = self
            .addresses
            .iter()
            .find(|address| address.scheme == "internet-facing");
        let url = found
            .map(|address| address.url.as_str())
            .ok_or("none is shown");
        url.and_then(|url| {
            let address = url
                .strip_prefix("http://")
                .unwrap_or(url)
                .trim_end_matches('/');
            address.parse().map_err(|_| "it is no address and port")
        })
        .during("find the public address in `seaway status`")
    }

    /// One service.
    pub(crate) fn service(&self, name: &str) -> Result<&Service, ProofError> {
        let found = self.services.iter().find(|service| service.name == name);
        found.ok_or_else(|| ProofError::Refuted(format!("the service {name} is lost")))
    }

    /// Tasks that run, all services together.
    pub(crate) fn running(&self) -> u32 {
        self.services
            .iter()
            .map(|service| service.counts.running)
            .sum()
    }

    /// What is not as it should be in peace; none: all is well.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.services.iter().find_map(Service::trouble)
    }
}

impl Service {
    fn trouble(&self) -> Option<String> {
        let Counts {
            desired,
            running,
            pending,
        } = self.counts;
        let state = self
            .rollouts
            .first()
            .map_or("no rollout", |(_, state, _)| state.as_str());
        let well = running == desired
            && pending == 0
            && self.rollouts.len() == 1
            && state == "COMPLETED"
            && self
                .targets
                .is_none_or(|(healthy, all)| healthy == all && all == desired);
        (!well).then(|| {
            format!(
                "{}: {running} of {desired} run, {pending} pending, targets {:?}, {} rollouts, {state}",
                self.name,
                self.targets,
                self.rollouts.len(),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUS: &str = r#"{"services": [{"name": "api", "revision": "r", "image": null,
        "counts": {"desired": 2, "running": 2, "pending": 0, "failed": 0},
        "rollouts": [["ecs-svc/1", "COMPLETED", null]], "targets": [2, 2], "tasks": [],
        "last_event": null}],
        "addresses": [{"load_balancer": "b", "scheme": "internal", "port": 1, "url": "http://127.0.0.1:1"},
                      {"load_balancer": "a", "scheme": "internet-facing", "port": 80, "url": "http://127.0.0.1:4000"}]}"#;

    fn status() -> Status {
        serde_json::from_str(STATUS).expect("the form of `seaway status`")
    }

    #[test]
    fn the_public_address_is_found() {
        assert_eq!(
            status().public().expect("an address"),
            ([127, 0, 0, 1], 4000).into()
        );
    }

    #[test]
    fn trouble_is_named() {
        let mut status = status();
        assert_eq!(status.trouble(), None);
        assert_eq!(status.running(), 2);
        status.services[0].targets = Some((1, 2));
        assert!(
            status
                .trouble()
                .is_some_and(|words| words.starts_with("api: 2 of 2 run"))
        );
        assert!(status.service("worker").is_err());
    }
}
