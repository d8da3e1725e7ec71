//! Who is not the owner gets nothing: over HTTP, from a browser, with old or foreign signatures, or
//! as another user of this machine.
//!
//! Everybody is after the value of one secret. The owner reads it at the beginning and at the end,
//! by the same means, so that what is refused is refused for the reason that is named.

mod another_user;
mod request;
mod stranger;

use std::path::Path;

use another_user::AnotherUser;
use request::{Owner, Wanted};

use super::bench::manifest::Manifest;
use super::bench::stage::Stage;
use super::bench::{Bench, During as _, ProofError, claim, note};

/// What nobody may get; nothing else looks like it.
const PLANTED: &str = "q7Zr2mXv9LkT4wYc8HsN";
/// The secret that has it, as `TOKEN` of the service.
const SECRET: &str = "locked/local/vault";
/// The second key, while there is one.
const SECOND: (&str, &str) = ("AKIDSUITE", "x6Wb1nQp5RtGz3KdVh0J");

pub(super) fn prove(bench: &Bench) -> Result<String, ProofError> {
    let stage = Stage::new(bench, project)?;
    stage.run(&["local", "start"])?.exited(0)?;
    let owner = Owner::of(&stage)?;
    owner.creates(SECRET, PLANTED)?;
    stage.deploy()?;
    let status = stage.settled()?;
    claim!(status.running() == 1, "the service does not run");

    let opened = stage.run_with(
        &[
            "local",
            "start",
            "--output",
            "json",
            "--access-key-id",
            SECOND.0,
            "--reset-token",
        ],
        &[("SEAWAY_LOCAL_SECRET_ACCESS_KEY", SECOND.1)],
    )?;
    let opened = opened.exited(0)?.json()?;
    let token = opened["reset_token"].as_str().unwrap_or_default();
    claim!(!token.is_empty(), "no token for resets was made");
    let wanted = Wanted {
        owner: &owner,
        secret: SECRET,
        token,
    };
    let mut tried = stranger::while_open(&wanted)?;
    let left_over = wanted.registry_token()?;
    let another = another_user::tries(&AnotherUser {
        stage: &stage,
        planted: &[PLANTED, SECOND.1, token, owner.secret()],
    })?;
    stage.run(&["local", "start", "--closed"])?.exited(0)?;
    tried += stranger::when_closed(&wanted, &left_over)?;

    claim!(
        wanted.by_its_owner()?.contains(PLANTED),
        "the secret is lost: somebody got through"
    );
    stage.end()?;
    Ok(format!(
        "{tried} requests of strangers got nothing; another user: {another}"
    ))
}

/// A service that has the secret and does nothing.
fn project(directory: &Path) -> Result<Manifest, ProofError> {
    // Others can get as far as the project: what keeps them out is the platform's own doing.
    let above = directory.parent().unwrap_or(directory);
    another_user::let_through(above)?;
    let program = directory.join("program");
    std::fs::write(&program, "#!/bin/sh\nexec sleep 1000000\n").during("write the program")?;
    another_user::let_through(&program)?;
    let manifest = toml::toml! {
        [project]
        name = "locked"
        [services.unit]
        path = "."
        image = { bundle = ["program"] }
        command = ["./program"]
        cpu = 256
        memory = 512
        count = 1
        secrets = { TOKEN = "vault" }
        [environments.local]
        platform = "local"
    };
    Manifest::create(&directory.join("seaway.toml"), manifest)
}

/// One line of the table.
fn line(who: &str, answer: &str) {
    note(format!("{who:<66} {answer}"));
}
