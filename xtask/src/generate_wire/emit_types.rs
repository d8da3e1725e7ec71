//! Prints `types.rs`: structures and enumerations with their serde attributes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::closure::{Closure, ClosureError};
use super::model::{Reference, Shape, Type};
use super::names;

/// The types of a service, enumerations first.
pub(crate) fn emit(closure: &Closure) -> Result<String, ClosureError> {
    let mut body = String::new();
    for (name, shape) in &closure.shapes {
        if shape.is_enumeration() {
            body.push_str(&enumeration(name, shape)?);
        }
    }
    let defaultable = defaultable(closure);
    for (name, shape) in &closure.shapes {
        if shape.is_structure() {
            body.push_str(&structure(closure, name, shape, &defaultable)?);
        }
    }
    Ok(format!("{}\n{body}", imports(&body)))
}

fn imports(body: &str) -> String {
    let mut imports = String::from("//! The structures and enumerations.\n\n");
    if body.contains("BTreeMap<") {
        imports.push_str("use std::collections::BTreeMap;\n\n");
    }
    imports.push_str("use serde::{Deserialize, Serialize};\n");
    if body.contains("string_enum!") {
        imports.push_str("\nuse crate::string_enum::string_enum;\n");
    }
    let used = ["Blob", "Sensitive", "Timestamp"]
        .into_iter()
        .filter(|name| {
            let before = [": ", "<"].map(|before| format!("{before}{name}"));
            let after = [",", ">", "<"];
            before
                .iter()
                .any(|b| after.iter().any(|a| body.contains(&format!("{b}{a}"))))
        });
    let used: Vec<&str> = used.collect();
    if !used.is_empty() {
        let _ = writeln!(imports, "use crate::types::{{{}}};", used.join(", "));
    }
    imports
}

fn enumeration(name: &str, shape: &Shape) -> Result<String, ClosureError> {
    let mut variants: BTreeMap<String, &str> = BTreeMap::new();
    variants.insert("Other".to_owned(), "any other value");
    let mut text = format!("string_enum! {{\n    pub enum {name} {{\n");
    for value in &shape.values {
        let variant = names::variant(value);
        if let Some(other) = variants.insert(variant.clone(), value) {
            return Err(ClosureError::Collision(
                format!("{name}: {value}"),
                other.to_owned(),
            ));
        }
        let _ = writeln!(text, "        {variant} = {value:?},");
    }
    text.push_str("    }\n}\n\n");
    Ok(text)
}

fn structure(
    closure: &Closure,
    name: &str,
    shape: &Shape,
    defaultable: &BTreeSet<&str>,
) -> Result<String, ClosureError> {
    let default = if defaultable.contains(name) {
        "Default, "
    } else {
        ""
    };
    let mut text = format!(
        "#[derive(Clone, Debug, {default}PartialEq, Serialize, Deserialize)]\npub struct {name} {{\n"
    );
    let mut fields = BTreeMap::new();
    for (wire, reference) in &shape.members {
        let field = names::field(wire);
        if let Some(other) = fields.insert(field.clone(), wire) {
            return Err(ClosureError::Collision(
                format!("{name}.{wire}"),
                other.clone(),
            ));
        }
        let kind = rust_type(closure, reference);
        let required = shape.required.contains(wire);
        let mut attributes = Vec::new();
        if field.trim_start_matches("r#") != wire {
            attributes.push(format!("rename = {wire:?}"));
        }
        if !required {
            attributes.push("skip_serializing_if = \"Option::is_none\"".to_owned());
        }
        if !attributes.is_empty() {
            let _ = writeln!(text, "#[serde({})]", attributes.join(", "));
        }
        let kind = if required {
            kind
        } else {
            format!("Option<{kind}>")
        };
        let _ = writeln!(text, "pub {field}: {kind},");
    }
    text.push_str("}\n\n");
    Ok(text)
}

fn rust_type(closure: &Closure, reference: &Reference) -> String {
    let shape = closure.shape(reference);
    let inner = |inner: &Option<Reference>| match inner {
        Some(inner) => rust_type(closure, inner),
        None => "serde_json::Value".to_owned(),
    };
    let plain = match shape.kind {
        Type::Blob => "Blob".to_owned(),
        Type::Boolean => "bool".to_owned(),
        Type::Double | Type::Float => "f64".to_owned(),
        Type::Integer => "i32".to_owned(),
        Type::Long => "i64".to_owned(),
        Type::List => format!("Vec<{}>", inner(&shape.member)),
        Type::Map => format!("BTreeMap<{}, {}>", inner(&shape.key), inner(&shape.value)),
        Type::String if !shape.is_enumeration() => "String".to_owned(),
        Type::Structure if shape.document => "serde_json::Value".to_owned(),
        Type::String | Type::Structure => reference.shape.clone(),
        Type::Timestamp => "Timestamp".to_owned(),
    };
    if shape.sensitive {
        format!("Sensitive<{plain}>")
    } else {
        plain
    }
}

/// The structures that have a default: those whose required members all have one.
fn defaultable(closure: &Closure) -> BTreeSet<&str> {
    let structures = || {
        closure
            .shapes
            .iter()
            .filter(|(_, shape)| shape.is_structure())
    };
    let mut names: BTreeSet<&str> = structures().map(|(name, _)| name.as_str()).collect();
    loop {
        let before = names.len();
        for (name, shape) in structures() {
            let has_default = |wire: &String| {
                let reference = &shape.members[wire];
                let member = closure.shape(reference);
                match member.kind {
                    Type::String => member.values.is_empty(),
                    Type::Structure => member.document || names.contains(reference.shape.as_str()),
                    Type::Timestamp => false,
                    _ => true,
                }
            };
            if !shape.required.iter().all(has_default) {
                names.remove(name.as_str());
            }
        }
        if names.len() == before {
            return names;
        }
    }
}
