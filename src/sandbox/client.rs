//! Asks the owner of a folder for something, by the same endpoint that everybody uses.

use std::io;
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::error::SandboxError;

/// It is on this machine and only keeps books.
const PATIENCE: Duration = Duration::from_secs(10);

/// Calls a sandbox-only operation.
pub(super) async fn call(
    endpoint: &str,
    operation: &'static str,
    body: &Value,
) -> Result<Value, SandboxError> {
    let unreachable = |source| SandboxError::Unreachable {
        endpoint: endpoint.to_owned(),
        source,
    };
    let exchange = tokio::time::timeout(PATIENCE, exchange(endpoint, operation, body));
    let (status, answer) = exchange
        .await
        .unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
        .map_err(unreachable)?;
    if status == 200 {
        return Ok(answer);
    }
    let message = answer
        .get("message")
        .and_then(Value::as_str)
        .unwrap_or("no reason given");
    Err(SandboxError::Refused {
        endpoint: endpoint.to_owned(),
        operation,
        message: message.to_owned(),
    })
}

async fn exchange(endpoint: &str, operation: &str, body: &Value) -> io::Result<(u16, Value)> {
    let address = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await?;
    let body = body.to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-amz-json-1.1\r\n\
         X-Amz-Target: FleetSandbox.{operation}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len(),
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    parse(&answer).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The server closes the connection and never sends chunks to this request.
fn parse(answer: &[u8]) -> Option<(u16, Value)> {
    let answer = std::str::from_utf8(answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).ok()?))
}
