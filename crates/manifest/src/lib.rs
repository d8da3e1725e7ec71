//! From `seaway.toml` to a resolved [`Environment`](seaway_core::environment::Environment).
//!
//! ```text
//! text -> TOML with places -> tables (raw, optional) -> Environment (defaults, references)
//! ```
//!
//! Nothing stops at the first mistake: every step collects [`Diagnostic`]s with the place they
//! concern, and they are reported together. [`load()`] reads the file and looks at the paths it
//! names; the rest of the crate is pure.

mod defaults;
mod diagnostic;
mod document;
mod load;
mod manifest;
mod read;
mod render;
mod resolve;
mod schema;
mod show;
mod source;
mod suggest;
mod tables;
mod tree;

pub use diagnostic::{Diagnostic, Diagnostics, Problem, Severity};
pub use load::{FILE_NAME, MAX_BYTES, load, load_text, locate};
pub use manifest::Manifest;
pub use render::{Colour, render};
pub use resolve::names::{ShortName, platform_name, short_names};
pub use schema::{schema, schema_text};
pub use show::resolved_toml;
pub use source::{Position, Source, Span};
pub use tree::{Checkout, Found, Tree};
