//! Errors as AWS services answer them.

pub mod common;

use http::StatusCode;
use serde_json::Value;
use thiserror::Error;

/// Whose fault an error is; query responses say so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The client's.
    Sender,
    /// The service's.
    Receiver,
}

/// A kind of error as a service model describes it.
#[derive(Debug, PartialEq, Eq)]
pub struct ErrorShape {
    /// What clients match on in JSON and CBOR, as `__type`: the name in the model.
    pub name: &'static str,
    /// What clients match on in XML, as `Code`; it mostly is the name.
    pub code: &'static str,
    /// HTTP status.
    pub status: u16,
    /// Whose fault it is.
    pub fault: Fault,
    /// The JSON member that carries the message; services disagree on its case.
    pub message_member: &'static str,
}

/// An error to answer with.
#[derive(Clone, Debug, Error, PartialEq)]
#[error("{}: {message}", shape.code)]
pub struct WireError {
    shape: &'static ErrorShape,
    message: String,
    members: Vec<(&'static str, Value)>,
}

impl WireError {
    /// An error of a kind, from a service's `ErrorKind` or from [`common`].
    pub fn new(kind: impl Into<&'static ErrorShape>, message: impl Into<String>) -> Self {
        Self {
            shape: kind.into(),
            message: message.into(),
            members: Vec::new(),
        }
    }

    /// Adds a member besides the message, such as `resourceIds` (JSON services only).
    #[must_use]
    pub fn with_member(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.members.push((name, value.into()));
        self
    }

    /// The kind of error.
    pub fn shape(&self) -> &'static ErrorShape {
        self.shape
    }

    /// What clients match on in XML; it mostly is the name in the model.
    pub fn code(&self) -> &'static str {
        self.shape.code
    }

    /// What people read.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Members besides the message.
    pub fn members(&self) -> &[(&'static str, Value)] {
        &self.members
    }

    /// HTTP status.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.shape.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

/// Declares the errors of a service.
macro_rules! errors {
    ($($name:ident = $code:literal, $status:literal, $fault:ident, $message:literal;)+) => {
        /// The errors that this service's operations declare.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum ErrorKind {
            $(#[doc = $code] $name,)+
        }

        impl ErrorKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];

            /// Code, status and fault.
            pub fn shape(self) -> &'static $crate::error::ErrorShape {
                match self {
                    $(Self::$name => {
                        static SHAPE: $crate::error::ErrorShape = $crate::error::ErrorShape {
                            name: stringify!($name),
                            code: $code,
                            status: $status,
                            fault: $crate::error::Fault::$fault,
                            message_member: $message,
                        };
                        &SHAPE
                    })+
                }
            }
        }

        impl From<ErrorKind> for &'static $crate::error::ErrorShape {
            fn from(kind: ErrorKind) -> Self {
                kind.shape()
            }
        }
    };
}
pub(crate) use errors;
