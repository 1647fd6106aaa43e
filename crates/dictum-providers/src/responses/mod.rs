//! OpenAI's Responses.
mod error;
mod reasoning;
mod request;
mod response;
mod stream;
