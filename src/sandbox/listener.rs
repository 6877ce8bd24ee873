//! Connections that a fault can cut, and only from the sandbox's own user: whoever gets in runs
//! scripts with that user's rights.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};

/// Cuts a connection: what is written from now on never leaves.
#[derive(Clone, Debug, Default)]
pub(super) struct Scissors(Arc<AtomicBool>);

impl Scissors {
    pub(super) fn cut(&self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Accepts connections for the server.
pub(super) struct LoopbackListener(pub(super) TcpListener);

/// A connection with its scissors.
pub(super) struct Connection {
    stream: TcpStream,
    scissors: Scissors,
}

impl Listener for LoopbackListener {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.0).await;
            if !is_same_user(address) {
                tracing::warn!(%address, "refused a connection of another user");
                continue;
            }
            // Small answers to a client that waits for each.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%address, %error, "could not set TCP_NODELAY");
            }
            return (
                Connection {
                    stream,
                    scissors: Scissors::default(),
                },
                address,
            );
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

impl Connected<IncomingStream<'_, LoopbackListener>> for Scissors {
    fn connect_info(stream: IncomingStream<'_, LoopbackListener>) -> Self {
        stream.io().scissors.clone()
    }
}

/// Whether the other end of a loopback connection belongs to this process's user, or to root. The
/// kernel's table of sockets says so; where there is none, everybody may come.
fn is_same_user(peer: SocketAddr) -> bool {
    let (table, address) = match peer {
        SocketAddr::V4(peer) => (
            "/proc/net/tcp",
            format!(
                "{:08X}:{:04X}",
                u32::from_ne_bytes(peer.ip().octets()),
                peer.port()
            ),
        ),
        SocketAddr::V6(peer) => {
            let words = peer.ip().octets();
            let words = words.chunks_exact(4).map(|word| {
                format!(
                    "{:08X}",
                    u32::from_ne_bytes([word[0], word[1], word[2], word[3]])
                )
            });
            let ip: String = words.collect();
            ("/proc/net/tcp6", format!("{ip}:{:04X}", peer.port()))
        }
    };
    let Ok(sockets) = std::fs::read_to_string(table) else {
        return true;
    };
    let own = rustix::process::geteuid().as_raw();
    let owner = sockets.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        (fields.nth(1)? == address).then(|| fields.nth(5)?.parse::<u32>().ok())?
    });
    owner.is_none_or(|owner| owner == own || owner == 0)
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.scissors.0.load(Ordering::SeqCst) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
