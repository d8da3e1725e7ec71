//! A small model through the whole generator.

use serde_json::json;

use super::closure::Closure;
use super::model::ServiceModel;
use super::services::Service;
use super::{emit_operations, emit_shapes, emit_types};

const TOY: Service = Service {
    module: "toy",
    version: "2020-01-01",
    variant: "Toy",
    reference: "https://example.com/API_",
    operations: &["Wind"],
};

fn toy(shapes: serde_json::Value) -> ServiceModel {
    let mut model = json!({
        "metadata": {
            "apiVersion": "2020-01-01", "protocols": ["json"], "jsonVersion": "1.1",
            "targetPrefix": "Toy", "endpointPrefix": "toy",
        },
        "operations": {
            "Wind": { "input": { "shape": "WindInput" }, "errors": [{ "shape": "Broken" }] },
            "Other": { "input": { "shape": "Unreached" } },
        },
        "shapes": {
            "Broken": {
                "type": "structure", "members": {}, "exception": true,
                "error": { "code": "Toy.Broken", "httpStatusCode": 409, "senderFault": true },
            },
            "Unreached": { "type": "structure", "members": {} },
        },
    });
    let all = model["shapes"].as_object_mut().unwrap();
    all.extend(shapes.as_object().unwrap().clone());
    serde_json::from_value(model).unwrap()
}

fn closure() -> Closure {
    let model = toy(json!({
        "WindInput": {
            "type": "structure", "required": ["Turns"],
            "members": {
                "Turns": { "shape": "Turns" },
                "keyARN": { "shape": "Key" },
                "direction": { "shape": "Direction" },
            },
        },
        "Turns": { "type": "integer", "min": 1, "max": 100.0 },
        "Key": { "type": "string", "pattern": "\\w+", "sensitive": true },
        "Direction": { "type": "string", "enum": ["LEFT", "RIGHT"] },
    }));
    Closure::of(&TOY, &model).unwrap()
}

fn refused(shapes: serde_json::Value) -> String {
    Closure::of(&TOY, &toy(shapes)).unwrap_err().to_string()
}

#[test]
fn structures_have_rust_names_and_wire_names() {
    let types = emit_types::emit(&closure()).unwrap();
    for line in [
        "pub struct WindRequest {",
        "#[serde(rename = \"Turns\")]\npub turns: i32,",
        "#[serde(rename = \"keyARN\", skip_serializing_if = \"Option::is_none\")]\n\
         pub key_arn: Option<Sensitive<String>>,",
        "#[serde(skip_serializing_if = \"Option::is_none\")]\n\
         pub direction: Option<Direction>,",
        "        Left = \"LEFT\",\n        Right = \"RIGHT\",\n",
        "pub struct WindResponse {\n}",
        "use crate::types::{Sensitive};",
    ] {
        assert!(types.contains(line), "{line}\n--- is not in ---\n{types}");
    }
    assert!(!types.contains("Unreached"), "{types}");
}

#[test]
fn shapes_carry_the_constraints() {
    let shapes = emit_shapes::emit(&closure()).unwrap();
    for line in [
        "Member::required(\"Turns\", &TURNS),",
        "Member::optional(\"keyARN\", &KEY),",
        "static TURNS: Shape = Shape::integer().at_least(1).at_most(100);",
        "static PATTERN_OF_KEY: Pattern = Pattern::new(\"\\\\w+\");",
        "static KEY: Shape = Shape::string().matching(&PATTERN_OF_KEY).sensitive();",
        "static DIRECTION: Shape = Shape::enumeration(types::Direction::VALUES);",
    ] {
        assert!(shapes.contains(line), "{line}\n--- is not in ---\n{shapes}");
    }
}

#[test]
fn operations_and_errors_become_macro_calls() {
    let text = emit_operations::emit(&TOY, &closure());
    for line in [
        "/// <https://example.com/API_Wind.html>",
        "Wind(WindRequest, &shapes::WIND_REQUEST)\n        -> (WindResponse, None);",
        "Broken = \"Toy.Broken\", 409, Sender, \"message\";",
        "target_prefix: \"Toy\",",
    ] {
        assert!(text.contains(line), "{line}\n--- is not in ---\n{text}");
    }
}

#[test]
fn what_the_generator_cannot_express_is_refused() {
    let recursive = refused(json!({
        "WindInput": { "type": "structure", "members": { "in": { "shape": "WindInput" } } },
    }));
    assert!(
        recursive.starts_with("shape WindInput contains itself"),
        "{recursive}"
    );

    let flattened = refused(json!({
        "WindInput": { "type": "structure", "members": { "l": { "shape": "L" } } },
        "L": { "type": "list", "member": { "shape": "S" }, "flattened": true },
        "S": { "type": "string" },
    }));
    assert!(
        flattened.ends_with("not supported yet: flattened"),
        "{flattened}"
    );

    let missing = refused(json!({
        "WindInput": { "type": "structure", "members": { "l": { "shape": "L" } } },
    }));
    assert_eq!(missing, "shape L is referred to and not in the model");

    let colliding = refused(json!({
        "WindInput": {
            "type": "structure",
            "members": { "a": { "shape": "KeyArn" }, "b": { "shape": "KeyARN" } },
        },
        "KeyArn": { "type": "string" },
        "KeyARN": { "type": "string" },
    }));
    assert!(
        colliding.ends_with("would have the same Rust name"),
        "{colliding}"
    );
}

#[test]
fn an_operation_that_does_not_exist_is_named() {
    let service = Service {
        operations: &["Unwind"],
        ..TOY
    };
    let error = Closure::of(&service, &toy(json!({})))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("toy has no operation Unwind\nhint: "),
        "{error}"
    );
}
