//! Labels: names of versions, each at one version only.
//!
//! Source: "Working with parameter labels" of the Systems Manager guide.

use seaway_aws_wire::ssm::{
    LabelParameterVersionRequest, LabelParameterVersionResponse, UnlabelParameterVersionRequest,
    UnlabelParameterVersionResponse,
};

use super::{Parameters, ParametersError, find, number};
use crate::store::{ParameterRecord, Tx};

/// Labels of one version.
const MAX_LABELS: usize = 10;

impl Parameters {
    pub(super) fn label(
        &self,
        request: LabelParameterVersionRequest,
    ) -> Result<LabelParameterVersionResponse, ParametersError> {
        self.store.write(|tx| {
            let mut record = find(tx, &request.name)?;
            let version = match request.parameter_version {
                Some(version) => require(tx, &record, version)?,
                None => record.latest,
            };
            let (valid, invalid): (Vec<_>, Vec<_>) =
                request.labels.into_iter().partition(|it| is_label(it));
            for label in valid {
                record.labels.insert(label, version);
            }
            if record.labels.values().filter(|at| **at == version).count() > MAX_LABELS {
                return Err(ParametersError::TooManyLabels { max: MAX_LABELS });
            }
            tx.put_parameter(&record)?;
            Ok(LabelParameterVersionResponse {
                invalid_labels: Some(invalid),
                parameter_version: number(version),
            })
        })
    }

    pub(super) fn unlabel(
        &self,
        request: UnlabelParameterVersionRequest,
    ) -> Result<UnlabelParameterVersionResponse, ParametersError> {
        self.store.write(|tx| {
            let mut record = find(tx, &request.name)?;
            let version = require(tx, &record, request.parameter_version)?;
            let (removed, invalid): (Vec<_>, Vec<_>) = request
                .labels
                .into_iter()
                .partition(|label| record.labels.get(label) == Some(&version));
            record.labels.retain(|label, _| !removed.contains(label));
            tx.put_parameter(&record)?;
            Ok(UnlabelParameterVersionResponse {
                invalid_labels: Some(invalid),
                removed_labels: Some(removed),
            })
        })
    }
}

fn require(tx: &Tx<'_>, record: &ParameterRecord, asked: i64) -> Result<u64, ParametersError> {
    let versions = tx.parameter_versions(&record.name)?;
    let found = versions
        .iter()
        .find(|it| number(it.version) == Some(asked))
        .map(|it| it.version);
    found.ok_or_else(|| ParametersError::NoVersion {
        name: record.name.clone(),
        version: asked.to_string(),
    })
}

/// Letters, digits and `.-_`, not beginning with a digit, `aws` or `ssm`.
fn is_label(label: &str) -> bool {
    let lower = label.to_ascii_lowercase();
    let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    label.chars().all(allowed)
        && !label.starts_with(|c: char| c.is_ascii_digit())
        && !lower.starts_with("aws")
        && !lower.starts_with("ssm")
}
