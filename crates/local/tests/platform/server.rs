//! What tasks of the tests run where they must answer requests: `HEALTH` is the status code of
//! every answer, except to `/status/CODE`, which names its own, and to `/gone`, which gets none.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::ExitCode;

pub(crate) fn main() -> ExitCode {
    let port: u16 = std::env::var("PORT").unwrap().parse().unwrap();
    let status = std::env::var("HEALTH").unwrap_or_else(|_| "200".into());
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    println!("listening");
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let mut request = [0; 4096];
        // A connection that is opened and closed again is nobody's request.
        let length = stream.read(&mut request).unwrap_or(0);
        if length == 0 || request.starts_with(b"GET /gone ") {
            continue;
        }
        let request = String::from_utf8_lossy(&request[..length]);
        let asked = request.strip_prefix("GET /status/");
        let asked = asked.and_then(|rest| rest.split(' ').next());
        let status = asked.unwrap_or(&status);
        let answer =
            format!("HTTP/1.1 {status} X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        let _gone = stream.write_all(answer.as_bytes());
    }
    ExitCode::SUCCESS
}
