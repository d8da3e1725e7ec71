//! What belongs to clusters and the account: capacity providers, cluster and account settings.

use serde_json::{Value, json};

use crate::harness::{run, tests};
use crate::stage::{Stage, network};

tests![
    fargate_and_its_spot_are_the_capacity_providers,
    a_strategy_is_recorded_on_services_and_their_tasks,
    a_strategy_that_ecs_refuses_is_refused,
    a_cluster_changes_what_an_update_names,
    account_settings_are_kept_read_back_and_forgotten,
    a_namespace_of_a_cluster_has_no_services,
];

const INVALID: &str = "InvalidParameterException";

fn item(provider: &str, base: u32, weight: u32) -> Value {
    json!({ "capacityProvider": provider, "base": base, "weight": weight })
}

/// Gives the cluster both providers and this default strategy.
async fn both(stage: &Stage, default: Value) -> Value {
    let body = json!({
        "cluster": "shop", "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "defaultCapacityProviderStrategy": default,
    });
    let answer = stage.ecs("PutClusterCapacityProviders", body).await;
    answer["cluster"].clone()
}

fn fargate_and_its_spot_are_the_capacity_providers() {
    run(async {
        let stage = Stage::start().await;
        let all = stage.ecs("DescribeCapacityProviders", json!({})).await;
        assert_eq!(all["capacityProviders"][0]["name"], "FARGATE");
        assert_eq!(all["capacityProviders"][1]["name"], "FARGATE_SPOT");
        assert_eq!(all["capacityProviders"][1]["status"], "ACTIVE");
        let body = json!({ "capacityProviders": ["FARGATE_SPOT", "mine"] });
        let some = stage.ecs("DescribeCapacityProviders", body).await;
        assert_eq!(some["capacityProviders"].as_array().unwrap().len(), 1);
        assert_eq!(some["failures"][0]["reason"], "MISSING");
        let arn = some["failures"][0]["arn"].as_str().unwrap();
        assert!(arn.ends_with(":capacity-provider/mine"), "{arn}");
        let body = json!({ "maxResults": 1 });
        let first = stage.ecs("DescribeCapacityProviders", body).await;
        let body = json!({ "maxResults": 1, "nextToken": first["nextToken"] });
        let second = stage.ecs("DescribeCapacityProviders", body).await;
        assert_eq!(second["capacityProviders"][0]["name"], "FARGATE_SPOT");
        assert!(second["nextToken"].is_null());
    });
}

fn a_strategy_is_recorded_on_services_and_their_tasks() {
    run(async {
        let stage = Stage::start().await;
        let spot = json!([item("FARGATE_SPOT", 0, 1)]);
        let cluster = both(&stage, spot.clone()).await;
        assert_eq!(cluster["defaultCapacityProviderStrategy"], spot);
        let definition = stage
            .define_for_fargate("api", "exec sleep 600", json!({}))
            .await;
        let mixed = json!([item("FARGATE", 1, 0), item("FARGATE_SPOT", 0, 1)]);
        let more = json!({ "desiredCount": 3, "capacityProviderStrategy": mixed,
            "networkConfiguration": network() });
        stage.create("api", &definition, more).await;
        let service = stage.steady("api").await;
        assert_eq!(service["capacityProviderStrategy"], mixed);
        assert!(service["launchType"].is_null());
        let shown = &service["deployments"][0]["capacityProviderStrategy"];
        assert_eq!(*shown, mixed);
        let tasks = stage.tasks("api").await;
        let mut names: Vec<&str> = tasks
            .iter()
            .filter_map(|task| task["capacityProviderName"].as_str())
            .collect();
        names.sort_unstable();
        assert_eq!(names, ["FARGATE", "FARGATE_SPOT", "FARGATE_SPOT"]);
        // What names neither type nor strategy goes where the cluster's default says.
        let task = stage
            .run_task(&definition, json!({ "networkConfiguration": network() }))
            .await;
        assert_eq!(task["capacityProviderName"], "FARGATE_SPOT");
        let plain = json!({ "launchType": "FARGATE", "networkConfiguration": network() });
        let task = stage.run_task(&definition, plain).await;
        assert!(task["capacityProviderName"].is_null());
        assert_eq!(task["launchType"], "FARGATE");

        let removed = json!({
            "cluster": "shop", "capacityProviders": [], "defaultCapacityProviderStrategy": [],
        });
        let refused = stage.refused("PutClusterCapacityProviders", removed).await;
        let words = "The specified capacity provider is in use and cannot be removed.";
        assert_eq!(refused, ("ResourceInUseException".into(), words.into()));
        let updated = stage
            .update("api", json!({ "capacityProviderStrategy": spot }))
            .await;
        assert_eq!(updated["capacityProviderStrategy"], spot);
        assert_eq!(updated["deployments"].as_array().unwrap().len(), 1);
    });
}

fn a_strategy_that_ecs_refuses_is_refused() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage
            .define_for_fargate("api", "exec sleep 600", json!({}))
            .await;
        let spot = json!([item("FARGATE_SPOT", 0, 1)]);
        let body = json!({ "taskDefinition": definition, "capacityProviderStrategy": spot,
            "networkConfiguration": network() });
        let (code, message) = stage.refused("RunTask", body).await;
        assert_eq!(code, INVALID);
        let words = "cannot contain a capacity provider that is not associated with the cluster";
        assert!(message.contains(words), "{message}");
        both(&stage, json!([])).await;
        let body = json!({
            "taskDefinition": definition, "capacityProviderStrategy": spot, "launchType": "FARGATE",
            "networkConfiguration": network(),
        });
        let (code, message) = stage.refused("RunTask", body).await;
        let words = "Specifying both a launch type and capacity provider strategy is not \
                     supported. Remove one and try again.";
        assert_eq!((code.as_str(), message.as_str()), (INVALID, words));
        let body = json!({ "clusterName": "other", "capacityProviders": ["mine"] });
        let (code, message) = stage.refused("CreateCluster", body).await;
        let words = "The specified capacity provider was not found. Specify a valid capacity \
                     provider and try again.";
        assert_eq!((code.as_str(), message.as_str()), (INVALID, words));
    });
}

fn a_cluster_changes_what_an_update_names() {
    run(async {
        let stage = Stage::start().await;
        let insights = |value: &str| json!([{ "name": "containerInsights", "value": value }]);
        let body = json!({ "cluster": "shop", "settings": insights("enabled") });
        let answer = stage.ecs("UpdateClusterSettings", body).await;
        assert_eq!(answer["cluster"]["settings"], insights("enabled"));
        let namespace = json!({ "namespace": "shop.internal" });
        let body = json!({ "cluster": "shop", "serviceConnectDefaults": namespace });
        let cluster = stage.ecs("UpdateCluster", body).await["cluster"].clone();
        assert_eq!(cluster["serviceConnectDefaults"], namespace);
        assert_eq!(
            cluster["settings"],
            insights("enabled"),
            "not named, not changed"
        );
        let logging = json!({ "executeCommandConfiguration": { "logging": "DEFAULT" } });
        let body = json!({ "cluster": "shop", "configuration": logging });
        stage.ecs("UpdateCluster", body).await;
        let body = json!({ "clusters": ["shop"], "include": ["SETTINGS", "CONFIGURATIONS"] });
        let cluster = stage.ecs("DescribeClusters", body).await["clusters"][0].clone();
        assert_eq!(cluster["configuration"], logging);
        assert_eq!(cluster["serviceConnectDefaults"], namespace);
        let refused = stage
            .refused("UpdateCluster", json!({ "cluster": "nowhere" }))
            .await;
        assert_eq!(refused.0, "ClusterNotFoundException");
    });
}

fn account_settings_are_kept_read_back_and_forgotten() {
    run(async {
        let stage = Stage::start().await;
        let listed = async |asked: Value| {
            let answer = stage.ecs("ListAccountSettings", asked).await;
            answer["settings"].clone()
        };
        assert_eq!(listed(json!({})).await, json!([]));
        let all = listed(json!({ "effectiveSettings": true })).await;
        let long = all.as_array().unwrap().iter();
        let mut long = long.filter(|one| one["name"] == "taskLongArnFormat");
        assert_eq!(long.next().unwrap()["value"], "enabled");
        let insights = json!({ "name": "containerInsights", "value": "enabled" });
        let put = stage
            .ecs("PutAccountSettingDefault", insights.clone())
            .await;
        assert_eq!(put["setting"]["value"], "enabled");
        assert_eq!(
            put["setting"]["principalArn"],
            "arn:aws:iam::000000000000:root"
        );
        // A new cluster gets what the account asks for.
        let body = json!({ "clusterName": "watched" });
        let cluster = stage.ecs("CreateCluster", body).await["cluster"].clone();
        assert_eq!(cluster["settings"], json!([insights]));
        // A user's own setting hides the account's; without it, that one shows again.
        let user = "arn:aws:iam::000000000000:user/ann";
        let own = json!({ "name": "containerInsights", "value": "disabled", "principalArn": user });
        stage.ecs("PutAccountSetting", own).await;
        let of_user = json!({ "name": "containerInsights", "principalArn": user });
        assert_eq!(listed(of_user.clone()).await[0]["value"], "disabled");
        let deleted = stage.ecs("DeleteAccountSetting", of_user.clone()).await;
        assert_eq!(deleted["setting"]["value"], "enabled");
        assert_eq!(listed(of_user).await, json!([]));
        let wrong = json!({ "name": "containerInsights", "value": "perhaps" });
        assert_eq!(stage.refused("PutAccountSetting", wrong).await.0, INVALID);
        let managed = json!({ "name": "guardDutyActivate", "value": "on" });
        assert_eq!(stage.refused("PutAccountSetting", managed).await.0, INVALID);
    });
}

fn a_namespace_of_a_cluster_has_no_services() {
    run(async {
        let stage = Stage::start().await;
        let body = json!({ "namespace": "shop.local" });
        let (code, message) = stage.refused("ListServicesByNamespace", body.clone()).await;
        assert_eq!(code, "NamespaceNotFoundException", "{message}");
        let defaults = json!({
            "cluster": "shop", "serviceConnectDefaults": { "namespace": "shop.local" },
        });
        stage.ecs("UpdateCluster", defaults).await;
        let listed = stage.ecs("ListServicesByNamespace", body).await;
        assert_eq!(listed["serviceArns"], json!([]));
    });
}
