//! Reading values: one, several, or all below a path.

use seaway_aws_wire::Sensitive;
use seaway_aws_wire::ssm::{
    GetParameterRequest, GetParameterResponse, GetParametersByPathRequest,
    GetParametersByPathResponse, GetParametersRequest, GetParametersResponse, Parameter,
    ParameterType,
};

use super::filters::{Described, Filters};
use super::{Parameters, ParametersError, arn_of, find, names, number, secrets, timestamp};
use crate::clock::EpochMillis;
use crate::services::sorted_page::SortedPage;
use crate::store::{ParameterRecord, View};

/// The greatest page of `GetParametersByPath`.
const PAGE: usize = 10;

impl Parameters {
    pub(super) fn get(
        &self,
        request: &GetParameterRequest,
        now: EpochMillis,
    ) -> Result<GetParameterResponse, ParametersError> {
        let reading = Reading::of(request.with_decryption);
        names::check_readable(&request.name)?;
        let parameter = self.one(&request.name, reading, now)?;
        Ok(GetParameterResponse {
            parameter: Some(parameter),
        })
    }

    pub(super) fn get_several(
        &self,
        request: GetParametersRequest,
        now: EpochMillis,
    ) -> Result<GetParametersResponse, ParametersError> {
        use ParametersError as E;
        let reading = Reading::of(request.with_decryption);
        let (mut parameters, mut invalid) = (Vec::new(), Vec::new());
        for name in request.names {
            match self.one(&name, reading, now) {
                Ok(parameter) => parameters.push(parameter),
                Err(E::NotFound(_) | E::SecretNotFound(_) | E::NoVersion { .. }) => {
                    invalid.push(name);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(GetParametersResponse {
            invalid_parameters: Some(invalid),
            parameters: Some(parameters),
        })
    }

    /// The parameter, or the secret, that a request names.
    fn one(
        &self,
        name: &str,
        reading: Reading,
        now: EpochMillis,
    ) -> Result<Parameter, ParametersError> {
        if secrets::is_secret(name) {
            return self.secret(name, reading, now);
        }
        self.store.read(|view| read_reference(view, name, reading))
    }

    pub(super) fn get_by_path(
        &self,
        request: &GetParametersByPathRequest,
    ) -> Result<GetParametersByPathResponse, ParametersError> {
        let path = Path::parse(&request.path)?;
        let depth = if request.recursive == Some(true) {
            Depth::Any
        } else {
            Depth::One
        };
        let filters = Filters::of_values(request.parameter_filters.as_deref().unwrap_or_default())?;
        let reading = Reading::of(request.with_decryption);
        let page = SortedPage {
            token: request.next_token.as_deref(),
            limit: request.max_results,
            usual: PAGE,
            most: PAGE,
        };
        self.store.read(|view| {
            let mut matching = Vec::new();
            for record in view.parameters(path.start())? {
                if !path.holds(&record.name, depth) {
                    continue;
                }
                let versions = view.parameter_versions(&record.name)?;
                let Some(version) = filters.choose(&record, &versions) else {
                    continue;
                };
                matching.push((record, version));
            }
            let (found, next_token) = page.of(matching, |(record, _)| record.name.clone())?;
            let parameters: Result<Vec<Parameter>, ParametersError> = found
                .into_iter()
                .map(|(record, version)| read_version(view, &record, version, reading))
                .collect();
            Ok(GetParametersByPathResponse {
                next_token,
                parameters: Some(parameters?),
            })
        })
    }
}

/// How a `SecureString` is given out.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reading {
    Decrypted,
    Sealed,
}

impl Reading {
    pub(super) fn of(with_decryption: Option<bool>) -> Self {
        match with_decryption {
            Some(true) => Self::Decrypted,
            _ => Self::Sealed,
        }
    }
}

/// How far below a path a parameter may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Depth {
    One,
    Any,
}

/// A place in the hierarchy, such as `/shop` or `/`.
#[derive(Debug)]
pub(super) struct Path {
    /// With a slash at its end.
    prefix: String,
}

impl Path {
    pub(super) fn parse(path: &str) -> Result<Self, ParametersError> {
        if !path.starts_with('/') {
            return Err(ParametersError::Validation(
                "The parameter doesn't meet the parameter name requirements. The parameter name \
                 must begin with a forward slash \"/\"."
                    .to_owned(),
            ));
        }
        let prefix = format!("{}/", path.trim_end_matches('/'));
        Ok(Self { prefix })
    }

    /// What the names of all parameters below it begin with. A name without a slash is below `/`.
    fn start(&self) -> &str {
        match self.prefix.as_str() {
            "/" => "",
            prefix => prefix,
        }
    }

    pub(super) fn holds(&self, name: &str, depth: Depth) -> bool {
        let plain = (self.prefix == "/").then_some(name);
        let below = name.strip_prefix(&self.prefix).or(plain);
        below.is_some_and(|rest| depth == Depth::Any || !rest.contains('/'))
    }
}

/// The parameter that a name, an ARN, or either with a selector means.
pub(super) fn read_reference(
    view: &View<'_>,
    reference: &str,
    reading: Reading,
) -> Result<Parameter, ParametersError> {
    let (name, selector) = names::split_selector(reference);
    let (record, shown) = look_up(view, name)?;
    let version = match selector {
        None => record.latest,
        Some(selector) => match selector.parse() {
            Ok(version) => version,
            Err(_) => *record
                .labels
                .get(selector)
                .ok_or_else(|| no_version(&record, selector))?,
        },
    };
    Ok(Parameter {
        name: Some(shown),
        selector: selector.map(|selector| format!(":{selector}")),
        ..read_version(view, &record, version, reading)?
    })
}

/// The parameter and the name that it is shown by. Who asks for `/a` where there is only `a` gets
/// it as `/a`.
fn look_up(view: &View<'_>, name: &str) -> Result<(ParameterRecord, String), ParametersError> {
    let record = match (find(view, name), name.strip_prefix('/')) {
        (Err(ParametersError::NotFound(asked)), Some(plain)) => {
            let plain = view.parameter(plain)?;
            plain.ok_or(ParametersError::NotFound(asked))?
        }
        (found, _) => found?,
    };
    let shown = if name.starts_with('/') {
        name.to_owned()
    } else {
        record.name.clone()
    };
    Ok((record, shown))
}

fn read_version(
    view: &View<'_>,
    record: &ParameterRecord,
    version: u64,
    reading: Reading,
) -> Result<Parameter, ParametersError> {
    let (about, value) = view
        .parameter_version(&record.name, version)?
        .ok_or_else(|| no_version(record, &version.to_string()))?;
    let secure = about.kind == ParameterType::SecureString.as_str();
    let value = match reading {
        Reading::Sealed if secure => value.sealed,
        _ => value.plain,
    };
    Ok(Parameter {
        arn: Some(arn_of(&record.name)),
        data_type: Some(about.data_type),
        last_modified_date: timestamp(about.modified_at),
        name: Some(record.name.clone()),
        selector: None,
        source_result: None,
        r#type: Some(about.kind.as_str().into()),
        value: Some(Sensitive::new(value)),
        version: number(version),
    })
}

fn no_version(record: &ParameterRecord, version: &str) -> ParametersError {
    ParametersError::NoVersion {
        name: record.name.clone(),
        version: version.to_owned(),
    }
}

impl Filters {
    /// The version of a parameter that the filters let through: the newest one, or the one with
    /// a label that they name.
    fn choose(
        &self,
        record: &ParameterRecord,
        versions: &[crate::store::ParameterVersion],
    ) -> Option<u64> {
        let wanted = match self.label() {
            Some(fits) => *record.labels.iter().find(|(label, _)| fits(label))?.1,
            None => record.latest,
        };
        let version = versions.iter().find(|it| it.version == wanted)?;
        self.let_through(&Described { record, version })
            .then_some(wanted)
    }
}
