//! Where an engine listens.

use std::ffi::OsString;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// Where Docker listens unless told otherwise.
const DOCKER: &str = "/var/run/docker.sock";
/// Where Podman's service of the whole machine listens.
const PODMAN: &str = "/run/podman/podman.sock";

/// The first socket that is there: what `DOCKER_HOST` says (and no other then), Docker's, that of a
/// Docker or Podman of this user, Podman's. Engines behind TCP are not looked for: what they run
/// is not on this machine.
pub fn find_socket(variable: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    candidates(variable)
        .into_iter()
        .find(|path| is_socket(path))
}

fn candidates(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    if let Some(host) = set("DOCKER_HOST") {
        let path = host.to_str().and_then(|host| host.strip_prefix("unix://"));
        return path.map(PathBuf::from).into_iter().collect();
    }
    let mut found = vec![PathBuf::from(DOCKER)];
    if let Some(runtime) = set("XDG_RUNTIME_DIR").map(PathBuf::from) {
        found.extend([
            runtime.join("docker.sock"),
            runtime.join("podman/podman.sock"),
        ]);
    }
    found.push(PathBuf::from(PODMAN));
    found
}

fn is_socket(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(variables: &[(&str, &str)]) -> Vec<PathBuf> {
        candidates(|name| {
            let pair = variables.iter().find(|(key, _)| *key == name);
            pair.map(|(_, value)| value.into())
        })
    }

    #[test]
    fn docker_host_is_the_only_place_when_it_is_set() {
        let own = [
            ("DOCKER_HOST", "unix:///run/own.sock"),
            ("XDG_RUNTIME_DIR", "/run/user/1"),
        ];
        assert_eq!(found(&own), [PathBuf::from("/run/own.sock")]);
        assert!(found(&[("DOCKER_HOST", "tcp://10.0.0.1:2375")]).is_empty());
    }

    #[test]
    fn an_engine_of_the_user_is_looked_for_after_the_machines_docker() {
        let all = found(&[("XDG_RUNTIME_DIR", "/run/user/1")]);
        let names: Vec<&str> = all.iter().filter_map(|path| path.to_str()).collect();
        assert_eq!(
            names,
            [
                DOCKER,
                "/run/user/1/docker.sock",
                "/run/user/1/podman/podman.sock",
                PODMAN
            ]
        );
    }

    #[test]
    fn a_file_is_no_socket() {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("docker.sock");
        std::fs::write(&path, "").unwrap();
        let host = format!("unix://{}", path.display());
        assert_eq!(find_socket(|_| Some(host.clone().into())), None);
        std::fs::remove_file(&path).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert_eq!(
            find_socket(|_| Some(host.clone().into())),
            Some(path.clone())
        );
    }
}
