//! Texts embedded per second: one text a thread, as Dictum does it, against batches of texts with all threads on each.
//!
//! `cargo bench -p dictum-local --bench texts_per_second` needs `dictum models fetch all-minilm-l6-v2` first.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    missing_docs
)]

use std::num::NonZeroU32;
use std::time::Instant;

use dictum_core::embed::Embedder;
use dictum_core::lm::Call;
use dictum_local::models::{Models, find_embedder};
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;

fn main() {
    let models = Models::from_env().expect("a folder of models");
    let path = models.path(find_embedder(None).unwrap());
    for (what, words) in [("short texts (13 words)", 13), ("long texts (150 words)", 150)] {
        let texts = texts(words, 20_000 / words);
        println!("{} {what}", texts.len());
        for threads in [1, 2] {
            let model = dictum_local::embedder()
                .models_dir(models.dir())
                .threads(threads)
                .build()
                .unwrap();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let start = Instant::now();
            let done = runtime.block_on(model.embed(&texts, &Call::default())).unwrap();
            let tokens = done.usage.input_tokens.unwrap();
            show(
                &format!("one text a thread, {threads} threads"),
                texts.len(),
                tokens,
                start,
            );
        }
        for (batch, threads) in [(1, 2), (8, 2), (32, 2)] {
            let start = Instant::now();
            let tokens = naive(&path, &texts, batch, threads);
            show(
                &format!("{batch} texts a batch, {threads} threads on it"),
                texts.len(),
                tokens,
                start,
            );
        }
    }
}

fn show(how: &str, texts: usize, tokens: u64, start: Instant) {
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "  {how:<36} {:>7.1} texts/s {:>8.0} tokens/s",
        texts as f64 / seconds,
        tokens as f64 / seconds
    );
}

/// Texts of so many words, no two alike.
fn texts(words: usize, count: usize) -> Vec<String> {
    let known = "the order came late and the box was open but support was kind so I would buy here again if \
                 they had what I was looking for in blue at a fair price with a real warranty";
    let known: Vec<_> = known.split_whitespace().collect();
    let text = |at: usize| -> Vec<&str> {
        (0..words)
            .map(|word| known[(at * 7 + word * (1 + at % 5)) % known.len()])
            .collect()
    };
    (0..count).map(|at| text(at).join(" ")).collect()
}

/// Sorted by nothing, as they come: the usual way to call llama.cpp for many texts.
fn naive(path: &std::path::Path, texts: &[String], batch: usize, threads: i32) -> u64 {
    // The embedder above has set the backend up already.
    let backend = LlamaBackend::init();
    let backend = match &backend {
        Ok(backend) => backend,
        Err(_) => &LlamaBackend {},
    };
    let model = LlamaModel::load_from_file(backend, path, &LlamaModelParams::default()).unwrap();
    let size = 256 * batch as u32;
    let params = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(size))
        .with_n_batch(size)
        .with_n_ubatch(size)
        .with_n_seq_max(batch as u32)
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
        .with_embeddings(true);
    let mut context = model.new_context(backend, params).unwrap();
    let mut all = 0;
    let mut llama = LlamaBatch::new(size as usize, batch as i32);
    for texts in texts.chunks(batch) {
        llama.clear();
        for (seq, text) in texts.iter().enumerate() {
            let tokens = model.vocab().tokenize(text.as_bytes(), true, false);
            all += tokens.len() as u64;
            llama.add_sequence(&tokens, seq as i32, true).unwrap();
        }
        context.decode(&mut llama).unwrap();
        for seq in 0..texts.len() {
            assert!(context.embeddings_seq_ith(seq as i32).unwrap().len() > 1);
        }
    }
    all
}
