//! Calls that go through a layer in memory, each with bodies that do as they are told.

use std::convert::Infallible;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt;
use plimsoll::{ClientLayer, Route, ServerLayer, TraceContext, UrlTemplate};
use tower::{Layer, ServiceExt, service_fn};

use crate::support::script::{Script, Step};

/// How much of a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    All,
    /// One frame.
    First,
    Nothing,
}

/// A call and its answer.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: &'static str,
    pub template: Option<&'static str>,
    pub uri: &'static str,
    pub request: Script,
    pub status: u16,
    pub response: Script,
    pub coding: Option<&'static str>,
    pub read: Read,
    /// Its trace and span are known by this number, and sampled; 0 is no trace.
    pub trace: u64,
}

impl Call {
    /// A `POST` that sends and gets so many bytes, each in one frame.
    pub fn of(template: &'static str, request: usize, response: usize) -> Self {
        let body = |bytes: usize| Script::new((bytes > 0).then_some(Step::Data(bytes)));
        Self {
            method: "POST",
            template: Some(template),
            uri: "http://inventory:8080/",
            request: body(request),
            status: 200,
            response: body(response),
            coding: None,
            read: Read::All,
            trace: 0,
        }
    }

    pub async fn through_server(self, layer: &ServerLayer) {
        let mut request = self.request();
        if let Some(template) = self.template {
            request.extensions_mut().insert(Route(template));
        }
        let (call, read) = (self.clone(), self.read);
        let service = layer.layer(service_fn(move |request| call.clone().answer(request)));
        let response = service.oneshot(request).await.unwrap();
        read_body(response.into_body(), read).await;
    }

    pub async fn through_client(self, layer: &ClientLayer) {
        let mut request = self.request();
        if let Some(template) = self.template {
            request.extensions_mut().insert(UrlTemplate(template));
        }
        let (call, read) = (self.clone(), self.read);
        let service = layer.layer(service_fn(move |request| call.clone().answer(request)));
        if let Ok(response) = service.oneshot(request).await {
            read_body(response.into_body(), read).await;
        }
    }

    fn request(&self) -> Request<Script> {
        let method = Method::from_bytes(self.method.as_bytes()).unwrap();
        let mut request = Request::builder().method(method).uri(self.uri);
        if let Some(trace) = TraceContext::new(u128::from(self.trace) << 64 | 7, self.trace, true) {
            request = request.header("traceparent", trace.to_string());
        }
        request.body(self.request.clone()).unwrap()
    }

    async fn answer<B>(self, request: Request<B>) -> Result<Response<Script>, Infallible>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        read_body(request.into_body(), self.read).await;
        let mut response = Response::new(self.response);
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap();
        if let Some(coding) = self.coding {
            response.headers_mut().insert(header::CONTENT_ENCODING, coding.parse().unwrap());
        }
        Ok(response)
    }
}

async fn read_body<B: Body + Unpin>(mut body: B, read: Read) {
    match read {
        Read::All => while let Some(Ok(_)) = body.frame().await {},
        Read::First => drop(body.frame().await),
        Read::Nothing => {}
    }
}
