//! Forms with a file, as `POST /files` takes them (RFC 7578).

use dictum_core::lm::Digest;

/// A form, written.
pub(super) struct Form {
    pub(super) content_type: String,
    pub(super) body: Vec<u8>,
}

/// Writes texts and then a file. The same values give the same bytes.
pub(super) fn form(texts: &[(&str, &str)], field: &str, name: &str, content: &[u8]) -> Form {
    let boundary = boundary(texts, name, content);
    let mut body = Vec::with_capacity(content.len() + 512);
    for (field, text) in texts {
        let head =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{text}\r\n");
        body.extend_from_slice(head.as_bytes());
    }
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{}\"\r\nContent-Type: \
         application/jsonl\r\n\r\n",
        escaped(name)
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(content);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    Form {
        content_type: format!("multipart/form-data; boundary={boundary}"),
        body,
    }
}

/// What stands between the parts and in none of them.
fn boundary(texts: &[(&str, &str)], name: &str, content: &[u8]) -> String {
    let mut round = 0_u32;
    loop {
        let digest = Digest::of(&(round, texts, name, Digest::of_bytes(content).to_string())).to_string();
        let boundary = format!("dictum-{}", digest.get(..32).unwrap_or(&digest));
        let inside = |bytes: &[u8]| {
            bytes
                .windows(boundary.len())
                .any(|part| part == boundary.as_bytes())
        };
        // Nobody can write the digest of a text into it; this is for those who will not believe it.
        if !inside(content) && !texts.iter().any(|(_, text)| inside(text.as_bytes())) {
            return boundary;
        }
        round += 1;
    }
}

/// A name in quotes, as browsers write it.
fn escaped(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_written_to_the_byte() {
        let form = form(&[("purpose", "fine-tune")], "file", "a\"b.jsonl", b"{}\n{}\n");
        let boundary = form
            .content_type
            .strip_prefix("multipart/form-data; boundary=")
            .unwrap();
        let wanted = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nfine-tune\r\n--{boundary}\r\n\
             Content-Disposition: form-data; name=\"file\"; filename=\"a%22b.jsonl\"\r\nContent-Type: \
             application/jsonl\r\n\r\n{{}}\n{{}}\n\r\n--{boundary}--\r\n"
        );
        assert_eq!(String::from_utf8(form.body).unwrap(), wanted);
    }

    #[test]
    fn a_boundary_is_another_one_for_other_content() {
        let of = |content: &[u8]| form(&[], "file", "train.jsonl", content).content_type;
        assert_eq!(of(b"{}"), of(b"{}"));
        assert_ne!(of(b"{}"), of(b"{ }"));
    }
}
