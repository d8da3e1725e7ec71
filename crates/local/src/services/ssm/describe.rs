//! Describing parameters without their values.

use seaway_aws_wire::ssm::{
    DescribeParametersRequest, DescribeParametersResponse, ParameterMetadata,
};

use super::filters::{Described, Filters};
use super::{Parameters, ParametersError, arn_of, number, timestamp, user};
use crate::services::sorted_page::SortedPage;
use crate::store::{ParameterRecord, ParameterVersion};

const PAGE: usize = 50;

impl Parameters {
    pub(super) fn describe(
        &self,
        request: &DescribeParametersRequest,
    ) -> Result<DescribeParametersResponse, ParametersError> {
        let filters = Filters::of_parameters(
            request.parameter_filters.as_deref().unwrap_or_default(),
            request.filters.as_deref().unwrap_or_default(),
        )?;
        let page = SortedPage {
            token: request.next_token.as_deref(),
            limit: request.max_results,
            usual: PAGE,
            most: PAGE,
        };
        self.store.read(|view| {
            let mut matching = Vec::new();
            // Nothing here is shared by another account.
            let shared = request.shared == Some(true);
            for record in view.parameters("")?.into_iter().filter(|_| !shared) {
                // Without the value: one that cannot be read hides no other parameter.
                let versions = view.parameter_versions(&record.name)?.into_iter();
                let Some(version) = versions.rev().find(|it| it.version == record.latest) else {
                    continue;
                };
                let described = Described {
                    record: &record,
                    version: &version,
                };
                if filters.let_through(&described) {
                    matching.push((record, version));
                }
            }
            let (found, next_token) = page.of(matching, |(record, _)| record.name.clone())?;
            let parameters = found.into_iter().map(|(record, it)| metadata(record, it));
            Ok(DescribeParametersResponse {
                next_token,
                parameters: Some(parameters.collect()),
            })
        })
    }
}

fn metadata(record: ParameterRecord, version: ParameterVersion) -> ParameterMetadata {
    ParameterMetadata {
        arn: Some(arn_of(&record.name)),
        allowed_pattern: version.allowed_pattern,
        data_type: Some(version.data_type),
        description: version.description,
        key_id: version.key_id,
        last_modified_date: timestamp(version.modified_at),
        last_modified_user: Some(user()),
        name: Some(record.name),
        policies: Some(Vec::new()),
        tier: Some(version.tier.as_str().into()),
        r#type: Some(version.kind.as_str().into()),
        version: number(version.version),
    }
}
