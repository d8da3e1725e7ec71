//! Repositories: created, shown, changed, deleted.

use seaway_aws_wire::ecr::{
    CreateRepositoryRequest, CreateRepositoryResponse, DeleteRepositoryRequest,
    DeleteRepositoryResponse, DescribeRepositoriesRequest, DescribeRepositoriesResponse,
    EncryptionConfiguration, EncryptionType, ImageScanningConfiguration, ImageTagMutability,
    ImageTagMutabilityExclusionFilter, ImageTagMutabilityExclusionFilterType,
    PutImageScanningConfigurationRequest, PutImageScanningConfigurationResponse,
    PutImageTagMutabilityRequest, PutImageTagMutabilityResponse, Repository,
};

use super::paging::page;
use super::{Ecr, EcrError, find, tags, timestamp};
use crate::clock::EpochMillis;
use crate::identity::{ACCOUNT, arn};
use crate::registry::{REGISTRY_NAME, RepositoryName, RepositoryRecord, TagMutability};

/// As many patterns as AWS takes.
const MAX_EXCLUSIONS: usize = 5;

impl Ecr {
    pub(super) fn create(
        &self,
        request: CreateRepositoryRequest,
        now: EpochMillis,
    ) -> Result<CreateRepositoryResponse, EcrError> {
        let name: RepositoryName = request.repository_name.parse().map_err(|_| {
            let constraint = "must satisfy regular expression \
                 '(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*'";
            EcrError::parameter("repositoryName", constraint)
        })?;
        let mut record = RepositoryRecord::new(now);
        set_mutability(
            &mut record,
            request
                .image_tag_mutability
                .unwrap_or(ImageTagMutability::Mutable),
            request.image_tag_mutability_exclusion_filters,
        )?;
        record.scan_on_push = scans(request.image_scanning_configuration.as_ref());
        record.tags = tags::from_wire(request.tags.unwrap_or_default())?;
        self.images.store.write(|tx| {
            if tx.get::<RepositoryRecord>(name.as_str())?.is_some() {
                return Err(EcrError::RepositoryExists(name.to_string()));
            }
            tx.put(name.as_str(), &record)?;
            Ok(())
        })?;
        Ok(CreateRepositoryResponse {
            repository: Some(shown(name.as_str(), &record)),
        })
    }

    pub(super) fn describe(
        &self,
        request: &DescribeRepositoriesRequest,
    ) -> Result<DescribeRepositoriesResponse, EcrError> {
        let registry = request.registry_id.as_deref();
        self.images.store.read(|view| {
            if let Some(names) = &request.repository_names {
                let named = names.iter().map(|name| {
                    let (_, record) = find(view, name, registry)?;
                    Ok(shown(name, &record))
                });
                return Ok(DescribeRepositoriesResponse {
                    next_token: None,
                    repositories: Some(named.collect::<Result<_, EcrError>>()?),
                });
            }
            let all = view.list::<RepositoryRecord>("")?;
            let (token, limit) = (request.next_token.as_deref(), request.max_results);
            let (all, next_token) = page(all, token, limit, |(name, _)| name.clone())?;
            let shown = all.iter().map(|(name, record)| shown(name, record));
            Ok(DescribeRepositoriesResponse {
                next_token,
                repositories: Some(shown.collect()),
            })
        })
    }

    pub(super) fn delete(
        &self,
        request: &DeleteRepositoryRequest,
    ) -> Result<DeleteRepositoryResponse, EcrError> {
        let forced = request.force == Some(true);
        let record = self.images.store.write(|tx| {
            let registry = request.registry_id.as_deref();
            let (name, record) = find(tx, &request.repository_name, registry)?;
            if !forced && !tx.manifests(name.as_str())?.is_empty() {
                return Err(EcrError::RepositoryNotEmpty(name.to_string()));
            }
            tx.clear_repository(name.as_str())?;
            tx.remove::<RepositoryRecord>(name.as_str())?;
            Ok(record)
        })?;
        Ok(DeleteRepositoryResponse {
            repository: Some(shown(&request.repository_name, &record)),
        })
    }

    pub(super) fn put_mutability(
        &self,
        request: PutImageTagMutabilityRequest,
    ) -> Result<PutImageTagMutabilityResponse, EcrError> {
        let PutImageTagMutabilityRequest {
            image_tag_mutability: mutability,
            image_tag_mutability_exclusion_filters: filters,
            registry_id,
            repository_name,
        } = request;
        let record = self.change(&repository_name, registry_id.as_deref(), |record| {
            set_mutability(record, mutability.clone(), filters)
        })?;
        Ok(PutImageTagMutabilityResponse {
            image_tag_mutability: Some(mutability),
            image_tag_mutability_exclusion_filters: exclusions(&record),
            registry_id: Some(ACCOUNT.to_owned()),
            repository_name: Some(repository_name),
        })
    }

    pub(super) fn put_scanning(
        &self,
        request: PutImageScanningConfigurationRequest,
    ) -> Result<PutImageScanningConfigurationResponse, EcrError> {
        let configuration = request.image_scanning_configuration;
        let (name, registry) = (request.repository_name, request.registry_id);
        self.change(&name, registry.as_deref(), |record| {
            record.scan_on_push = scans(Some(&configuration));
            Ok(())
        })?;
        Ok(PutImageScanningConfigurationResponse {
            image_scanning_configuration: Some(configuration),
            registry_id: Some(ACCOUNT.to_owned()),
            repository_name: Some(name),
        })
    }

    /// Changes what is on record of a repository, and returns it.
    pub(super) fn change(
        &self,
        name: &str,
        registry: Option<&str>,
        change: impl FnOnce(&mut RepositoryRecord) -> Result<(), EcrError>,
    ) -> Result<RepositoryRecord, EcrError> {
        self.images.store.write(|tx| {
            let (name, mut record) = find(tx, name, registry)?;
            change(&mut record)?;
            tx.put(name.as_str(), &record)?;
            Ok(record)
        })
    }
}

/// The ARN of the repository.
pub(super) fn arn_of(name: &str) -> String {
    arn("ecr", &format!("repository/{name}"))
}

fn shown(name: &str, record: &RepositoryRecord) -> Repository {
    Repository {
        created_at: timestamp(record.created_at),
        encryption_configuration: Some(EncryptionConfiguration {
            encryption_type: EncryptionType::Aes256,
            kms_key: None,
        }),
        image_scanning_configuration: Some(ImageScanningConfiguration {
            scan_on_push: Some(record.scan_on_push),
        }),
        image_tag_mutability: Some(mutability_to_wire(record.mutability)),
        image_tag_mutability_exclusion_filters: exclusions(record),
        registry_id: Some(ACCOUNT.to_owned()),
        repository_arn: Some(arn_of(name)),
        repository_name: Some(name.to_owned()),
        repository_uri: Some(format!("{REGISTRY_NAME}/{name}")),
    }
}

/// Patterns and the setting that they are exceptions from come together or not at all.
fn set_mutability(
    record: &mut RepositoryRecord,
    mutability: ImageTagMutability,
    filters: Option<Vec<ImageTagMutabilityExclusionFilter>>,
) -> Result<(), EcrError> {
    let exclusions: Vec<String> = filters
        .into_iter()
        .flatten()
        .map(|one| one.filter)
        .collect();
    record.mutability = match mutability {
        ImageTagMutability::Immutable => TagMutability::Immutable,
        ImageTagMutability::ImmutableWithExclusion => TagMutability::ImmutableWithExclusion,
        ImageTagMutability::MutableWithExclusion => TagMutability::MutableWithExclusion,
        _ => TagMutability::Mutable,
    };
    let excludes = [
        TagMutability::ImmutableWithExclusion,
        TagMutability::MutableWithExclusion,
    ]
    .contains(&record.mutability);
    if excludes == exclusions.is_empty() || exclusions.len() > MAX_EXCLUSIONS {
        let constraint = format!(
            "1 to {MAX_EXCLUSIONS} filters go with a mutability setting with exclusion, and with \
             no other"
        );
        let parameter = "imageTagMutabilityExclusionFilters";
        return Err(EcrError::parameter(parameter, constraint));
    }
    record.exclusions = exclusions;
    Ok(())
}

fn mutability_to_wire(mutability: TagMutability) -> ImageTagMutability {
    match mutability {
        TagMutability::Mutable => ImageTagMutability::Mutable,
        TagMutability::Immutable => ImageTagMutability::Immutable,
        TagMutability::ImmutableWithExclusion => ImageTagMutability::ImmutableWithExclusion,
        TagMutability::MutableWithExclusion => ImageTagMutability::MutableWithExclusion,
    }
}

fn exclusions(record: &RepositoryRecord) -> Option<Vec<ImageTagMutabilityExclusionFilter>> {
    let filters = record.exclusions.iter();
    let filters = filters.map(|filter| ImageTagMutabilityExclusionFilter {
        filter: filter.clone(),
        filter_type: ImageTagMutabilityExclusionFilterType::Wildcard,
    });
    (!record.exclusions.is_empty()).then(|| filters.collect())
}

fn scans(configuration: Option<&ImageScanningConfiguration>) -> bool {
    configuration.and_then(|one| one.scan_on_push) == Some(true)
}
