//! `dictum models`: the models that run in process.

use crate::args::ModelsArgs;
use crate::failure::Failure;

#[cfg(not(feature = "local"))]
pub async fn run(_: ModelsArgs, _: bool) -> Result<(), Failure> {
    Err(Failure::usage(
        "this dictum was built without the local engine; install it with its default features to run models in process",
    ))
}

/// Lists, fetches and finds models.
#[cfg(feature = "local")]
pub async fn run(args: ModelsArgs, json: bool) -> Result<(), Failure> {
    use dictum_local::models::{Models, TABLE, find};
    use serde_json::json;

    use crate::args::ModelsCommand;
    use crate::output;

    let models = match args.models_dir {
        Some(dir) => Models::at(dir),
        None => Models::from_env().map_err(Failure::work)?,
    };
    match args.command {
        ModelsCommand::List if json => {
            let rows = TABLE.iter().map(|spec| {
                json!({"name": spec.name, "about": spec.about, "license": spec.license, "bytes": spec.bytes,
                       "sha256": spec.sha256, "here": models.has(spec), "path": models.path(spec)})
            });
            output::print_json(&rows.collect())
        }
        ModelsCommand::List => {
            let row = |spec: &dictum_local::models::ModelSpec| {
                let (here, size) = (if models.has(spec) { "here" } else { "" }, spec.bytes / 1_000_000);
                format!(
                    "{:<22} {size:>5} MB  {here:<4}  {:<10}  {}",
                    spec.name, spec.license, spec.about
                )
            };
            let rows: Vec<String> = TABLE.iter().map(row).collect();
            output::print(&format!("{}\n\nin {}", rows.join("\n"), models.dir().display()))
        }
        ModelsCommand::Fetch { name } => {
            let spec = find(name.as_deref()).map_err(Failure::usage)?;
            let fetch = move || models.fetch(spec, &mut Shown::default());
            // The fetch blocks; the runtime stays free for Ctrl-C.
            let path = tokio::task::spawn_blocking(fetch)
                .await
                .map_err(Failure::work)?
                .map_err(Failure::work)?;
            if json {
                output::print_json(&json!({"path": path}))
            } else {
                output::print(&path.display().to_string())
            }
        }
        ModelsCommand::Path { name } => {
            let spec = find(name.as_deref()).map_err(Failure::usage)?;
            let path = models.path(spec);
            if json {
                output::print_json(&json!({"path": path, "here": models.has(spec)}))
            } else {
                output::print(&path.display().to_string())
            }
        }
    }
}

/// Says on standard error what is fetched and how far it is.
#[cfg(feature = "local")]
#[derive(Default)]
struct Shown(Option<indicatif::ProgressBar>);

#[cfg(feature = "local")]
impl dictum_local::models::Progress for Shown {
    fn event(&mut self, event: &dictum_local::models::FetchEvent<'_>) {
        use dictum_local::models::FetchEvent;

        match event {
            FetchEvent::Start {
                name,
                bytes,
                via,
                into,
                ..
            } => {
                eprintln!(
                    "fetching {name}, {} MB, by {via}, into {}",
                    bytes / 1_000_000,
                    into.display()
                );
                self.0 = Some(crate::output::bar(*bytes, "fetching"));
            }
            FetchEvent::Advanced { done, .. } => {
                if let Some(bar) = &self.0 {
                    bar.set_position(*done);
                }
            }
            FetchEvent::SourceFailed { via, error } => eprintln!("{via} can't be used: {error}"),
            _ => {}
        }
    }
}
