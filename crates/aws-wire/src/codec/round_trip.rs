//! Property: whatever the tables allow survives the types and both codecs, for every operation.

use std::fmt::Write;

use http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use quick_xml::Reader;
use quick_xml::events::Event;
use serde_json::{Map, Value, json};

use super::{RequestId, cbor, query, xml};
use crate::generated::{cloudwatch, ecr, ecs, elbv2, logs, secretsmanager, ssm, sts};
use crate::operation::Operation;
use crate::schema::{Kind, Member, Shape};
use crate::service::Protocol;
use crate::types::Timestamp;

const CASES: u32 = 8;

#[test]
fn requests_survive_their_types() {
    for operation in operations() {
        for_each(operation.input(), |body| {
            let rewritten = rewrite(operation, body.clone(), Direction::Request);
            assert_eq!(
                normal(operation.input(), &rewritten),
                normal(operation.input(), body)
            );
        });
    }
}

#[test]
fn responses_survive_their_types() {
    for operation in operations() {
        let Some(shape) = operation.output() else {
            continue;
        };
        for_each(shape, |body| {
            let rewritten = rewrite(operation, body.clone(), Direction::Response);
            assert_eq!(normal(shape, &rewritten), normal(shape, body));
        });
    }
}

#[test]
fn forms_are_read_as_they_were_written() {
    for operation in operations().filter(|it| it.service().speaks(Protocol::Query)) {
        for_each(operation.input(), |body| {
            let mut form = format!(
                "Action={}&Version={}",
                operation.name(),
                operation.service().api_version()
            );
            write_form(&mut form, operation.input(), "", body);
            let parts = Request::post("/").body(()).unwrap().into_parts().0;
            let (found, read) = query::decode(&parts, form.as_bytes()).unwrap();
            assert_eq!(found, operation);
            assert_eq!(
                normal(operation.input(), &read),
                normal(operation.input(), body)
            );
        });
    }
}

#[test]
fn xml_says_what_the_response_says() {
    for operation in operations().filter(|it| it.service().speaks(Protocol::Query)) {
        let Some(shape) = operation.output() else {
            continue;
        };
        for_each(shape, |body| {
            let xml = xml::response(operation, body, &RequestId::new(7));
            let root = Element::parse(&xml);
            assert_eq!(root.name, format!("{}Response", operation.name()));
            let result = root.child(&format!("{}Result", operation.name())).unwrap();
            assert_eq!(normal(shape, &result.value(shape)), normal(shape, body));
        });
    }
}

#[test]
fn cbor_says_what_the_request_and_the_response_say() {
    for operation in operations().filter(|it| it.service().speaks(Protocol::Cbor)) {
        let path = format!(
            "/service/{}/operation/{}",
            "GraniteServiceVersion20100801",
            operation.name()
        );
        let parts = Request::post(path).body(()).unwrap().into_parts().0;
        for shape in std::iter::once(operation.input()).chain(operation.output()) {
            for_each(shape, |body| {
                let (found, read) = cbor::decode(&parts, &cbor::response(shape, body)).unwrap();
                assert_eq!(found, operation);
                assert_eq!(normal(shape, &read), normal(shape, body));
            });
        }
    }
}

#[test]
fn every_pattern_of_the_models_compiles() {
    let mut count = 0;
    for operation in operations() {
        visit(operation.input(), &mut |shape| {
            if let Some(pattern) = shape.pattern {
                assert!(pattern.regex().is_some(), "{}", pattern.source);
                count += 1;
            }
        });
    }
    assert!(count > 10, "only {count} patterns seen");
}

enum Direction {
    Request,
    Response,
}

/// Every operation of these services.
macro_rules! every {
    ($($service:ident: $module:ident),+) => {
        std::iter::empty()
            $(.chain($module::Operation::ALL.iter().copied().map(Operation::$service)))+
    };
}

/// A value after its type has read and written it.
macro_rules! rewritten {
    ($operation:ident, $value:ident, $direction:ident; $($service:ident),+) => {
        match ($operation, $direction) {
            $((Operation::$service(it), Direction::Request) => it.rewrite_request($value),
            (Operation::$service(it), Direction::Response) => it.rewrite_response($value),)+
        }
    };
}

fn operations() -> impl Iterator<Item = Operation> {
    every![CloudWatch: cloudwatch, Ecr: ecr, Ecs: ecs, Elbv2: elbv2, Logs: logs,
        SecretsManager: secretsmanager, Ssm: ssm, Sts: sts]
}

fn rewrite(operation: Operation, value: Value, direction: Direction) -> Value {
    let rewritten = rewritten!(operation, value, direction;
        CloudWatch, Ecr, Ecs, Elbv2, Logs, SecretsManager, Ssm, Sts);
    rewritten.unwrap_or_else(|error| panic!("{operation}: {error}"))
}

fn for_each(shape: &'static Shape, check: impl Fn(&Value)) {
    let config = Config {
        cases: CASES,
        failure_persistence: None,
        ..Config::default()
    };
    let mut runner = TestRunner::new_with_rng(config, rng());
    let run = runner.run(&any_value(shape), |body| {
        check(&body);
        Ok(())
    });
    run.unwrap();
}

fn rng() -> proptest::test_runner::TestRng {
    proptest::test_runner::TestRng::deterministic_rng(proptest::test_runner::RngAlgorithm::ChaCha)
}

/// Values of the right types; constraints are not looked at.
fn any_value(shape: &'static Shape) -> BoxedStrategy<Value> {
    match &shape.kind {
        Kind::Blob => Just(json!("AP9ibG9i")).boxed(),
        Kind::Boolean => any::<bool>().prop_map(Value::from).boxed(),
        Kind::Document => Just(json!({ "any": ["thing", 1, null] })).boxed(),
        Kind::Double => any::<i16>()
            .prop_map(|it| json!(f64::from(it) / 8.0))
            .boxed(),
        Kind::Enumeration(values) => {
            let known = proptest::sample::select(*values).prop_map(str::to_owned);
            prop_oneof![4 => known, 1 => "other [a-z]{4}"]
                .prop_map(Value::from)
                .boxed()
        }
        Kind::Integer => any::<i32>().prop_map(Value::from).boxed(),
        Kind::Long => any::<i64>().prop_map(Value::from).boxed(),
        Kind::List(item) => vec(any_value(item), 0..3).prop_map(Value::from).boxed(),
        Kind::Map(key, value) => vec((any_value(key), any_value(value)), 0..3)
            .prop_map(|entries| {
                entries
                    .into_iter()
                    .map(|(key, value)| (as_text(&key), value))
            })
            .prop_map(|entries| Value::Object(entries.collect()))
            .boxed(),
        Kind::String => "[ -~]{0,6}\\PC{0,4}".prop_map(Value::from).boxed(),
        Kind::Structure(members) => any_structure(members),
        Kind::Timestamp => (0..2_000_000_000_000i64)
            .prop_map(|it| json!(it as f64 / 1000.0))
            .boxed(),
    }
}

fn any_structure(members: &'static [Member]) -> BoxedStrategy<Value> {
    let fields: Vec<BoxedStrategy<Option<Value>>> = members
        .iter()
        .map(|member| {
            let value = any_value(member.shape);
            if member.required {
                value.prop_map(Some).boxed()
            } else {
                proptest::option::weighted(0.4, value).boxed()
            }
        })
        .collect();
    fields
        .prop_map(move |values| {
            let named = members.iter().zip(values);
            let fields: Map<String, Value> = named
                .filter_map(|(member, value)| Some((member.name.to_owned(), value?)))
                .collect();
            Value::Object(fields)
        })
        .boxed()
}

fn as_text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// One way to write each value: numbers by their type, moments in milliseconds.
///
/// Structures without members disappear: a form cannot tell them from absent ones.
fn normal(shape: &Shape, value: &Value) -> Value {
    match (&shape.kind, value) {
        (Kind::Structure(members), Value::Object(fields)) => {
            let members = members.iter().filter_map(|member| {
                let value = normal(member.shape, fields.get(member.name)?);
                let empty = matches!(&value, Value::Object(fields) if fields.is_empty());
                (!empty).then(|| (member.name.to_owned(), value))
            });
            Value::Object(members.collect())
        }
        (Kind::List(item), Value::Array(items)) => {
            Value::Array(items.iter().map(|value| normal(item, value)).collect())
        }
        (Kind::Map(_, inner), Value::Object(entries)) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key.clone(), normal(inner, value)));
            Value::Object(entries.collect())
        }
        (Kind::Timestamp, Value::Number(seconds)) => {
            json!((seconds.as_f64().unwrap() * 1000.0).round() as i64)
        }
        (Kind::Timestamp, Value::String(moment)) => {
            json!(Timestamp::from_iso8601(moment).unwrap().as_millis())
        }
        (Kind::Double, Value::Number(number)) => json!(number.as_f64().unwrap()),
        (_, value) => value.clone(),
    }
}

fn write_form(form: &mut String, shape: &Shape, prefix: &str, value: &Value) {
    let at = |name: &str| {
        if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}.{name}")
        }
    };
    match (&shape.kind, value) {
        (Kind::Structure(members), Value::Object(fields)) => {
            for member in *members {
                if let Some(value) = fields.get(member.name) {
                    write_form(form, member.shape, &at(member.name), value);
                }
            }
            // Inside a list even an empty structure must hold its place.
            if fields.is_empty() && !prefix.is_empty() {
                let _ = write!(form, "&{prefix}=");
            }
        }
        (Kind::List(_), Value::Array(items)) if items.is_empty() => {
            let _ = write!(form, "&{prefix}=");
        }
        (Kind::List(item), Value::Array(items)) => {
            for (index, value) in items.iter().enumerate() {
                write_form(form, item, &at(&format!("member.{}", index + 1)), value);
            }
        }
        (Kind::Map(..), Value::Object(entries)) if entries.is_empty() => {
            let _ = write!(form, "&{prefix}=");
        }
        (Kind::Map(key_shape, inner), Value::Object(entries)) => {
            for (index, (key, value)) in entries.iter().enumerate() {
                let entry = at(&format!("entry.{}", index + 1));
                write_form(form, key_shape, &format!("{entry}.key"), &json!(key));
                write_form(form, inner, &format!("{entry}.value"), value);
            }
        }
        (Kind::Timestamp, Value::Number(seconds)) => {
            let moment = Timestamp::from_seconds(seconds.as_f64().unwrap()).unwrap();
            let _ = write!(form, "&{prefix}={moment}");
        }
        (_, value) => {
            let text = as_text(value);
            let text = utf8_percent_encode(&text, NON_ALPHANUMERIC);
            let _ = write!(form, "&{prefix}={text}");
        }
    }
}

/// Enough of XML to read a response back.
#[derive(Debug, Default)]
struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    fn parse(xml: &str) -> Self {
        let mut reader = Reader::from_str(xml);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().unwrap() {
                Event::Start(start) => {
                    let name = start.name().as_ref().to_owned();
                    open.push(Self {
                        name,
                        ..Self::default()
                    });
                }
                Event::Text(text) => {
                    open.last_mut()
                        .unwrap()
                        .text
                        .push_str(&text.xml10_content());
                }
                Event::GeneralRef(name) => {
                    let escaped = format!("&{};", &*name);
                    let text = quick_xml::escape::unescape(&escaped).unwrap().into_owned();
                    open.last_mut().unwrap().text.push_str(&text);
                }
                Event::End(_) => {
                    let closed = open.pop().unwrap();
                    open.last_mut().unwrap().children.push(closed);
                }
                Event::Eof => return open.remove(0).children.remove(0),
                other => panic!("unexpected {other:?}"),
            }
        }
    }

    fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    fn value(&self, shape: &Shape) -> Value {
        match &shape.kind {
            Kind::Structure(members) => {
                let fields = members.iter().filter_map(|member| {
                    let value = self.child(member.name)?.value(member.shape);
                    Some((member.name.to_owned(), value))
                });
                Value::Object(fields.collect())
            }
            Kind::List(item) => self
                .children
                .iter()
                .map(|child| child.value(item))
                .collect(),
            Kind::Map(_, inner) => {
                let entries = self.children.iter().map(|entry| {
                    let key = entry.child("key").unwrap().text.clone();
                    (key, entry.child("value").unwrap().value(inner))
                });
                Value::Object(entries.collect())
            }
            Kind::Boolean => json!(self.text.parse::<bool>().unwrap()),
            Kind::Integer | Kind::Long => json!(self.text.parse::<i64>().unwrap()),
            Kind::Double => json!(self.text.parse::<f64>().unwrap()),
            Kind::Timestamp => {
                let moment = Timestamp::from_iso8601(&self.text).unwrap();
                json!(moment.as_millis() as f64 / 1000.0)
            }
            _ => json!(self.text),
        }
    }
}

fn visit(shape: &'static Shape, see: &mut impl FnMut(&'static Shape)) {
    see(shape);
    match &shape.kind {
        Kind::Structure(members) => members.iter().for_each(|member| visit(member.shape, see)),
        Kind::List(item) => visit(item, see),
        Kind::Map(key, value) => {
            visit(key, see);
            visit(value, see);
        }
        _ => {}
    }
}
