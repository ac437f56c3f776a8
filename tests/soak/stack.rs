//! Both ends of connections on loopback with our layers on them, in hyper alone or in the frameworks that people use.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;

use http::{Method, Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use plimsoll::{ClientLayer, Direction, Ledger, MeteredBody, Role, ServerLayer};
use tokio::net::{TcpListener, TcpSocket};
use tower::util::BoxCloneService;
use tower::{BoxError, Layer, Service, ServiceExt, service_fn};

use super::service::{AnyBody, Begun, Handler, Received, What, empty, full};
use super::support::loopback::{Tasks, client, serve_connection};
use super::support::protocol::Protocol;

/// What stands around our layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stack {
    /// hyper's server, and hyper-util's client with its pool.
    Hyper,
    /// axum's server and reqwest, under `tower` and as a middleware in turns.
    #[cfg(all(feature = "axum", feature = "reqwest-middleware"))]
    Frameworks,
}

impl Stack {
    pub const ALL: &[Self] = &[
        Self::Hyper,
        #[cfg(all(feature = "axum", feature = "reqwest-middleware"))]
        Self::Frameworks,
    ];

    /// Every stack with every protocol.
    pub fn with_protocols() -> impl Iterator<Item = (Self, Protocol)> {
        Self::ALL.iter().flat_map(|stack| Protocol::BOTH.map(|protocol| (*stack, protocol)))
    }
}

/// The layers of both ends on one ledger, and what passes them, counted apart.
#[derive(Clone)]
pub struct Ends {
    pub ledger: Ledger,
    pub server: ServerLayer,
    pub client: ClientLayer,
    pub begun: Begun,
    /// Whether the server's sockets take little, in place of what the system thinks is best.
    pub small_buffers: bool,
}

/// A call, before it is a request of hyper's or of reqwest's.
#[derive(Debug)]
pub struct Call {
    pub method: Method,
    pub path: String,
    pub upload: Upload,
}

#[derive(Debug)]
pub enum Upload {
    Nothing,
    /// So many, all there from the beginning.
    Bytes(u64),
    Frames(AnyBody),
}

/// A client that calls one server.
pub type Caller = BoxCloneService<Call, Response<Received>, BoxError>;

/// A server that runs, until it is told to end.
pub struct Running {
    pub address: SocketAddr,
    stack: Stack,
    protocol: Protocol,
    ends: Ends,
    tasks: Tasks,
    #[cfg(all(feature = "axum", feature = "reqwest-middleware"))]
    axum: Option<super::frameworks::Serving>,
}

impl Ends {
    pub fn new(
        ledger: &Ledger,
        server: impl FnOnce(ServerLayer) -> ServerLayer,
        client: impl FnOnce(ClientLayer) -> ClientLayer,
    ) -> Self {
        let begun = Begun::default();
        let refused = begun.clone();
        let server = server(ServerLayer::new(ledger)).on_refusal(move |refusal| {
            if refusal.exceeded().direction() == Some(Direction::Response) {
                refused.add(What::ServerRefused);
            }
            refusal.response()
        });
        let client = client(ClientLayer::new(ledger).upstream("soak"));
        Self { ledger: ledger.clone(), server, client, begun, small_buffers: false }
    }

    /// A socket that listens on a free port. Those of its connections have the same buffers.
    pub fn listen(&self) -> TcpListener {
        let socket = TcpSocket::new_v4().unwrap();
        if self.small_buffers {
            socket.set_recv_buffer_size(8 << 10).unwrap();
            // Two of loopback's packets: with fewer, each is acknowledged late (RFC 1122, section 4.2.3.2).
            socket.set_send_buffer_size(128 << 10).unwrap();
        }
        socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        socket.listen(1_024).unwrap()
    }

    /// Waits until there is one sample for each body that was begun, whatever its outcome; there is never one more.
    pub async fn all_counted(&self, case: &str) {
        let begun = |what| self.begun.get(what);
        let counted = || {
            [
                (Role::Server, Direction::Request, begun(What::ServerRequest)),
                (Role::Server, Direction::Response, begun(What::ServerResponse) + begun(What::ServerRefused)),
                (Role::Client, Direction::Request, begun(What::ClientRequest)),
                (Role::Client, Direction::Response, begun(What::ClientResponse)),
            ]
            .map(|(role, direction, begun)| (role, direction, begun, samples(&self.ledger, role, direction)))
        };
        let alike = || counted().iter().all(|(_, _, begun, samples)| begun == samples);
        let waited = async {
            while !alike() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        let _over = tokio::time::timeout(super::PATIENCE, waited).await;
        assert!(alike(), "{case}: begun and counted {:?}", counted());
    }
}

/// Bodies of all outcomes, the overflow's included.
fn samples(ledger: &Ledger, role: Role, direction: Direction) -> u64 {
    let mut sum = 0;
    ledger.visit(|series| {
        if series.endpoint().role() == role && series.direction() == direction {
            sum += series.outcomes().total();
        }
    });
    sum
}

impl Running {
    pub fn start(stack: Stack, protocol: Protocol, ends: &Ends, handler: Handler) -> Self {
        let (tasks, ends) = (Tasks::default(), ends.clone());
        match stack {
            Stack::Hyper => {
                let address = serve_hyper(protocol, &ends, handler, &tasks);
                Self {
                    address,
                    stack,
                    protocol,
                    ends,
                    tasks,
                    #[cfg(all(feature = "axum", feature = "reqwest-middleware"))]
                    axum: None,
                }
            }
            #[cfg(all(feature = "axum", feature = "reqwest-middleware"))]
            Stack::Frameworks => {
                let (address, serving) = super::frameworks::serve(&ends, handler);
                Self { address, stack, protocol, ends, tasks, axum: Some(serving) }
            }
        }
    }

    /// A client with connections of its own. It ends with the caller, or with the server.
    pub fn caller(&self, nth: u64) -> Caller {
        let Self { address, stack, protocol, ends, tasks, .. } = self;
        match stack {
            Stack::Hyper => {
                let _unused = nth;
                by_hyper(*address, *protocol, ends, tasks)
            }
            #[cfg(all(feature = "axum", feature = "reqwest-middleware"))]
            Stack::Frameworks => super::frameworks::caller(*address, *protocol, ends, nth),
        }
    }

    /// Ends it, once its callers are gone. Connections of hyper alone are dropped where they stand; axum waits for its own.
    pub async fn end(self) {
        self.tasks.end().await;
        #[cfg(all(feature = "axum", feature = "reqwest-middleware"))]
        if let Some(serving) = self.axum {
            serving.end().await;
        }
    }
}

fn serve_hyper(protocol: Protocol, ends: &Ends, handler: Handler, tasks: &Tasks) -> SocketAddr {
    let handled = service_fn(move |request: Request<MeteredBody<Incoming>>| {
        let answer = handler(request.map(BodyExt::boxed_unsync));
        async { Ok::<_, Infallible>(answer.await) }
    });
    let (service, begun) = (ends.server.layer(handled), ends.begun.clone());
    let counted = service_fn(move |request: Request<Incoming>| {
        begun.add(What::ServerRequest);
        let (answer, begun) = (service.clone().call(request), begun.clone());
        async move { answer.await.inspect(|_| begun.add(What::ServerResponse)) }
    });
    let listener = ends.listen();
    let address = listener.local_addr().unwrap();
    let (connections, begun) = (tasks.clone(), ends.begun.clone());
    tasks.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            begun.add(What::Connection);
            stream.set_nodelay(true).unwrap();
            connections.spawn(serve_connection(protocol, stream, counted.clone(), connections.clone()));
        }
    });
    address
}

fn by_hyper(address: SocketAddr, protocol: Protocol, ends: &Ends, tasks: &Tasks) -> Caller {
    let (http, arrived, begun) = (client(protocol, tasks), ends.begun.clone(), ends.begun.clone());
    let counted = service_fn(move |request: Request<MeteredBody<AnyBody>>| {
        let (answer, arrived) = (http.request(request), arrived.clone());
        async move { answer.await.inspect(|_| arrived.add(What::ClientResponse)) }
    });
    let service = ends.client.layer(counted).map_request(move |call: Call| {
        begun.add(What::ClientRequest);
        let body = match call.upload {
            Upload::Nothing => empty(),
            Upload::Bytes(bytes) => full(bytes),
            Upload::Frames(body) => body,
        };
        Request::builder().method(call.method).uri(format!("http://{address}{}", call.path)).body(body).unwrap()
    });
    let boxed = |answer: Response<_>| answer.map(BodyExt::boxed_unsync);
    service.map_response(boxed).map_err(BoxError::from).boxed_clone()
}
