//! Bare bodies: the behaviours that http-body-util tests its `Limited` for, and what that one lacks.

use std::convert::Infallible;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::stream;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full, StreamBody};
use plimsoll::{Limit, LimitExceeded, MeteredBody};
use tokio::sync::mpsc::error::TryRecvError;

use crate::support::script::{Script, Step};
use crate::{next_data, next_refusal, pieces};

const LIMIT: Limit = Limit::reject_over(8);

#[tokio::test]
async fn a_body_under_the_limit_is_read_and_its_hint_is_its_own() {
    let mut body = MeteredBody::new(Full::new(Bytes::from("testing")), LIMIT);
    assert_eq!(body.size_hint().exact(), Some(7));
    assert_eq!(next_data(&mut body).await, "testing");
    assert_eq!(body.size_hint().exact(), Some(0));
    assert!(body.is_end_stream());
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn a_body_that_declares_more_than_the_limit_is_refused_unread() {
    let mut body = MeteredBody::new(Full::new(Bytes::from("testing a string that is too long")), LIMIT);
    // Never "exactly the limit": a server would take that for the length of a whole body.
    assert_eq!(body.size_hint().exact(), None);
    let exceeded = next_refusal(&mut body).await;
    assert_eq!((exceeded.limit(), exceeded.declared(), exceeded.seen()), (8, Some(33), 0));
}

#[tokio::test]
async fn of_a_streamed_body_the_pieces_up_to_the_limit_are_read_and_the_next_is_the_error() {
    let mut body = MeteredBody::new(pieces(["testing ", "a string that is too long"].map(Bytes::from)), LIMIT);
    assert_eq!(body.size_hint().upper(), None);
    assert_eq!(next_data(&mut body).await, "testing ");
    assert_eq!(body.size_hint().upper(), None, "what is left under the limit is not what is left of the body");
    let exceeded = next_refusal(&mut body).await;
    assert_eq!((exceeded.limit(), exceeded.declared(), exceeded.seen()), (8, None, 33));
}

#[tokio::test]
async fn a_first_piece_over_the_limit_is_not_delivered() {
    let mut body = MeteredBody::new(pieces(["testing a string", " that is too long"].map(Bytes::from)), LIMIT);
    assert_eq!(next_refusal(&mut body).await.seen(), 16);
}

#[tokio::test]
async fn a_streamed_body_under_the_limit_is_read_to_its_end() {
    let mut body = MeteredBody::new(pieces(["test", "ing!"].map(Bytes::from)), LIMIT);
    assert_eq!(next_data(&mut body).await, "test");
    assert_eq!(next_data(&mut body).await, "ing!");
    assert!(body.frame().await.is_none());
}

#[tokio::test]
async fn trailers_pass_with_what_they_say() {
    let mut trailers = HeaderMap::new();
    trailers.insert("checksum", "4711".parse().unwrap());
    let frames = [Ok::<_, Infallible>(Frame::data(Bytes::from("12345678"))), Ok(Frame::trailers(trailers.clone()))];
    let mut body = MeteredBody::new(StreamBody::new(stream::iter(frames)), LIMIT);
    assert_eq!(next_data(&mut body).await, "12345678");
    assert_eq!(body.frame().await.unwrap().unwrap().into_trailers().unwrap(), trailers);
}

#[tokio::test]
async fn an_error_of_the_body_passes_as_what_it_is() {
    #[derive(Debug)]
    struct Lost;
    impl fmt::Display for Lost {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("lost")
        }
    }
    impl std::error::Error for Lost {}
    struct Losing;
    impl Body for Losing {
        type Data = &'static [u8];
        type Error = Lost;
        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Self::Data>, Lost>>> {
            Poll::Ready(Some(Err(Lost)))
        }
    }

    let error = MeteredBody::new(Losing, LIMIT).frame().await.unwrap().unwrap_err();
    assert!(LimitExceeded::find(&*error).is_none());
    assert!(error.is::<Lost>());
}

#[tokio::test]
async fn a_refusal_stays_however_often_it_is_asked_for_and_is_never_an_end() {
    let rest = [Step::Data(8), Step::Data(1), Step::Data(1), Step::Trailers];
    let mut body = MeteredBody::new(Script::new(rest).knowing_its_end(), LIMIT);
    assert_eq!(next_data(&mut body).await.len(), 8);
    let first = next_refusal(&mut body).await;
    for _ in 0..5 {
        assert_eq!(next_refusal(&mut body).await, first);
        assert!(!body.is_end_stream());
        assert_eq!(body.size_hint().exact(), None);
    }
}

#[tokio::test]
async fn a_refused_body_is_dropped_at_once() {
    struct Held {
        body: Script,
        _alive: tokio::sync::mpsc::Sender<()>,
    }
    impl Body for Held {
        type Data = Bytes;
        type Error = std::io::Error;
        fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
            Pin::new(&mut self.body).poll_frame(cx)
        }
        fn size_hint(&self) -> SizeHint {
            self.body.size_hint()
        }
    }

    for declared in [None, Some(9)] {
        let (alive, mut gone) = tokio::sync::mpsc::channel(1);
        let script = Script::new([Step::Data(9), Step::Data(1)]);
        let script = declared.map_or(script.clone(), |declared| script.declaring(declared));
        let mut body = MeteredBody::new(Held { body: script, _alive: alive }, LIMIT);
        next_refusal(&mut body).await;
        assert_eq!(gone.try_recv(), Err(TryRecvError::Disconnected));
        drop(body);
    }
}

#[tokio::test]
async fn a_warning_line_on_its_own_refuses_nothing() {
    let body =
        MeteredBody::new(pieces(["testing a string", " that is too long"].map(Bytes::from)), Limit::warn_over(0));
    assert_eq!(body.collect().await.unwrap().to_bytes().len(), 33);
}
