//! A collector in memory that answers as it is told, and the messages that it got, decoded.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full, StreamBody};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value::Value};
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, Metric, NumberDataPoint, metric::Data,
};
use plimsoll::{Ledger, OtlpExporter, OtlpSettings, ShortBody};
use prost::Message;
use tower::util::BoxCloneService;
use tower::{BoxError, ServiceExt};

/// One answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A response with this status, headers and body.
    With(u16, Vec<(&'static str, &'static str)>, &'static [u8]),
    /// A gRPC response with these trailers.
    Trailers(Vec<(&'static str, &'static str)>, &'static [u8]),
    /// A response with this status and headers, whose body breaks off.
    Cut(u16, Vec<(&'static str, &'static str)>),
    /// A gRPC response with these trailers, behind which the body breaks off all the same.
    CutLate(Vec<(&'static str, &'static str)>),
    /// No connection.
    Down,
    /// Nothing, ever.
    Silence,
}

/// What was received, with its head.
#[derive(Clone, Debug)]
pub struct Received {
    pub uri: String,
    pub headers: HeaderMap,
    pub body: Bytes,
}

/// Gives its answers in turn, and then says that all is well.
#[derive(Clone, Debug, Default)]
pub struct Collector {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    received: Arc<Mutex<Vec<Received>>>,
}

pub type Client = BoxCloneService<Request<ShortBody>, Response<BoxBody<Bytes, BoxError>>, BoxError>;

impl Collector {
    pub fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let collector = Self::default();
        collector.answers.lock().unwrap().extend(answers);
        collector
    }

    pub fn client(&self) -> Client {
        let collector = self.clone();
        tower::service_fn(move |request| collector.clone().take(request)).boxed_clone()
    }

    pub fn exporter(&self, ledger: &Ledger, settings: OtlpSettings) -> OtlpExporter<Client> {
        OtlpExporter::new(ledger, self.client(), settings)
    }

    async fn take(self, request: Request<ShortBody>) -> Result<Response<BoxBody<Bytes, BoxError>>, BoxError> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        self.received.lock().unwrap().push(Received { uri: parts.uri.to_string(), headers: parts.headers, body });
        let answer = self.answers.lock().unwrap().pop_front();
        let full = |body: &'static [u8]| Full::from(body).map_err(BoxError::from).boxed();
        match answer.unwrap_or(Answer::With(200, vec![], b"")) {
            Answer::With(status, headers, body) => {
                let mut response = Response::new(full(body));
                *response.status_mut() = status.try_into()?;
                *response.headers_mut() = map(headers);
                Ok(response)
            }
            Answer::Trailers(trailers, body) => {
                let frames = [http_body::Frame::data(Bytes::from(body)), http_body::Frame::trailers(map(trailers))];
                let frames = futures_util::stream::iter(frames.map(Ok));
                Ok(Response::new(BoxBody::new(StreamBody::new(frames))))
            }
            Answer::Cut(status, headers) => {
                let broken = futures_util::stream::iter([Err(BoxError::from("connection reset"))]);
                let mut response = Response::new(BoxBody::new(StreamBody::new(broken)));
                *response.status_mut() = status.try_into()?;
                *response.headers_mut() = map(headers);
                Ok(response)
            }
            Answer::CutLate(trailers) => {
                let trailers = Ok(http_body::Frame::trailers(map(trailers)));
                let frames = futures_util::stream::iter([trailers, Err(BoxError::from("connection reset"))]);
                Ok(Response::new(BoxBody::new(StreamBody::new(frames))))
            }
            Answer::Down => Err("connection refused".into()),
            Answer::Silence => std::future::pending().await,
        }
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// The metrics of the last message.
    pub fn last(&self) -> Metrics {
        Metrics::of(self.received().last().expect("something was sent"))
    }
}

fn map(headers: Vec<(&'static str, &'static str)>) -> HeaderMap {
    headers.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

/// Settings for a collector in memory.
pub fn http() -> OtlpSettings {
    OtlpSettings::http("http://collector:4318/v1/metrics".parse().unwrap()).timeout(Duration::from_secs(10))
}

pub fn grpc() -> OtlpSettings {
    OtlpSettings::grpc("http://collector:4317".parse().unwrap())
}

/// A message, taken apart.
#[derive(Clone, Debug)]
pub struct Metrics {
    pub request: ExportMetricsServiceRequest,
}

pub type Attributes = BTreeMap<String, Value>;

impl Metrics {
    pub fn of(received: &Received) -> Self {
        let Received { headers, body, .. } = received;
        let is_grpc = headers["content-type"] == "application/grpc";
        let (message, gzipped) = if is_grpc {
            assert_eq!(u32::from_be_bytes(body[1..5].try_into().unwrap()) as usize, body.len() - 5);
            (&body[5..], body[0] == 1)
        } else {
            (&body[..], headers.get("content-encoding").is_some_and(|coding| coding == "gzip"))
        };
        let mut plain = Vec::new();
        if gzipped {
            flate2::read::GzDecoder::new(message).read_to_end(&mut plain).unwrap();
        } else {
            plain.extend_from_slice(message);
        }
        Self { request: ExportMetricsServiceRequest::decode(&*plain).unwrap() }
    }

    pub fn all(&self) -> &[Metric] {
        let [resource] = &self.request.resource_metrics[..] else { panic!("{:#?}", self.request) };
        let [scope] = &resource.scope_metrics[..] else { panic!("{resource:#?}") };
        &scope.metrics
    }

    pub fn find(&self, name: &str) -> Option<&Metric> {
        self.all().iter().find(|metric| metric.name == name)
    }

    pub fn exponential(&self, name: &str) -> Vec<ExponentialHistogramDataPoint> {
        match self.find(name).map(|metric| metric.data.as_ref().unwrap()) {
            Some(Data::ExponentialHistogram(data)) => data.data_points.clone(),
            None => Vec::new(),
            other => panic!("{name} is {other:?}"),
        }
    }

    pub fn explicit(&self, name: &str) -> Vec<HistogramDataPoint> {
        match self.find(name).map(|metric| metric.data.as_ref().unwrap()) {
            Some(Data::Histogram(data)) => data.data_points.clone(),
            None => Vec::new(),
            other => panic!("{name} is {other:?}"),
        }
    }

    pub fn numbers(&self, name: &str) -> Vec<NumberDataPoint> {
        match self.find(name).map(|metric| metric.data.as_ref().unwrap()) {
            Some(Data::Sum(data)) => data.data_points.clone(),
            Some(Data::Gauge(data)) => data.data_points.clone(),
            None => Vec::new(),
            other => panic!("{name} is {other:?}"),
        }
    }

    /// The attributes of every point of a metric.
    pub fn attributes(metric: &Metric) -> Vec<Attributes> {
        match metric.data.as_ref().unwrap() {
            Data::ExponentialHistogram(data) => {
                data.data_points.iter().map(|point| map_of(&point.attributes)).collect()
            }
            Data::Histogram(data) => data.data_points.iter().map(|point| map_of(&point.attributes)).collect(),
            Data::Sum(data) => data.data_points.iter().map(|point| map_of(&point.attributes)).collect(),
            Data::Gauge(data) => data.data_points.iter().map(|point| map_of(&point.attributes)).collect(),
            Data::Summary(_) => panic!("there are none"),
        }
    }
}

/// Attributes by name; a name never stands twice.
pub fn map_of(attributes: &[KeyValue]) -> Attributes {
    let pair = |pair: &KeyValue| (pair.key.clone(), pair.value.clone().unwrap().value.unwrap());
    let map: Attributes = attributes.iter().map(pair).collect();
    assert_eq!(map.len(), attributes.len(), "{attributes:?}");
    map
}
