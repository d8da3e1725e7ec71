//! Listing secrets: filters, order, pages.

use seaway_aws_wire::secretsmanager::{
    Filter, FilterNameStringType, ListSecretsRequest, ListSecretsResponse, SecretListEntry,
    SortByType, SortOrderType,
};

use super::tags::to_wire;
use super::{SecretsError, SecretsManager, arn_of, timestamp};
use crate::services::sorted_page::{Order, SortedPage, time_key};
use crate::store::{SecretRecord, SecretVersion};

const PAGE: usize = 100;

impl SecretsManager {
    pub(super) fn list(
        &self,
        request: &ListSecretsRequest,
    ) -> Result<ListSecretsResponse, SecretsError> {
        let filters = request.filters.as_deref().unwrap_or_default();
        let planned = request.include_planned_deletion == Some(true);
        self.store.read(|view| {
            let mut secrets = view.secrets()?;
            secrets.retain(|secret| {
                (planned || secret.deleted_at.is_none())
                    && filters.iter().all(|filter| matches(secret, filter))
            });
            let page = page_of(request.next_token.as_deref(), request.max_results);
            let by = request.sort_by.as_ref();
            let (secrets, next_token) =
                page.sorted(secrets, order_of(request), |secret| sort_key(secret, by))?;
            let mut entries = Vec::with_capacity(secrets.len());
            for secret in secrets {
                let versions = view.secret_versions(&secret.id)?;
                entries.push(entry(secret, versions));
            }
            Ok(ListSecretsResponse {
                next_token,
                secret_list: Some(entries),
            })
        })
    }
}

/// The part of a list of secrets or versions that a request asks for.
pub(super) fn page_of(token: Option<&str>, limit: Option<i32>) -> SortedPage<'_> {
    SortedPage::of_up_to(PAGE, token, limit)
}

/// Whether any value of the filter fits; a value with `!` must not fit.
fn matches(secret: &SecretRecord, filter: &Filter) -> bool {
    let fits = |value: &str| {
        let tag_keys = || secret.tags.keys().any(|key| key.starts_with(value));
        let tag_values = || secret.tags.values().any(|tag| tag.starts_with(value));
        let name = || secret.name.starts_with(value);
        let description = || starts_any_word(secret.description.as_deref(), value);
        match filter.key {
            Some(FilterNameStringType::Name) => name(),
            Some(FilterNameStringType::Description) => description(),
            Some(FilterNameStringType::TagKey) => tag_keys(),
            Some(FilterNameStringType::TagValue) => tag_values(),
            None | Some(FilterNameStringType::All) => {
                starts_any_word(Some(&secret.name), value)
                    || description()
                    || tag_keys()
                    || tag_values()
            }
            // Nothing here is replicated or owned by another service.
            Some(_) => false,
        }
    };
    let values = filter.values.as_deref().unwrap_or_default();
    values.iter().any(|value| match value.strip_prefix('!') {
        Some(unwanted) => !fits(unwanted),
        None => fits(value),
    })
}

fn starts_any_word(text: Option<&str>, value: &str) -> bool {
    let (text, value) = (
        text.unwrap_or_default().to_lowercase(),
        value.to_lowercase(),
    );
    text.split(|c: char| !c.is_alphanumeric())
        .any(|word| word.starts_with(&value))
        || text.starts_with(&value)
}

/// By creation where the request names nothing else.
fn sort_key(secret: &SecretRecord, by: Option<&SortByType>) -> String {
    let at = match by {
        Some(SortByType::Name) => return secret.name.clone(),
        Some(SortByType::LastChangedDate) => Some(secret.changed_at),
        Some(SortByType::LastAccessedDate) => secret.accessed_at,
        _ => Some(secret.created_at),
    };
    time_key(at, &secret.name)
}

/// The last one first where the request names no order.
fn order_of(request: &ListSecretsRequest) -> Order {
    match request.sort_order {
        Some(SortOrderType::Asc) => Order::Ascending,
        _ => Order::Descending,
    }
}

fn entry(secret: SecretRecord, versions: Vec<SecretVersion>) -> SecretListEntry {
    let stages = versions
        .into_iter()
        .filter(|version| !version.stages.is_empty())
        .map(|version| (version.version, version.stages));
    SecretListEntry {
        arn: Some(arn_of(&secret)),
        created_date: timestamp(secret.created_at),
        deleted_date: secret.deleted_at.and_then(timestamp),
        last_accessed_date: secret.accessed_at.and_then(timestamp),
        last_changed_date: timestamp(secret.changed_at),
        secret_versions_to_stages: Some(stages.collect()),
        description: secret.description,
        kms_key_id: secret.kms_key_id,
        name: Some(secret.name),
        tags: Some(to_wire(secret.tags)),
        ..SecretListEntry::default()
    }
}
