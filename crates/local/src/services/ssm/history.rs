//! All versions of a parameter.

use seaway_aws_wire::Sensitive;
use seaway_aws_wire::ssm::{
    GetParameterHistoryRequest, GetParameterHistoryResponse, ParameterHistory, ParameterType,
};

use super::read::Reading;
use super::{Parameters, ParametersError, find, number, timestamp, user};
use crate::services::sorted_page::SortedPage;
use crate::store::{ParameterRecord, ParameterValue, ParameterVersion};

const PAGE: usize = 50;

impl Parameters {
    pub(super) fn history(
        &self,
        request: &GetParameterHistoryRequest,
    ) -> Result<GetParameterHistoryResponse, ParametersError> {
        let reading = Reading::of(request.with_decryption);
        let page = SortedPage {
            token: request.next_token.as_deref(),
            limit: request.max_results,
            usual: PAGE,
            most: PAGE,
        };
        self.store.read(|view| {
            let record = find(view, &request.name)?;
            let versions = view.parameter_versions(&record.name)?;
            // As many digits each, so that keys sort as numbers do.
            let (versions, next_token) = page.of(versions, |it| format!("{:020}", it.version))?;
            let mut parameters = Vec::with_capacity(versions.len());
            for version in versions {
                let found = view.parameter_version(&record.name, version.version)?;
                parameters.extend(found.map(|(it, value)| entry(&record, it, value, reading)));
            }
            Ok(GetParameterHistoryResponse {
                next_token,
                parameters: Some(parameters),
            })
        })
    }
}

fn entry(
    record: &ParameterRecord,
    version: ParameterVersion,
    value: ParameterValue,
    reading: Reading,
) -> ParameterHistory {
    let secure = version.kind == ParameterType::SecureString.as_str();
    let value = match reading {
        Reading::Sealed if secure => value.sealed,
        _ => value.plain,
    };
    let labels = record.labels.iter();
    let labels = labels.filter(|(_, at)| **at == version.version);
    ParameterHistory {
        allowed_pattern: version.allowed_pattern,
        data_type: Some(version.data_type),
        description: version.description,
        key_id: version.key_id,
        labels: Some(labels.map(|(label, _)| label.clone()).collect()),
        last_modified_date: timestamp(version.modified_at),
        last_modified_user: Some(user()),
        name: Some(record.name.clone()),
        policies: Some(Vec::new()),
        tier: Some(version.tier.as_str().into()),
        r#type: Some(version.kind.as_str().into()),
        value: Some(Sensitive::new(value)),
        version: number(version.version),
    }
}
