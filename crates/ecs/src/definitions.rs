//! Task definitions: registered once per document, described once per process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_ecs::types as sdk;
use seaway_core::desired::{Document, RevisionId};
use seaway_core::digest::{Digest, ImageRef};
use seaway_ports::{PortError, PortErrorKind};

use crate::connect::{Place, Session};
use crate::convert;
use crate::document::{self, TaskDefinition};
use crate::error::{During as _, incomplete, invalid};
use crate::names::last_part;
use crate::parallel;
use crate::tags;

/// How many of a family's newest revisions are compared before a new one is registered.
const COMPARED: i32 = 5;

/// A registered task definition. A revision never changes, so it is described once.
#[derive(Debug)]
pub(crate) struct Definition {
    pub(crate) arn: String,
    /// Digest of the document it was registered from, where Seaway made it.
    pub(crate) digest: Option<Digest>,
    pub(crate) form: TaskDefinition,
    active: bool,
    roles: Roles,
}

/// The roles of a task: Terraform makes them, so they are in no document of Seaway's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Roles {
    execution: Option<String>,
    task: Option<String>,
}

impl Definition {
    /// Digest and body of its document, where Seaway made it.
    pub(crate) fn document(&self) -> Option<Document> {
        let digest = self.digest.clone()?;
        let body = serde_json::to_value(&self.form).ok()?;
        Some(Document { digest, body })
    }

    /// The image of its first container, where it names a digest.
    pub(crate) fn image(&self) -> Option<ImageRef> {
        self.form.container_definitions.first()?.image.parse().ok()
    }

    /// The name of its first container.
    pub(crate) fn container(&self) -> Option<&str> {
        let first = self.form.container_definitions.first()?;
        Some(&first.name)
    }
}

/// What was described so far, by ARN.
#[derive(Debug, Default)]
pub(crate) struct Definitions(Mutex<HashMap<String, Arc<Definition>>>);

impl Definitions {
    fn get(&self, arn: &str) -> Option<Arc<Definition>> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(arn).cloned()
    }

    fn keep(&self, definition: Definition) -> Arc<Definition> {
        let definition = Arc::new(definition);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(definition.arn.clone(), definition.clone());
        definition
    }
}

impl Session {
    /// The revision that holds `document`: one that exists, or a new one.
    pub(crate) async fn register(
        &self,
        name: &str,
        document: &Document,
        registered: Option<&RevisionId>,
    ) -> Result<RevisionId, PortError> {
        if let Some(revision) = registered
            && self.is_usable(revision).await?
        {
            return Ok(revision.clone());
        }
        let form: TaskDefinition = document::read("task definition", document)?;
        let newest = self.newest_revisions(&form.family).await?;
        let roles = self.roles(&newest);
        let same = |definition: &&Arc<Definition>| {
            definition.digest.as_ref() == Some(&document.digest) && definition.roles == roles
        };
        if let Some(definition) = newest.iter().find(same) {
            return Ok(RevisionId(definition.arn.clone()));
        }
        self.register_new(name, &form, &document.digest, roles)
            .await
    }

    /// Whether tasks can be started from the revision; one that is gone or was deregistered is not.
    async fn is_usable(&self, revision: &RevisionId) -> Result<bool, PortError> {
        match self.describe_definition(&revision.0).await {
            Ok(definition) => Ok(definition.active),
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A definition by ARN or family, described once if it is named by ARN.
    pub(crate) async fn definition(&self, arn: &str) -> Result<Arc<Definition>, PortError> {
        match self.definitions.get(arn) {
            Some(definition) => Ok(definition),
            None => self.describe_definition(arn).await,
        }
    }

    /// Definitions by ARN, each with its own failure.
    pub(crate) async fn definitions(
        &self,
        arns: impl IntoIterator<Item = String>,
    ) -> HashMap<String, Result<Arc<Definition>, PortError>> {
        let describe = async |arn: String| {
            let definition = self.definition(&arn).await;
            (arn, definition)
        };
        let calls = arns.into_iter().map(describe).collect();
        parallel::all(calls).await.into_iter().collect()
    }

    async fn describe_definition(&self, arn: &str) -> Result<Arc<Definition>, PortError> {
        let what = format!("describe the task definition {}", last_part(arn));
        let answer = self
            .ecs
            .describe_task_definition()
            .task_definition(arn)
            .include(sdk::TaskDefinitionField::Tags)
            .send()
            .await
            .during(&what)?;
        let definition = answer
            .task_definition()
            .and_then(|definition| observed(definition, answer.tags()))
            .ok_or_else(|| incomplete(what, "task definition"))?;
        Ok(self.definitions.keep(definition))
    }

    /// The newest usable revisions of a family, newest first.
    async fn newest_revisions(&self, family: &str) -> Result<Vec<Arc<Definition>>, PortError> {
        let listed = self
            .ecs
            .list_task_definitions()
            .family_prefix(family)
            .status(sdk::TaskDefinitionStatus::Active)
            .sort(sdk::SortOrder::Desc)
            .max_results(COMPARED)
            .send()
            .await
            .during(format!("list the task definitions of {family}"))?;
        let arns = listed.task_definition_arns().to_vec();
        let mut described = self.definitions(arns.clone()).await;
        let in_order = |arn: &String| described.remove(arn);
        arns.iter().filter_map(in_order).collect()
    }

    /// The roles a new revision gets: those of the newest revision that Seaway did not make, else
    /// of the newest at all. The embedded platform has no roles.
    fn roles(&self, newest: &[Arc<Definition>]) -> Roles {
        if self.place == Place::Local {
            return Roles::default();
        }
        newest
            .iter()
            .find(|definition| definition.digest.is_none())
            .or_else(|| newest.first())
            .map(|definition| definition.roles.clone())
            .unwrap_or_default()
    }

    async fn register_new(
        &self,
        name: &str,
        form: &TaskDefinition,
        digest: &Digest,
        roles: Roles,
    ) -> Result<RevisionId, PortError> {
        let what = format!("register the task definition {}", form.family);
        let containers: Result<Vec<_>, _> = form
            .container_definitions
            .iter()
            .map(convert::container)
            .collect();
        let needed = form.requires_compatibilities.iter();
        let answer = self
            .ecs
            .register_task_definition()
            .family(&form.family)
            .network_mode(form.network_mode.as_str().into())
            .set_requires_compatibilities(Some(needed.map(|c| c.as_str().into()).collect()))
            .cpu(&form.cpu)
            .memory(&form.memory)
            .set_volumes(Some(form.volumes.iter().map(convert::volume).collect()))
            .set_container_definitions(Some(containers.map_err(|e| invalid(&what, e))?))
            .set_execution_role_arn(roles.execution)
            .set_task_role_arn(roles.task)
            .set_tags(Some(self.definition_tags(name, digest)))
            .send()
            .await
            .during(&what)?;
        let definition = answer
            .task_definition()
            .and_then(|definition| observed(definition, answer.tags()))
            .ok_or_else(|| incomplete(what, "task definition"))?;
        let revision = RevisionId(definition.arn.clone());
        // Kept only when its tags came back: without them it would pass for somebody else's.
        if definition.digest.is_some() {
            self.definitions.keep(definition);
        }
        Ok(revision)
    }

    fn definition_tags(&self, name: &str, digest: &Digest) -> Vec<sdk::Tag> {
        vec![
            tags::tag(tags::PROJECT, self.identity.project.as_str()),
            tags::tag(tags::ENVIRONMENT, self.identity.environment.as_str()),
            tags::tag(tags::SERVICE, name),
            tags::tag(tags::DOCUMENT, digest.as_str()),
        ]
    }
}

fn observed(definition: &sdk::TaskDefinition, tags: &[sdk::Tag]) -> Option<Definition> {
    let digest = tags::value(tags, tags::DOCUMENT).and_then(|digest| digest.parse().ok());
    Some(Definition {
        arn: definition.task_definition_arn()?.to_owned(),
        digest,
        form: convert::registered(definition),
        active: definition.status() == Some(&sdk::TaskDefinitionStatus::Active),
        roles: Roles {
            execution: definition.execution_role_arn().map(str::to_owned),
            task: definition.task_role_arn().map(str::to_owned),
        },
    })
}
