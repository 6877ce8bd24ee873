//! The few calls of GitHub's API that have to do with the comments of one pull request, on loopback,
//! strict about what they take.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;

use serde_json::{Value, json};

/// Whose token the tests hand out.
pub(super) const TOKEN: &str = "ghs_ofthetests";
/// Who writes with it.
pub(super) const BOT: &str = "github-actions[bot]";

const PULL: &str = "/repos/acme/fleet/issues/7/comments";
const COMMENT: &str = "/repos/acme/fleet/issues/comments/";
/// GitHub gives at most 100 comments a page.
const PAGE: usize = 100;
/// GitHub's longest body, in characters.
const LONGEST: usize = 65_536;

/// A comment of the pull request.
#[derive(Clone, Debug)]
pub(super) struct Comment {
    pub(super) id: usize,
    pub(super) author: Option<String>,
    pub(super) body: String,
}

/// What the service knows, and how it behaves.
#[derive(Default)]
pub(super) struct State {
    pub(super) comments: Vec<Comment>,
    /// Method and target of each so far.
    pub(super) requests: Vec<String>,
    /// Answers to come, whatever is asked.
    pub(super) next: Vec<(u16, &'static str)>,
    /// The answer to whatever would write.
    pub(super) refusal: Option<(u16, &'static str)>,
}

/// A running service.
pub(super) struct GitHub {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    thread: Option<JoinHandle<()>>,
}

impl GitHub {
    pub(super) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::<Mutex<State>>::default();
        let shared = Arc::clone(&state);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                // What is dropped has sent a connection without a request.
                if !answer(stream.unwrap(), address, &shared) {
                    break;
                }
            }
        });
        Self {
            address,
            state,
            thread: Some(thread),
        }
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Adds comments that were there before.
    pub(super) fn add(&self, count: usize, author: Option<&str>, body: &str) {
        let mut state = self.state();
        for _ in 0..count {
            let id = state.comments.len() + 1;
            state.comments.push(Comment {
                id,
                author: author.map(str::to_owned),
                body: body.to_owned(),
            });
        }
    }

    /// The bodies of comments with a hidden mark.
    pub(super) fn plans(&self) -> Vec<String> {
        let state = self.state();
        let bodies = state.comments.iter().map(|comment| comment.body.clone());
        bodies
            .filter(|body| body.starts_with("<!-- fleet-plan"))
            .collect()
    }

    /// Method and target of each request so far; forgets them.
    pub(super) fn requests(&self) -> Vec<String> {
        std::mem::take(&mut self.state().requests)
    }
}

impl Drop for GitHub {
    fn drop(&mut self) {
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            if !std::thread::panicking() {
                ended.unwrap();
            }
        }
    }
}

/// Answers one request; false where there was none.
fn answer(stream: TcpStream, address: SocketAddr, state: &Mutex<State>) -> bool {
    let mut reader = BufReader::new(&stream);
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    let Some((method, target)) = line.split_once(' ') else {
        return false;
    };
    let target = target.split(' ').next().unwrap().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).unwrap();
        match header.trim_end().split_once(": ") {
            Some((name, value)) => headers.push((name.to_lowercase(), value.to_owned())),
            None => break,
        }
    }
    let header = |name: &str| {
        let found = headers.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_str())
    };
    let length = header("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();

    let mut state = state.lock().unwrap();
    state.requests.push(format!("{method} {target}"));
    let (status, link, answer) = if !state.next.is_empty() {
        let (status, message) = state.next.remove(0);
        (status, String::new(), json!({ "message": message }))
    } else if header("authorization") != Some(&format!("Bearer {TOKEN}")) {
        (401, String::new(), json!({ "message": "Bad credentials" }))
    } else if let Some((status, message)) = state.refusal
        && method != "GET"
    {
        (status, String::new(), json!({ "message": message }))
    } else {
        state.handle(method, &target, &body, address)
    };
    let text = answer.to_string();
    // A client that is gone has its own say about it.
    let _gone = (&stream).write_all(
        format!(
            "HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\n{link}content-length: {}\r\nconnection: close\r\n\r\n{text}",
            text.len()
        )
        .as_bytes(),
    );
    let _gone = stream.shutdown(Shutdown::Write);
    true
}

impl State {
    fn handle(
        &mut self,
        method: &str,
        target: &str,
        body: &[u8],
        address: SocketAddr,
    ) -> (u16, String, Value) {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            let found = pairs.rfind(|(other, _)| *other == name);
            found.map(|(_, value)| value.parse::<usize>().unwrap())
        };
        match (method, path) {
            ("GET", PULL) => {
                let size = parameter("per_page").unwrap_or(30).min(PAGE);
                let page = parameter("page").unwrap_or(1);
                let pages = self.comments.len().div_ceil(size).max(1);
                let here = self.comments.iter().skip((page - 1) * size).take(size);
                let here: Vec<Value> = here.map(Comment::json).collect();
                let to = |page: usize, relation: &str| {
                    format!(
                        "<http://{address}{path}?per_page={size}&page={page}>; rel=\"{relation}\""
                    )
                };
                let link = match (page > 1, page < pages) {
                    (_, true) => format!("{}, {}", to(page + 1, "next"), to(pages, "last")),
                    (true, false) => format!("{}, {}", to(page - 1, "prev"), to(1, "first")),
                    (false, false) => return (200, String::new(), json!(here)),
                };
                (200, format!("link: {link}\r\n"), json!(here))
            }
            ("POST", PULL) => {
                let comment = Comment {
                    id: self.comments.len() + 1,
                    author: Some(BOT.to_owned()),
                    body: body_of(body),
                };
                self.comments.push(comment.clone());
                (201, String::new(), comment.json())
            }
            ("PATCH", _) if path.starts_with(COMMENT) => {
                let id: usize = path[COMMENT.len()..].parse().unwrap();
                let comment = self.comments.iter_mut().find(|comment| comment.id == id);
                let comment = comment.expect("a comment of this id");
                comment.body = body_of(body);
                (200, String::new(), comment.json())
            }
            _ => panic!("{method} {target} is not of this API"),
        }
    }
}

impl Comment {
    fn json(&self) -> Value {
        json!({
            "id": self.id,
            "user": self.author.as_ref().map(|login| json!({ "login": login })),
            "body": self.body,
            "html_url": format!("https://github.example/acme/fleet/pull/7#issuecomment-{}", self.id),
        })
    }
}

fn body_of(request: &[u8]) -> String {
    let request: Value = serde_json::from_slice(request).unwrap();
    let body = request["body"].as_str().unwrap().to_owned();
    assert!(body.chars().count() < LONGEST, "{}", body.len());
    body
}
