//! Misbehaviour on request: `SHOP_FAULT` makes a service fail in one chosen way, so that people
//! can watch what a deployment does about it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use thiserror::Error;

/// The way in which a service misbehaves; `README.md` lists them with what to expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fault {
    #[default]
    None,
    /// Exit with status 1 before anything else.
    CrashAtStart,
    /// Exit with status 1 this long after the start.
    CrashLater(Duration),
    /// Serve, but answer `/health` and `/ready` with 503.
    NeverHealthy,
    /// Wait this long before each answer, probes included.
    Slow(Duration),
    /// Log SIGTERM and go on.
    IgnoreSigterm,
    /// Listen on another port than the one in `PORT`.
    IgnorePort,
    /// Take this many MiB of memory each second.
    EatMemory(u32),
    /// Fail the `migrate` job; the services are not touched.
    FailMigrate,
}

/// `SHOP_FAULT` holds something that is not a fault.
#[derive(Debug, Error, PartialEq, Eq)]
#[error(
    "unknown fault `{0}`: use crash-at-start, crash-later[:seconds], never-healthy, \
     slow[:milliseconds], ignore-sigterm, ignore-port, eat-memory[:MiB per second] or fail-migrate"
)]
pub struct UnknownFault(String);

impl FromStr for Fault {
    type Err = UnknownFault;

    fn from_str(text: &str) -> Result<Self, UnknownFault> {
        let unknown = || UnknownFault(text.to_owned());
        let (name, number) = match text.split_once(':') {
            Some((name, number)) => (name, Some(number.parse::<u32>().map_err(|_| unknown())?)),
            None => (text, None),
        };
        let fault = match (name, number) {
            ("" | "none", None) => Self::None,
            ("crash-at-start", None) => Self::CrashAtStart,
            ("crash-later", _) => {
                Self::CrashLater(Duration::from_secs(number.unwrap_or(10).into()))
            }
            ("never-healthy", None) => Self::NeverHealthy,
            ("slow", _) => Self::Slow(Duration::from_millis(number.unwrap_or(2_000).into())),
            ("ignore-sigterm", None) => Self::IgnoreSigterm,
            ("ignore-port", None) => Self::IgnorePort,
            ("eat-memory", _) => Self::EatMemory(number.unwrap_or(64)),
            ("fail-migrate", None) => Self::FailMigrate,
            _ => return Err(unknown()),
        };
        Ok(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => write!(f, "none"),
            Self::CrashAtStart => write!(f, "crash-at-start"),
            Self::CrashLater(after) => write!(f, "crash-later:{}", after.as_secs()),
            Self::NeverHealthy => write!(f, "never-healthy"),
            Self::Slow(delay) => write!(f, "slow:{}", delay.as_millis()),
            Self::IgnoreSigterm => write!(f, "ignore-sigterm"),
            Self::IgnorePort => write!(f, "ignore-port"),
            Self::EatMemory(rate) => write!(f, "eat-memory:{rate}"),
            Self::FailMigrate => write!(f, "fail-migrate"),
        }
    }
}

/// Takes `rate` MiB of memory each second, touched so that it really counts, and never returns.
pub fn eat_memory(rate: u32) {
    const SLICES: u32 = 10;
    let slice = (rate as usize * 1024 * 1024 / SLICES as usize).max(1);
    let mut eaten = Vec::new();
    loop {
        // Not zero: pages of zeros are handed out without being backed by memory.
        eaten.push(vec![1_u8; slice]);
        std::hint::black_box(&eaten);
        std::thread::sleep(Duration::from_secs(1) / SLICES);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_reads_back_as_it_is_written() {
        for text in [
            "none",
            "crash-at-start",
            "crash-later:3",
            "never-healthy",
            "slow:250",
            "ignore-sigterm",
            "ignore-port",
            "eat-memory:16",
            "fail-migrate",
        ] {
            assert_eq!(text.parse::<Fault>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn numbers_have_defaults() {
        assert_eq!(
            "crash-later".parse(),
            Ok(Fault::CrashLater(Duration::from_secs(10)))
        );
        assert_eq!("slow".parse(), Ok(Fault::Slow(Duration::from_secs(2))));
        assert_eq!("eat-memory".parse(), Ok(Fault::EatMemory(64)));
    }

    #[test]
    fn anything_else_is_refused_with_the_list() {
        for text in [
            "crash",
            "slow:soon",
            "never-healthy:3",
            "slow:",
            "crash-later:-1",
        ] {
            let error = text.parse::<Fault>().unwrap_err().to_string();
            assert!(error.contains(&format!("`{text}`")), "{error}");
            assert!(error.contains("never-healthy"), "{error}");
        }
    }
}
