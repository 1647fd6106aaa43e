//! The models that are served, by name.

use std::path::Path;
use std::sync::Arc;

use dictum_core::embed::Embedder;
use dictum_core::lm::{LanguageModel, Lm};
use dictum_local::models::{Models as Folder, Purpose, find, find_embedder};
use dictum_local::{LocalModel as _, embedder};
use indexmap::IndexMap;

use super::error::ApiError;
use crate::args::ServeArgs;
use crate::failure::Failure;

/// What is served.
#[derive(Debug, Default)]
pub struct Models {
    chats: IndexMap<String, Arc<dyn LanguageModel>>,
    embedders: IndexMap<String, Embeds>,
}

/// A model that turns texts into vectors.
#[derive(Debug, Clone)]
pub struct Embeds {
    /// The model.
    pub model: Arc<dyn Embedder>,
    /// The length of its vectors.
    pub dimension: usize,
}

impl Models {
    /// Loads those that were asked for. Without names: the default one, and the default embedder where it has been fetched.
    pub fn load(args: &ServeArgs) -> Result<Self, Failure> {
        let folder = match &args.models_dir {
            Some(dir) => Folder::at(dir),
            None => Folder::from_env().map_err(Failure::work)?,
        };
        let mut names = args.model.clone();
        if names.is_empty() {
            names.push(find(None).map_err(Failure::usage)?.name.to_owned());
            let spec = find_embedder(None).map_err(Failure::usage)?;
            if folder.path(spec).is_file() {
                names.push(spec.name.to_owned());
            }
        }
        let mut models = Self::default();
        for name in names {
            models.add(&name, &folder, args)?;
        }
        Ok(models)
    }

    fn add(&mut self, name: &str, folder: &Folder, args: &ServeArgs) -> Result<(), Failure> {
        let file = Path::new(name);
        let is_file = file.extension().is_some_and(|extension| extension == "gguf");
        if !is_file && let Purpose::Embeddings { .. } = find(Some(name)).map_err(Failure::usage)?.purpose {
            let mut builder = embedder().model(name).models_dir(folder.dir());
            if let Some(threads) = args.threads {
                builder = builder.threads(threads);
            }
            let model = builder.build().map_err(Failure::work)?;
            self.embedder(name, model.dimension(), model);
            return Ok(());
        }
        let mut builder = Lm::local().models_dir(folder.dir());
        builder = if is_file {
            builder.file(file)
        } else {
            builder.model(name)
        };
        if let Some(threads) = args.threads {
            builder = builder.threads(threads);
        }
        if let Some(context) = args.context {
            builder = builder.context(context);
        }
        let lm = builder.build().map_err(Failure::work)?;
        let name = lm.name().strip_prefix("local/").unwrap_or(name).to_owned();
        self.chat(&name, lm.into_inner());
        Ok(())
    }

    /// Serves this model for chat completions.
    pub fn chat(&mut self, name: &str, model: Arc<dyn LanguageModel>) {
        self.chats.insert(name.to_owned(), model);
    }

    /// Serves this model for embeddings.
    pub fn embedder(&mut self, name: &str, dimension: usize, model: impl Embedder + 'static) {
        let model = Arc::new(model);
        self.embedders
            .insert(name.to_owned(), Embeds { model, dimension });
    }

    /// All names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.chats.keys().chain(self.embedders.keys()).map(String::as_str)
    }

    /// The model that answers under this name.
    pub fn find_chat(&self, name: &str) -> Result<Arc<dyn LanguageModel>, ApiError> {
        found(&self.chats, name).cloned()
    }

    /// The model that makes vectors under this name.
    pub fn find_embedder(&self, name: &str) -> Result<Embeds, ApiError> {
        found(&self.embedders, name).cloned()
    }
}

fn found<'a, T>(models: &'a IndexMap<String, T>, name: &str) -> Result<&'a T, ApiError> {
    let bare = name.strip_prefix("local/").unwrap_or(name);
    models.get(bare).ok_or_else(|| {
        let known = models
            .keys()
            .map(|name| format!("`{name}`"))
            .collect::<Vec<_>>()
            .join(", ");
        ApiError::model(name, if known.is_empty() { "none" } else { &known })
    })
}
