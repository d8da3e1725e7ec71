//! Points in time, and durations as the manifest and the platforms count them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use jiff::Timestamp;

/// Whole seconds: the unit of every duration in the manifest and in the ECS and ELB APIs.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seconds(pub u32);

impl Seconds {
    /// The same span for a timer.
    pub fn duration(self) -> Duration {
        Duration::from_secs(u64::from(self.0))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("0s"),
            s if s % 3600 == 0 => write!(f, "{}h", s / 3600),
            s if s % 60 == 0 => write!(f, "{}m", s / 60),
            s => write!(f, "{s}s"),
        }
    }
}

/// A text that is no duration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected a whole number and a unit, such as \"10s\", \"15m\" or \"2h\"")]
pub struct SecondsError;

impl FromStr for Seconds {
    type Err = SecondsError;
    fn from_str(text: &str) -> Result<Self, SecondsError> {
        let unit = text.chars().last().ok_or(SecondsError)?;
        let factor = match unit {
            's' => 1,
            'm' => 60,
            'h' => 3600,
            _ => return Err(SecondsError),
        };
        let number = &text[..text.len() - 1];
        if !number.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SecondsError);
        }
        let count: u32 = number.parse().map_err(|_| SecondsError)?;
        count.checked_mul(factor).map(Seconds).ok_or(SecondsError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_shown_in_the_same_words() {
        for text in ["0s", "10s", "15m", "2h"] {
            let seconds: Seconds = text.parse().expect(text);
            assert_eq!(seconds.to_string(), text);
        }
        assert_eq!("120s".parse(), Ok(Seconds(120)));
    }

    #[test]
    fn a_number_alone_is_no_duration() {
        for text in ["", "10", "s", "-1s", "1.5s", "10 s", "99999999h", "é"] {
            assert_eq!(text.parse::<Seconds>(), Err(SecondsError), "{text}");
        }
    }
}
