//! An export as an HTTP request, made again for each attempt.

use std::io::Write;

use bytes::{BufMut, Bytes};
use flate2::write::GzEncoder;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header};

use super::settings::{Compression, OtlpProtocol, OtlpSettings};
use crate::body::ShortBody;

/// The method that takes metrics.
const GRPC_PATH: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

#[derive(Debug)]
pub(super) struct Outgoing {
    uri: Uri,
    version: Version,
    headers: HeaderMap,
    body: Bytes,
}

impl Outgoing {
    pub(super) fn new(message: Vec<u8>, settings: &OtlpSettings) -> std::io::Result<Self> {
        let mut headers = settings.headers.clone();
        let gzipped = settings.compression == Compression::Gzip;
        let message = if gzipped { gzip(&message)? } else { message };
        let gzip = HeaderValue::from_static("gzip");
        let (uri, version, body) = match settings.protocol {
            OtlpProtocol::HttpProtobuf => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
                if gzipped {
                    headers.insert(header::CONTENT_ENCODING, gzip);
                }
                (settings.endpoint().clone(), Version::HTTP_11, message.into())
            }
            OtlpProtocol::Grpc => {
                headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
                headers.insert(header::TE, HeaderValue::from_static("trailers"));
                headers.insert("grpc-accept-encoding", gzip.clone());
                if gzipped {
                    headers.insert("grpc-encoding", gzip.clone());
                }
                (grpc_uri(settings.endpoint()), Version::HTTP_2, framed(&message, gzipped))
            }
        };
        let agent = concat!("OTel-OTLP-Exporter-Rust/", env!("CARGO_PKG_NAME"), "-", env!("CARGO_PKG_VERSION"));
        headers.entry(header::USER_AGENT).or_insert(HeaderValue::from_static(agent));
        Ok(Self { uri, version, headers, body })
    }

    pub(super) fn request(&self) -> Request<ShortBody> {
        let Self { uri, version, headers, body } = self;
        let mut request = Request::new(ShortBody::new(body.clone()));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = uri.clone();
        *request.version_mut() = *version;
        *request.headers_mut() = headers.clone();
        request
    }
}

/// The endpoint names a server, whose path a gRPC call sets.
fn grpc_uri(endpoint: &Uri) -> Uri {
    let mut parts = endpoint.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::from_static(GRPC_PATH));
    Uri::from_parts(parts).unwrap_or_else(|_| Uri::from_static(GRPC_PATH))
}

/// A flag, the length in four bytes, the message (gRPC over HTTP/2, "Length-Prefixed-Message").
fn framed(message: &[u8], compressed: bool) -> Bytes {
    let mut framed = Vec::with_capacity(message.len().saturating_add(5));
    framed.put_u8(compressed.into());
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    framed.into()
}

pub(super) fn gzip(message: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(message.len() / 8), flate2::Compression::fast());
    encoder.write_all(message)?;
    encoder.finish()
}
