//! A service that answers what a test tells it to: for what the sandbox never does.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::{TcpListener, TcpStream};

/// What becomes of a request.
pub(super) enum Reply {
    /// An answer with this status.
    Json(u16, Value),
    /// Read, and then the connection is closed.
    Cut,
    /// Read, and then nothing.
    Silence,
}

impl Reply {
    pub(super) fn ok(body: Value) -> Self {
        Self::Json(200, body)
    }

    pub(super) fn error(code: &str, message: &str) -> Self {
        Self::Json(
            400,
            serde_json::json!({ "__type": code, "Message": message }),
        )
    }
}

type Answering = dyn FnMut(&str, &Value) -> Reply + Send;

/// Calls by operation.
type Calls = Arc<Mutex<BTreeMap<String, u64>>>;

pub(super) struct Canned {
    pub(super) endpoint: String,
    calls: Calls,
    server: tokio::task::JoinHandle<()>,
}

impl Canned {
    /// Answers each operation, given its request, until it is dropped.
    pub(super) async fn start(answer: impl FnMut(&str, &Value) -> Reply + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let answer: Arc<Mutex<Box<Answering>>> = Arc::new(Mutex::new(Box::new(answer)));
        let calls = Calls::default();
        let counted = Arc::clone(&calls);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&answer), Arc::clone(&counted)));
            }
        });
        Self {
            endpoint,
            calls,
            server,
        }
    }

    pub(super) fn calls(&self, operation: &str) -> u64 {
        let calls = self.calls.lock().unwrap();
        calls.get(operation).copied().unwrap_or_default()
    }

    pub(super) fn all_calls(&self) -> u64 {
        self.calls.lock().unwrap().values().sum()
    }
}

impl Drop for Canned {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(
    stream: TcpStream,
    answer: Arc<Mutex<Box<Answering>>>,
    calls: Calls,
) -> io::Result<()> {
    let mut stream = BufStream::new(stream);
    while let Some((operation, body)) = request(&mut stream).await? {
        *calls.lock().unwrap().entry(operation.clone()).or_default() += 1;
        let reply = answer.lock().unwrap()(&operation, &body);
        let (status, body) = match reply {
            Reply::Json(status, body) => (status, body.to_string()),
            Reply::Cut => return Ok(()),
            Reply::Silence => std::future::pending().await,
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body.as_bytes()).await?;
        stream.flush().await?;
    }
    Ok(())
}

/// The operation and body of the next request; none at the end of the connection.
async fn request(stream: &mut BufStream<TcpStream>) -> io::Result<Option<(String, Value)>> {
    let mut operation = String::new();
    let mut length = 0;
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(": ") else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "x-amz-target" => operation = value.trim_start_matches("AmazonSSM.").to_owned(),
            "content-length" => length = value.parse().unwrap(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(Some((operation, serde_json::from_slice(&body).unwrap())))
}
