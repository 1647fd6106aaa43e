//! The provider against the fake server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    missing_docs
)]

mod anthropic;
mod azure;
mod bedrock;
mod calls;
mod embed;
mod faults;
mod finetune;
mod gemini;
mod http2;
mod proxies;
mod responses;
mod secrets;
mod services;
mod stack;
mod streams;

use dictum_core::lm::{Call, Lm, LmError, Message, Request, Response, ResponseStream, StreamEvent};
use dictum_providers::Providers;
use dictum_testkit::FakeServer;
use futures_util::StreamExt;

pub(crate) fn lm(server: &FakeServer) -> Lm {
    Lm::openai("gpt-4o-mini")
        .base_url(server.url())
        .api_key("sk-test-0123456789")
        .build()
        .unwrap()
}

pub(crate) fn ask(text: &str) -> Request {
    Request::new(vec![Message::user(text)])
}

/// A stream's bytes, cut at these places.
pub(crate) fn chunked(whole: &str, cuts: Vec<usize>) -> Vec<Vec<u8>> {
    let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(whole.len())).collect();
    cuts.extend([0, whole.len()]);
    cuts.sort_unstable();
    cuts.windows(2)
        .map(|pair| whole.as_bytes()[pair[0]..pair[1]].to_vec())
        .collect()
}

pub(crate) async fn read(
    stream: Result<ResponseStream, LmError>,
) -> Result<(Vec<StreamEvent>, Response), LmError> {
    let mut stream = stream?;
    let mut events = Vec::new();
    while let Some(event) = stream.next().await {
        match event? {
            StreamEvent::Finished(response) => {
                assert!(stream.next().await.is_none(), "nothing comes after the end");
                return Ok((events, *response));
            }
            event => events.push(event),
        }
    }
    panic!("a stream must end with an answer or an error");
}

pub(crate) async fn call(lm: &Lm, streams: bool, request: &Request) -> Result<Response, LmError> {
    if streams {
        let (events, response) = read(lm.stream(request, &Call::default()).await).await?;
        let text: String = events
            .iter()
            .filter_map(|event| match event {
                StreamEvent::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect();
        assert_eq!(text, response.to_text(), "the pieces make up the answer");
        Ok(response)
    } else {
        lm.complete(request, &Call::default()).await
    }
}
