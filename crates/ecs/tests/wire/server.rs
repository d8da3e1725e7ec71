//! A server that answers AWS requests from a table and remembers what it was asked.

use std::sync::{Arc, Mutex};

use seaway_ecs::{LOCAL_ACCOUNT, LOCAL_REGION, LocalTarget, Target};
use seaway_ports::SecretValue;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// Answers a JSON operation, such as `DescribeServices`, or says that it does not know it.
pub(crate) type Answers = dyn Fn(&str, &Value) -> Option<Value> + Send + Sync;

/// The server and its record.
pub(crate) struct Canned {
    endpoint: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Canned {
    /// Starts on a free port; it ends with the test's runtime.
    pub(crate) async fn start(
        answers: impl Fn(&str, &Value) -> Option<Value> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let endpoint = format!("http://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(vec![]));
        let answers: Arc<Answers> = Arc::new(answers);
        let record = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, answers.clone(), record.clone()));
            }
        });
        Self { endpoint, asked }
    }

    /// How the embedded platform would be reached here.
    pub(crate) fn target(&self) -> Target {
        Target::Local(self.local_target())
    }

    pub(crate) fn local_target(&self) -> LocalTarget {
        LocalTarget {
            endpoint: self.endpoint.clone(),
            access_key_id: "key".into(),
            secret_access_key: SecretValue::new("secret".into()),
            region: LOCAL_REGION.into(),
            account: LOCAL_ACCOUNT.into(),
        }
    }

    /// How often an operation was asked for.
    pub(crate) fn count(&self, operation: &str) -> usize {
        let asked = self.asked.lock().expect("no panic under the lock");
        asked.iter().filter(|name| *name == operation).count()
    }
}

async fn serve(mut stream: TcpStream, answers: Arc<Answers>, asked: Arc<Mutex<Vec<String>>>) {
    let mut buffer = vec![];
    while let Some((head, body)) = request(&mut stream, &mut buffer).await {
        let (operation, answer) = answer(&head, &body, &answers);
        asked
            .lock()
            .expect("no panic under the lock")
            .push(operation);
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads one request; none at the end of the connection.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<(String, Vec<u8>)> {
    loop {
        if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&buffer[..end]).to_lowercase();
            let length = header(&head, "content-length");
            let length: usize = length.and_then(|text| text.parse().ok()).unwrap_or(0);
            let start = end + 4;
            if buffer.len() >= start + length {
                let head = String::from_utf8_lossy(&buffer[..end]).into_owned();
                let body = buffer[start..start + length].to_vec();
                buffer.drain(..start + length);
                return Some((head, body));
            }
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    let of_name = |line: &'a str| {
        let (key, value) = line.split_once(':')?;
        key.eq_ignore_ascii_case(name).then_some(value.trim())
    };
    head.lines().find_map(of_name)
}

fn answer(head: &str, body: &[u8], answers: &Arc<Answers>) -> (String, String) {
    let Some(target) = header(head, "x-amz-target") else {
        return ("GetCallerIdentity".into(), http(200, "text/xml", IDENTITY));
    };
    let operation = target.rsplit('.').next().unwrap_or(target).to_owned();
    let input: Value = serde_json::from_slice(body).unwrap_or_default();
    let kind = "application/x-amz-json-1.1";
    let answer = match answers(&operation, &input) {
        Some(answer) if answer.get("__type").is_some() => http(400, kind, &answer.to_string()),
        Some(answer) => http(200, kind, &answer.to_string()),
        None => http(
            400,
            kind,
            r#"{"__type":"InvalidAction","message":"not in the table"}"#,
        ),
    };
    (operation, answer)
}

fn http(status: u16, kind: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status} -\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n{body}")
}

const IDENTITY: &str = r#"<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult><Arn>arn:aws:iam::000000000000:root</Arn><UserId>u</UserId><Account>000000000000</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></GetCallerIdentityResponse>"#;
