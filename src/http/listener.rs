//! A listener with a bound on connections, on those of one address, and on their silence, by plain TCP or TLS. Who holds
//! connections without using them, or drips bytes into them, soon has none.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;

use super::attempts::network;
use super::tls::Tls;

/// A connection that says nothing for so long is closed: within a request, or between two.
const SILENCE: Duration = Duration::from_secs(60);
/// One that has not said anything yet, or has not ended the greeting of TLS.
const FIRST_SILENCE: Duration = Duration::from_secs(15);
/// Bytes of a request that are worth a second more: no network that takes pictures is slower.
const BYTES_A_SECOND: u32 = 1024;

/// Accepts connections up to a number.
pub(super) struct Bounded {
    listener: TcpListener,
    places: Arc<Semaphore>,
    tls: Option<Arc<Tls>>,
    guests: Guests,
    /// Connections that one address may have.
    of_one: usize,
}

impl Bounded {
    pub(super) fn new(listener: TcpListener, connections: usize, tls: Option<Arc<Tls>>) -> Self {
        let (places, of_one) = (Arc::new(Semaphore::new(connections)), connections / 2);
        Self { listener, places, tls, guests: Guests::default(), of_one }
    }
}

/// How many connections each address has. Those of this machine are not counted: a proxy has one address for all.
#[derive(Clone, Default)]
struct Guests(Arc<Mutex<HashMap<IpAddr, usize>>>);

impl Guests {
    /// One more of an address, unless it has as many as it may.
    fn enter(&self, address: IpAddr, of_one: usize) -> Option<Guest> {
        let address = network(address);
        if !address.is_loopback() {
            let mut guests = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let count = guests.entry(address).or_default();
            if *count >= of_one {
                return None;
            }
            *count += 1;
        }
        Some(Guest { guests: self.clone(), address })
    }
}

/// A connection that is counted as long as it lasts.
struct Guest {
    guests: Guests,
    address: IpAddr,
}

impl Drop for Guest {
    fn drop(&mut self) {
        let mut guests = self.guests.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = guests.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                guests.remove(&self.address);
            }
        }
    }
}

/// The other end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Peer(pub(super) SocketAddr);

impl Connected<IncomingStream<'_, Bounded>> for Peer {
    fn connect_info(stream: IncomingStream<'_, Bounded>) -> Self {
        Self(*stream.remote_addr())
    }
}

impl Listener for Bounded {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            let Ok(place) = Arc::clone(&self.places).acquire_owned().await else { std::future::pending().await };
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    let Some(guest) = self.guests.enter(address.ip(), self.of_one) else { continue };
                    let silent = Box::pin(tokio::time::sleep(FIRST_SILENCE));
                    let stream = match &self.tls {
                        None => Stream::Plain(stream),
                        Some(tls) => Stream::Greeting(Box::new(tls.acceptor().accept(stream))),
                    };
                    return (Connection { stream, silent, is_begun: false, _guest: guest, _place: place }, address);
                }
                // Too many open files, or a client that was gone at once: neither lasts.
                Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// What a connection speaks. The greeting of TLS is the connection's own matter: the listener waits for nobody.
enum Stream {
    Plain(TcpStream),
    Greeting(Box<tokio_rustls::Accept<TcpStream>>),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What bytes are read from and written to.
trait ReadWrite: AsyncRead + AsyncWrite + Unpin {}
impl<T: AsyncRead + AsyncWrite + Unpin> ReadWrite for T {}

impl Stream {
    /// The stream for bytes, once the greeting is over.
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Pin<&mut dyn ReadWrite>>> {
        if let Self::Greeting(greeting) = self {
            match Pin::new(greeting).poll(context) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(stream)) => *self = Self::Tls(Box::new(stream)),
            }
        }
        Poll::Ready(Ok(match self {
            Self::Plain(stream) => Pin::new(stream),
            Self::Tls(stream) => Pin::new(&mut **stream),
            Self::Greeting(_) => unreachable!("the greeting is over"),
        }))
    }
}

/// One connection.
pub(super) struct Connection {
    stream: Stream,
    silent: Pin<Box<Sleep>>,
    /// Whether bytes have come since the last answer.
    is_begun: bool,
    _guest: Guest,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    /// The first bytes of a request give it time; the next ones only as much as they are worth.
    fn heard(&mut self, bytes: usize) {
        let (now, bytes) = (Instant::now(), u32::try_from(bytes).unwrap_or(u32::MAX));
        let worth = Duration::from_secs(1) * bytes / BYTES_A_SECOND;
        let until = if self.is_begun { (self.silent.deadline() + worth).min(now + SILENCE) } else { now + SILENCE };
        self.is_begun = true;
        self.silent.as_mut().reset(until);
    }

    /// What is told is an answer, after which a next request may come.
    fn told(&mut self) {
        self.is_begun = false;
        self.silent.as_mut().reset(Instant::now() + SILENCE);
    }

    /// Whether it has been silent for too long.
    fn is_silent(&mut self, context: &mut Context<'_>) -> bool {
        self.silent.as_mut().poll(context).is_ready()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = match self.stream.poll_ready(context) {
            Poll::Ready(Ok(stream)) => stream.poll_read(context, buffer),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        match read {
            Poll::Pending if self.is_silent(context) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
            read => {
                self.heard(buffer.filled().len() - before);
                read
            }
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = match self.stream.poll_ready(context) {
            Poll::Ready(Ok(stream)) => stream.poll_write(context, bytes),
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => Poll::Pending,
        };
        match written {
            Poll::Pending if self.is_silent(context) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
            written => {
                self.told();
                written
            }
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
            // Nothing was written yet.
            Stream::Greeting(_) => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Greeting(_) => Poll::Ready(Ok(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_never_has_all_connections() {
        let (guests, stranger) = (Guests::default(), "192.0.2.1".parse().unwrap());
        let mut held: Vec<Guest> = (0..3).map(|_| guests.enter(stranger, 3).unwrap()).collect();
        assert!(guests.enter(stranger, 3).is_none());
        assert!(guests.enter("192.0.2.2".parse().unwrap(), 3).is_some(), "others are let in");
        drop(held.pop());
        assert!(guests.enter(stranger, 3).is_some());
        let local: Vec<Guest> = (0..9).map(|_| guests.enter("127.0.0.1".parse().unwrap(), 3).unwrap()).collect();
        drop((held, local));
        assert!(guests.0.lock().unwrap().is_empty());
    }
}
