//! The Protocol Buffers wire format, written forwards into one buffer: no tree of messages is built first.

/// How a field's value follows its number (Protocol Buffers, "Message Structure").
const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LENGTH: u32 = 2;

/// A message as it grows.
#[derive(Debug)]
pub(super) struct Writer {
    out: Vec<u8>,
}

impl Writer {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes) }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// A field that is a message, or a packed list: what `write` writes, behind its length.
    pub(super) fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.tag(field, LENGTH);
        let start = self.out.len();
        write(self);
        let end = self.out.len();
        self.raw_varint(end.saturating_sub(start) as u64);
        // The length is known only now, and belongs in front.
        let length = self.out.len().saturating_sub(end);
        if let Some(written) = self.out.get_mut(start..) {
            written.rotate_right(length);
        }
    }

    pub(super) fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, LENGTH);
        self.raw_varint(bytes.len() as u64);
        self.out.extend_from_slice(bytes);
    }

    pub(super) fn text(&mut self, field: u32, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    pub(super) fn varint(&mut self, field: u32, value: u64) {
        self.tag(field, VARINT);
        self.raw_varint(value);
    }

    /// A `sint32`, small where its absolute value is (zigzag).
    pub(super) fn signed(&mut self, field: u32, value: i32) {
        let doubled = u64::from(value.unsigned_abs()) << 1;
        self.varint(field, if value < 0 { doubled.saturating_sub(1) } else { doubled });
    }

    pub(super) fn fixed64(&mut self, field: u32, value: u64) {
        self.tag(field, FIXED64);
        self.raw_fixed64(value);
    }

    pub(super) fn double(&mut self, field: u32, value: f64) {
        self.fixed64(field, value.to_bits());
    }

    /// A number within a packed list.
    pub(super) fn raw_varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.out.push((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.out.push((value & 0x7f) as u8);
    }

    /// A number of eight bytes within a packed list.
    pub(super) fn raw_fixed64(&mut self, value: u64) {
        self.out.extend_from_slice(&value.to_le_bytes());
    }

    /// Fields that were written elsewhere.
    pub(super) fn append(&mut self, fields: &[u8]) {
        self.out.extend_from_slice(fields);
    }

    fn tag(&mut self, field: u32, kind: u32) {
        self.raw_varint(u64::from(field << 3 | kind));
    }
}

/// The value of one field, as it is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// The fields of a message in their order, or `None` where the bytes are no message.
///
/// Only what collectors answer is read, so it is short; anything may be in it.
pub(super) fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Field<'_>)>> {
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = take_varint(&mut bytes)?;
        let value = match tag & 7 {
            0 => Field::Number(take_varint(&mut bytes)?),
            1 => Field::Number(u64::from_le_bytes(take(&mut bytes, 8)?.try_into().ok()?)),
            2 => {
                let length = usize::try_from(take_varint(&mut bytes)?).ok()?;
                Field::Bytes(take(&mut bytes, length)?)
            }
            5 => Field::Number(u32::from_le_bytes(take(&mut bytes, 4)?.try_into().ok()?).into()),
            _ => return None,
        };
        if tag >> 3 == 0 {
            return None;
        }
        fields.push((tag >> 3, value));
    }
    Some(fields)
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(taken)
}

fn take_varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *take(bytes, 1)?.first()?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_message_stands_behind_its_length() {
        let mut writer = Writer::with_capacity(0);
        writer.message(1, |inner| {
            inner.text(2, &"x".repeat(200));
            inner.signed(6, -1);
        });
        let written = writer.finish();
        let [(1, Field::Bytes(inner))] = fields(&written).unwrap()[..] else { panic!("{written:?}") };
        let [(2, Field::Bytes(text)), (6, Field::Number(1))] = fields(inner).unwrap()[..] else { panic!("{inner:?}") };
        assert_eq!(text.len(), 200);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(number: u64, fixed: u64, bytes: Vec<u8>, field in 1u32..1 << 20) {
            let mut writer = Writer::with_capacity(0);
            writer.varint(field, number);
            writer.fixed64(field, fixed);
            writer.bytes(field, &bytes);
            let key = u64::from(field);
            let expected = vec![(key, Field::Number(number)), (key, Field::Number(fixed)), (key, Field::Bytes(&bytes))];
            let written = writer.finish();
            prop_assert_eq!(fields(&written), Some(expected));
        }

        #[test]
        fn garbage_is_read_without_a_panic(bytes: Vec<u8>) {
            let _ = fields(&bytes);
        }
    }
}
