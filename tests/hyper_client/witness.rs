//! An upstream that remembers of every request that reached it how much came, and whether it looked whole.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tower::service_fn;

use super::support::loopback::{Tasks, serve};
use super::support::protocol::Protocol;
use super::support::readings::eventually;

/// A request's body as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Upload {
    pub(crate) bytes: u64,
    /// Whether it came to a proper end.
    pub(crate) whole: bool,
}

pub(crate) struct Witness {
    address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    begun: usize,
    ended: Vec<Upload>,
}

impl Witness {
    /// `/upload` reads, and answers with the length; `/early` answers at once and reads nothing.
    pub(crate) async fn start(protocol: Protocol, tasks: &Tasks) -> Self {
        let seen = Arc::new(Mutex::new(Seen::default()));
        let witness = Arc::clone(&seen);
        let service = service_fn(move |request| {
            witness.lock().unwrap().begun += 1;
            upload(request, Reading { upload: Upload { bytes: 0, whole: false }, seen: Arc::clone(&witness) })
        });
        Self { address: serve(protocol, service, tasks).await, seen }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many requests have reached it.
    pub(crate) fn begun(&self) -> usize {
        self.seen.lock().unwrap().begun
    }

    /// All that it has seen, once nothing of it goes on any more.
    pub(crate) async fn uploads(&self) -> Vec<Upload> {
        let all_ended = || {
            let seen = self.seen.lock().unwrap();
            (seen.begun == seen.ended.len()).then(|| seen.ended.clone())
        };
        eventually(all_ended).await
    }
}

/// Reports when it is dropped: with its handler, if the client goes away.
struct Reading {
    upload: Upload,
    seen: Arc<Mutex<Seen>>,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.seen.lock().unwrap().ended.push(self.upload);
    }
}

async fn upload(request: Request<Incoming>, mut reading: Reading) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.uri().path() == "/early" {
        return Ok(Response::new("early".into()));
    }
    let mut body = request.into_body();
    while let Some(frame) = body.frame().await {
        match frame.map(http_body::Frame::into_data) {
            Ok(Ok(data)) => reading.upload.bytes += data.len() as u64,
            Ok(Err(_trailers)) => {}
            Err(_) => return Ok(Response::new("broken".into())),
        }
    }
    reading.upload.whole = true;
    Ok(Response::new(reading.upload.bytes.to_string().into()))
}
