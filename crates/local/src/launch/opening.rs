//! Changing who is let in, from a command's side.

use super::error::LaunchError;
use super::lifecycle::lock;
use crate::access::Access;
use crate::keys::{KeysError, PlatformKeys};
use crate::layout::StateDir;

/// What came of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is in force after the next start of the platform.
    AtNextStart,
    /// Everything was so already.
    Nothing,
}

/// Changes who is let in at the platform of `state`, and keeps it.
///
/// # Errors
/// When the keys of the platform cannot be read or written, or a key has a name that it cannot have.
pub async fn change_access(
    state: &StateDir,
    change: impl FnOnce(&mut Access),
) -> Result<Changed, LaunchError> {
    state.create().map_err(KeysError::from)?;
    // The lock comes first: two commands must not both make keys.
    let _lock = lock(state).await?;
    let keys = PlatformKeys::load_or_create(state)?;
    let before = Access::of(state, &keys)?;
    let mut access = before.clone();
    change(&mut access);
    if access == before {
        return Ok(Changed::Nothing);
    }
    access.keep(state, &keys)?;
    Ok(Changed::AtNextStart)
}
