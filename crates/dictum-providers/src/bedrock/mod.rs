//! Amazon Bedrock's Converse.
mod error;
mod event_stream;
mod media;
mod reasoning;
mod request;
mod response;
mod schema;
mod sigv4;
mod stream;
