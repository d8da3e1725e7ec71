//! Ranges of addresses: `10.0.0.0/8`, `2001:db8::/32`.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// The addresses that begin with the same bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRange {
    address: IpAddr,
    /// How many bits.
    prefix: u8,
}

/// Why a text is no range of addresses.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no range of addresses (examples: 10.0.0.0/8, 2001:db8::/32)")]
pub struct SourceRangeError(String);

impl SourceRange {
    /// Whether the address is in the range.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (own, other) = (bits(self.address), bits(address));
        let width = width(self.address);
        self.address.is_ipv4() == address.is_ipv4()
            && (self.prefix == 0 || own >> (width - self.prefix) == other >> (width - self.prefix))
    }
}

impl FromStr for SourceRange {
    type Err = SourceRangeError;

    fn from_str(text: &str) -> Result<Self, SourceRangeError> {
        let read = || {
            let (address, prefix) = text.split_once('/')?;
            let (address, prefix): (IpAddr, u8) = (address.parse().ok()?, prefix.parse().ok()?);
            (prefix <= width(address)).then_some(Self { address, prefix })
        };
        read().ok_or_else(|| SourceRangeError(text.to_owned()))
    }
}

impl fmt::Display for SourceRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_bits()),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_the_addresses_of_its_prefix() {
        for (range, address, expected) in [
            ("10.1.0.0/16", "10.1.255.3", true),
            ("10.1.0.0/16", "10.2.0.1", false),
            ("127.0.0.1/32", "127.0.0.1", true),
            ("127.0.0.1/32", "127.0.0.2", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("2001:db8::/32", "2001:db8:7::1", true),
            ("::/0", "2001:db8::1", true),
        ] {
            let range: SourceRange = range.parse().unwrap();
            assert_eq!(
                range.contains(address.parse().unwrap()),
                expected,
                "{range} {address}"
            );
        }
    }

    #[test]
    fn nonsense_is_refused_and_the_rest_printed_as_it_was_written() {
        for text in [
            "10.0.0.0",
            "10.0.0.0/33",
            "::/129",
            "ten/8",
            "10.0.0.0/-1",
            "",
        ] {
            assert!(text.parse::<SourceRange>().is_err(), "{text}");
        }
        let range: SourceRange = "10.0.0.0/8".parse().unwrap();
        assert_eq!(range.to_string(), "10.0.0.0/8");
    }
}
