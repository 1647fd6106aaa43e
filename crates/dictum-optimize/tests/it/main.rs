//! The optimizers on a simulated model whose best prompt is known.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    unreachable_pub,
    missing_docs
)]

mod auto;
mod bootstrapping;
mod budget;
mod copro;
mod crash;
mod custom;
mod determinism;
mod dry_run;
mod ensemble;
mod every;
mod facts;
mod failures;
mod finetune;
mod folder;
mod gain;
mod gepa;
mod headroom;
mod infer_rules;
mod killed;
mod knn;
mod mipro;
mod proposals;
mod reanchor;
mod recompile;
mod school;
mod search;
mod sequence;
mod settings;
mod simba;
mod simulated;
mod stop;
mod tables;
mod texts;
mod trials;
