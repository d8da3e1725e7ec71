//! Names of the things the scheduler creates, and the source they are drawn from.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Takes a name that was made elsewhere.
            pub fn new(text: impl Into<String>) -> $name {
                $name(text.into())
            }

            /// The name as the wire shows it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// 32 hexadecimal digits: the last part of a task's ARN.
    TaskId
}
text_id! {
    /// 21 characters: the last part of a service deployment's ARN.
    ServiceDeploymentId
}
text_id! {
    /// The UUID of a service event.
    EventId
}
text_id! {
    /// A target group, as the load balancer names it.
    TargetGroupArn
}

/// `ecs-svc/N`: a deployment of a service. Its revision's ARN ends in the same `N`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DeploymentId(u64);

impl DeploymentId {
    /// The number of a deployment, taken from a revision's ARN.
    pub fn new(number: u64) -> DeploymentId {
        DeploymentId(number)
    }

    /// `N`: 19 digits, the last part of the ARN of the deployment's service revision.
    pub fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for DeploymentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ecs-svc/{}", self.0)
    }
}

/// A seeded sequence: ids that look random and choices that are fair, yet follow from the state.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct IdSource {
    state: u64,
}

impl IdSource {
    pub(crate) fn seeded(seed: u64) -> IdSource {
        IdSource { state: seed }
    }

    pub(crate) fn task(&mut self) -> TaskId {
        TaskId(format!("{:016x}{:016x}", self.draw(), self.draw()))
    }

    pub(crate) fn deployment(&mut self) -> DeploymentId {
        const SMALLEST: u64 = 1_000_000_000_000_000_000;
        const LARGEST: u64 = i64::MAX as u64;
        DeploymentId(SMALLEST + self.draw() % (LARGEST - SMALLEST))
    }

    pub(crate) fn service_deployment(&mut self) -> ServiceDeploymentId {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let mut text = String::with_capacity(21);
        while text.len() < 21 {
            let mut bits = self.draw();
            for _ in 0..10_usize.min(21 - text.len()) {
                text.push(char::from(ALPHABET[(bits & 63) as usize]));
                bits >>= 6;
            }
        }
        ServiceDeploymentId(text)
    }

    pub(crate) fn event(&mut self) -> EventId {
        let (high, low) = (self.draw(), self.draw());
        EventId(format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            (high >> 16) & 0xffff,
            high & 0xfff,
            0x8000 | (low >> 48) & 0x3fff,
            low & 0xffff_ffff_ffff,
        ))
    }

    /// An index below `length`, which must not be zero.
    pub(crate) fn choose(&mut self, length: usize) -> usize {
        (self.draw() % length.max(1) as u64) as usize
    }

    /// SplitMix64 (Steele, Lea, Flood 2014): one word of state, every seed is good.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_shape_that_clients_expect() {
        let mut ids = IdSource::seeded(7);
        for _ in 0..1_000 {
            assert_eq!(ids.task().as_str().len(), 32);
            assert_eq!(ids.deployment().number().to_string().len(), 19);
            assert_eq!(ids.service_deployment().as_str().len(), 21);
            let event = ids.event();
            let lengths: Vec<_> = event.as_str().split('-').map(str::len).collect();
            assert_eq!(lengths, [8, 4, 4, 4, 12]);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        assert_eq!(IdSource::seeded(3).task(), IdSource::seeded(3).task());
        assert_ne!(IdSource::seeded(3).task(), IdSource::seeded(4).task());
    }
}
