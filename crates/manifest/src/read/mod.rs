//! Reading typed values out of a spanned TOML tree, reporting everything that does not fit.
//!
//! Invariant: reading never stops at a mistake. What could not be read is a [`Field::Invalid`], so
//! that nothing behind it complains a second time about the same thing.

mod collection;
mod declare;
mod form;
mod leaf;
mod node;
mod table;
mod word;

pub(crate) use collection::{List, Map, MapEntry};
pub(crate) use declare::{Described, Fields, Key, object, table};
pub(crate) use form::{
    Account, CheckPath, ContainerPath, EndpointUrl, HostPattern, PathPattern, Region, RepoPath,
    RepoPattern, StatusCodes, VariableName, VolumeName,
};
pub(crate) use leaf::{Flag, Number, Span as TimeSpan, Text};
pub(crate) use node::{At, Field, Node, Read, Sink};
pub(crate) use table::TableReader;
pub(crate) use word::{PlatformKind, Word};
