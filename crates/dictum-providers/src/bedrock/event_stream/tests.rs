use proptest::prelude::*;

use super::*;

/// A frame as the standard writes it, of headers that are text.
fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut raw = Vec::new();
    for (name, value) in headers {
        raw.push(u8::try_from(name.len()).unwrap());
        raw.extend_from_slice(name.as_bytes());
        raw.push(7);
        raw.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        raw.extend_from_slice(value.as_bytes());
    }
    framed(&raw, payload)
}

fn framed(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = u32::try_from(PRELUDE + headers.len() + payload.len() + TAIL).unwrap();
    let mut out = total.to_be_bytes().to_vec();
    out.extend_from_slice(&u32::try_from(headers.len()).unwrap().to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(headers);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

fn event(name: &str, payload: &[u8]) -> Vec<u8> {
    frame(&[(":message-type", "event"), (":event-type", name)], payload)
}

fn read_all(chunks: &[&[u8]]) -> Result<Vec<Frame>, LmError> {
    let mut reader = Frames::default();
    let mut frames = Vec::new();
    for chunk in chunks {
        reader.push(chunk, &mut frames)?;
    }
    reader.finish(&mut frames)?;
    Ok(frames)
}

#[test]
fn what_a_frame_is_stands_in_its_headers() {
    let bytes = [
        frame(
            &[
                (":event-type", "contentBlockDelta"),
                (":content-type", "application/json"),
                (":message-type", "event"),
            ],
            br#"{"delta":{"text":"hi"}}"#,
        ),
        frame(
            &[
                (":message-type", "exception"),
                (":exception-type", "throttlingException"),
            ],
            b"{}",
        ),
        frame(
            &[
                (":message-type", "error"),
                (":error-code", "InternalFailure"),
                (":error-message", "it broke"),
            ],
            b"",
        ),
    ]
    .concat();
    let frames = read_all(&[&bytes]).unwrap();
    assert_eq!(
        frames,
        [
            Frame {
                kind: FrameKind::Event("contentBlockDelta".to_owned()),
                payload: Bytes::from_static(br#"{"delta":{"text":"hi"}}"#),
            },
            Frame {
                kind: FrameKind::Exception("throttlingException".to_owned()),
                payload: Bytes::from_static(b"{}"),
            },
            Frame {
                kind: FrameKind::Error("InternalFailure".to_owned(), "it broke".to_owned()),
                payload: Bytes::new(),
            },
        ]
    );
}

/// The empty message that the standard gives as an example, byte for byte.
#[test]
fn the_published_frame_without_headers_or_payload() {
    let bytes = [
        0x00, 0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x05, 0xc2, 0x48, 0xeb, 0x7d, 0x98, 0xc8, 0xff,
    ];
    assert_eq!(framed(b"", b""), bytes);
    let error = Frames::default().push(&bytes, &mut Vec::new()).unwrap_err();
    assert_eq!(error.message(), "a frame of the stream does not say what it is");
}

#[test]
fn headers_of_every_type_are_passed_over() {
    let mut raw = Vec::new();
    for (kind, value) in [
        (0u8, vec![]),
        (1, vec![]),
        (2, vec![0; 1]),
        (3, vec![0; 2]),
        (4, vec![0; 4]),
        (5, vec![0; 8]),
        (6, vec![0, 3, 1, 2, 3]),
        (8, vec![0; 8]),
        (9, vec![0; 16]),
    ] {
        raw.extend_from_slice(&[1, b'h', kind]);
        raw.extend_from_slice(&value);
    }
    let plain = frame(&[(":message-type", "event"), (":event-type", "x")], b"");
    raw.extend_from_slice(&plain[PRELUDE..plain.len() - TAIL]);
    let frames = read_all(&[&framed(&raw, b"p")]).unwrap();
    assert_eq!(frames[0].kind, FrameKind::Event("x".to_owned()));

    for unreadable in [
        &[1, b'h', 10][..],
        &[1, b'h', 7, 0, 9, 1],
        &[9, b'h'],
        &[1, b'h', 4, 0],
    ] {
        assert!(read_all(&[&framed(unreadable, b"")]).is_err());
    }
}

#[test]
fn lengths_that_lie_are_refused_before_anything_is_waited_for() {
    let mut long = u32::try_from(MAX_FRAME + 1).unwrap().to_be_bytes().to_vec();
    long.extend_from_slice(&[0; 4]);
    long.extend_from_slice(&crc32fast::hash(&long).to_be_bytes());
    let mut short = 15u32.to_be_bytes().to_vec();
    short.extend_from_slice(&[0; 4]);
    short.extend_from_slice(&crc32fast::hash(&short).to_be_bytes());
    let mut headers = 20u32.to_be_bytes().to_vec();
    headers.extend_from_slice(&5u32.to_be_bytes());
    headers.extend_from_slice(&crc32fast::hash(&headers).to_be_bytes());
    for lie in [long, short, headers, vec![0xff; PRELUDE]] {
        assert!(Frames::default().push(&lie, &mut Vec::new()).is_err(), "{lie:?}");
    }
}

#[test]
fn frames_before_a_bad_one_are_not_lost() {
    let mut bytes = event("a", b"one");
    bytes.extend_from_slice(&event("b", b"two"));
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let mut frames = Vec::new();
    assert!(Frames::default().push(&bytes, &mut frames).is_err());
    assert_eq!(frames.len(), 1);
}

proptest! {
    #[test]
    fn chunking_changes_nothing(
        payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..6),
        cuts in prop::collection::vec(0usize..600, 0..20),
    ) {
        let bytes: Vec<u8> = payloads.iter().flat_map(|payload| event("e", payload)).collect();
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let chunks: Vec<&[u8]> = cuts.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        let read: Vec<Vec<u8>> = read_all(&chunks).unwrap().into_iter().map(|frame| frame.payload.to_vec()).collect();
        prop_assert_eq!(read, payloads);
    }

    #[test]
    fn a_flipped_bit_is_found(payload in prop::collection::vec(any::<u8>(), 0..60), at in any::<prop::sample::Index>(), bit in 0u32..8) {
        let mut bytes = event("e", &payload);
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        prop_assert!(read_all(&[&bytes]).is_err());
    }

    #[test]
    fn a_cut_off_stream_is_found(payload in prop::collection::vec(any::<u8>(), 0..60), at in any::<prop::sample::Index>()) {
        let bytes = event("e", &payload);
        let at = 1 + at.index(bytes.len() - 1);
        prop_assert_eq!(read_all(&[&bytes[..at]]).unwrap_err().kind(), LmErrorKind::Transport);
    }

    #[test]
    fn no_bytes_break_it(
        headers in prop::collection::vec(any::<u8>(), 0..40),
        payload in prop::collection::vec(any::<u8>(), 0..40),
        noise in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        drop(read_all(&[&framed(&headers, &payload)]));
        drop(read_all(&[&noise]));
    }
}
