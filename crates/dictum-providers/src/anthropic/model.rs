//! What is known of a model by its name.

/// What a model takes, by its version: major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Facts {
    version: (u32, u32),
}

impl Facts {
    /// By a name as Anthropic or a router writes it: `claude-3-5-haiku-latest`, `claude-opus-4-5-20251101`,
    /// `anthropic/claude-sonnet-4.5`. A name without a version is taken for one of the newest.
    pub(crate) fn of(model: &str) -> Self {
        let name = model.rsplit_once("claude").map_or(model, |(_, rest)| rest);
        // A date has more digits than a version.
        let is_number =
            |part: &&str| !part.is_empty() && part.len() <= 2 && part.chars().all(|c| c.is_ascii_digit());
        let mut numbers = name
            .split(['-', '.', '@', ':', '_'])
            .skip_while(|part| !is_number(part))
            .take_while(is_number)
            .filter_map(|part| part.parse().ok());
        let major = numbers.next().unwrap_or(u32::MAX);
        Self {
            version: (major, numbers.next().unwrap_or(0)),
        }
    }

    /// It is of this version or a later one.
    pub(crate) fn since(self, version: (u32, u32)) -> bool {
        self.version >= version
    }

    /// It can be held to a JSON Schema.
    pub(crate) fn schemas(self) -> bool {
        self.version >= (4, 5)
    }

    /// It decides itself how much to think, guided by an effort.
    pub(crate) fn adaptive(self) -> bool {
        self.version >= (4, 6)
    }

    /// It takes a temperature or `top_p`.
    pub(crate) fn sampling(self) -> bool {
        self.version < (4, 7)
    }

    /// It takes a temperature and `top_p` together.
    pub(crate) fn both(self) -> bool {
        self.version < (4, 1)
    }

    /// The most tokens of an answer when the caller doesn't say. More than a model can give is refused, and an answer of many
    /// minutes is better streamed.
    pub(super) fn max_tokens(self) -> u32 {
        match self.version {
            older if older < (3, 5) => 4_096,
            older if older < (3, 7) => 8_192,
            _ => 16_000,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_names() {
        let table = [
            ("claude-2.1", (2, 1)),
            ("claude-3-haiku-20240307", (3, 0)),
            ("claude-3-5-haiku-latest", (3, 5)),
            ("claude-3-7-sonnet-20250219", (3, 7)),
            ("claude-sonnet-4-20250514", (4, 0)),
            ("claude-opus-4-1-20250805", (4, 1)),
            ("claude-haiku-4-5", (4, 5)),
            ("claude-opus-4-5-20251101", (4, 5)),
            ("claude-opus-5", (5, 0)),
            ("claude-fable-5-1", (5, 1)),
            ("anthropic/claude-sonnet-4.5", (4, 5)),
            ("claude-opus-4-1@20250805", (4, 1)),
            ("us.anthropic.claude-haiku-4-5-20251001-v1:0", (4, 5)),
            ("claude-mythos-preview", (u32::MAX, 0)),
            ("house-model", (u32::MAX, 0)),
        ];
        for (name, version) in table {
            assert_eq!(Facts::of(name).version, version, "{name}");
        }
    }
}
