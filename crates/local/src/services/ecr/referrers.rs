//! What says something about an image: signatures, lists of parts.

use seaway_aws_wire::ecr::{
    ArtifactStatus, ImageReferrer, ListImageReferrersRequest, ListImageReferrersResponse,
};

use super::paging::page;
use super::{Ecr, EcrError, find};
use crate::store::StoredManifest;

impl Ecr {
    pub(super) fn list_referrers(
        &self,
        request: &ListImageReferrersRequest,
    ) -> Result<ListImageReferrersResponse, EcrError> {
        let registry = request.registry_id.as_deref();
        let subject = &request.subject_id.image_digest;
        let mut found = self.images.store.read(|view| {
            let (name, _) = find(view, &request.repository_name, registry)?;
            Ok::<_, EcrError>(view.referrers(name.as_str(), subject)?)
        })?;
        let filter = request.filter.as_ref();
        if let Some(wanted) = filter.and_then(|filter| filter.artifact_types.as_ref()) {
            found.retain(|one| {
                let artifact_type = one.artifact_type.as_ref();
                artifact_type.is_some_and(|own| wanted.contains(own))
            });
        }
        let (token, limit) = (request.next_token.as_deref(), request.max_results);
        let (found, next_token) = page(found, token, limit, |one| one.digest.clone())?;
        let referrers = found.into_iter().map(|one| self.referrer(one));
        Ok(ListImageReferrersResponse {
            next_token,
            referrers: Some(referrers.collect()),
        })
    }

    fn referrer(&self, stored: StoredManifest) -> ImageReferrer {
        let digest = stored.digest.parse().ok();
        let manifest = digest.and_then(|digest| self.images.read(&digest, &stored.media_type));
        ImageReferrer {
            annotations: manifest.map(|manifest| manifest.annotations),
            artifact_status: Some(ArtifactStatus::Active),
            artifact_type: stored.artifact_type,
            digest: stored.digest,
            media_type: stored.media_type,
            size: i64::try_from(stored.size).unwrap_or(i64::MAX),
        }
    }
}
