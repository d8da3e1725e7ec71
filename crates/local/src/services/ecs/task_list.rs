//! Tasks by what they are: alive ones from the book, stopped ones from the store.

use seaway_aws_wire::ecs as wire;
use seaway_scheduler::DesiredStatus;

use super::Ecs;
use super::error::EcsError;
use super::names::{service_in, task_arn};
use super::paging::page;
use super::task_view::Seen;
use crate::platform::Book;
use crate::platform::records::StoppedRecord;
use crate::store::{StoreError, View};

impl Ecs {
    pub(super) fn list_tasks(
        &self,
        request: wire::ListTasksRequest,
    ) -> Result<wire::ListTasksResponse, EcsError> {
        let cluster = self.cluster(request.cluster.as_deref())?.name;
        check_filters(&request)?;
        let service = request.service_name.as_deref();
        let service = service
            .map(|given| service_in(&cluster, given))
            .transpose()?;
        if let Some(key) = &service {
            self.platform
                .book()
                .service(key)
                .ok_or(EcsError::ServiceNotFound)?;
        }
        if is_of_nobody(&request) {
            return Ok(wire::ListTasksResponse {
                task_arns: Some(vec![]),
                next_token: None,
            });
        }
        let wanted = Wanted {
            desired: match request.desired_status {
                Some(wire::DesiredStatus::Stopped) => DesiredStatus::Stopped,
                _ => DesiredStatus::Running,
            },
            cluster,
            group: service.map(|key| format!("service:{}", key.name)),
            family: request.family,
            started_by: request.started_by,
        };
        let mut arns: Vec<String> = seen_alive(&self.platform.book())
            .filter(|seen| wanted.includes(seen))
            .map(|seen| seen.arn())
            .collect();
        if wanted.desired == DesiredStatus::Stopped {
            let stopped = self.store.read(|view| wanted.stopped(view))?;
            arns.extend(stopped.iter().map(|id| task_arn(&wanted.cluster, id)));
        }
        arns.sort_unstable();
        // One that retired after the book was read is in the store, too.
        arns.dedup();
        let page = page(arns, request.next_token.as_deref(), request.max_results)?;
        Ok(wire::ListTasksResponse {
            task_arns: Some(page.items),
            next_token: page.next,
        })
    }
}

/// Of the filters that say whose the tasks are, there can be one; the status goes with each.
fn check_filters(request: &wire::ListTasksRequest) -> Result<(), EcsError> {
    let (family, instance) = (&request.family, &request.container_instance);
    let by_place = instance.is_some() || request.launch_type.is_some();
    let refuse = |filter: &str| {
        let text = format!("cannot specify {filter} with other arguments");
        Err(EcsError::Parameter(text))
    };
    if request.started_by.is_some()
        && (request.service_name.is_some() || family.is_some() || by_place)
    {
        return refuse("startedBy");
    }
    if request.service_name.is_some() && (family.is_some() || instance.is_some()) {
        return refuse("serviceName");
    }
    Ok(())
}

/// Whether it asks for what no task here is: no task is on a container instance, all are Fargate's,
/// and none is wanted to be `PENDING` (API reference, `desiredStatus`).
fn is_of_nobody(request: &wire::ListTasksRequest) -> bool {
    let launch_type = request.launch_type.as_ref();
    request.container_instance.is_some()
        || launch_type.is_some_and(|it| *it != wire::LaunchType::Fargate)
        || request.desired_status == Some(wire::DesiredStatus::Pending)
}

/// The tasks that `ListTasks` asks for.
struct Wanted {
    cluster: String,
    desired: DesiredStatus,
    /// `service:NAME`.
    group: Option<String>,
    family: Option<String>,
    started_by: Option<String>,
}

impl Wanted {
    fn includes(&self, seen: &Seen) -> bool {
        seen.about.cluster == self.cluster
            && seen.task.desired == self.desired
            && self.group.as_ref().is_none_or(|g| seen.about.group == *g)
            && self.is_of_family(&seen.task.task_definition)
            && self
                .started_by
                .as_ref()
                .is_none_or(|by| seen.about.started_by.as_ref() == Some(by))
    }

    fn is_of_family(&self, task_definition: &str) -> bool {
        self.family.as_ref().is_none_or(|family| {
            let (_, name) = task_definition.rsplit_once('/').unwrap_or_default();
            name.rsplit_once(':').is_some_and(|(of, _)| of == family)
        })
    }

    /// The ids of those that are `STOPPED`: found by an index, since an hour of a service that
    /// crashes leaves thousands, and whoever follows a deployment asks again and again.
    fn stopped(&self, view: &View<'_>) -> Result<Vec<String>, StoreError> {
        let (group, started_by) = (self.group.as_deref(), self.started_by.as_deref());
        let found = view.stopped_tasks(&self.cluster, group, started_by)?;
        if self.family.is_none() {
            return Ok(found);
        }
        let mut of_family = Vec::new();
        for id in found {
            let record = view.get::<StoppedRecord>(&id)?;
            if record.is_some_and(|one| self.is_of_family(&one.task.task_definition)) {
                of_family.push(id);
            }
        }
        Ok(of_family)
    }
}

/// Every task that is not `STOPPED`.
fn seen_alive(book: &Book) -> impl Iterator<Item = Seen> {
    let of_services = book.services().flat_map(|record| {
        record
            .scheduler
            .tasks()
            .iter()
            .map(move |task| Seen::of_service(record, task))
    });
    of_services.chain(book.standalone().map(Seen::from))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::keys::StoreKey;
    use crate::platform::housekeeping::tests::stopped_at;
    use crate::store::Store;

    fn record(number: i64) -> StoppedRecord {
        let mut record = stopped_at(number);
        // One of a hundred is of the service.
        let service = if number % 100 == 0 { "api" } else { "web" };
        record.about.cluster = "shop".into();
        record.about.group = format!("service:{service}");
        record.about.started_by = Some(format!("ecs-svc/{}", number % 1_000));
        record.task.task_definition = format!("arn:aws:ecs:::task-definition/shop-{service}:1");
        record
    }

    fn wanted() -> Wanted {
        Wanted {
            cluster: "shop".into(),
            desired: DesiredStatus::Stopped,
            group: None,
            family: None,
            started_by: None,
        }
    }

    #[test]
    fn thousands_of_stopped_tasks_are_no_burden() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.db");
        let store = Store::open(&path, &StoreKey::generate()).unwrap();
        store
            .write::<_, StoreError>(|tx| {
                (0..5_000).try_for_each(|number| {
                    let record = record(number);
                    tx.put(record.task.id.as_str(), &record)
                })
            })
            .unwrap();
        let count = |wanted: Wanted| store.read(|view| wanted.stopped(view)).unwrap().len();
        let [api, by_one, of_family, elsewhere] = [
            Wanted {
                group: Some("service:api".into()),
                ..wanted()
            },
            Wanted {
                started_by: Some("ecs-svc/7".into()),
                ..wanted()
            },
            Wanted {
                family: Some("shop-api".into()),
                group: Some("service:api".into()),
                ..wanted()
            },
            Wanted {
                cluster: "other".into(),
                ..wanted()
            },
        ]
        .map(count);
        assert_eq!((api, by_one, of_family, elsewhere), (50, 5, 50, 0));
        assert_eq!(count(wanted()), 5_000);
        // Records of another service that nobody can read: a list that reads one fails.
        let connection = rusqlite::Connection::open(&path).unwrap();
        let damaged = connection.execute(
            "UPDATE documents SET body = json_remove(body, '$.task') \
             WHERE kind = 'ecs-stopped-task' \
             AND json_extract(body, '$.about.group') = 'service:web'",
            [],
        );
        assert_eq!(damaged.unwrap(), 4_950);
        let of_family = |group: Option<&str>| Wanted {
            family: Some("shop-api".into()),
            group: group.map(str::to_owned),
            ..wanted()
        };
        assert_eq!(count(of_family(Some("service:api"))), 50);
        let all = store.read(|view| of_family(None).stopped(view));
        assert!(all.is_err(), "{all:?}");
    }

    #[test]
    fn a_family_is_its_whole_name() {
        let family = |name: &str| Wanted {
            family: Some(name.into()),
            ..wanted()
        };
        let arn = "arn:aws:ecs:us-east-1:1:task-definition/shop-api:12";
        assert!(family("shop-api").is_of_family(arn));
        assert!(!family("api").is_of_family(arn));
        assert!(!family("shop").is_of_family(arn));
        assert!(wanted().is_of_family(arn));
    }

    #[test]
    fn one_filter_says_whose_tasks_are_meant() {
        let check = |request: serde_json::Value| {
            check_filters(&serde_json::from_value(request).unwrap()).map_err(|it| it.to_string())
        };
        for (request, filter) in [
            (json!({ "startedBy": "me", "family": "api" }), "startedBy"),
            (
                json!({ "startedBy": "me", "launchType": "FARGATE" }),
                "startedBy",
            ),
            (
                json!({ "serviceName": "api", "family": "api" }),
                "serviceName",
            ),
        ] {
            let words = format!("cannot specify {filter} with other arguments");
            assert_eq!(check(request).unwrap_err(), words);
        }
        for request in [
            json!({ "startedBy": "me", "desiredStatus": "STOPPED" }),
            json!({ "serviceName": "api", "launchType": "FARGATE" }),
            json!({ "family": "api", "launchType": "FARGATE" }),
        ] {
            assert_eq!(check(request.clone()), Ok(()), "{request}");
        }
    }
}
