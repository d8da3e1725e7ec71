//! Creating parameters, adding versions, deleting.

use std::collections::BTreeMap;

use regex::Regex;
use seaway_aws_wire::ssm::{
    DeleteParameterRequest, DeleteParameterResponse, DeleteParametersRequest,
    DeleteParametersResponse, ParameterTier, ParameterType, PutParameterRequest,
    PutParameterResponse,
};

use super::{Parameters, ParametersError, find, names, number, tags};
use crate::clock::EpochMillis;
use crate::store::{ParameterRecord, ParameterVersion, Tx};

/// Bytes of a value.
const MAX_STANDARD: usize = 4096;
const MAX_ADVANCED: usize = 8192;
/// Versions that are kept of a parameter.
const MAX_VERSIONS: usize = 100;
const DATA_TYPES: [&str; 3] = ["text", "aws:ec2:image", "aws:ssm:integration"];
const DEFAULT_KEY: &str = "alias/aws/ssm";

impl Parameters {
    pub(super) fn put(
        &self,
        request: PutParameterRequest,
        now: EpochMillis,
    ) -> Result<PutParameterResponse, ParametersError> {
        names::check(&request.name)?;
        check_request(&request)?;
        self.store.write(|tx| {
            let (mut record, before) = match tx.parameter(&request.name)? {
                Some(_) if request.overwrite != Some(true) => return Err(ParametersError::Exists),
                Some(record) => {
                    let before = tx.parameter_version(&record.name, record.latest)?;
                    (record, before.map(|(version, _)| version))
                }
                None => (new_record(&request)?, None),
            };
            record.latest += 1;
            let version = next_version(&request, &record, before.as_ref(), now)?;
            let tier = version.tier.as_str().into();
            make_room(tx, &record)?;
            tx.add_parameter_version(&record.name, version, request.value.expose())?;
            tx.put_parameter(&record)?;
            Ok(PutParameterResponse {
                tier: Some(tier),
                version: number(record.latest),
            })
        })
    }

    pub(super) fn delete(
        &self,
        request: &DeleteParameterRequest,
    ) -> Result<DeleteParameterResponse, ParametersError> {
        self.store.write(|tx| {
            let record = find(tx, &request.name)?;
            tx.remove_parameter(&record.name)?;
            Ok(DeleteParameterResponse {})
        })
    }

    pub(super) fn delete_several(
        &self,
        request: DeleteParametersRequest,
    ) -> Result<DeleteParametersResponse, ParametersError> {
        self.store.write(|tx| {
            let (mut deleted, mut invalid) = (Vec::new(), Vec::new());
            for name in request.names {
                match find(tx, &name) {
                    Ok(record) => {
                        tx.remove_parameter(&record.name)?;
                        deleted.push(name);
                    }
                    Err(ParametersError::NotFound(_)) => invalid.push(name),
                    Err(error) => return Err(error),
                }
            }
            Ok(DeleteParametersResponse {
                deleted_parameters: Some(deleted),
                invalid_parameters: Some(invalid),
            })
        })
    }
}

/// What a request may not say, whatever is there already.
fn check_request(request: &PutParameterRequest) -> Result<(), ParametersError> {
    let refused = |message: &str| Err(ParametersError::Validation(message.to_owned()));
    if request.overwrite == Some(true) && request.tags.is_some() {
        return refused(
            "Invalid request: tags and overwrite can't be used together. To create a parameter \
             with tags, please remove overwrite flag. To update tags for an existing parameter, \
             please use AddTagsToResource or RemoveTagsFromResource.",
        );
    }
    if request.value.expose().is_empty() {
        return refused("Parameter value can't be empty.");
    }
    if let Some(data_type) = &request.data_type
        && !DATA_TYPES.contains(&data_type.as_str())
    {
        return refused(&format!(
            "The following data type is not supported: {data_type} (Data type names are all \
             lowercase.)"
        ));
    }
    let policies = request.policies.as_deref().unwrap_or_default();
    if !["", "[]", "[{}]"].contains(&policies.trim()) {
        return Err(ParametersError::Policies);
    }
    Ok(())
}

fn new_record(request: &PutParameterRequest) -> Result<ParameterRecord, ParametersError> {
    if request.r#type.is_none() {
        return Err(ParametersError::Validation(
            "A parameter type is required when you create a parameter.".to_owned(),
        ));
    }
    let given = request.tags.clone().unwrap_or_default();
    Ok(ParameterRecord {
        name: request.name.clone(),
        latest: 0,
        tags: tags::tagged(BTreeMap::new(), given)?,
        labels: BTreeMap::new(),
    })
}

/// The version that the request describes; what it leaves out is as before.
fn next_version(
    request: &PutParameterRequest,
    record: &ParameterRecord,
    before: Option<&ParameterVersion>,
    now: EpochMillis,
) -> Result<ParameterVersion, ParametersError> {
    let given = request.r#type.as_ref().map(ParameterType::as_str);
    // Another type than before is taken, whatever `HierarchyTypeMismatchException` promises.
    let kind = match given {
        Some(kind) => kind.to_owned(),
        None => before.map(|it| it.kind.clone()).unwrap_or_default(),
    };
    let inherited = |of: fn(&ParameterVersion) -> Option<String>| before.and_then(of);
    let secure = kind == ParameterType::SecureString.as_str();
    if request.key_id.is_some() && !secure {
        return Err(ParametersError::Validation(
            "KeyId is required for SecureString type parameter only.".to_owned(),
        ));
    }
    let key = || {
        request
            .key_id
            .clone()
            .or_else(|| inherited(|it| it.key_id.clone()))
    };
    let version = ParameterVersion {
        version: record.latest,
        tier: tier(request, before)?.as_str().to_owned(),
        data_type: request
            .data_type
            .clone()
            .or_else(|| inherited(|it| Some(it.data_type.clone())))
            .unwrap_or_else(|| DATA_TYPES[0].to_owned()),
        description: request
            .description
            .clone()
            .or_else(|| inherited(|it| it.description.clone())),
        allowed_pattern: request
            .allowed_pattern
            .clone()
            .or_else(|| inherited(|it| it.allowed_pattern.clone())),
        key_id: secure.then(|| key().unwrap_or_else(|| DEFAULT_KEY.to_owned())),
        modified_at: now,
        kind,
    };
    check_pattern(&version, request.value.expose())?;
    Ok(version)
}

/// The tier that the value ends up in.
fn tier(
    request: &PutParameterRequest,
    before: Option<&ParameterVersion>,
) -> Result<ParameterTier, ParametersError> {
    let length = request.value.expose().len();
    let was_advanced = before.is_some_and(|it| it.tier == ParameterTier::Advanced.as_str());
    let tier = match &request.tier {
        Some(ParameterTier::Standard) if was_advanced => {
            return Err(ParametersError::Validation(
                "This parameter uses the advanced-parameter tier. You can't downgrade a parameter \
                 from the advanced-parameter tier to the standard-parameter tier. If necessary, \
                 you can delete the advanced parameter and recreate it as a standard parameter."
                    .to_owned(),
            ));
        }
        Some(ParameterTier::Advanced) => ParameterTier::Advanced,
        _ if was_advanced => ParameterTier::Advanced,
        Some(ParameterTier::IntelligentTiering) if length > MAX_STANDARD => ParameterTier::Advanced,
        _ => ParameterTier::Standard,
    };
    let (max, name) = match tier {
        ParameterTier::Advanced => (MAX_ADVANCED, "Advanced"),
        _ => (MAX_STANDARD, "Standard"),
    };
    if length > max {
        return Err(ParametersError::Validation(format!(
            "{name} tier parameters support a maximum parameter value of {max} characters."
        )));
    }
    Ok(tier)
}

/// The pattern has to match the whole value, as Java's `matches` does.
fn check_pattern(version: &ParameterVersion, value: &str) -> Result<(), ParametersError> {
    let Some(pattern) = version
        .allowed_pattern
        .as_deref()
        .filter(|it| !it.is_empty())
    else {
        return Ok(());
    };
    let regex = Regex::new(&format!(r"\A(?:{pattern})\z"))
        .map_err(|_| ParametersError::BadPattern(pattern.to_owned()))?;
    if regex.is_match(value) {
        Ok(())
    } else {
        Err(ParametersError::PatternMismatch(pattern.to_owned()))
    }
}

/// Removes the oldest version where there are too many, unless a label holds it.
fn make_room(tx: &Tx<'_>, record: &ParameterRecord) -> Result<(), ParametersError> {
    let versions = tx.parameter_versions(&record.name)?;
    let Some(oldest) = versions.first().filter(|_| versions.len() >= MAX_VERSIONS) else {
        return Ok(());
    };
    if record.labels.values().any(|it| *it == oldest.version) {
        return Err(ParametersError::OldestLabelled {
            name: record.name.clone(),
            oldest: oldest.version,
        });
    }
    Ok(tx.remove_parameter_version(&record.name, oldest.version)?)
}
