//! Prints `shapes.rs`: the tables that drive validation and the query codec.

use std::fmt::Write;

use super::closure::{Closure, ClosureError};
use super::model::{Reference, Shape, Type};
use super::names;

/// One static per shape, except for plain ones, which all services share.
pub(crate) fn emit(closure: &Closure) -> Result<String, ClosureError> {
    let mut text = String::from("//! The shapes of the wire, as tables.\n\n");
    let mut body = String::new();
    for (name, shape) in &closure.shapes {
        let unused = closure
            .operations
            .iter()
            .any(|it| !it.has_output && it.response == *name);
        if shared(closure, name).is_none() && !unused {
            body.push_str(&static_shape(closure, name, shape)?);
        }
    }
    if body.contains("types::") {
        text.push_str("use super::types;\n");
    }
    let used = ["Member", "Pattern", "Shape"];
    let used = used
        .into_iter()
        .filter(|name| body.contains(&format!("{name}::")));
    let used: Vec<&str> = std::iter::once("self").chain(used).collect();
    let _ = writeln!(text, "use crate::schema::{{{}}};", used.join(", "));
    Ok(format!("{text}\n{body}"))
}

fn static_shape(closure: &Closure, name: &str, shape: &Shape) -> Result<String, ClosureError> {
    let constant = names::constant(name);
    let mut text = String::new();
    let mut value = constructor(closure, name, shape)?;
    if closure.in_requests.contains(name) && !shape.is_enumeration() {
        exact(name, shape)?;
        if let Some(min) = shape.min {
            let _ = write!(value, ".at_least({min:.0})");
        }
        if let Some(max) = shape.max {
            let _ = write!(value, ".at_most({max:.0})");
        }
        if let Some(pattern) = &shape.pattern {
            let _ = write!(
                text,
                "static PATTERN_OF_{constant}: Pattern = Pattern::new({pattern:?});\n\n"
            );
            let _ = write!(value, ".matching(&PATTERN_OF_{constant})");
        }
    }
    if shape.sensitive {
        value.push_str(".sensitive()");
    }
    let _ = write!(text, "pub(super) static {constant}: Shape = {value};\n\n");
    Ok(text)
}

/// Limits are read as floating point: refuse those that the table's integers would change.
fn exact(name: &str, shape: &Shape) -> Result<(), ClosureError> {
    let inexact = |limit: f64| limit.fract() != 0.0 || limit.abs() > 9e15;
    if shape.min.is_some_and(inexact) || shape.max.is_some_and(inexact) {
        return Err(ClosureError::Unsupported(
            name.to_owned(),
            "a limit that is no integer",
        ));
    }
    Ok(())
}

fn constructor(closure: &Closure, name: &str, shape: &Shape) -> Result<String, ClosureError> {
    let inner = |inner: &Option<Reference>| match inner {
        Some(inner) => Ok(reference(closure, inner)),
        None => Err(ClosureError::UnknownShape(format!("the content of {name}"))),
    };
    Ok(match shape.kind {
        Type::Blob => "Shape::blob()".to_owned(),
        Type::Boolean => "Shape::boolean()".to_owned(),
        Type::Double | Type::Float => "Shape::double()".to_owned(),
        Type::Integer => "Shape::integer()".to_owned(),
        Type::Long => "Shape::long()".to_owned(),
        Type::List => format!("Shape::list({})", inner(&shape.member)?),
        Type::Map => format!(
            "Shape::map({}, {})",
            inner(&shape.key)?,
            inner(&shape.value)?
        ),
        Type::String if !shape.is_enumeration() => "Shape::string()".to_owned(),
        Type::String => format!("Shape::enumeration(types::{name}::VALUES)"),
        Type::Structure if shape.document => "Shape::document()".to_owned(),
        Type::Structure => structure(closure, shape),
        Type::Timestamp => "Shape::timestamp()".to_owned(),
    })
}

fn structure(closure: &Closure, shape: &Shape) -> String {
    let mut text = String::from("Shape::structure(&[\n");
    for (wire, member) in &shape.members {
        let presence = if shape.required.contains(wire) {
            "required"
        } else {
            "optional"
        };
        let _ = writeln!(
            text,
            "Member::{presence}({wire:?}, {}),",
            reference(closure, member)
        );
    }
    text.push_str("])");
    text
}

fn reference(closure: &Closure, reference: &Reference) -> String {
    match shared(closure, &reference.shape) {
        Some(shared) => format!("&schema::{shared}"),
        None => format!("&{}", names::constant(&reference.shape)),
    }
}

/// The shared static of a shape without constraints or traits of its own.
fn shared(closure: &Closure, name: &str) -> Option<&'static str> {
    let shape = &closure.shapes[name];
    let constrained = closure.in_requests.contains(name)
        && (shape.min.is_some() || shape.max.is_some() || shape.pattern.is_some());
    if constrained || shape.sensitive || shape.is_enumeration() {
        return None;
    }
    match shape.kind {
        Type::Boolean => Some("BOOLEAN"),
        Type::Double | Type::Float => Some("DOUBLE"),
        Type::Integer => Some("INTEGER"),
        Type::Long => Some("LONG"),
        Type::String => Some("STRING"),
        Type::Timestamp => Some("TIMESTAMP"),
        Type::Blob | Type::List | Type::Map | Type::Structure => None,
    }
}
