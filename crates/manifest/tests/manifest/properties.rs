//! Whatever the input, reading ends in a manifest or in something to say, and never in a panic.

use proptest::prelude::*;
use seaway_manifest::{Colour, load, render};

use crate::shop::{SHOP, parse};

/// Reads, checks, resolves and renders; fails when an error says nothing.
fn exercise(text: &str) {
    match parse(text) {
        Ok(manifest) => {
            let checked = manifest.check();
            let names: Vec<_> = manifest.environments().cloned().collect();
            let failing = names.iter().filter(|name| match manifest.resolve(name) {
                Ok(environment) => {
                    seaway_manifest::resolved_toml(&environment);
                    false
                }
                Err(errors) => {
                    assert!(errors.errors() > 0, "a failure says why");
                    true
                }
            });
            assert_eq!(
                failing.count() > 0,
                checked.errors() > 0 && !names.is_empty()
            );
            render(&checked, Colour::Always);
        }
        Err(errors) => {
            assert!(errors.errors() > 0, "a failure says why");
            assert!(!render(&errors, Colour::Never).is_empty());
            assert_eq!(errors.problems().len(), errors.iter().count());
        }
    }
}

/// Values that a key might hold, right or wrong.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        (0_i64..300).prop_map(|number| number.to_string()),
        Just("true".to_owned()),
        Just("1.5".to_owned()),
        Just("1979-05-27".to_owned()),
        "[a-z#*/.0-9]{0,12}".prop_map(|text| format!("\"{text}\"")),
        "[0-9]{1,3}[smh]".prop_map(|text| format!("\"{text}\"")),
        Just("\"api\"".to_owned()),
        Just("\"\\u001b[2J\\u0000\"".to_owned()),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4)
                .prop_map(|entries| format!("[{}]", entries.join(", "))),
            (key(), inner).prop_map(|(key, value)| format!("{{ {key} = {value} }}")),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "path",
            "image",
            "port",
            "cpu",
            "memory",
            "count",
            "route",
            "health",
            "rollout",
            "scaling",
            "before",
            "uses",
            "env",
            "secrets",
            "min",
            "max",
            "interval",
            "timeout",
            "services.api.count",
            "services.api",
            "platform",
            "class",
            "jobs.migrate.env.A",
        ])
        .prop_map(str::to_owned),
        "[a-z]{1,6}".prop_map(|key| key),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        exercise(&text);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let root = tempfile::TempDir::new().expect("a directory for the test");
        let file = root.path().join("seaway.toml");
        std::fs::write(&file, bytes).expect("the manifest");
        let errors = load(&file).expect_err("a manifest needs a project");
        prop_assert!(errors.errors() > 0);
        prop_assert!(!render(&errors, Colour::Never).is_empty());
    }

    #[test]
    fn a_shop_with_a_changed_line_never_panics(
        line in 0..SHOP.lines().count(),
        key in key(),
        value in value(),
    ) {
        let mut lines: Vec<String> = SHOP.lines().map(str::to_owned).collect();
        lines[line] = format!("{key} = {value}");
        exercise(&lines.join("\n"));
    }

    #[test]
    fn a_shop_with_damaged_text_never_panics(
        at in 0..SHOP.len(),
        length in 0..20_usize,
        text in "[ -~\\n]{0,5}",
    ) {
        let mut damaged = SHOP.to_owned();
        damaged.replace_range(at..(at + length).min(SHOP.len()), &text);
        exercise(&damaged);
    }
}
