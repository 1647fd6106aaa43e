//! A state for people.

use std::fmt;

use super::ProgramState;
use crate::modules::nearest_demos::{self, DemoIndex};

/// Every predictor with its signature, instructions, settings and demonstrations, one demonstration to a line.
impl fmt::Display for ProgramState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(kind) = self.kind() {
            writeln!(f, "program: {}", kind.name())?;
        }
        for (path, saved) in self.predictors() {
            writeln!(f, "{path}: {}", saved.signature)?;
            let learned = saved.state.instructions.as_deref();
            let origin = if learned.is_some() {
                "learned"
            } else {
                "of the signature"
            };
            writeln!(f, "  instructions ({origin})")?;
            let own = saved.signature.instructions();
            for line in learned.unwrap_or(&own).lines() {
                writeln!(f, "    {line}")?;
            }
            for line in saved.state.choices() {
                writeln!(f, "  {line}")?;
            }
            writeln!(f, "  demos: {}", saved.state.demos.len())?;
            for demo in &saved.state.demos {
                writeln!(f, "    {}", super::diff::line(demo))?;
            }
        }
        for (path, saved) in self.texts() {
            writeln!(f, "{path}: text ({})", saved.purpose)?;
            let origin = if saved.learned.is_some() {
                "learned"
            } else {
                "as declared"
            };
            writeln!(f, "  {origin}")?;
            for line in saved.text().lines() {
                writeln!(f, "    {line}")?;
            }
        }
        for (path, saved) in self.thresholds() {
            let origin = match saved.learned {
                Some(_) => format!("learned, declared as {}", saved.declared),
                None => "as declared".to_owned(),
            };
            writeln!(f, "{path}: threshold ({})", saved.purpose)?;
            writeln!(f, "  {} ({origin})", saved.value())?;
        }
        let mut metadata = self.metadata().clone();
        if let Ok(Some(index)) = DemoIndex::of(self) {
            // Its vectors say nothing to people.
            metadata.shift_remove(nearest_demos::KEY);
            writeln!(f, "demonstrations of each call: {index}")?;
        }
        if !metadata.is_empty() {
            let metadata = serde_json::to_string(&metadata).unwrap_or_default();
            writeln!(f, "metadata: {metadata}")?;
        }
        if !self.unplaced().is_empty() {
            let unplaced = serde_json::to_string(self.unplaced()).unwrap_or_default();
            writeln!(f, "kept aside by an import: {unplaced}")?;
        }
        Ok(())
    }
}
