//! Errors that people put around errors: contexts, boxes, `io::Error`, errors of parsers; and what they must not do.

use std::error::Error as StdError;
use std::fmt;
use std::io::{self, Read};
use std::sync::Arc;

use plimsoll::LimitExceeded;

use crate::{bare_refusal, finds, hides, refused, refused_body};

/// An error of the application's, which says where it happened and keeps what it was.
#[derive(Debug)]
struct While<E>(&'static str, E);

impl<E> fmt::Display for While<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "while {}", self.0)
    }
}

impl<E: StdError + 'static> StdError for While<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.1)
    }
}

/// One that stands for what it holds, as thiserror's `#[error(transparent)]` makes it.
#[derive(Debug)]
struct Transparent<E>(E);

impl<E: fmt::Display> fmt::Display for Transparent<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<E: StdError + 'static> StdError for Transparent<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

#[tokio::test]
async fn behind_contexts_and_boxes() {
    finds(&While("reading the stock", refused().await));
    finds(&While("checking out", While("reading the stock", refused().await)));
    finds(&While("reading the stock", bare_refusal().await));
    let boxed: Box<dyn StdError + Send + Sync> = refused().await.into();
    finds(&*boxed);
    let boxed: Box<dyn StdError> = Box::new(While("checking out", refused().await));
    finds(&*boxed);
    let boxed: Box<dyn StdError + Send + Sync> = bare_refusal().await.into();
    finds(&*boxed);
    finds(&Transparent(refused().await));
    finds(&Transparent(Transparent(While("checking out", Transparent(refused().await)))));
    finds(&Box::new(refused().await));
    finds(&Arc::new(refused().await));
    finds(&Box::new(bare_refusal().await));
    finds(&While("checking out", Arc::new(bare_refusal().await)));
    finds(&*refused_body().await);
}

#[tokio::test]
async fn behind_io_errors_however_deep() {
    finds(&io::Error::other(refused().await));
    finds(&io::Error::other(bare_refusal().await));
    finds(&io::Error::new(io::ErrorKind::InvalidData, io::Error::other(bare_refusal().await)));
    finds(&While("copying", io::Error::other(While("reading", io::Error::other(bare_refusal().await)))));
    finds(&io::Error::other(refused_body().await));
    let boxed: Box<dyn StdError + Send + Sync> = io::Error::other(refused_body().await).into();
    finds(&io::Error::other(boxed));
    finds(&Transparent(io::Error::other(refused().await)));
}

#[tokio::test]
async fn behind_the_error_of_a_parser_that_reads() {
    struct Cut(Option<io::Error>);

    impl Read for Cut {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(self.0.take().unwrap())
        }
    }

    let reader = Cut(Some(io::Error::other(refused().await)));
    finds(&serde_json::from_reader::<_, u32>(reader).unwrap_err());
    let reader = Cut(Some(io::Error::other(refused().await)));
    finds(&io::read_to_string(flate2::read::GzDecoder::new(reader)).unwrap_err());
}

#[tokio::test]
async fn not_behind_an_error_that_was_turned_into_text() {
    hides(&io::Error::other(refused().await.to_string()));
    hides(&While("reading", fmt::Error));
    hides(&io::Error::from(io::ErrorKind::UnexpectedEof));
}

#[tokio::test]
async fn a_bare_refusal_is_hidden_by_a_wrapper_that_stands_for_it() {
    // Such a wrapper's source is that of what it holds, and a refusal has none. Name it as the source instead.
    hides(&Transparent(bare_refusal().await));
    hides(&Transparent(io::Error::other(bare_refusal().await)));
    finds(&Transparent(While("reading", bare_refusal().await)));
}

#[tokio::test]
async fn what_is_found_is_the_refusal_with_all_its_numbers() {
    let error = While("checking out", io::Error::other(refused().await));
    let found = LimitExceeded::find(&error).unwrap();
    assert_eq!((found.limit(), found.declared(), found.seen(), found.size()), (10, Some(11), 0, 11));
    assert!(found.to_string().contains("11 bytes declared, over the limit of 10 bytes"));
}
