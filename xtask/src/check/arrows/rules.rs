//! Who may depend on whom: one row per crate, after DESIGN.md, section 2.

/// What one crate may depend on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    /// Crates of the workspace it may be built with.
    pub(super) may: &'static [&'static str],
    /// What its tests may use beyond that.
    pub(super) tests_may: &'static [&'static str],
    /// Crates from elsewhere that it must never be built with, directly or by way of others;
    /// `*` at the end stands for anything.
    pub(super) never: &'static [&'static str],
    /// No file system, no network, no processes, no clock, no environment.
    pub(super) pure: bool,
}

/// Anything that waits, talks or looks at a clock for its user.
const IO: &[&str] = &[
    "tokio*", "hyper*", "aws-*", "rusqlite", "nix", "tempfile", "futures*",
];

/// The official SDK: only `ecs` speaks through it.
const SDK: &[&str] = &["aws-sdk-*", "aws-config", "aws-smithy-http-client"];

/// Everything a crate that knows no platform must not name.
const PLATFORMS: &[&str] = &["aws-*", "hyper*", "rusqlite", "nix"];

/// A crate with nothing said about it but its name.
const NOTHING: Rule = Rule {
    name: "",
    may: &[],
    tests_may: &[],
    never: &[],
    pure: false,
};

/// The rules.
pub(super) const RULES: &[Rule] = &[
    // Nouns and decisions.
    Rule {
        name: "seaway-core",
        never: IO,
        pure: true,
        ..NOTHING
    },
    Rule {
        name: "seaway-manifest",
        may: &["seaway-core"],
        never: IO,
        ..NOTHING
    },
    Rule {
        name: "seaway-report",
        may: &["seaway-core"],
        never: IO,
        ..NOTHING
    },
    // Orchestration over ports.
    Rule {
        name: "seaway-ports",
        may: &["seaway-core"],
        never: IO,
        ..NOTHING
    },
    Rule {
        name: "seaway-engine",
        may: &["seaway-core", "seaway-ports"],
        tests_may: &["seaway-testkit"],
        never: PLATFORMS,
        ..NOTHING
    },
    Rule {
        name: "seaway-testkit",
        may: &["seaway-core", "seaway-ports"],
        never: PLATFORMS,
        ..NOTHING
    },
    // The ports, each on something real.
    Rule {
        name: "seaway-ecs",
        may: &["seaway-core", "seaway-ports"],
        ..NOTHING
    },
    Rule {
        name: "seaway-image",
        may: &["seaway-core", "seaway-ports"],
        never: SDK,
        ..NOTHING
    },
    Rule {
        name: "seaway-ledger",
        may: &["seaway-core", "seaway-ports"],
        tests_may: &["seaway-testkit"],
        never: SDK,
        ..NOTHING
    },
    // The embedded platform. It shares nothing with its client but the wire.
    Rule {
        name: "seaway-aws-wire",
        never: &["aws-*", "hyper*", "tokio*"],
        ..NOTHING
    },
    Rule {
        name: "seaway-scheduler",
        never: IO,
        pure: true,
        ..NOTHING
    },
    Rule {
        // A container engine is spoken to over HTTP.
        name: "seaway-runtime",
        never: &["aws-*", "rusqlite"],
        ..NOTHING
    },
    Rule {
        name: "seaway-router",
        // All of AWS's but aws-lc, which is what TLS is made of.
        never: &[
            "aws-config",
            "aws-s*",
            "aws-credential-types",
            "rusqlite",
            "nix",
        ],
        ..NOTHING
    },
    Rule {
        name: "seaway-local",
        may: &[
            "seaway-aws-wire",
            "seaway-scheduler",
            "seaway-runtime",
            "seaway-router",
        ],
        never: SDK,
        ..NOTHING
    },
    // The composition root: the only one that names concrete platforms.
    Rule {
        name: "seaway",
        may: &[
            "seaway-core",
            "seaway-ecs",
            "seaway-engine",
            "seaway-image",
            "seaway-ledger",
            "seaway-local",
            "seaway-manifest",
            "seaway-ports",
            "seaway-report",
            "seaway-runtime",
        ],
        tests_may: &["seaway-testkit"],
        ..NOTHING
    },
    // Sees the binary from outside, as a user does.
    Rule {
        name: "xtask",
        never: SDK,
        ..NOTHING
    },
];
