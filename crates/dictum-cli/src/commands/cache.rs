//! `dictum cache`: the disk cache.

use dictum_cache::DiskStore;
use serde_json::json;

use crate::args::{CacheArgs, CacheCommand};
use crate::failure::Failure;
use crate::output;

/// Shows or empties it.
pub fn run(args: CacheArgs, json: bool) -> Result<(), Failure> {
    match args.command {
        CacheCommand::Stats { file } => {
            there(&file)?;
            let stats = DiskStore::open_read_only(&file).stats().map_err(Failure::work)?;
            if json {
                output::print_json(&json!({"entries": stats.entries, "bytes": stats.bytes}))
            } else {
                output::print(&format!("{} answers, {} bytes", stats.entries, stats.bytes))
            }
        }
        CacheCommand::Clear { file } => {
            there(&file)?;
            // Opening for writing would set a file aside that is no cache; reading changes nothing.
            DiskStore::open_read_only(&file).stats().map_err(Failure::work)?;
            let dropped = DiskStore::open(&file).clear().map_err(Failure::work)?;
            if json {
                output::print_json(&json!({"dropped": dropped}))
            } else {
                output::print(&format!("dropped {dropped} answers"))
            }
        }
    }
}

/// A look must not make a file.
fn there(file: &std::path::Path) -> Result<(), Failure> {
    if file.is_file() {
        Ok(())
    } else {
        Err(Failure::work(format!(
            "{}: there is no such cache",
            file.display()
        )))
    }
}
