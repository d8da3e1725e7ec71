//! Lifecycle policies, and what they would do. Housekeeping applies them.

use seaway_aws_wire::ecr::{
    DeleteLifecyclePolicyRequest, DeleteLifecyclePolicyResponse, GetLifecyclePolicyPreviewRequest,
    GetLifecyclePolicyPreviewResponse, GetLifecyclePolicyRequest, GetLifecyclePolicyResponse,
    ImageActionType, LifecyclePolicyPreviewResult, LifecyclePolicyPreviewStatus,
    LifecyclePolicyPreviewSummary, LifecyclePolicyRuleAction, PutLifecyclePolicyRequest,
    PutLifecyclePolicyResponse, StartLifecyclePolicyPreviewRequest,
    StartLifecyclePolicyPreviewResponse,
};

use super::paging::page;
use super::{Ecr, EcrError, find, timestamp};
use crate::clock::EpochMillis;
use crate::identity::ACCOUNT;
use crate::registry::{Expired, LifecyclePolicy, candidates};

impl Ecr {
    pub(super) fn put_lifecycle(
        &self,
        request: PutLifecyclePolicyRequest,
    ) -> Result<PutLifecyclePolicyResponse, EcrError> {
        let (name, text) = (request.repository_name, request.lifecycle_policy_text);
        LifecyclePolicy::parse(&text)?;
        self.change(&name, request.registry_id.as_deref(), |record| {
            record.lifecycle_policy = Some(text.clone());
            record.lifecycle_evaluated_at = None;
            Ok(())
        })?;
        Ok(PutLifecyclePolicyResponse {
            lifecycle_policy_text: Some(text),
            registry_id: Some(ACCOUNT.to_owned()),
            repository_name: Some(name),
        })
    }

    pub(super) fn get_lifecycle(
        &self,
        request: GetLifecyclePolicyRequest,
    ) -> Result<GetLifecyclePolicyResponse, EcrError> {
        let name = request.repository_name;
        let registry = request.registry_id.as_deref();
        let (_, record) = self.images.store.read(|view| find(view, &name, registry))?;
        let Some(text) = record.lifecycle_policy else {
            return Err(EcrError::NoLifecyclePolicy(name));
        };
        Ok(GetLifecyclePolicyResponse {
            last_evaluated_at: record.lifecycle_evaluated_at.and_then(timestamp),
            lifecycle_policy_text: Some(text),
            registry_id: Some(ACCOUNT.to_owned()),
            repository_name: Some(name),
        })
    }

    pub(super) fn delete_lifecycle(
        &self,
        request: DeleteLifecyclePolicyRequest,
    ) -> Result<DeleteLifecyclePolicyResponse, EcrError> {
        let name = request.repository_name;
        let mut old = None;
        self.change(&name, request.registry_id.as_deref(), |record| {
            old = record.lifecycle_policy.take();
            Ok(())
        })?;
        let Some(text) = old else {
            return Err(EcrError::NoLifecyclePolicy(name));
        };
        Ok(DeleteLifecyclePolicyResponse {
            last_evaluated_at: None,
            lifecycle_policy_text: Some(text),
            registry_id: Some(ACCOUNT.to_owned()),
            repository_name: Some(name),
        })
    }

    /// The preview is computed when somebody looks at it.
    pub(super) fn start_preview(
        &self,
        request: StartLifecyclePolicyPreviewRequest,
    ) -> Result<StartLifecyclePolicyPreviewResponse, EcrError> {
        let (name, given) = (request.repository_name, request.lifecycle_policy_text);
        if let Some(text) = &given {
            LifecyclePolicy::parse(text)?;
        }
        let record = self.change(&name, request.registry_id.as_deref(), |record| {
            let text = given.or_else(|| record.lifecycle_policy.clone());
            let text = text.ok_or_else(|| EcrError::NoLifecyclePolicy(name.clone()))?;
            record.lifecycle_preview = Some(text);
            Ok(())
        })?;
        Ok(StartLifecyclePolicyPreviewResponse {
            lifecycle_policy_text: record.lifecycle_preview,
            registry_id: Some(ACCOUNT.to_owned()),
            repository_name: Some(name),
            status: Some(LifecyclePolicyPreviewStatus::InProgress),
        })
    }

    pub(super) fn get_preview(
        &self,
        request: GetLifecyclePolicyPreviewRequest,
        now: EpochMillis,
    ) -> Result<GetLifecyclePolicyPreviewResponse, EcrError> {
        let name = request.repository_name;
        let registry = request.registry_id.as_deref();
        let (text, images) = self.images.store.read(|view| {
            let (parsed, record) = find(view, &name, registry)?;
            let preview = record.lifecycle_preview;
            let text = preview.ok_or_else(|| EcrError::NoPreview(name.clone()))?;
            Ok::<_, EcrError>((text, candidates(view, &parsed)?))
        })?;
        let mut expired = LifecyclePolicy::parse(&text)?.expired(&images, now);
        expired.sort_by(|a, b| a.image.digest.cmp(&b.image.digest));
        let total = i32::try_from(expired.len()).unwrap_or(i32::MAX);
        let (token, limit) = (request.next_token.as_deref(), request.max_results);
        let (expired, next_token) = page(expired, token, limit, |one| one.image.digest.clone())?;
        Ok(GetLifecyclePolicyPreviewResponse {
            lifecycle_policy_text: Some(text),
            next_token,
            preview_results: Some(expired.into_iter().map(shown).collect()),
            registry_id: Some(ACCOUNT.to_owned()),
            repository_name: Some(name),
            status: Some(LifecyclePolicyPreviewStatus::Complete),
            summary: Some(LifecyclePolicyPreviewSummary {
                expiring_image_total_count: Some(total),
                transitioning_image_total_counts: None,
            }),
        })
    }
}

fn shown(expired: Expired) -> LifecyclePolicyPreviewResult {
    LifecyclePolicyPreviewResult {
        action: Some(LifecyclePolicyRuleAction {
            r#type: Some(ImageActionType::Expire),
            target_storage_class: None,
        }),
        applied_rule_priority: Some(expired.rule),
        image_pushed_at: timestamp(expired.image.pushed_at),
        image_digest: Some(expired.image.digest),
        image_tags: Some(expired.image.tags),
        storage_class: None,
    }
}
