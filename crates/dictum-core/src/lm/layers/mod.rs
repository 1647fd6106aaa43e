//! What can stand around a model, one file each.
//!
//! A layer is any [`super::LanguageModel`] that holds an inner [`super::Lm`]; writing one's own takes a few lines.
