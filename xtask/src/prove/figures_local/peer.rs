//! The servers that are compared with, each a process that ends with its stage.

use std::env;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::prove::bench::{During as _, ProofError, claim};

/// A program of somebody else, and how it gets here.
#[derive(Debug, Clone, Copy)]
pub(super) struct Program {
    name: &'static str,
    install: &'static str,
}

pub(super) const MOTO: Program = Program {
    name: "moto_server",
    install: "pip install 'moto[server]'",
};
pub(super) const NGINX: Program = Program {
    name: "nginx",
    install: "apt-get install nginx",
};
pub(super) const WRK: Program = Program {
    name: "wrk",
    install: "apt-get install wrk",
};
pub(super) const DOCKER_REGISTRY: Program = Program {
    name: "docker-registry",
    install: "apt-get install docker-registry",
};

/// Where Debian has servers; not everybody's `PATH` names it.
const SERVERS: &str = "/usr/sbin";
/// How long a server may take to answer connections.
const START: Duration = Duration::from_secs(30);
/// How long it may take to end.
const END: Duration = Duration::from_secs(5);
/// Between two looks at it.
const POLL: Duration = Duration::from_millis(2);

impl Program {
    /// The file; the error says how to install it.
    pub(super) fn find(self) -> Result<PathBuf, ProofError> {
        let path = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&path)
            .chain([PathBuf::from(SERVERS)])
            .map(|directory| directory.join(self.name))
            .find(|file| file.is_file());
        found.ok_or_else(|| {
            ProofError::Refuted(format!("{} is missing: {}", self.name, self.install))
        })
    }
}

/// A server under way.
#[derive(Debug)]
pub(super) struct Peer {
    child: Child,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// When it was started.
    pub(super) began: Instant,
}

impl Peer {
    /// Starts `program` in `directory`, which is in a stage's, and waits until it listens.
    pub(super) fn start(
        program: Program,
        arguments: &[&str],
        directory: &Path,
        address: SocketAddr,
    ) -> Result<Self, ProofError> {
        let log = directory.join(format!("{}.log", program.name));
        let output = File::create(&log).during(format!("make {}", log.display()))?;
        let errors = output.try_clone().during("share a log")?;
        let file = program.find()?;
        let began = Instant::now();
        let child = Command::new(file)
            .args(arguments)
            .current_dir(directory)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .during(format!("start {}", program.name))?;
        let mut peer = Self {
            child,
            address,
            began,
        };
        while TcpStream::connect(address).is_err() {
            let ended = peer.child.try_wait().during("look at a server")?.is_some();
            claim!(
                !ended && began.elapsed() < START,
                "{} does not listen:\n{}",
                program.name,
                fs::read_to_string(&log).unwrap_or_default()
            );
            thread::sleep(POLL);
        }
        Ok(peer)
    }

    pub(super) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or_default()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // A server with workers takes them along when it is asked to end.
        let _ = kill(Pid::from_raw(self.pid()), Signal::SIGTERM);
        let asked = Instant::now();
        while matches!(self.child.try_wait(), Ok(None)) && asked.elapsed() < END {
            thread::sleep(POLL);
        }
        // What has ended by now is not there to be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A loopback address whose port is free for now.
pub(super) fn free_address() -> Result<SocketAddr, ProofError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).during("find a free port")?;
    listener.local_addr().during("find a free port")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_comes_with_the_way_to_get_it() {
        let program = Program {
            name: "no-such-program",
            install: "apt-get install it",
        };
        assert_eq!(
            program.find().expect_err("it is missing").to_string(),
            "no-such-program is missing: apt-get install it"
        );
    }
}
