//! The socket of a connection, and the hand on its plug.

use std::io;
use std::net::Shutdown;
use std::sync::Arc;

use lapin::tcp::{AsyncTcpStream, OwnedTLSConfig};
use lapin::uri::{AMQPScheme, AMQPUri};
use lapin::{Connection, ConnectionProperties};
use parking_lot::Mutex;
use socket2::{SockRef, Socket};

use crate::error::within;
use crate::{AmqpConfig, AmqpError};

/// Ends a connection that does not answer. The client waits for a dead peer as long as its thread lives; with its socket it ends, and
/// everything that waits for an answer fails at once.
#[derive(Clone, Default)]
pub(super) struct Plug(Arc<Mutex<Plugged>>);

#[derive(Default)]
enum Plugged {
    #[default]
    NotYet,
    In(Socket),
    Pulled,
}

impl Plug {
    /// Ends the connection, also one that is just being made.
    pub(super) fn pull(&self) {
        if let Plugged::In(socket) = std::mem::replace(&mut *self.0.lock(), Plugged::Pulled)
            && let Err(error) = socket.shutdown(Shutdown::Both)
        {
            // The peer was faster.
            tracing::trace!(%error, "the socket was closed already");
        }
    }

    fn put_in(&self, socket: Socket) -> io::Result<()> {
        let mut plugged = self.0.lock();
        if matches!(*plugged, Plugged::Pulled) {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        *plugged = Plugged::In(socket);
        Ok(())
    }
}

/// Connects. Whatever happens, nothing of an attempt that failed is left.
pub(super) async fn connect(config: &AmqpConfig, name: &str) -> Result<(Connection, Plug), AmqpError> {
    let limit = config.connect_within;
    let tls = OwnedTLSConfig { cert_chain: config.roots.clone(), ..OwnedTLSConfig::default() };
    let plug = Plug::default();
    let mut pulled_when_dropped = PullOnDrop(Some(plug.clone()));
    let properties = ConnectionProperties::default().with_connection_name(name.to_owned().into());
    let runtime = lapin::runtime::default_runtime()?;
    let of_socket = plug.clone();
    let connecting = Connection::connector(
        config.uri.clone(),
        runtime,
        async move |uri: AMQPUri, runtime| {
            let (host, port) = (uri.authority.host, uri.authority.port);
            let opening = async {
                let stream = AsyncTcpStream::connect(&runtime, runtime.to_socket_addrs((host.clone(), port))).await?;
                if let AsyncTcpStream::Plain(plain) = &stream {
                    let socket = SockRef::from(plain.get_ref());
                    // An acknowledgement does not wait for more to send.
                    socket.set_tcp_nodelay(true)?;
                    of_socket.put_in(socket.try_clone()?)?;
                }
                match uri.scheme {
                    AMQPScheme::AMQP => Ok(stream),
                    AMQPScheme::AMQPS => stream.into_tls(&host, tls.as_ref()).await,
                }
            };
            match tokio::time::timeout(limit, opening).await {
                Ok(opened) => opened.map_err(lapin::Error::from),
                Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
            }
        },
        properties,
    );
    let connecting = async { connecting.await.map_err(AmqpError::of_connecting) };
    let connection = within(limit, "connecting", connecting).await?;
    pulled_when_dropped.0 = None;
    Ok((connection, plug))
}

struct PullOnDrop(Option<Plug>);

impl Drop for PullOnDrop {
    fn drop(&mut self) {
        if let Some(plug) = &self.0 {
            plug.pull();
        }
    }
}
