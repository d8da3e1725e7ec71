//! What the chosen operations of a service reach: shapes, their Rust names, and errors.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use super::model::{Metadata, Operation, Reference, ServiceModel, Shape, Type};
use super::names;
use super::services::Service;

#[derive(Debug, Error)]
pub(crate) enum ClosureError {
    #[error(
        "{module} has no operation {operation}\nhint: check the name in xtask's list of services"
    )]
    UnknownOperation {
        module: &'static str,
        operation: &'static str,
    },
    #[error("shape {0} is referred to and not in the model")]
    UnknownShape(String),
    #[error("shape {0} contains itself: boxed types are not supported yet")]
    Recursive(String),
    #[error("{0} uses a trait of the model that is not supported yet: {1}")]
    Unsupported(String, &'static str),
    #[error("{0} and {1} would have the same Rust name")]
    Collision(String, String),
}

/// The part of a model that is generated. Shapes carry their Rust names.
#[derive(Debug)]
pub(crate) struct Closure {
    pub(crate) metadata: Metadata,
    pub(crate) operations: Vec<ChosenOperation>,
    /// By Rust name. Structures and strings with values become types.
    pub(crate) shapes: BTreeMap<String, Shape>,
    /// Names of the shapes that a request can contain: only they carry constraints.
    pub(crate) in_requests: BTreeSet<String>,
    pub(crate) errors: BTreeMap<String, Shape>,
}

/// An operation with the Rust names of its two shapes.
#[derive(Debug)]
pub(crate) struct ChosenOperation {
    pub(crate) name: &'static str,
    pub(crate) request: String,
    pub(crate) response: String,
    /// Whether the model has an output; without one the response has no body (JSON).
    pub(crate) has_output: bool,
}

impl Closure {
    pub(crate) fn of(service: &Service, model: &ServiceModel) -> Result<Self, ClosureError> {
        if model
            .metadata
            .json_version
            .as_deref()
            .is_some_and(|version| !["1.0", "1.1"].contains(&version))
        {
            return Err(ClosureError::Unsupported(
                service.module.to_owned(),
                "jsonVersion",
            ));
        }
        let renames = renames(service, model)?;
        let mut closure = Self {
            metadata: model.metadata.clone(),
            operations: Vec::new(),
            shapes: BTreeMap::new(),
            in_requests: BTreeSet::new(),
            errors: BTreeMap::new(),
        };
        for &name in service.operations {
            closure.add_operation(name, &model.operations[name], model, &renames)?;
        }
        closure.check_names()?;
        Ok(closure)
    }

    /// The shape behind a reference.
    pub(crate) fn shape(&self, reference: &Reference) -> &Shape {
        &self.shapes[&reference.shape]
    }

    fn add_operation(
        &mut self,
        name: &'static str,
        operation: &Operation,
        model: &ServiceModel,
        renames: &BTreeMap<String, String>,
    ) -> Result<(), ClosureError> {
        let request = format!("{name}Request");
        let response = format!("{name}Response");
        let reach = Reach { model, renames };
        match &operation.input {
            Some(input) => {
                reach.visit(&input.shape, &mut Vec::new(), &mut self.shapes)?;
                let mut reached = BTreeMap::new();
                reach.visit(&input.shape, &mut Vec::new(), &mut reached)?;
                self.in_requests.extend(reached.into_keys());
            }
            None => {
                self.shapes.insert(request.clone(), empty_structure());
                self.in_requests.insert(request.clone());
            }
        }
        match &operation.output {
            Some(output) => reach.visit(&output.shape, &mut Vec::new(), &mut self.shapes)?,
            None => {
                self.shapes.insert(response.clone(), empty_structure());
            }
        }
        for error in &operation.errors {
            let shape = model
                .shapes
                .get(&error.shape)
                .ok_or_else(|| ClosureError::UnknownShape(error.shape.clone()))?;
            self.errors.insert(error.shape.clone(), shape.clone());
        }
        let has_output = operation.output.is_some();
        self.operations.push(ChosenOperation {
            name,
            request,
            response,
            has_output,
        });
        Ok(())
    }

    fn check_names(&self) -> Result<(), ClosureError> {
        let operations = self.operations.iter().map(|operation| operation.name);
        for taken in ["Operation", "ErrorKind", "Protocol"]
            .into_iter()
            .chain(operations)
        {
            if self.shapes.get(taken).is_some_and(|shape| shape.is_type()) {
                return Err(ClosureError::Collision(taken.to_owned(), taken.to_owned()));
            }
        }
        let mut constants = BTreeMap::new();
        for name in self.shapes.keys() {
            if let Some(other) = constants.insert(names::constant(name), name) {
                return Err(ClosureError::Collision(name.clone(), other.clone()));
            }
        }
        Ok(())
    }
}

/// Inputs and outputs are named after their operation, whatever the model calls them.
fn renames(
    service: &Service,
    model: &ServiceModel,
) -> Result<BTreeMap<String, String>, ClosureError> {
    let mut renames = BTreeMap::new();
    for &name in service.operations {
        let operation = model
            .operations
            .get(name)
            .ok_or(ClosureError::UnknownOperation {
                module: service.module,
                operation: name,
            })?;
        let ends = [
            (&operation.input, "Request"),
            (&operation.output, "Response"),
        ];
        for (reference, suffix) in ends {
            let Some(reference) = reference else { continue };
            let rust = format!("{name}{suffix}");
            if let Some(other) = renames.insert(reference.shape.clone(), rust.clone()) {
                return Err(ClosureError::Collision(rust, other));
            }
        }
    }
    Ok(renames)
}

/// Walks a model from one shape.
struct Reach<'a> {
    model: &'a ServiceModel,
    renames: &'a BTreeMap<String, String>,
}

impl Reach<'_> {
    fn visit(
        &self,
        name: &str,
        above: &mut Vec<String>,
        found: &mut BTreeMap<String, Shape>,
    ) -> Result<(), ClosureError> {
        if above.iter().any(|seen| seen == name) {
            return Err(ClosureError::Recursive(name.to_owned()));
        }
        let shape = self
            .model
            .shapes
            .get(name)
            .ok_or_else(|| ClosureError::UnknownShape(name.to_owned()))?;
        supported(name, shape)?;
        above.push(name.to_owned());
        for reference in references(shape) {
            self.visit(&reference.shape, above, found)?;
        }
        above.pop();
        found.insert(self.rust_name(name), self.rename(shape));
        Ok(())
    }

    fn rust_name(&self, name: &str) -> String {
        self.renames
            .get(name)
            .cloned()
            .unwrap_or_else(|| name.to_owned())
    }

    fn rename(&self, shape: &Shape) -> Shape {
        let mut shape = shape.clone();
        let Shape {
            members,
            member,
            key,
            value,
            ..
        } = &mut shape;
        let inner = [member, key, value].into_iter().flatten();
        for reference in members.values_mut().chain(inner) {
            reference.shape = self.rust_name(&reference.shape);
        }
        shape
    }
}

fn references(shape: &Shape) -> impl Iterator<Item = &Reference> {
    let inner = [&shape.member, &shape.key, &shape.value]
        .into_iter()
        .flatten();
    shape.members.values().chain(inner)
}

fn supported(name: &str, shape: &Shape) -> Result<(), ClosureError> {
    if shape.flattened {
        return Err(ClosureError::Unsupported(name.to_owned(), "flattened"));
    }
    if references(shape).any(|reference| reference.location_name.is_some()) {
        return Err(ClosureError::Unsupported(name.to_owned(), "locationName"));
    }
    Ok(())
}

fn empty_structure() -> Shape {
    Shape {
        kind: Type::Structure,
        members: BTreeMap::new(),
        required: Vec::new(),
        member: None,
        key: None,
        value: None,
        values: Vec::new(),
        min: None,
        max: None,
        pattern: None,
        sensitive: false,
        document: false,
        flattened: false,
        fault: false,
        error: None,
    }
}
