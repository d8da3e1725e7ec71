//! Recorded releases of a small shop: the demo plays them, the tests compare their text.

mod plans;
mod releases;
mod script;

pub(crate) use plans::{empty_plan, later, motley_plan, noon, plan};
pub(crate) use releases::{
    build_failure, failure, first_failure, fleet, recorded, success, superseded,
};
