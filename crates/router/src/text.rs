//! Numbers and addresses as text, written without the formatting machinery: every request has some.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// `255.255.255.255`
const MOST_IPV4: usize = 15;

/// Appends two texts.
pub(crate) fn push(out: &mut Vec<u8>, first: &[u8], second: &[u8]) {
    out.extend_from_slice(first);
    out.extend_from_slice(second);
}

/// Appends a text and a number.
pub(crate) fn write_number(out: &mut Vec<u8>, before: &[u8], number: impl Into<u64>) {
    let number = number.into();
    if number < 10 {
        out.extend_from_slice(before);
        return out.push(b'0' + number as u8);
    }
    let mut digits = itoa::Buffer::new();
    push(out, before, digits.format(number).as_bytes());
}

/// Appends the last `N` digits of a number, zeros included.
pub(crate) fn write_digits<const N: usize>(out: &mut Vec<u8>, mut number: u32) {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits);
}

/// Appends an address with its port.
pub(crate) fn write_address(out: &mut Vec<u8>, address: SocketAddr) {
    match address {
        SocketAddr::V4(address) => {
            write_ipv4(out, *address.ip());
            write_number(out, b":", address.port());
        }
        // Writing into memory cannot fail.
        SocketAddr::V6(_) => drop(write!(out, "{address}")),
    }
}

/// Appends an address without a port.
pub(crate) fn write_ip(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => write_ipv4(out, address),
        // Writing into memory cannot fail.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
}

fn write_ipv4(out: &mut Vec<u8>, address: Ipv4Addr) {
    let mut text = [b'.'; MOST_IPV4];
    let mut end = 0;
    let mut push = |byte| {
        text[end] = byte;
        end += 1;
    };
    for (place, octet) in address.octets().into_iter().enumerate() {
        if place > 0 {
            push(b'.');
        }
        if octet >= 100 {
            push(b'0' + octet / 100);
        }
        if octet >= 10 {
            push(b'0' + octet / 10 % 10);
        }
        push(b'0' + octet % 10);
    }
    out.extend_from_slice(&text[..end]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_they_are_displayed() {
        for text in ["0.9.10.99:1", "100.200.255.1:65535", "[::1]:80"] {
            let address: SocketAddr = text.parse().unwrap();
            let (mut out, mut ip) = (Vec::new(), Vec::new());
            write_address(&mut out, address);
            write_ip(&mut ip, address.ip());
            assert_eq!(String::from_utf8(out).unwrap(), text);
            assert_eq!(String::from_utf8(ip).unwrap(), address.ip().to_string());
        }
    }
}
