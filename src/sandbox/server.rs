//! The endpoint: HTTP in, operations, HTTP out.

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::api;
use super::error::SandboxError;
use super::faults::Faults;
use super::folder::{Folder, write_whole};
use super::listener::{LoopbackListener, Scissors};
use super::options::SandboxOptions;
use super::service::Service;

/// Far above every limit of the service, which are checked after this.
const LONGEST_REQUEST: usize = 4 << 20;
/// How long requests under way may take when the sandbox stops.
const LAST_REQUESTS: Duration = Duration::from_secs(2);

/// How long a process that was killed may still hold the folder: a child that it was just starting
/// has all of its files for a moment.
const LAST_BREATH: Duration = Duration::from_millis(500);

/// A running sandbox. It stops when it is dropped; its scripts do not.
pub struct Sandbox {
    service: Arc<Service>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    lock: File,
}

impl Sandbox {
    /// Takes the folder, opens the endpoint and takes up what was left there.
    ///
    /// # Errors
    /// The address is not a loopback one or taken, the folder is another process's, or what it
    /// holds is not a sandbox's.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        check_loopback(options.listen)?;
        let folder = Folder::prepare(&options.root)?;
        let mut waited = Duration::ZERO;
        loop {
            if let Some(lock) = folder.lock()? {
                return Self::start_locked(options, folder, lock).await;
            }
            if waited >= LAST_BREATH {
                let root = folder.root().to_owned();
                return Err(SandboxError::InUse { root });
            }
            waited += LAST_BREATH / 10;
            tokio::time::sleep(LAST_BREATH / 10).await;
        }
    }

    /// With the folder's lock in hand.
    pub(super) async fn start_locked(
        options: SandboxOptions,
        folder: Folder,
        lock: File,
    ) -> Result<Self, SandboxError> {
        check_loopback(options.listen)?;
        let endpoint = folder.endpoint();
        let service = Service::open(folder, &options)?;
        let listen = |source| SandboxError::Listen {
            address: options.listen,
            source,
        };
        let listener = TcpListener::bind(options.listen).await.map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&service))
            .into_make_service_with_connect_info::<Scissors>();
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(async move {
            let served = axum::serve(LoopbackListener(listener), router)
                .with_graceful_shutdown(async move { drop(stopped.await) })
                .await;
            if let Err(error) = served {
                tracing::error!(%error, "the sandbox's endpoint ended");
            }
        });
        write_whole(&endpoint, format!("http://{address}\n").as_bytes())
            .map_err(SandboxError::folder("write", endpoint))?;
        service.resume();
        Ok(Self {
            service,
            address,
            stop: Some(stop),
            server,
            lock,
        })
    }

    /// `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Switches faults; what is not named is off.
    pub fn set_faults(&self, faults: Faults) {
        self.service.set_faults(faults);
    }

    /// How often an operation was called, whatever its answers.
    pub fn calls(&self, operation: &str) -> u64 {
        let counters = self.service.counters(false);
        counters.calls.get(operation).copied().unwrap_or_default()
    }

    /// Moves the time that timeouts, delays and faults go by. Scripts and the Date header do not
    /// notice.
    pub fn advance(&self, time: Duration) {
        self.service.advance(time.as_secs());
    }

    /// Answers the requests that are under way and lets go of the folder. Scripts go on; whoever
    /// starts the next sandbox there gets their results.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            // Nobody listens where the server has ended by itself.
            let _ended = stop.send(());
        }
        drop(tokio::time::timeout(LAST_REQUESTS, &mut self.server).await);
        self.service.stopped().await;
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.service.stop();
        self.server.abort();
        // Closing it would not do while a child that is just being started has it too.
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(%error, "could not unlock the sandbox's folder");
        }
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("endpoint", &self.endpoint())
            .finish_non_exhaustive()
    }
}

fn check_loopback(address: SocketAddr) -> Result<(), SandboxError> {
    if address.ip().is_loopback() {
        return Ok(());
    }
    Err(SandboxError::NotLoopback { address })
}

async fn answer(
    State(service): State<Arc<Service>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: Request,
) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, LONGEST_REQUEST).await;
    let answer = api::answer(&service, &head, body.as_deref().ok());
    if answer.cut {
        scissors.cut();
    }
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}
