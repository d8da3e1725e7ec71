//! Images in the engine: loaded from this machine, or pulled from where their names say.

use bollard::Docker;
use bollard::query_parameters::{
    CreateImageOptionsBuilder, ImportImageOptionsBuilder, ListImagesOptionsBuilder,
    RemoveImageOptionsBuilder,
};
use futures::{StreamExt, TryStreamExt};

use super::archive::ImageArchive;
use super::engine::Engine;
use super::error::{EngineError, PullError, is_absent, is_settled, said};
use super::holder;
use crate::task::StopSignal;

/// An image that the engine has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineImage {
    /// `sha256:...`, by which the engine knows it, whatever becomes of its names.
    pub id: String,
    /// `sha256:...`: that of its manifest where the registry that its name says has told it, else
    /// its [`EngineImage::id`].
    pub digest: String,
    pub entrypoint: Vec<String>,
    pub command: Vec<String>,
    /// `NAME=value`.
    pub environment: Vec<String>,
    pub workdir: Option<String>,
    pub stop_signal: Option<StopSignal>,
}

impl Engine {
    /// Brings an image into the engine that this machine has in parts, unless it is there.
    pub async fn load(&self, archive: ImageArchive) -> Result<(), PullError> {
        load(&self.shared.docker, archive).await
    }

    /// What the engine knows of an image; none where it does not have it.
    pub async fn image(&self, name: &str) -> Result<Option<EngineImage>, PullError> {
        match self.shared.docker.inspect_image(name).await {
            Ok(found) => Ok(Some(image(found, name))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(PullError::Engine(said(&error))),
        }
    }

    /// An image that the engine has, or pulls from the registry that its name says. One that is
    /// there is not looked for elsewhere (ECS: image pull behaviour `prefer-cached`), so that what
    /// was built on this machine is what runs.
    pub async fn pull(&self, name: &str) -> Result<EngineImage, PullError> {
        if let Some(found) = self.image(name).await? {
            return Ok(found);
        }
        self.fetch(name).await
    }

    /// The image that a name meant when this was its digest, wherever its tag has gone since. One
    /// that no registry has told the digest of is found where it was built: in the engine.
    pub async fn pull_digest(&self, name: &str, digest: &str) -> Result<EngineImage, PullError> {
        let fixed = format!("{}@{digest}", repository(name));
        for known in [fixed.as_str(), digest] {
            if let Some(found) = self.image(known).await? {
                let digest = digest.to_owned();
                return Ok(EngineImage { digest, ..found });
            }
        }
        self.fetch(&fixed).await
    }

    async fn fetch(&self, name: &str) -> Result<EngineImage, PullError> {
        // Without a tag the engine would pull all of them.
        let tag = if has_tag_or_digest(name) {
            ""
        } else {
            "latest"
        };
        let options = CreateImageOptionsBuilder::default()
            .from_image(name)
            .tag(tag)
            .build();
        let mut progress = self.shared.docker.create_image(Some(options), None, None);
        while let Some(step) = progress.next().await {
            step.map_err(|error| PullError::Engine(said(&error)))?;
        }
        let found = self.image(name).await?;
        let absent = || PullError::Engine(format!("failed to resolve ref {name}: not found"));
        found.ok_or_else(absent)
    }

    /// The names of the images below a repository: `seaway.internal/a` has
    /// `seaway.internal/a/shop/api:v1`.
    pub async fn images_of(&self, repository: &str) -> Result<Vec<String>, EngineError> {
        let options = ListImagesOptionsBuilder::default().build();
        let listed = self.shared.docker.list_images(Some(options)).await;
        let listed = listed.map_err(EngineError::call("list its images"))?;
        let below = format!("{repository}/");
        let names = listed.into_iter().flat_map(|image| image.repo_tags);
        Ok(names.filter(|name| name.starts_with(&below)).collect())
    }

    /// Removes an image by name; one that a container uses stays.
    pub async fn remove_image(&self, name: &str) -> Result<(), EngineError> {
        let options = RemoveImageOptionsBuilder::default().build();
        let removed = self
            .shared
            .docker
            .remove_image(name, Some(options), None)
            .await;
        match removed {
            Ok(_) => Ok(()),
            Err(error) if is_settled(&error) => Ok(()),
            Err(error) => Err(EngineError::call("remove an image")(error)),
        }
    }
}

/// The image that holds tasks' networks, loaded where it is missing.
pub(super) async fn ensure_holder(docker: &Docker) -> Result<(), EngineError> {
    let loaded = load(docker, holder::archive()?).await;
    loaded.map_err(|error| EngineError::InvalidImage {
        name: holder::IMAGE,
        why: error.to_string(),
    })
}

async fn load(docker: &Docker, archive: ImageArchive) -> Result<(), PullError> {
    match docker.inspect_image(&archive.name).await {
        Ok(_) => return Ok(()),
        Err(error) if is_absent(&error) => {}
        Err(error) => return Err(PullError::Engine(said(&error))),
    }
    let options = ImportImageOptionsBuilder::default().quiet(true).build();
    let loading = docker.import_image_stream(options, archive.pieces(), None);
    let steps = loading.map_err(|error| PullError::Engine(said(&error)));
    steps.try_for_each(|_| async { Ok(()) }).await
}

fn has_tag_or_digest(name: &str) -> bool {
    repository(name) != name
}

/// A name without its tag and digest. A port of a registry is none of these.
fn repository(name: &str) -> &str {
    let name = name.split_once('@').map_or(name, |(name, _)| name);
    match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => name,
    }
}

/// What was found by `name`.
fn image(found: bollard::models::ImageInspect, name: &str) -> EngineImage {
    let config = found.config.unwrap_or_default();
    let repository_digests = found.repo_digests.unwrap_or_default();
    let mut digests = repository_digests
        .iter()
        .filter_map(|name| name.split_once('@'));
    // Of another registry's digest the one that the name says knows nothing.
    let digest = digests.find(|(of, _)| *of == repository(name));
    let digest = digest.map(|(_, digest)| digest.to_owned());
    let id = found.id.unwrap_or_default();
    EngineImage {
        digest: digest.unwrap_or_else(|| id.clone()),
        id,
        entrypoint: config.entrypoint.unwrap_or_default(),
        command: config.cmd.unwrap_or_default(),
        environment: config.env.unwrap_or_default(),
        workdir: config.working_dir.filter(|path| !path.is_empty()),
        stop_signal: config.stop_signal.and_then(|signal| signal.parse().ok()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_told_by_the_registry_that_the_name_says() {
        let found = |name: &str| {
            let seen = bollard::models::ImageInspect {
                id: Some("sha256:id".into()),
                repo_digests: Some(vec!["a/x@sha256:a".into(), "b:5000/x@sha256:b".into()]),
                ..bollard::models::ImageInspect::default()
            };
            image(seen, name).digest
        };
        assert_eq!(found("b:5000/x:v1"), "sha256:b");
        assert_eq!(found("a/x"), "sha256:a");
        assert_eq!(found("c/x:v1"), "sha256:id");
    }

    #[test]
    fn a_port_of_a_registry_is_no_tag() {
        assert_eq!(repository("a.b:5000/nginx:1@sha256:00"), "a.b:5000/nginx");
        for name in ["nginx:1", "a.b:5000/nginx:1", "nginx@sha256:00"] {
            assert!(has_tag_or_digest(name), "{name}");
        }
        for name in ["nginx", "a.b:5000/nginx"] {
            assert!(!has_tag_or_digest(name), "{name}");
        }
    }
}
