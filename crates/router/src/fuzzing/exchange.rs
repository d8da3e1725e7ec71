//! One connection of a client, from the first byte to the last.
//!
//! Everything is real but the clock, which jumps whenever all wait: what takes a minute takes no
//! time, and what takes for ever is seen. A run panics where a promise is broken, and only there:
//! an end comes, whoever reads finds HTTP, and nobody finds more messages than were sent.

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::reader::{Message, requests, responses};
use super::setting::Setting;

/// Between what the client sends and the target's answers, one to each request.
const BREAK: &[u8] = b"\n====\n";
/// Longer than all time-outs of the router that can follow each other.
const LIMIT: Duration = Duration::from_secs(3600);
/// How often, and how far apart in the kernel's time, it is looked whether that is so.
const LOOKS: u32 = 25;
const LOOK: Duration = Duration::from_millis(20);

/// One connection of a client: what it sends, then, separated by lines of `====`, what the target
/// answers to the requests that reach it.
pub fn exchange(input: &[u8]) {
    let seen = run(input);
    check_answers(seen.sent, &seen.answers);
    seen.forwarded
        .iter()
        .for_each(|bytes| check_forwarded(bytes));
}

/// What both ends have seen.
struct Seen<'a> {
    sent: &'a [u8],
    answers: Vec<u8>,
    /// By connection to the target.
    forwarded: Vec<Vec<u8>>,
}

fn run(input: &[u8]) -> Seen<'_> {
    let mut parts = split(input);
    let sent = parts.remove(0);
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().start_paused(true).build();
    runtime.expect("a runtime").block_on(async {
        let setting = Setting::new(parts).await;
        let mut talk = pin!(talk(setting.router(), sent));
        let mut answers = Err(());
        for _ in 0..LOOKS {
            if let Ok(ended) = tokio::time::timeout(LIMIT, talk.as_mut()).await {
                answers = Ok(ended);
                break;
            }
            // The clock runs ahead of the kernel, too, which may still be bringing bytes.
            std::thread::sleep(LOOK);
        }
        Seen {
            sent,
            answers: answers.expect("a connection on which nothing happens is closed"),
            forwarded: setting.forwarded(),
        }
    })
}

/// Sends everything, reads to the end.
async fn talk(router: SocketAddr, request: &[u8]) -> Vec<u8> {
    let stream = TcpStream::connect(router).await.expect("a connection");
    let (mut from, mut to) = stream.into_split();
    let mut answer = Vec::new();
    // A router that has seen enough may break the connection: then both ends see an error.
    let (_sent, _read) = tokio::join!(to.write_all(request), from.read_to_end(&mut answer));
    answer
}

/// The client finds nothing but answers, and not more of them than it sent requests.
fn check_answers(request: &[u8], answer: &[u8]) {
    // An answer to HEAD announces a body that does not come, and which answer that is cannot be told
    // from the answers alone.
    if request.windows(4).any(|word| word == b"HEAD") {
        return;
    }
    let answers = responses(answer).unwrap_or_else(|problem| {
        let answer = String::from_utf8_lossy(answer);
        panic!("the client cannot read its answer: {problem}\n{answer}")
    });
    let asked = request.windows(7).filter(|it| *it == b"HTTP/1.").count();
    let answered = answers.iter().filter(|it| !it.is_interim()).count();
    // What is no request at all is refused, too: once, and the connection ends.
    assert!(
        answered <= asked + 1,
        "{answered} answers to {asked} requests"
    );
}

/// The target finds nothing but requests, each of which went through the router's hands.
fn check_forwarded(bytes: &[u8]) {
    let found = requests(bytes).unwrap_or_else(|problem| {
        let bytes = String::from_utf8_lossy(bytes);
        panic!("the target cannot read its requests: {problem}\n{bytes}")
    });
    for request in found {
        let once = [
            "host",
            "x-forwarded-for",
            "x-forwarded-proto",
            "x-forwarded-port",
        ];
        for name in once {
            assert_eq!(request.count(name), 1, "{name} of {request:?}");
        }
        assert!(request.count("x-amzn-trace-id") > 0, "{request:?}");
        assert!(!is_for_one_connection(&request), "{request:?}");
    }
}

/// Whether a message has a header that its receiver must not pass on.
fn is_for_one_connection(request: &Message) -> bool {
    [
        "keep-alive",
        "proxy-connection",
        "proxy-authorization",
        "te",
    ]
    .iter()
    .any(|name| request.count(name) > 0)
}

fn split(input: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    let mut rest = input;
    while let Some(at) = rest.windows(BREAK.len()).position(|it| it == BREAK) {
        parts.push(&rest[..at]);
        rest = &rest[at + BREAK.len()..];
    }
    parts.push(rest);
    parts
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    #[test]
    fn the_corpus_breaks_no_promise() {
        let place = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/router_exchange");
        let files = fs::read_dir(place).expect("a corpus");
        let inputs: Vec<_> = files
            .map(|file| fs::read(file.expect("a file").path()).expect("an input"))
            .collect();
        assert!(inputs.len() > 10, "only {} inputs", inputs.len());
        inputs.iter().for_each(|input| exchange(input));
    }

    #[test]
    fn a_request_reaches_the_target_and_its_answer_the_client() {
        let input = b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n\n====\n\
            HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
        exchange(input);
        let seen = run(input);
        let answers = String::from_utf8(seen.answers).expect("text");
        assert!(answers.starts_with("HTTP/1.1 200 OK\r\n"), "{answers}");
        assert!(answers.ends_with("\r\n\r\nhi"), "{answers}");
        assert!(seen.forwarded[0].starts_with(b"GET /a HTTP/1.1\r\n"));
    }

    #[test]
    fn a_target_that_switches_in_the_middle_of_a_request_leaves_nobody_waiting() {
        for asks in ["", "Connection: upgrade\r\nUpgrade: websocket\r\n"] {
            let input = format!(
                "PUT /a HTTP/1.1\r\nHost: x\r\n{asks}Content-Length: 9\r\n\r\nshort\n====\n\
                 HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\
                 Connection: upgrade\r\n\r\n"
            );
            exchange(input.as_bytes());
            let seen = run(input.as_bytes());
            let answers = String::from_utf8(seen.answers).expect("text");
            assert!(answers.starts_with("HTTP/1.1 502 "), "{answers}");
        }
    }

    #[test]
    #[should_panic(expected = "2 answers to 0 requests")]
    fn too_many_answers_are_found_out() {
        check_answers(b"GET", b"HTTP/1.1 204 A\r\n\r\nHTTP/1.1 204 B\r\n\r\n");
    }

    #[test]
    #[should_panic(expected = "x-forwarded-for of")]
    fn a_request_that_the_router_did_not_see_is_found_out() {
        check_forwarded(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    }
}
