//! CloudWatch through signed requests, as the SDKs and the command line speak.

mod alarms;
mod metrics;

use std::sync::Arc;

use seaway_aws_wire::Service;
use serde_json::{Value, json};

use super::CloudWatch;
use crate::clock::EpochMillis;
use crate::keys::StoreKey;
use crate::services::Blocking;
use crate::store::Store;
use crate::testing::{Answer, TestPlatform};

/// A platform with CloudWatch.
struct Cloud {
    platform: TestPlatform,
    cloudwatch: Arc<CloudWatch>,
    /// The beginning of the minute that the test began in, in seconds.
    minute: i64,
    _dir: tempfile::TempDir,
}

impl Cloud {
    async fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        let cloudwatch = Arc::new(CloudWatch::new(Arc::new(store)));
        let handler = Blocking::new(Arc::clone(&cloudwatch));
        let platform =
            TestPlatform::start_with(|services| services.with(Service::CloudWatch, handler)).await;
        Self {
            platform,
            cloudwatch,
            minute: EpochMillis::now().0 / 60_000 * 60,
            _dir: dir,
        }
    }

    async fn send(&self, operation: &str, body: Value) -> Answer {
        let target = format!("GraniteServiceVersion20100801.{operation}");
        self.platform.call(Service::CloudWatch, &target, body).await
    }

    /// Calls an operation that must succeed.
    async fn ok(&self, operation: &str, body: Value) -> Value {
        self.send(operation, body).await.ok()
    }

    /// Calls an operation that must fail, and returns the error's name and message.
    async fn refused(&self, operation: &str, body: Value) -> (String, String) {
        let answer = self.send(operation, body).await;
        let message = answer.json()["message"].as_str().map(str::to_owned);
        (answer.error(), message.unwrap_or_default())
    }

    async fn put(&self, data: Value) {
        let body = json!({ "Namespace": "shop", "MetricData": data });
        self.ok("PutMetricData", body).await;
    }
}
