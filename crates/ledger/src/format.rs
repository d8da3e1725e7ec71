//! What every object of the ledger is wrapped in: a format number and who wrote it.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::LedgerError;

/// The format this version writes. It grows when an older version would misread the new one.
pub(crate) const FORMAT: u32 = 1;
/// This version of Seaway.
pub(crate) const SEAWAY: &str = env!("CARGO_PKG_VERSION");

#[derive(Serialize)]
struct Written<'a, T> {
    format: u32,
    written_by: &'a str,
    content: &'a T,
}

/// The part that every version reads.
#[derive(Deserialize)]
struct Header {
    format: u32,
    written_by: String,
}

#[derive(Deserialize)]
struct Read<T> {
    content: T,
}

/// The bytes of an object.
pub(crate) fn encode<T: Serialize>(content: &T) -> Result<Vec<u8>, LedgerError> {
    let written = Written {
        format: FORMAT,
        written_by: SEAWAY,
        content,
    };
    serde_json::to_vec(&written).map_err(LedgerError::Encode)
}

/// The content of the object named `object`.
pub(crate) fn decode<T: DeserializeOwned>(object: &str, bytes: &[u8]) -> Result<T, LedgerError> {
    let damaged = |source| LedgerError::Damaged {
        object: object.to_owned(),
        source,
    };
    let header: Header = serde_json::from_slice(bytes).map_err(damaged)?;
    if header.format > FORMAT {
        return Err(LedgerError::TooNew {
            object: object.to_owned(),
            format: header.format,
            written_by: header.written_by,
        });
    }
    let read: Read<T> = serde_json::from_slice(bytes).map_err(damaged)?;
    Ok(read.content)
}

#[cfg(test)]
mod tests {
    use seaway_ports::PortErrorKind;

    use super::*;

    #[test]
    fn content_is_read_as_it_was_written() {
        let bytes = encode(&vec!["a", "b"]).unwrap();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert!(text.starts_with(r#"{"format":1,"written_by":""#), "{text}");
        assert_eq!(decode::<Vec<String>>("x", &bytes).unwrap(), ["a", "b"]);
    }

    #[test]
    fn a_later_format_names_the_version_that_reads_it() {
        let bytes = br#"{"format":2,"written_by":"7.1.0","content":{"new":"shape"}}"#;
        let error = decode::<Vec<String>>("releases/local/000003/intent.json", bytes).unwrap_err();
        let error = error.at_port("read r3");
        assert_eq!(error.kind, PortErrorKind::Invalid);
        assert!(error.message.contains("format 2, written by Seaway 7.1.0"));
        assert_eq!(error.hint.as_deref(), Some("use Seaway 7.1.0 or newer"));
    }

    #[test]
    fn a_cut_object_is_named() {
        let bytes = encode(&vec!["a", "b"]).unwrap();
        for length in 0..bytes.len() {
            let error = decode::<Vec<String>>("locks/qa.json", &bytes[..length]).unwrap_err();
            assert!(matches!(error, LedgerError::Damaged { .. }), "{length}");
            assert!(error.to_string().contains("locks/qa.json"));
        }
    }
}
