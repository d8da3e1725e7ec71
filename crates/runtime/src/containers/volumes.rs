//! Volumes of tasks in the engine: directories of this machine under a name of the engine.
//!
//! The name makes the engine treat them as its own volumes: an empty one is filled, with its owner
//! and its mode, as the image has the directory that it is mounted on. So a user of the image's
//! own can write to it, as on ECS. The files stay when the name goes.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bollard::models::{Mount, MountType, VolumeCreateRequest};
use bollard::query_parameters::ListVolumesOptionsBuilder;
use sha2::{Digest, Sha256};

use super::engine::Namespace;
use super::error::{EngineError, is_settled};
use super::labels::PLATFORM;
use super::shared::Shared;
use crate::files::create_private_dir;
use crate::task::{Access, Volume};

/// What the engine gives a volume of its own. Nobody else comes near: the directory above is the
/// owner's alone.
const MODE: u32 = 0o755;
/// How much of a path's digest stands in the name of its volume, in bytes.
const KEPT: usize = 16;

/// Makes the directory and its name where they are missing.
pub(super) async fn ensure(shared: &Shared, volume: &Volume) -> Result<(), EngineError> {
    let path = &volume.host_path;
    create(path).map_err(|source| EngineError::Volume {
        path: path.clone(),
        source,
    })?;
    let made = shared
        .docker
        .create_volume(request(&shared.namespace, path));
    let made = made.await;
    made.map(drop).map_err(EngineError::call("make a volume"))
}

/// Takes back the names of all volumes of the namespace, after its containers. The files stay.
pub(super) async fn remove_all(shared: &Shared) -> Result<(), EngineError> {
    let own = format!("{PLATFORM}={}", shared.namespace);
    let filters = HashMap::from([("label", vec![own.as_str()])]);
    let options = ListVolumesOptionsBuilder::default()
        .filters(&filters)
        .build();
    let listed = shared.docker.list_volumes(Some(options)).await;
    let listed = listed.map_err(EngineError::call("list its volumes"))?;
    for volume in listed.volumes.unwrap_or_default() {
        let none = None::<bollard::query_parameters::RemoveVolumeOptions>;
        match shared.docker.remove_volume(&volume.name, none).await {
            Err(error) if !is_settled(&error) => {
                return Err(EngineError::call("remove a volume")(error));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The volume in a container.
pub(super) fn mount(namespace: &Namespace, volume: &Volume) -> Mount {
    Mount {
        source: Some(name(namespace, &volume.host_path)),
        target: Some(volume.container_path.clone()),
        typ: Some(MountType::VOLUME),
        read_only: (volume.access == Access::Read).then_some(true),
        ..Mount::default()
    }
}

fn request(namespace: &Namespace, path: &Path) -> VolumeCreateRequest {
    let options = [
        ("type", "none".to_owned()),
        ("o", "bind".to_owned()),
        ("device", path.to_string_lossy().into_owned()),
    ];
    let options = options.map(|(name, value)| (name.to_owned(), value));
    let label = (PLATFORM.to_owned(), namespace.as_str().to_owned());
    VolumeCreateRequest {
        name: Some(name(namespace, path)),
        driver: Some("local".to_owned()),
        driver_opts: Some(options.into()),
        labels: Some([label].into()),
        ..VolumeCreateRequest::default()
    }
}

/// One name for each directory.
fn name(namespace: &Namespace, path: &Path) -> String {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let digest = hex::encode(&digest[..KEPT]);
    format!("seaway-{namespace}-{digest}")
}

fn create(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    create_private_dir(path)?;
    std::fs::set_permissions(path, PermissionsExt::from_mode(MODE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(path: &str, access: Access) -> Volume {
        Volume {
            name: "data".into(),
            host_path: path.into(),
            container_path: "/data".into(),
            access,
        }
    }

    #[test]
    fn a_directory_has_one_name_in_each_platform() {
        let (one, two) = (Namespace::new("a").unwrap(), Namespace::new("b").unwrap());
        let source = |namespace, path| mount(namespace, &volume(path, Access::Write)).source;
        assert_eq!(source(&one, "/x"), source(&one, "/x"));
        assert_ne!(source(&one, "/x"), source(&one, "/y"));
        assert_ne!(source(&one, "/x"), source(&two, "/x"));
        let made = request(&one, Path::new("/x"));
        assert_eq!(made.name, source(&one, "/x"));
        assert_eq!(made.driver_opts.unwrap()["device"], "/x");
    }

    #[test]
    fn a_volume_that_is_only_read_is_mounted_so() {
        let namespace = Namespace::new("a").unwrap();
        let read_only = |access| mount(&namespace, &volume("/x", access)).read_only;
        assert_eq!(read_only(Access::Read), Some(true));
        assert_eq!(read_only(Access::Write), None);
    }
}
