//! Edits: each gives a new signature and leaves the old one as it was.

use super::{FieldKind, FieldSpec, SignatureError, SignatureSpec};

impl SignatureSpec {
    /// The same signature with another name.
    #[must_use]
    pub fn with_name(&self, name: impl Into<String>) -> Self {
        Self::from_checked(
            name,
            self.inner.instructions.clone(),
            self.inner.fields.iter().cloned(),
        )
    }

    /// The same signature with these instructions. Empty ones are none: then the sentence made of the field names stands.
    #[must_use]
    pub fn with_instructions(&self, instructions: impl Into<String>) -> Self {
        let fields = self.inner.fields.iter().cloned();
        Self::from_checked(self.inner.name.clone(), Some(instructions.into()), fields)
    }

    /// The same signature with a paragraph more behind its instructions (behind the sentence made of the field names, if
    /// it has no instructions of its own).
    #[must_use]
    pub fn append_instructions(&self, paragraph: impl AsRef<str>) -> Self {
        match paragraph.as_ref().trim() {
            "" => self.clone(),
            paragraph => self.with_instructions(format!("{}\n\n{paragraph}", self.instructions())),
        }
    }

    /// The same signature with one more field, behind the others of its kind.
    ///
    /// # Errors
    /// As [`SignatureSpec::new`]: the name is taken, say.
    pub fn append(&self, field: FieldSpec) -> Result<Self, SignatureError> {
        self.insert(self.section(field.kind).len(), field)
    }

    /// The same signature with one more field, before the others of its kind.
    ///
    /// # Errors
    /// As [`SignatureSpec::new`]: the name is taken, say.
    pub fn prepend(&self, field: FieldSpec) -> Result<Self, SignatureError> {
        self.insert(0, field)
    }

    /// The same signature with one more field at this position, from 0, among the fields of its kind.
    ///
    /// # Errors
    /// [`SignatureError::Position`] when the position is beyond the end; else as [`SignatureSpec::new`].
    pub fn insert(&self, index: usize, field: FieldSpec) -> Result<Self, SignatureError> {
        let (most, kind, start) = match field.kind {
            FieldKind::Input => (self.inputs().len(), "input", 0),
            FieldKind::Output => (self.outputs().len(), "output", self.inner.inputs),
        };
        if index > most {
            return Err(SignatureError::Position { index, most, kind });
        }
        let mut fields = self.inner.fields.clone();
        fields.insert(start.saturating_add(index), field);
        self.with_fields(fields)
    }

    /// The same signature without this field.
    ///
    /// # Errors
    /// [`SignatureError::Unknown`] when there is no such field, [`SignatureError::NoOutput`] when it is the last output.
    pub fn remove(&self, name: &str) -> Result<Self, SignatureError> {
        self.known(name)?;
        let mut fields = self.inner.fields.clone();
        fields.retain(|field| field.name != name);
        self.with_fields(fields)
    }

    /// The same signature with one field changed. A field that changes its kind goes behind the inputs, or before the
    /// outputs.
    ///
    /// ```
    /// # use dictum_core::signature::SignatureSpec;
    /// let spec = SignatureSpec::parse("question -> answer")?;
    /// let spec = spec.with_field("answer", |field| field.with_description("In one word."))?;
    /// # Ok::<(), dictum_core::signature::SignatureError>(())
    /// ```
    ///
    /// # Errors
    /// [`SignatureError::Unknown`] when there is no such field; else as [`SignatureSpec::new`].
    pub fn with_field(
        &self,
        name: &str,
        change: impl FnOnce(FieldSpec) -> FieldSpec,
    ) -> Result<Self, SignatureError> {
        let changed = change(self.known(name)?.clone());
        let mut fields = self.inner.fields.clone();
        if let Some(field) = fields.iter_mut().find(|field| field.name == name) {
            *field = changed;
        }
        self.with_fields(fields)
    }

    fn section(&self, kind: FieldKind) -> &[FieldSpec] {
        match kind {
            FieldKind::Input => self.inputs(),
            FieldKind::Output => self.outputs(),
        }
    }

    fn known(&self, name: &str) -> Result<&FieldSpec, SignatureError> {
        self.field(name).ok_or_else(|| SignatureError::Unknown {
            name: name.to_owned(),
            known: self
                .fields()
                .iter()
                .map(|field| format!("`{}`", field.name))
                .collect::<Vec<_>>()
                .join(", "),
        })
    }

    fn with_fields(&self, fields: Vec<FieldSpec>) -> Result<Self, SignatureError> {
        Self::new(self.inner.name.clone(), self.inner.instructions.clone(), fields)
    }
}
