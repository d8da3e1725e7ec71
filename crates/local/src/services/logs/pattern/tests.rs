//! Tables of patterns and of messages that do or do not fit them.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::*;

/// Each pattern with messages that fit and messages that do not.
type Table<'a> = &'a [(&'a str, &'a [&'a str], &'a [&'a str])];

fn check(table: Table<'_>) {
    for (text, fitting, others) in table {
        let pattern = Pattern::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        for message in *fitting {
            assert!(pattern.matches(message), "{text} fits {message}");
        }
        for message in *others {
            assert!(!pattern.matches(message), "{text} does not fit {message}");
        }
    }
}

fn refused(text: &str) -> String {
    match Pattern::parse(text) {
        Ok(pattern) => panic!("{text} was read as {pattern:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn text_has_terms_phrases_alternatives_and_exclusions() {
    check(&[
        ("", &["anything", ""], &[]),
        ("ERROR timeout", &["timeout after ERROR 5"], &["ERROR 5"]),
        ("error", &[], &["ERROR"]),
        (
            r#""GET /api" 200"#,
            &["GET /api/items 200"],
            &["GET  /api 200"],
        ),
        (r#""say \"hi\"""#, &[r#"say "hi""#], &["say hi"]),
        ("ERROR -timeout", &["ERROR other"], &["ERROR timeout"]),
        (
            r#"ERROR -"no route""#,
            &["ERROR no", "ERROR"],
            &["ERROR no route"],
        ),
        ("?ERROR ?WARN", &["WARN", "ERROR"], &["INFO"]),
        (
            "%AUTHORIZED%",
            &["UNAUTHORIZED", "AUTHORIZED"],
            &["authorized"],
        ),
        (r"%5\d{2}$%", &["status 503"], &["status 404", "503 status"]),
        ("-%^[hc]at%", &["a cat"], &["hat", "cat"]),
        ("  spaced  ", &["spaced"], &["other"]),
    ]);
}

#[test]
fn json_members_are_compared_as_text_and_as_numbers() {
    check(&[
        (
            r#"{ $.level = "error" }"#,
            &[r#"{"level":"error"}"#],
            &[
                r#"{"level":"errors"}"#,
                r#"{"lvl":"error"}"#,
                "level error",
                "[1]",
            ],
        ),
        (
            "{$.level=error}",
            &[r#"{"level":"error"}"#],
            &[r#"{"level":"ERROR"}"#],
        ),
        (
            "{ $.status >= 500 }",
            &[
                r#"{"status":500}"#,
                r#"{"status":5.1e2}"#,
                r#"{"status":"503"}"#,
            ],
            &[
                r#"{"status":499}"#,
                r#"{"status":"high"}"#,
                r#"{"status":null}"#,
            ],
        ),
        ("{ $.n < -1.5e1 }", &[r#"{"n":-16}"#], &[r#"{"n":-15}"#]),
        ("{ $.n <= 3 }", &[r#"{"n":3}"#], &[r#"{"n":4}"#]),
        ("{ $.n > 3 }", &[r#"{"n":4}"#], &[r#"{"n":3}"#]),
        (
            "{ $.n = 3 }",
            &[r#"{"n":3}"#, r#"{"n":3.0}"#],
            &[r#"{"n":4}"#, r#"{"n":{}}"#],
        ),
        (
            r#"{ $.user != "root" }"#,
            &[r#"{"user":"web"}"#],
            &[r#"{"user":"root"}"#, "{}", r#"{"user":null}"#],
        ),
    ]);
}

#[test]
fn json_members_are_found_at_depth() {
    check(&[
        (
            "{ $.a.b.c = 1 }",
            &[r#"{"a":{"b":{"c":1}}}"#],
            &[r#"{"a":{"b":1}}"#],
        ),
        (
            "{ $.a[1].b = x }",
            &[r#"{"a":[{},{"b":"x"}]}"#],
            &[r#"{"a":[{"b":"x"}]}"#],
        ),
        (
            "{ $.a[*] = 2 }",
            &[r#"{"a":[1,2]}"#],
            &[r#"{"a":[1]}"#, r#"{"a":2}"#],
        ),
        (
            "{ $.['cluster.name'] = c }",
            &[r#"{"cluster.name":"c"}"#],
            &["{}"],
        ),
        ("{ $['a b'].c = 1 }", &[r#"{"a b":{"c":1}}"#], &["{}"]),
    ]);
}

#[test]
fn json_wildcards_and_expressions() {
    check(&[
        (
            r#"{ $.path = "/api/*" }"#,
            &[r#"{"path":"/api/"}"#, r#"{"path":"/api/x"}"#],
            &[r#"{"path":"/web"}"#],
        ),
        (
            "{ $.ip = 10.*.7 }",
            &[r#"{"ip":"10.0.0.7"}"#],
            &[r#"{"ip":"10.7"}"#],
        ),
        (
            "{ $.a = *b*c* }",
            &[r#"{"a":"bc"}"#, r#"{"a":"xbxcx"}"#],
            &[r#"{"a":"cb"}"#],
        ),
        ("{ $.a = * }", &[r#"{"a":0}"#, r#"{"a":false}"#], &["{}"]),
        (
            "{ $.s = %4[0-9]{2}% }",
            &[r#"{"s":404}"#],
            &[r#"{"s":200}"#],
        ),
        ("{ $.s != %4.*% }", &[r#"{"s":200}"#], &[r#"{"s":404}"#]),
    ]);
}

#[test]
fn json_states_of_members() {
    check(&[
        ("{ $.a IS NULL }", &[r#"{"a":null}"#], &["{}", r#"{"a":0}"#]),
        (
            "{ $.a IS TRUE }",
            &[r#"{"a":true}"#],
            &[r#"{"a":"true"}"#, "{}"],
        ),
        ("{ $.a is false }", &[r#"{"a":false}"#], &[r#"{"a":true}"#]),
        (
            "{ $.a.b NOT EXISTS }",
            &["{}", r#"{"a":1}"#],
            &[r#"{"a":{"b":null}}"#],
        ),
    ]);
}

#[test]
fn json_conditions_are_joined() {
    let one = r#"{"a":1,"b":2}"#;
    check(&[
        ("{ $.a = 1 && $.b > 1 }", &[one], &[r#"{"a":1,"b":1}"#]),
        ("{ $.a = 9 || $.b = 2 }", &[one], &[r#"{"a":1,"b":1}"#]),
        // && binds more tightly.
        (
            "{ $.a = 1 || $.a = 2 && $.b = 9 }",
            &[one],
            &[r#"{"a":2,"b":2}"#],
        ),
        ("{ ($.a = 1 || $.a = 2) && $.b = 9 }", &[], &[one]),
        ("{(($.a=1)&&($.b=2))}", &[one], &[]),
    ]);
}

#[test]
fn columns_are_counted_from_both_ends() {
    let line =
        r#"127.0.0.1 - frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534"#;
    check(&[
        (
            "[ip, id, user, time, request, status, bytes]",
            &[line],
            &["a b"],
        ),
        ("[ip, user]", &["a b"], &["a", "a b c", ""]),
        (
            "[ip, id, user, time, request = *.html*, status = 4*, bytes]",
            &[line],
            &[],
        ),
        (
            "[..., status = 404, bytes > 1000]",
            &[line],
            &["404 999", "404"],
        ),
        (
            "[ip = 127.*, ..., bytes]",
            &[line],
            &["10.0.0.1 1", "127.0.0.1"],
        ),
        ("[ip, ...]", &["a", line], &[""]),
        ("[...]", &["", "a b"], &[]),
        (
            "[level = ERROR || level = %^WARN%, ...]",
            &["ERROR x", "WARNING"],
            &["INFO x"],
        ),
        ("[n >= 5 && n != 7]", &["5", "6"], &["7", "4", "x"]),
        ("[,, third = c]", &["a b c"], &["a c", "a b d"]),
        (
            r#"[time, text = "two words"]"#,
            &[r#"now "two words""#],
            &["now two words"],
        ),
    ]);
}

#[test]
fn named_parts_are_extracted() {
    let extract = |pattern: &str, message: &str| {
        let found = Pattern::parse(pattern).unwrap().extract(message);
        let found: Vec<String> = found.iter().map(|(k, v)| format!("{k}={v}")).collect();
        found.join(" ")
    };
    assert_eq!(extract("[ip, ..., n > 1]", "a b 3"), "$ip=a $n=3");
    assert_eq!(extract("[ip]", "a b"), "");
    let message = r#"{"a":{"b":[7]},"c.d":"x"}"#;
    assert_eq!(
        extract(
            "{ $.a.b[0] = 7 && $.['c.d'] = * && $.e NOT EXISTS }",
            message
        ),
        "$.a.b[0]=7 $['c.d']=x"
    );
    assert_eq!(extract("ERROR", "ERROR"), "");
}

#[test]
fn what_is_no_pattern_is_refused_with_its_reason() {
    for (text, reason) in [
        (r#""open"#, "`\"` is missing"),
        ("a=b", "`a=b` has to be put into quotation marks"),
        ("-", "`` has to be put into quotation marks"),
        ("%open", "`%` is missing"),
        ("%(a)%", "the regular expression %(a)% is not supported"),
        ("%a!%", "the regular expression %a!% is not supported"),
        ("%[%", "the regular expression %[% is not supported"),
        (
            "%a{1000}{1000}%",
            "the regular expression %a{1000}{1000}% is not supported",
        ),
        ("{ $.a = 1", "`}` is missing"),
        ("{ $.a }", "`=` is missing"),
        ("{ $.a = }", "`a value` is missing"),
        ("{ $.a > x }", "> takes a number"),
        ("{ a = 1 }", "a selector starts with `$`"),
        ("{ $ = 1 }", "a selector starts with `$`"),
        ("{ $.a IS BIG }", "`NULL` is missing"),
        ("{ $.a NOT THERE }", "`EXISTS` is missing"),
        ("{ $.a = 1 } x", "`x` was not expected"),
        ("{ $.a = 1 && }", "a selector starts with `$`"),
        ("{}", "a selector starts with `$`"),
        ("[a", "`]` is missing"),
        ("[..., a, ...]", "`...` may occur once"),
        ("[a = 1 && b = 2]", "`b` is not the name of this field"),
        ("[a = 1 && a]", "`=` is missing"),
    ] {
        assert_eq!(refused(text), reason, "{text}");
    }
    let deep = format!("{{ {}$.a = 1{} }}", "(".repeat(500), ")".repeat(500));
    assert_eq!(refused(&deep), "it is nested too deeply");
}

#[test]
fn many_wildcards_cost_little() {
    // Trying every place for every asterisk would not end in this life.
    let pattern = Pattern::parse(&format!("{{ $.a = {}b* }}", "*a".repeat(40))).unwrap();
    let message = |end: &str| format!(r#"{{"a":"{}{end}"}}"#, "a".repeat(10_000));
    assert!(!pattern.matches(&message("c")));
    assert!(pattern.matches(&message("abc")));
}

#[test]
fn no_pattern_and_no_message_makes_it_panic() {
    const PIECES: &[&str] = &[
        "{",
        "}",
        "[",
        "]",
        "(",
        ")",
        "$",
        ".",
        "a",
        "'",
        "\"",
        "\\",
        "%",
        "*",
        "...",
        ",",
        "=",
        "!=",
        ">=",
        "<",
        "&&",
        "||",
        "IS",
        "NULL",
        "NOT",
        "EXISTS",
        " ",
        "7",
        "-",
        "?",
        "ä",
        "\u{1f40b}",
    ];
    let mut rng = StdRng::seed_from_u64(4);
    let mut text = |start: &str| {
        let length = rng.random_range(0..12);
        let pieces = (0..length).filter_map(|_| PIECES.choose(&mut rng).copied());
        pieces.fold(start.to_owned(), |text, piece| text + piece)
    };
    let mut read = 0;
    for start in ["", "{ $.a", "[a", "[..., a = "] {
        for _ in 0..20_000 {
            let (pattern, message) = (text(start), text(""));
            if let Ok(pattern) = Pattern::parse(&pattern) {
                read += 1;
                pattern.matches(&message);
                pattern.extract(&message);
            }
        }
    }
    assert!(read > 1_000, "{read} patterns were read");
}
