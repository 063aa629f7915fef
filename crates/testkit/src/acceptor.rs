//! The loop that all servers of ours share: it takes connections until it is dropped.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

/// A listener that is served; each connection by a thread of its own.
#[derive(Debug)]
pub(crate) struct Acceptor {
    address: SocketAddr,
    is_over: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Acceptor {
    /// Serves the connections of `listener`. A client that goes away ends its own connection only.
    pub(crate) fn start(
        listener: TcpListener,
        serve: impl Fn(TcpStream) -> io::Result<()> + Clone + Send + 'static,
    ) -> Self {
        let address = listener.local_addr().expect("the address of a bound socket");
        let is_over = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&is_over);
        let server = thread::spawn(move || {
            for stream in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    break;
                }
                let serve = serve.clone();
                thread::spawn(move || stream.and_then(serve));
            }
        });
        Self { address, is_over, server: Some(server) }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Wakes the server, which then sees that it is over.
        let woken = TcpStream::connect(self.address);
        if let (Ok(_), Some(server)) = (woken, self.server.take()) {
            let _ = server.join();
        }
    }
}
