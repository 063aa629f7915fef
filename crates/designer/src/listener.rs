//! The port of the Designer: who may connect, how many, and how it ends.
//!
//! The port is bound before anything else is done, so that a port in use is told at once. From then on nothing
//! that a client or the system does ends the listener but its shutdown: a failing accept is tried again, after a
//! pause where it would fail again. Beyond [`MOST_CONNECTIONS`] clients wait in the system's queue. Nothing
//! wakes up while nobody is connected.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use baton_finding::{Explain, Retry};
use baton_platform::listener;
use baton_state::State;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::{sleep, timeout};

use crate::access::Access;
use crate::change::Actions;
use crate::connection::Connection;
use crate::hosts::Hosts;
use crate::router::{Ending, Services, router};
use crate::settings::SettingsDesk;
use crate::tls::HotCertificate;

/// How many connections are open at once.
const MOST_CONNECTIONS: usize = 256;

/// How many of them are for clients of other machines, and for those of one network: this machine, the proof of our own
/// certificate among it, always finds a place.
const MOST_OF_OTHERS: usize = 192;
const MOST_OF_ONE: usize = 64;

/// How many clients wait in the system's queue.
const BACKLOG: u32 = 1024;

/// How long answers under way may take once the shutdown has begun.
const LAST_ANSWERS: Duration = Duration::from_secs(3);

/// The pause after an accept that failed for want of something, such as descriptors or memory.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// A bound port, not yet served.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    /// The other address family's, where challenges are answered to the outside.
    other: Option<TcpListener>,
    address: SocketAddr,
}

/// What is served there.
pub struct Site {
    /// What there is to see and to do.
    pub actions: Arc<dyn Actions>,
    /// The settings, to be seen and changed.
    pub settings: Arc<dyn SettingsDesk>,
    /// Where users, sessions and the audit log are kept.
    pub state: State,
    /// Who is let in.
    pub access: Access,
    /// The names of this machine, without a port.
    pub hosts: Vec<String>,
}

/// The Designer cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// The address can be reached from elsewhere, and nobody would have to sign in.
    #[error("the Designer does not listen on {address}: it is no address of the loopback interface")]
    NotLoopback {
        /// What was asked for.
        address: SocketAddr,
    },
    /// Another program has the port.
    #[error("the Designer cannot listen on {address}")]
    InUse {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
    /// The system refused.
    #[error("the Designer cannot listen on {address}")]
    Refused {
        /// What was asked for.
        address: SocketAddr,
        /// What the system says.
        #[source]
        cause: io::Error,
    },
}

impl BindError {
    fn of(address: SocketAddr, cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::AddrInUse => Self::InUse { address, cause },
            _ => Self::Refused { address, cause },
        }
    }
}

impl Explain for BindError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotLoopback { .. } => "designer-not-loopback",
            Self::InUse { .. } => "designer-port-in-use",
            Self::Refused { .. } => "designer-bind-refused",
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::NotLoopback { .. } | Self::Refused { .. } => Retry::Never,
            Self::InUse { .. } => Retry::Backoff,
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NotLoopback { address } => format!(
                "access is anonymous, so it is for this machine alone: use 127.0.0.1:{}, or set access = \"authenticated\" \
                 in [designer] and add a user with `baton user add`",
                address.port()
            ),
            Self::InUse { .. } => "end the program that listens there, or use another port".to_owned(),
            Self::Refused { .. } => "use another port; those below 1024 may need more rights".to_owned(),
        })
    }
}

impl Listener {
    /// Takes the port; port 0 takes any that is free. Without users, only one of the loopback interface. Clients can
    /// connect from here on, and wait for [`serve`](Self::serve).
    pub async fn bind(address: SocketAddr, access: Access) -> Result<Self, BindError> {
        permit(address, access)?;
        let socket = TcpListener::bind(address).await.map_err(|cause| BindError::of(address, cause))?;
        Self::of(socket, None, address.ip())
    }

    /// The same on all addresses of this machine: whoever comes to another one than `address`, and not from this
    /// machine, finds the challenges of an order under way and no pages.
    pub async fn bind_for_challenges(address: SocketAddr, access: Access) -> Result<Self, BindError> {
        permit(address, access)?;
        let everywhere: SocketAddr = (Ipv4Addr::UNSPECIFIED, address.port()).into();
        let socket = TcpListener::bind(everywhere).await.map_err(|cause| BindError::of(everywhere, cause))?;
        let port = socket.local_addr().map_err(|cause| BindError::of(everywhere, cause))?.port();
        // A machine without IPv6 does with one.
        let other = listener::bind((Ipv6Addr::UNSPECIFIED, port).into(), BACKLOG)
            .inspect_err(|error| tracing::debug!("no challenges over IPv6: {error}"));
        Self::of(socket, other.ok(), address.ip())
    }

    fn of(socket: TcpListener, other: Option<TcpListener>, ip: IpAddr) -> Result<Self, BindError> {
        let bound = socket.local_addr().map_err(|cause| BindError::of((ip, 0).into(), cause))?;
        Ok(Self { socket, other, address: (ip, bound.port()).into() })
    }

    /// The address that is listened on, with the port that was free.
    pub fn local_address(&self) -> SocketAddr {
        self.address
    }

    /// Serves the site, and with `challenges` the certificates of tls-alpn-01 to whoever asks for them, until
    /// `shutdown` ends, then closes the port, gives answers under way three seconds, and returns with no connection
    /// left.
    ///
    /// It answers to `localhost`, `127.0.0.1`, `[::1]`, the address that it listens on or was reached at, and to the
    /// site's hosts.
    pub async fn serve(
        self,
        certificate: Arc<HotCertificate>,
        challenges: Option<Arc<ServerConfig>>,
        site: Site,
        shutdown: impl Future<Output = ()>,
    ) {
        let tls = certificate.configuration();
        let (ending, ended) = watch::channel(());
        let services = Services {
            actions: site.actions,
            settings: site.settings,
            operations: Arc::default(),
            ending: Ending(ended.clone()),
            state: site.state,
            access: site.access,
        };
        let router = router(services, Hosts::new(self.address, site.hosts));
        let mut connections = JoinSet::new();
        let mut networks = Networks::default();
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Some(joined) = connections.join_next_with_id() => networks.close(joined),
                (stream, client) = accept_either(&self.socket, self.other.as_ref()),
                    if connections.len() < MOST_CONNECTIONS =>
                {
                    let Ok(reached) = stream.local_addr() else { continue };
                    let (client, reached) = (client.ip().to_canonical(), reached.ip().to_canonical());
                    if !networks.admit(client) {
                        tracing::debug!(%client, "it has too many connections, and gets no other");
                        continue;
                    }
                    let connection = Connection {
                        tls: Arc::clone(&tls),
                        challenges: challenges.clone(),
                        client,
                        reached,
                        finds_pages: finds_pages(self.address.ip(), client, reached),
                        router: router.clone(),
                        ended: ended.clone(),
                    };
                    let task = connections.spawn(connection.serve(stream));
                    networks.open.insert(task.id(), network_of(client));
                }
            }
        }
        drop((self.socket, self.other));
        // Every connection holds a receiver, or there is none: a failure to send is no failure to tell.
        let _ = ending.send(());
        let answered = async { while connections.join_next().await.is_some() {} };
        if timeout(LAST_ANSWERS, answered).await.is_err() {
            tracing::debug!(connections = connections.len(), "connections are cut off");
            connections.shutdown().await;
        }
    }
}

/// Where the open connections come from.
#[derive(Debug, Default)]
struct Networks {
    open: HashMap<task::Id, IpAddr>,
}

impl Networks {
    /// Whether a client gets a further connection.
    fn admit(&self, client: IpAddr) -> bool {
        if client.is_loopback() {
            return true;
        }
        let (network, others) = (network_of(client), self.open.values().filter(|of| !of.is_loopback()));
        let (mut all, mut own) = (0, 0);
        for other in others {
            all += 1;
            own += usize::from(*other == network);
        }
        all < MOST_OF_OTHERS && own < MOST_OF_ONE
    }

    fn close(&mut self, joined: Result<(task::Id, ()), JoinError>) {
        match joined {
            Ok((id, ())) => drop(self.open.remove(&id)),
            Err(error) => {
                self.open.remove(&error.id());
                // One page that panicked must be known, and is no reason to end the others.
                tracing::error!("a connection of the Designer broke off: {error}");
            }
        }
    }
}

/// Whoever has one address of IPv6 has its whole network of 64 bits.
fn network_of(client: IpAddr) -> IpAddr {
    match client {
        IpAddr::V4(_) => client,
        IpAddr::V6(_) if client.is_loopback() => client,
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

/// Nobody outside this machine reaches a Designer to which nobody signs in.
fn permit(address: SocketAddr, access: Access) -> Result<(), BindError> {
    match access {
        Access::Anonymous if !address.ip().is_loopback() => Err(BindError::NotLoopback { address }),
        Access::Anonymous | Access::Authenticated => Ok(()),
    }
}

/// Whether a client that has come to the address `reached` is answered with pages. The socket may listen on more
/// addresses than `meant`, for the sake of challenges.
fn finds_pages(meant: IpAddr, client: IpAddr, reached: IpAddr) -> bool {
    client.is_loopback() || (!meant.is_loopback() && (meant.is_unspecified() || meant == reached))
}

async fn accept_either(one: &TcpListener, other: Option<&TcpListener>) -> (TcpStream, SocketAddr) {
    match other {
        None => accept(one).await,
        Some(other) => tokio::select! {
            accepted = accept(one) => accepted,
            accepted = accept(other) => accepted,
        },
    }
}

/// The next connection, however often the system fails to give one; and where it comes from.
async fn accept(socket: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match socket.accept().await {
            Ok(accepted) => return accepted,
            // That client is gone again; the next one waits already.
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
                ) => {}
            Err(error) => {
                tracing::warn!("the Designer cannot take a connection, and tries again: {error}");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn strangers_leave_places_to_each_other_and_to_this_machine() {
        let (mut networks, mut tasks) = (Networks::default(), JoinSet::new());
        let mut admit = |client: &str| {
            let client: IpAddr = client.parse().expect("an address");
            let is_admitted = networks.admit(client);
            if is_admitted {
                networks.open.insert(tasks.spawn(async {}).id(), network_of(client));
            }
            is_admitted
        };
        let admitted = (0..100).filter(|host| admit(&format!("2001:db8::{host:x}"))).count();
        assert_eq!(admitted, MOST_OF_ONE, "one network of IPv6");
        assert!(admit("10.0.0.1"), "and another one");
        let admitted = (0..250).filter(|host| admit(&format!("10.0.1.{host}"))).count();
        assert_eq!(MOST_OF_ONE + 1 + admitted, MOST_OF_OTHERS);
        assert!(admit("127.0.0.1") && admit("::1"), "this machine");

        while let Some(joined) = tasks.join_next_with_id().await {
            networks.close(joined);
        }
        assert!(networks.open.is_empty() && networks.admit(Ipv4Addr::new(10, 0, 0, 1).into()));
    }
}
