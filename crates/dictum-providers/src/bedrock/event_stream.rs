//! AWS event streams: frames of bytes with a length, headers and two checksums, however they are cut.
//!
//! ```text
//! total length (4) | headers length (4) | CRC-32 of these 8 (4) | headers | payload | CRC-32 of all before (4)
//! ```

use bytes::{Buf, Bytes, BytesMut};
use dictum_core::lm::{LmError, LmErrorKind};

use crate::dialect::Framing;

/// Lengths and their checksum.
const PRELUDE: usize = 12;
/// The checksum at the end.
const TAIL: usize = 4;
/// Longest frame, in bytes: beyond it the sender is broken, and memory is not to grow. The standard's own limit is 16 MiB
/// of payload and 128 KiB of headers.
const MAX_FRAME: usize = (16 << 20) + (128 << 10) + PRELUDE + TAIL;

/// One frame: what its `:`-headers say it is, and its payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: FrameKind,
    pub(crate) payload: Bytes,
}

/// What a frame is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum FrameKind {
    /// An event of this type.
    Event(String),
    /// A modelled error of this type, in place of an event.
    Exception(String),
    /// An error that is not modelled: its code and message.
    Error(String, String),
}

/// A reader of frames.
#[derive(Debug, Default)]
pub(crate) struct Frames {
    buffer: BytesMut,
}

/// Bytes that are no frame.
#[derive(Debug, PartialEq, Eq)]
struct BadFrame(&'static str);

impl From<BadFrame> for LmError {
    fn from(BadFrame(problem): BadFrame) -> Self {
        Self::new(LmErrorKind::Decode, problem)
    }
}

impl Framing for Frames {
    type Frame = Frame;

    fn push(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), LmError> {
        self.buffer.extend_from_slice(bytes);
        while let Some(length) = self.whole()? {
            let frame = self.buffer.split_to(length).freeze();
            frames.push(read(&frame)?);
        }
        Ok(())
    }

    fn finish(&mut self, _: &mut Vec<Frame>) -> Result<(), LmError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let message = "the stream ended within a frame";
        Err(LmError::new(LmErrorKind::Transport, message))
    }
}

impl Frames {
    /// The length of the first frame, if all of it has come.
    fn whole(&self) -> Result<Option<usize>, BadFrame> {
        let Some(prelude) = self.buffer.first_chunk::<PRELUDE>() else {
            return Ok(None);
        };
        let [t0, t1, t2, t3, h0, h1, h2, h3, c0, c1, c2, c3] = *prelude;
        // Before its checksum is right, a length is not one to wait for.
        if crc32fast::hash(&[t0, t1, t2, t3, h0, h1, h2, h3]) != u32::from_be_bytes([c0, c1, c2, c3]) {
            return Err(BadFrame(
                "a frame of the stream has lengths that fail their checksum",
            ));
        }
        let total = u32::from_be_bytes([t0, t1, t2, t3]) as usize;
        let headers = u32::from_be_bytes([h0, h1, h2, h3]) as usize;
        if total > MAX_FRAME {
            return Err(BadFrame("a frame of the stream is longer than 16 MiB"));
        }
        if headers > total.saturating_sub(PRELUDE + TAIL) || total < PRELUDE + TAIL {
            return Err(BadFrame(
                "a frame of the stream has lengths that don't fit together",
            ));
        }
        Ok((self.buffer.len() >= total).then_some(total))
    }
}

/// Reads a whole frame, whose lengths are known to fit.
fn read(frame: &Bytes) -> Result<Frame, BadFrame> {
    const CUT: BadFrame = BadFrame("a frame of the stream is cut off");
    let (checked, checksum) = frame.split_last_chunk::<TAIL>().ok_or(CUT)?;
    if crc32fast::hash(checked) != u32::from_be_bytes(*checksum) {
        return Err(BadFrame("a frame of the stream fails its checksum"));
    }
    let mut rest = frame.slice(..checked.len());
    rest.advance(4);
    let length = rest.try_get_u32().map_err(|_| CUT)? as usize;
    rest.advance(4);
    if length > rest.len() {
        return Err(CUT);
    }
    let headers = rest.split_to(length);
    Ok(Frame {
        kind: kind(headers)?,
        payload: rest,
    })
}

fn kind(mut headers: Bytes) -> Result<FrameKind, BadFrame> {
    let (mut message, mut event, mut exception) = (String::new(), String::new(), String::new());
    let (mut code, mut text) = (String::new(), String::new());
    while !headers.is_empty() {
        let (name, value) =
            header(&mut headers).ok_or(BadFrame("a frame of the stream has headers that can't be read"))?;
        let place = match name.as_ref() {
            b":message-type" => &mut message,
            b":event-type" => &mut event,
            b":exception-type" => &mut exception,
            b":error-code" => &mut code,
            b":error-message" => &mut text,
            _ => continue,
        };
        *place = String::from_utf8_lossy(&value).into_owned();
    }
    match message.as_str() {
        "event" => Ok(FrameKind::Event(event)),
        "exception" => Ok(FrameKind::Exception(exception)),
        "error" => Ok(FrameKind::Error(code, text)),
        _ => Err(BadFrame("a frame of the stream does not say what it is")),
    }
}

/// The name and value of the next header. Of values that are neither text nor bytes, none is of use here.
fn header(headers: &mut Bytes) -> Option<(Bytes, Bytes)> {
    let name = headers.try_get_u8().ok()?;
    let name = take(headers, name.into())?;
    let length = match headers.try_get_u8().ok()? {
        // True, false.
        0 | 1 => 0,
        // A number of 1, 2, 4 or 8 bytes.
        2 => 1,
        3 => 2,
        4 => 4,
        // A time is one of 8.
        5 | 8 => 8,
        6 | 7 => headers.try_get_u16().ok()?.into(),
        // A UUID.
        9 => 16,
        _ => return None,
    };
    Some((name, take(headers, length)?))
}

fn take(bytes: &mut Bytes, length: usize) -> Option<Bytes> {
    (length <= bytes.len()).then(|| bytes.split_to(length))
}

#[cfg(test)]
mod tests;
