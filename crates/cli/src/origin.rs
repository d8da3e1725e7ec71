//! Who runs this command, and on which sources.

use std::path::Path;

use seaway_core::release::{Origin, Source};

/// `user@host`, and what the working tree is.
pub(crate) fn origin(source: Source) -> Origin {
    Origin { by: by(), source }
}

/// The state of the working tree the manifest is in.
pub(crate) async fn source_of(directory: &Path) -> Source {
    seaway_image::source_of(directory).await
}

fn by() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid());
    let user = match user {
        Ok(Some(user)) => user.name,
        _ => nix::unistd::getuid().to_string(),
    };
    let host = nix::unistd::gethostname()
        .ok()
        .and_then(|name| name.into_string().ok());
    format!("{user}@{}", host.unwrap_or_else(|| "unknown".into()))
}
